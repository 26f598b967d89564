/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which program is run when something happens, and which one answers questions. It must not know
 * how many run at once and how they end (jobs.h), and delays nothing: the news go on whatever
 * becomes of a program.
 */
#ifndef HASHFLOW_HANDLERS_H
#define HASHFLOW_HANDLERS_H

#include "mesh/node.h"
#include "net/child.h"

enum {
    HANDLERS_JOBS = 4, /* programs at a time, unless the configuration says otherwise */
    HANDLERS_JOBS_MAX = 48,
    HANDLERS_LIMIT_US = 60000000, /* for one program, unless the configuration says otherwise */
};

struct handler_command {
    char **words;     /* a program and its arguments, one block, the owner's; NULL for none */
    const char *text; /* as written; borrowed */
};

struct handler_rule {
    enum event_kind kind; /* when it happens, run command */
    struct handler_command command;
};

/* COMMAND, and KIND=COMMAND. false with *cause, a static text. */
bool handler_command_parse(const char *text, struct handler_command *out, const char **cause);
bool handler_rule_parse(const char *text, struct handler_rule *out, const char **cause);

struct handlers_config {
    const struct handler_rule *rules; /* borrowed, as are the words of answer */
    size_t count;
    struct handler_command answer; /* to questions */
    bool plain;                    /* also for peers that speak without encryption */
    size_t jobs; /* of the rules at a time, and as many answers; at most HANDLERS_JOBS_MAX */
    uint64_t limit_us;
    mode_t umask;
    const char *folder; /* where programs start; NULL for where we are now */
    const char *state;  /* the folder of the node, which programs are told; NULL for none */
    bool logged;        /* what programs say goes through the log, not to our stderr */
};

struct handlers;

/* Borrows the loop and the node. NULL with errno: no program can be run. */
struct handlers *handlers_new(struct loop *loop, struct node *node,
                              const struct handlers_config *config);

/* Kills what runs. All of these accept NULL. */
void handlers_free(struct handlers *h);

void handlers_event(struct handlers *h, const struct event *event);

/* At the end of a turn: starts what waits, as far as it may. Takes the handlers. */
void handlers_turn(void *arg);

/* Is a question being answered? */
bool handlers_owe_answers(const struct handlers *h);

/* No more news but messages; what runs at the deadline (monotonic us) is stopped, what waits then
 * is given up. May be called again with another deadline. */
void handlers_leave(struct handlers *h, uint64_t deadline);
bool handlers_have_ended(const struct handlers *h); /* nothing runs, and nothing will */

/* The last call but handlers_free(): gives up what has not ended, and says what was not run. Did
 * every program run, within its time, without being killed? */
bool handlers_finish(struct handlers *h);

#endif
