/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who gets what is said. For mesh/ alone: what others say it with is in node.h.
 */
#ifndef HASHFLOW_MESH_POSTING_H
#define HASHFLOW_MESH_POSTING_H

#include "wire/verb.h"

struct peer;

/* A line that was posted before goes to that peer, under a new number. hold: leaving waits for
 * it. */
void posting_again(struct peer *peer, const struct verb *verb, bool hold);

#endif
