/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a peer is called here. For mesh/ alone. Each call is for a peer in the directory.
 */
#ifndef HASHFLOW_MESH_NAMES_H
#define HASHFLOW_MESH_NAMES_H

struct peer;

void names_join(struct peer *peer);  /* it is new, or has a new name or node id */
void names_leave(struct peer *peer); /* before it goes, or one of these changes */

#endif
