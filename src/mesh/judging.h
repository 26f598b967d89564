/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that the user has let in or shut out. For mesh/ alone; orders about them are in node.h.
 */
#ifndef HASHFLOW_MESH_JUDGING_H
#define HASHFLOW_MESH_JUDGING_H

#include "wire/rules.h"

struct node;

enum { JUDGEMENTS_MAX = 4096 }; /* keys; more are refused, for none may be forgotten */

struct judgement {
    char fingerprint[FINGERPRINT_TEXT];
    enum verdict verdict;
    bool stored;
};

void judging_load(struct node *node);
void judging_free(struct node *node);

/* NONE: the user has said nothing of it. */
enum verdict judging_on_key(const struct node *node, const char *fingerprint);

void judging_write(struct node *node);   /* what is not stored, into the turn's transaction */
void judging_written(struct node *node); /* the transaction has been committed */

#endif
