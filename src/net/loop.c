/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One wait per pass, then in this order: signals, descriptors, timers, turns, tasks. Data goes
 * before timers, so that after a stall what has arrived in time is not declared late. It must not
 * know what any handler is for, nor how the system is asked which descriptors are ready.
 */
#include "config.h"

#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/heap.h"
#include "net/readiness.h"

enum {
    LOOP_SIGNALS = 16, /* more is a bug: the program's handlers are few and fixed */
    LOOP_TURNS = 16,
    LOOP_DEAF = 16, /* passes that find nothing, until one looks for signals */
};

struct slot {
    void (*ready)(void *arg, int events); /* NULL: not watched */
    void *arg;
    uint64_t since; /* the pass in which it was watched; readiness found before is not its own */
    int interest;
};

struct signal_slot {
    int signo;
    void (*caught)(void *arg, int signo);
    void *arg;
    struct sigaction former;
};

struct turn_slot {
    void (*turn)(void *arg);
    void *arg;
};

struct loop {
    struct slot slots[FD_SETSIZE];
    struct readiness *readiness;
    struct ready ready[FD_SETSIZE]; /* what the wait has found */
    uint64_t pass;
    uint64_t now;
    bool again;
    bool stopped;

    struct heap timers;
    uint64_t order; /* given to the next timer or task */

    struct signal_slot signals[LOOP_SIGNALS];
    int signal_count;
    int deaf; /* passes that have found nothing since the last look for signals */
    sigset_t former_mask, wait_mask, blocked_mask;

    struct turn_slot turns[LOOP_TURNS];
    int turn_count;

    struct task tasks; /* the ring's anchor */
};

static volatile sig_atomic_t signal_flags[NSIG];

struct loop *loop_new(void)
{
    struct readiness *readiness = readiness_new();

    if (readiness == NULL)
        return NULL;
    struct loop *loop = alloc_zero(1, sizeof *loop);
    loop->readiness = readiness;
    loop->tasks.next = loop->tasks.previous = &loop->tasks;
    loop->now = clock_now_us();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    for (int i = 0; i < loop->signal_count; i++) {
        sigaction(loop->signals[i].signo, &loop->signals[i].former, NULL);
        signal_flags[loop->signals[i].signo] = 0;
    }
    if (loop->signal_count > 0)
        sigprocmask(SIG_SETMASK, &loop->former_mask, NULL);
    heap_free(&loop->timers);
    readiness_free(loop->readiness);
    free(loop);
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

/* ---- descriptors */

int loop_watch(struct loop *loop, int fd, int interest, void (*ready)(void *arg, int events),
               void *arg)
{
    assert(fd >= 0 && ready != NULL);
    if (fd >= FD_SETSIZE) {
        errno = EMFILE;
        return -1;
    }
    struct slot *slot = &loop->slots[fd];
    if (slot->ready == NULL)
        slot->since = loop->pass;
    slot->ready = ready;
    slot->arg = arg;
    slot->interest = interest;
    readiness_want(loop->readiness, fd, interest);
    return 0;
}

void loop_unwatch(struct loop *loop, int fd)
{
    if (fd < 0 || fd >= FD_SETSIZE || loop->slots[fd].ready == NULL)
        return;
    loop->slots[fd].ready = NULL;
    readiness_forget(loop->readiness, fd);
}

int loop_fd_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FD_SETSIZE)
        return (int)limit.rlim_cur;
    return FD_SETSIZE;
}

/* The handlers before this one may have closed the descriptor, given its number away, or changed
 * what is waited for: only what still holds is told. */
static void call_ready(struct loop *loop, const struct ready *found)
{
    const struct slot *slot = &loop->slots[found->fd];
    int events = found->events & slot->interest;

    if (slot->ready != NULL && slot->since != loop->pass && events != 0)
        slot->ready(slot->arg, events);
}

/* ---- timers */

void timer_set(struct loop *loop, struct timer *timer, uint64_t due, void (*fire)(void *arg),
               void *arg)
{
    timer_stop(loop, timer);
    /* A past time counts as now: what re-arms itself in the past must not get before the others. */
    timer->due = due < loop->now ? loop->now : due;
    timer->order = loop->order++;
    timer->fire = fire;
    timer->arg = arg;
    heap_insert(&loop->timers, timer);
}

void timer_stop(struct loop *loop, struct timer *timer)
{
    if (timer_is_set(timer))
        heap_remove(&loop->timers, timer);
}

/* Those set during this pass wait for the next, however long overdue: no runaway. */
static void call_timers(struct loop *loop, uint64_t limit)
{
    struct timer *timer;

    while ((timer = heap_first(&loop->timers)) != NULL && timer->due <= loop->now &&
           timer->order < limit) {
        timer_stop(loop, timer);
        timer->fire(timer->arg);
    }
}

/* ---- signals */

static void note_signal(int signo)
{
    signal_flags[signo] = 1;
}

static struct signal_slot *signal_slot_new(struct loop *loop, int signo)
{
    assert(loop->signal_count < LOOP_SIGNALS);
    if (loop->signal_count == 0) {
        sigprocmask(SIG_BLOCK, NULL, &loop->former_mask);
        loop->wait_mask = loop->blocked_mask = loop->former_mask;
    }
    sigaddset(&loop->blocked_mask, signo);
    sigdelset(&loop->wait_mask, signo);
    sigprocmask(SIG_SETMASK, &loop->blocked_mask, NULL);

    struct signal_slot *slot = &loop->signals[loop->signal_count++];
    struct sigaction action = {.sa_handler = note_signal};
    sigfillset(&action.sa_mask);
    slot->signo = signo;
    sigaction(signo, &action, &slot->former);
    return slot;
}

void loop_on_signal(struct loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg)
{
    struct signal_slot *slot = NULL;

    assert(signo > 0 && signo < NSIG);
    for (int i = 0; i < loop->signal_count; i++)
        if (loop->signals[i].signo == signo)
            slot = &loop->signals[i];
    if (slot == NULL)
        slot = signal_slot_new(loop, signo);
    slot->caught = caught;
    slot->arg = arg;
}

/* Linux delivers a pending signal only to a pselect that would have waited. Without this a loop
 * that always finds something ready would never hear of an interrupt. */
static void let_signals_in(struct loop *loop)
{
    sigset_t pending;

    loop->deaf = 0;
    if (loop->signal_count == 0 || sigpending(&pending) != 0)
        return;
    for (int i = 0; i < loop->signal_count; i++) {
        if (!sigismember(&pending, loop->signals[i].signo))
            continue;
        sigprocmask(SIG_SETMASK, &loop->wait_mask, NULL);
        sigprocmask(SIG_SETMASK, &loop->blocked_mask, NULL);
        return;
    }
}

static void call_signals(struct loop *loop)
{
    for (int i = 0; i < loop->signal_count; i++) {
        const struct signal_slot *slot = &loop->signals[i];

        if (signal_flags[slot->signo]) {
            signal_flags[slot->signo] = 0;
            slot->caught(slot->arg, slot->signo);
        }
    }
}

/* ---- turns and tasks */

void loop_on_turn(struct loop *loop, void (*turn)(void *arg), void *arg)
{
    assert(loop->turn_count < LOOP_TURNS);
    loop->turns[loop->turn_count++] = (struct turn_slot){.turn = turn, .arg = arg};
}

void task_set(struct loop *loop, struct task *task, void (*run)(void *arg), void *arg)
{
    if (task->next != NULL)
        return;
    task->order = loop->order++;
    task->run = run;
    task->arg = arg;
    task->next = &loop->tasks;
    task->previous = loop->tasks.previous;
    task->previous->next = task;
    loop->tasks.previous = task;
}

void task_stop(struct task *task)
{
    if (task->next == NULL)
        return;
    task->next->previous = task->previous;
    task->previous->next = task->next;
    task->next = task->previous = NULL;
}

static void call_tasks(struct loop *loop)
{
    uint64_t limit = loop->order;

    while (loop->tasks.next != &loop->tasks && loop->tasks.next->order < limit) {
        struct task *task = loop->tasks.next;

        task_stop(task);
        task->run(task->arg);
    }
}

void loop_again(struct loop *loop)
{
    loop->again = true;
}

/* ---- the pass */

/* How long the wait may be; NULL for ever. */
static struct timespec *wait_limit(struct loop *loop, struct timespec *limit)
{
    const struct timer *first = heap_first(&loop->timers);
    uint64_t left = 0;

    if (!loop->again && loop->tasks.next == &loop->tasks) {
        if (first == NULL)
            return NULL;
        uint64_t now = clock_now_us();
        left = first->due > now ? first->due - now : 0;
    }
    loop->again = false;
    limit->tv_sec = (time_t)(left / 1000000);
    limit->tv_nsec = (long)(left % 1000000) * 1000;
    return limit;
}

/* How many descriptors are ready. */
static int wait_for(struct loop *loop)
{
    struct timespec limit;
    int count = readiness_wait(loop->readiness, wait_limit(loop, &limit),
                               loop->signal_count > 0 ? &loop->wait_mask : NULL, loop->ready);

    /* What has come after a signal must not be handled before it. */
    if (count > 0 || (count == 0 && ++loop->deaf >= LOOP_DEAF))
        let_signals_in(loop);
    return count >= 0 ? count : 0;
}

static void run_pass(struct loop *loop)
{
    int count = wait_for(loop);

    loop->pass++;
    loop->now = clock_now_us();
    uint64_t limit = loop->order;
    call_signals(loop);
    for (int i = 0; i < count; i++)
        call_ready(loop, &loop->ready[i]);
    call_timers(loop, limit);
    for (int i = 0; i < loop->turn_count; i++)
        loop->turns[i].turn(loop->turns[i].arg);
    call_tasks(loop);
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped)
        run_pass(loop);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}
