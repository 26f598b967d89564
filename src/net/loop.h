/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one loop: it waits for descriptors, timers and signals. One thread. It knows nothing of what
 * it waits for. Handlers may watch, unwatch, close and arm anything, themselves included, while the
 * loop is inside them: a descriptor that was closed and opened again is told apart by the pass in
 * which it was watched.
 */
#ifndef HASHFLOW_NET_LOOP_H
#define HASHFLOW_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop;

struct loop *loop_new(void); /* NULL with errno if there is no descriptor to wait with */
void loop_free(struct loop *loop);

/* Monotonic microseconds, read once per pass after the wait. */
uint64_t loop_now(const struct loop *loop);

/* Calls ready with LOOP_READ and/or LOOP_WRITE set, whichever of interest came true. A second call
 * for the same fd replaces interest, handler and argument; interest 0 keeps the slot silent.
 * -1 with errno EMFILE if fd is not below FD_SETSIZE: there is no slot for it. */
int loop_watch(struct loop *loop, int fd, int interest, void (*ready)(void *arg, int events),
               void *arg);

/* Call it before close(2). Harmless for a descriptor that is not watched. */
void loop_unwatch(struct loop *loop, int fd);

/* Descriptors from this number on cannot be used: the lower of FD_SETSIZE and RLIMIT_NOFILE. */
int loop_fd_limit(void);

/* Owned by the caller, who must timer_stop() it before its memory goes. Zeroed is stopped. */
struct timer {
    uint64_t due;   /* monotonic microseconds */
    size_t place;   /* in the heap, from 1; 0 when stopped */
    uint64_t order; /* equal due times fire in the order they were set */
    void (*fire)(void *arg);
    void *arg;
};

/* (Re)arms the timer; it fires once. Due times in the past fire in the next pass. */
void timer_set(struct loop *loop, struct timer *timer, uint64_t due, void (*fire)(void *arg),
               void *arg);
void timer_stop(struct loop *loop, struct timer *timer);

static inline bool timer_is_set(const struct timer *timer)
{
    return timer->place != 0;
}

/* The signal is blocked but for the wait; caught(arg, signo) runs in the loop, not in the handler.
 * One handler per signal. loop_free() restores the former dispositions and mask. */
void loop_on_signal(struct loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg);

/* Calls turn at the end of each pass, after all handlers, in the order in which they were added. */
void loop_on_turn(struct loop *loop, void (*turn)(void *arg), void *arg);

/* Owned by the caller, who must task_stop() it before its memory goes. Zeroed is not set. */
struct task {
    struct task *next, *previous;
    uint64_t order;
    void (*run)(void *arg);
    void *arg;
};

/* Runs once, after all turns of this pass, so that it sees what every turn has left. Setting it
 * again changes nothing; set by a task, it runs in the next pass, which then does not wait. */
void task_set(struct loop *loop, struct task *task, void (*run)(void *arg), void *arg);
void task_stop(struct task *task);

/* The next pass does not wait: there is work that no descriptor announces. */
void loop_again(struct loop *loop);

void loop_run(struct loop *loop);  /* until loop_stop() */
void loop_stop(struct loop *loop); /* the current pass is finished first */

#endif
