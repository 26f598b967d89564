/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Programs that are to be run for events, so many at once: what waits, what runs, how it ends, and
 * what is said of those that were not run or did not end well. It must not know which program is
 * for which event.
 */
#ifndef HASHFLOW_JOBS_H
#define HASHFLOW_JOBS_H

#include "mesh/event.h"
#include "net/child.h"

enum {
    JOBS_WAITING = 1000,          /* most that wait; one more is not taken */
    JOBS_WAITING_BYTES = 4 << 20, /* of their texts; likewise */
};

struct jobs;

/* One that may be run any number of times, on behalf of one option. */
struct program;

enum job_result {
    JOB_DONE,    /* with exit status 0 */
    JOB_FAILED,  /* not run, or otherwise ended */
    JOB_ENDLESS, /* stopped in a line of output that is longer than any may be */
};

/* For who takes the output. tag is that of jobs_add(). */
struct jobs_taker {
    bool (*said)(void *arg, size_t tag, struct span line);        /* false: stop it */
    void (*ended)(void *arg, size_t tag, enum job_result result); /* unless the jobs are freed */
};

struct jobs_config {
    const char *option;             /* that wants them, for complaints; a static text */
    size_t most;                    /* at a time */
    uint64_t limit_us;              /* for each */
    bool logged;                    /* what is not taken goes through the log, not to stderr */
    const struct jobs_taker *taker; /* NULL: nobody takes their output */
    void *arg;                      /* the taker's */
};

/* Borrows the loop and the children. */
struct jobs *jobs_new(struct loop *loop, struct children *children,
                      const struct jobs_config *config);

/* The jobs' own. place: in the plan of the children. name, which it goes by, and text, which is
 * what the user has written, are borrowed. */
struct program *jobs_program(struct jobs *jobs, size_t place, const char *name, const char *text);

/* Before children_free(). What runs is not waited for. Accepts NULL. */
void jobs_free(struct jobs *jobs);

/* Takes what it needs of the event. false if too many wait. kind: what programs know it as. */
bool jobs_add(struct jobs *jobs, struct program *program, const char *kind, size_t tag,
              const struct event *event);

/* At the end of a turn: starts what waits, as far as it may. */
void jobs_turn(struct jobs *jobs);

/* What runs at the deadline (monotonic us) is stopped, and what waits then is given up. May be
 * called again with another deadline. */
void jobs_leave(struct jobs *jobs, uint64_t deadline);
bool jobs_have_ended(const struct jobs *jobs); /* nothing runs, and nothing will */

/* The last call but jobs_free(): gives up what has not ended, and says what was not run. Was
 * everything, within its time, without being killed? */
bool jobs_finish(struct jobs *jobs);

#endif
