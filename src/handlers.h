/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs that are run when something happens: which ones, how many at once, what waits for them,
 * and what is said when one was not run or did not end well. It must not know how a program runs
 * (net/child.h), and delays nothing: the news go on whatever becomes of a program.
 */
#ifndef HASHFLOW_HANDLERS_H
#define HASHFLOW_HANDLERS_H

#include "mesh/event.h"
#include "net/child.h"

enum {
    HANDLERS_JOBS = 4, /* programs at a time, unless the configuration says otherwise */
    HANDLERS_JOBS_MAX = 64,
    HANDLERS_LIMIT_US = 60000000, /* for one program, unless the configuration says otherwise */
    HANDLERS_QUEUE = 1000,        /* events that wait; the newest is not handled when it is full */
    HANDLERS_QUEUE_BYTES = 4 << 20,
};

/* Run words when kind happens. */
struct handler_rule {
    enum event_kind kind;
    char **words;     /* owned: one block */
    const char *text; /* as written, KIND=COMMAND; borrowed */
};

/* KIND=COMMAND. false with *cause, a static text. */
bool handler_rule_parse(const char *text, struct handler_rule *out, const char **cause);

struct handlers_config {
    const struct handler_rule *rules; /* borrowed */
    size_t count;
    size_t jobs; /* at most HANDLERS_JOBS_MAX */
    uint64_t limit_us;
    mode_t umask;
    bool terminal; /* what the programs write goes through the log, not to our stderr */
};

struct handlers;

/* Borrows the loop and the children. */
struct handlers *handlers_new(struct loop *loop, struct children *children,
                              const struct handlers_config *config);

/* Before children_free(). What runs is not waited for. All of these accept NULL. */
void handlers_free(struct handlers *h);

void handlers_event(struct handlers *h, const struct event *event);

/* At the end of a turn: starts what waits, as far as it may. Takes the handlers. */
void handlers_turn(void *arg);

/* No more news but messages; what runs at the deadline (monotonic us) is stopped, what waits then
 * is given up. May be called again with another deadline. */
void handlers_leave(struct handlers *h, uint64_t deadline);
bool handlers_have_ended(const struct handlers *h); /* nothing runs, and nothing will */

/* Says what was not run. Did every program run, within its time, without being killed? */
bool handlers_have_succeeded(struct handlers *h);

#endif
