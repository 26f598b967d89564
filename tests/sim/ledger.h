/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The book of every line: who was given it to send, what was told about it, and how often it came
 * out at the other side. It holds the rules of delivery and says which was broken; how lines travel
 * is not its business.
 */
#ifndef HASHFLOW_TESTS_LEDGER_H
#define HASHFLOW_TESTS_LEDGER_H

#include "mesh/event.h"
#include "world.h"

void ledger_begin(void);
void ledger_end(void); /* frees the book */

/* A process begins; a stored one is who it was before. Runs are counted from 1. */
void ledger_start(struct machine *m, bool stored, const char *node);
bool ledger_knows(const struct machine *m, const char *node); /* is it the present run? */

/* The text of a new line of so many bytes, LEDGER_TEXT_MIN or more; borrowed until the next. meant:
 * the other side's present run is who it is for, if that is known. */
enum { LEDGER_TEXT_MIN = 12 };
struct span ledger_write(struct machine *m, size_t size, bool meant);
void ledger_refused(struct machine *m, size_t since); /* not taken: so many came after it */
void ledger_promise_nothing(struct machine *m); /* it went to an address that may be out of date */

/* A line leaves in plain form, for somebody who has not said /hello: that one is sent at best. */
void ledger_sent_plain(struct machine *m, struct span text);

/* stdout was given a message: which line that is of the other's, 0 if of none. Then: it has left,
 * whole. */
unsigned ledger_heard(struct machine *m, const struct event *event);
void ledger_printed(struct machine *m, unsigned line);

void ledger_told(struct machine *m, const struct event *event); /* any other event */
void ledger_commit(struct machine *m);                          /* what it had written is stored */
bool ledger_has_stored(const struct machine *m);                /* anything yet */
void ledger_turn(struct machine *m, bool stored); /* a pass is over; was all of it stored? */
void ledger_forget(struct machine *m); /* it remembers nothing of the other, as was asked for */
void ledger_killed(struct machine *m);
void ledger_left(struct machine *m);

/* Lines that still have to come out. The second one also shows the first of them. */
size_t ledger_owed(void);
void ledger_complain(void);

size_t ledger_count(void); /* lines given to send */

#endif
