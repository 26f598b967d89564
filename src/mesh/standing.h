/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is decided about keys by name: by the user's /admit and /deny, and by --allow and --deny.
 * For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_STANDING_H
#define HASHFLOW_MESH_STANDING_H

#include "wire/rules.h"

struct node;

void standing_load(struct node *node);
void standing_free(struct node *node);
void standing_write(struct node *node);   /* what is not stored, into the turn's transaction */
void standing_written(struct node *node); /* the transaction has been committed */

/* Whoever denies it wins; NONE: nothing is said of that key. */
enum verdict standing_of(const struct node *node, const char *fingerprint);

#endif
