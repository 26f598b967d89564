/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far sending has come, in sums over all peers; see node_look_progress() in node.h. For mesh/
 * alone.
 */
#ifndef HASHFLOW_MESH_TALLY_H
#define HASHFLOW_MESH_TALLY_H

#include "base/span.h"

struct node;
struct peer;

void tally_sent(struct node *node, struct span lines); /* for the first time */
void tally_acked(struct node *node, uint64_t lines, uint64_t bytes);
void tally_front(const struct peer *peer, size_t bytes); /* of its outbox, acknowledged */

#endif
