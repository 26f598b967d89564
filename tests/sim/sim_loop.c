/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for net/loop on the virtual clock: the same order within a pass (what came in, timers,
 * turns, tasks), the same rules for what is set meanwhile. Who passes when is not its business.
 */
#include "config.h"

#include "sim_loop.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "net/heap.h"

enum {
    LOOP_TURNS = 16,
    LOOP_DESCRIPTORS = 1 << 30, /* numbers of simulated sockets are all below */
};

struct turn_slot {
    void (*turn)(void *arg);
    void *arg;
};

struct loop {
    struct machine *machine;
    struct heap timers;
    uint64_t order; /* given to the next timer or task */
    uint64_t now;
    bool again;
    struct turn_slot turns[LOOP_TURNS];
    int turn_count;
    struct task tasks; /* the ring's anchor */
};

struct loop *loop_new(void)
{
    struct loop *loop = alloc_zero(1, sizeof *loop);

    loop->tasks.next = loop->tasks.previous = &loop->tasks;
    loop->machine = world.running;
    loop->now = world.now;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    heap_free(&loop->timers);
    free(loop);
}

struct machine *loop_machine(const struct loop *loop)
{
    return loop->machine;
}

uint64_t loop_now(const struct loop *loop)
{
    return loop->now;
}

int loop_fd_limit(void)
{
    return LOOP_DESCRIPTORS;
}

void timer_set(struct loop *loop, struct timer *timer, uint64_t due, void (*fire)(void *arg),
               void *arg)
{
    timer_stop(loop, timer);
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

static void call_timers(struct loop *loop, uint64_t limit)
{
    struct timer *timer;

    while (!loop->machine->dead && (timer = heap_first(&loop->timers)) != NULL &&
           timer->due <= loop->now && timer->order < limit) {
        timer_stop(loop, timer);
        timer->fire(timer->arg);
    }
}

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

    while (!loop->machine->dead && loop->tasks.next != &loop->tasks &&
           loop->tasks.next->order < limit) {
        struct task *task = loop->tasks.next;

        task_stop(task);
        task->run(task->arg);
    }
}

void loop_again(struct loop *loop)
{
    loop->again = true;
}

uint64_t loop_due(const struct loop *loop)
{
    const struct timer *first = heap_first(&loop->timers);

    if (loop->again || loop->tasks.next != &loop->tasks)
        return loop->now;
    return first != NULL ? first->due : NEVER;
}

void loop_pass(struct loop *loop, void (*deliver)(struct machine *m))
{
    uint64_t limit = loop->order;

    loop->again = false;
    loop->now = world.now;
    deliver(loop->machine);
    call_timers(loop, limit);
    for (int i = 0; i < loop->turn_count && !loop->machine->dead; i++)
        loop->turns[i].turn(loop->turns[i].arg);
    call_tasks(loop);
}
