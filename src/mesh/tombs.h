/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes that were forgotten. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_TOMBS_H
#define HASHFLOW_MESH_TOMBS_H

#include <stdbool.h>
#include <stdint.h>

struct node;

void tombs_load(struct node *node);
void tombs_free(struct node *node);
void tombs_add(struct node *node, const char *id, uint64_t boot); /* no id: nothing to keep away */
void tombs_remove(struct node *node, const char *id);

/* Was it forgotten in that run of it or a later one? With boot 0: was it at all? */
bool tombs_hold(const struct node *node, const char *id, uint64_t boot);

void tombs_write(struct node *node);   /* what is not stored, into the turn's transaction */
void tombs_written(struct node *node); /* the transaction has been committed */

#endif
