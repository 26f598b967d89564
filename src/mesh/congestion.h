/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether whoever has lines to send has to wait: node_is_congested() of node.h. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_CONGESTION_H
#define HASHFLOW_MESH_CONGESTION_H

#include <stdbool.h>

struct node;
struct peer;

void congestion_note(struct peer *peer); /* something may wait for it now */
void congestion_turn(struct node *node); /* drops those for whom nothing does any more */
void congestion_free(struct node *node);

bool congestion_is_behind(const struct peer *peer); /* durable, and much waits for it */
bool congestion_moves(const struct peer *peer);     /* it has taken something lately */

#endif
