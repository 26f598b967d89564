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

struct slice form_verb(struct node *node, enum verb_kind kind, uint64_t seq, struct span text);

/* The form that this peer's outbox has; verb is the line's other form. */
struct slice form_for(struct peer *peer, struct slice verb, struct span text);

/* Takes the first line off a queue of verbs. verb borrows from *keep, which the caller releases. */
bool form_next_verb(struct queue *lines, struct verb *verb, struct slice *keep);

uint64_t form_number(struct span verb); /* of a line that begins there */

/* What of lines, verbs in the order of their numbers, comes behind that number. */
struct span form_behind(struct span lines, uint64_t number);

/* A plain line that is posted has this number; see outbox.numbers. */
void form_note_number(struct peer *peer, uint64_t seq);

void form_to_plain(struct peer *peer); /* all that waits, for its stream */
void form_to_verbs(struct peer *peer); /* all that waits and is not on its way */

#endif
