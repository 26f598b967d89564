/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What others ask us, until it is answered. For mesh/ alone; node.h has the rest.
 */
#ifndef HASHFLOW_MESH_ANSWERING_H
#define HASHFLOW_MESH_ANSWERING_H

struct link;
struct node;
struct verb;

void answering_take(struct link *link, const struct verb *verb);
void answering_parted(struct link *link);
void answering_free(struct node *node);

#endif
