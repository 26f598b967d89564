/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line as a verb and as a plain message. For mesh/ alone. Slices are the caller's to release.
 */
#ifndef HASHFLOW_MESH_FORMS_H
#define HASHFLOW_MESH_FORMS_H

#include "base/chunk.h"
#include "wire/verb.h"

struct node;
struct peer;

void form_start(struct node *node);
void form_free(struct node *node);

/* Can it be a line's text? Otherwise *cause, a static text. */
bool form_can_carry(struct span text, const char **cause);

/* Neighbouring texts that are posted together: to the same peers, with numbers in a row. */
struct posting {
    struct node *node;
    enum verb_kind kind;
    const struct span *texts; /* borrowed */
    size_t count;
    size_t bytes;       /* of the texts */
    uint64_t first;     /* the first one's number */
    struct slice verbs; /* as verbs, once that was asked for */
};

/* As many of the count texts as can be carried and posted together, from the first on, and take no
 * more than room bytes as verbs, but for one alone. False with *cause, a static text: the first
 * cannot be carried. */
bool form_gather(struct posting *p, size_t count, size_t room, const char **cause);

/* That one text, under a new number. */
struct posting form_posting(struct node *node, enum verb_kind kind, const struct span *text);

uint64_t form_last(const struct posting *p); /* the last one's number */

struct slice form_verbs(struct posting *p);                  /* stays the posting's */
struct slice form_for(struct posting *p, struct peer *peer); /* as this peer's outbox has them */
void form_done(struct posting *p);

/* Takes the first line off a queue of verbs. verb borrows from *keep, which the caller releases. */
bool form_next_verb(struct queue *lines, struct verb *verb, struct slice *keep);

uint64_t form_number(struct span verb); /* of a line that begins there */

/* What of lines, verbs in the order of their numbers, comes behind that number. */
struct span form_behind(struct span lines, uint64_t number);

/* Plain lines that are posted have these numbers; see outbox.numbers. */
void form_note_numbers(struct peer *peer, uint64_t first, uint64_t last);

void form_to_plain(struct peer *peer); /* all that waits, for its stream */
void form_to_verbs(struct peer *peer); /* all that waits and is not on its way */

#endif
