/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conversation on its way into the history: what was said is kept in memory and written about a
 * second later, and at the end, so that a stream of lines is not slowed down. It does not know who
 * asks for it.
 */
#ifndef HASHFLOW_CHRONICLE_H
#define HASHFLOW_CHRONICLE_H

#include "base/buffer.h"
#include "mesh/event.h"
#include "net/loop.h"
#include "store/database.h"

enum { CHRONICLE_RECALLED = 10 }; /* lines that come back at start */

struct chronicle;

/* Borrows both. */
struct chronicle *chronicle_new(struct loop *loop, struct database *db);
void chronicle_free(struct chronicle *c); /* writes what is not written yet; accepts NULL */

/* Takes messages, and what we have said; NULL is one that keeps nothing. */
void chronicle_event(struct chronicle *c, const struct event *event);

/* Has everything that was said been written, or at least been tried to? If not it soon will be, and
 * then there is a turn. */
bool chronicle_is_settled(struct chronicle *c);

/* Prints the last lines of former runs, each with print(arg, line), for a person. */
void chronicle_recall(struct chronicle *c, bool colour, void (*print)(void *arg, struct span line),
                      void *arg);

#endif
