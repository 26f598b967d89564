/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a peer is called here. For mesh/ alone. Each call is for a peer in the directory.
 */
#ifndef HASHFLOW_MESH_NAMES_H
#define HASHFLOW_MESH_NAMES_H

#include "mesh/peer.h"

void names_join(struct peer *peer);  /* it is new, or has a new name or node id */
void names_leave(struct peer *peer); /* before it goes, or one of these changes; takes its name */
void names_ours(struct node *node, const char *former); /* we have a new name */

/* What somebody is called who only claims a name and has no node id. */
void names_claimed(const struct node *node, struct span claimed, char out[PEER_SHOWN]);

/* What stands before the suffix: no name has a ~. */
struct span names_bare(struct span name);

/* Is it called so: bob or bob~a1b2, with as much of its id as somebody may have seen? */
bool names_fit(const struct peer *peer, struct span name);

#endif
