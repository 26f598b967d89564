/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs that run beside us: each in a process group of its own, with the environment that it is
 * given, nothing else of ours open, and a time limit. What it leaves in its group ends with it, and
 * everything ends when we do, however that is. They keep the rights that we have at children_new().
 * It must not know what the programs are for.
 */
#ifndef HASHFLOW_NET_CHILD_H
#define HASHFLOW_NET_CHILD_H

#include <sys/types.h>

#include "base/span.h"
#include "net/loop.h"
#include "net/spawner.h"

enum {
    CHILDREN_MAX = SPAWNER_SLOTS, /* at a time; one more is refused with EAGAIN */
    CHILD_GRACE_US = 2000000,     /* from SIGTERM to SIGKILL */
};

struct children; /* all of one loop */
struct child;

enum child_stream { CHILD_OUTPUT, CHILD_DIAGNOSTICS, CHILD_STREAMS };

/* Everything is borrowed for the time of the call. */
struct child_order {
    size_t program;            /* its place in the plan */
    char *const *variables;    /* besides those of the plan; NULL behind the last */
    const struct span *input;  /* its stdin; NULL for /dev/null */
    uint64_t limit_us;         /* then it is stopped; 0 for none */
    bool takes[CHILD_STREAMS]; /* that stream is handed over; otherwise it goes to our stderr */
};

struct child_end {
    int error;    /* errno, if it could not be run; else 0 */
    int status;   /* as of waitpid(2) */
    bool overdue; /* its time was over */
};

/* ended is the last call, and comes once for every child that was started. */
struct child_handlers {
    void (*wrote)(void *arg, enum child_stream stream, struct span bytes);
    void (*ended)(void *arg, const struct child_end *end);
};

/* Borrows the loop. No other programs than those of the plan can be run. NULL with errno. */
struct children *children_new(struct loop *loop, const struct spawner_plan *plan);

/* Kills those that still run, without a call. Accepts NULL. */
void children_free(struct children *children);

/* NULL with errno. Borrows handlers and arg until ended; the child is theirs until then. */
struct child *child_start(struct children *children, const struct child_order *order,
                          const struct child_handlers *handlers, void *arg);

/* Asks its group to end, and kills it when CHILD_GRACE_US have not been enough. */
void child_stop(struct child *child);

#endif
