/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a command waits for: dials to end, a ping or a question to be answered, a condition to come
 * true. It is looked at again at the end of each turn; a timer makes sure that there is a turn in
 * time.
 */
#ifndef HASHFLOW_SHELL_WAITING_H
#define HASHFLOW_SHELL_WAITING_H

#include "mesh/node.h"
#include "shell/command.h"

enum waiting_what {
    WAITING_NOTHING,
    WAITING_DIALS,
    WAITING_PARTING, /* a connection that we close */
    WAITING_PING,
    WAITING_ANSWERS,
    WAITING_JOIN,
    WAITING_CONDITION,
    WAITING_CALLER, /* for whatever the caller looks at */
};

enum waiting_result { WAITING_STILL, WAITING_DONE, WAITING_TIMED_OUT };

struct condition;

struct waiting {
    struct loop *loop;
    struct node *node;
    enum waiting_what what;
    const struct command *command;
    struct peer **peers; /* held */
    size_t peer_count;
    struct question *question; /* owned */
    uint64_t deadline;         /* monotonic us; 0 for none */
    struct timer timer;
    const struct condition *condition;
    bool (*is_true)(void *arg); /* WAITING_CALLER */
    void *arg;
    char *text;      /* the condition as typed, or what the caller has left */
    char *limit;     /* its time limit as typed; NULL for none */
    char *value;     /* what stands behind its "=" */
    uint64_t number; /* the same as a number, where it is one; us where it is a time */
};

void waiting_init(struct waiting *w, struct loop *loop, struct node *node);
void waiting_end(struct waiting *w); /* waits for nothing any more */

void waiting_begin(struct waiting *w, enum waiting_what what, const struct command *command);
void waiting_limit(struct waiting *w, uint64_t us); /* from now on; then it has timed out */
void waiting_add_peer(struct waiting *w, struct peer *peer); /* holds it */

/* For is_true(arg), which must come with a turn; text, copied, is kept for the answer. */
void waiting_begin_for(struct waiting *w, const struct command *command, struct span text,
                       bool (*is_true)(void *arg), void *arg);

/* CONDITION [SECS]. false with *cause, a static text. */
bool waiting_parse(struct waiting *w, const struct command *command, struct span arguments,
                   const char **cause);

enum waiting_result waiting_look(struct waiting *w);

/* The conditions' names as typed, e.g. "up=", index 0 and up; NULL at the end. */
const char *waiting_condition_name(size_t index);

/* Seconds, with a fraction if there is one, to us; false if text is no such number. */
bool waiting_seconds(struct span text, uint64_t *us);

#endif
