/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the node stores of its own lines, once a turn. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_KEEPING_H
#define HASHFLOW_MESH_KEEPING_H

#include "mesh/forms.h"

struct node;
struct peer;

void keeping_start(struct node *node);
void keeping_free(struct node *node);

/* The next posting goes to that peer too; then the posting itself. */
void keeping_address(struct node *node, struct peer *peer);
void keeping_post(struct posting *p);

/* Adds the lines for a peer that are not stored yet, and their bytes. */
void keeping_add_runs(const struct peer *peer, uint64_t *lines, uint64_t *bytes);

void keeping_save(struct node *node);     /* commits: runs, numbers, confirmations, directory */
void keeping_give_up(struct node *node);  /* what could not be stored is lost */
bool keeping_commit(struct node *node);   /* only ends the transaction; false if that has failed */
void keeping_renumber(struct node *node); /* a new epoch */

#endif
