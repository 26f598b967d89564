/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was not delivered, in sums. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_LOSSES_H
#define HASHFLOW_MESH_LOSSES_H

#include "mesh/event.h"

struct node;
struct peer;

void losses_count(struct peer *peer, size_t lines, enum event_scope scope, const char *cause);
void losses_tell_peer(struct peer *peer);
void losses_keep(struct peer *peer);      /* what is owed to it stays stored */
void losses_kept_back(struct node *node); /* on leaving: what still waits */

#endif
