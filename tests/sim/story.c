/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Draws a story: how long, how busy, and which kinds of fault it knows; a seed with a few kinds
 * finds what a mixture of all would hide. It must not know what the nodes make of it.
 */
#include "config.h"

#include "story.h"

#include "network.h"
#include "process.h"

enum {
    LENGTH_LEAST = 1, /* virtual seconds */
    LENGTH_MOST = 120,
    EVENTS_MOST = 120,
    BURST_MOST = 40, /* lines at once */
    FUSE_MOST = 400, /* effects until a kill */
    WEIGHT_MOST = 8,
    TALK_WEIGHT = 6,
    AGAIN = 10, /* s after the end until both are asked to connect once more */
};

static struct {
    uint64_t end;
    uint64_t next;
    uint64_t interval; /* between two events, on average */
    bool direct;       /* only messages to one */
    bool calm;         /* it is over */
    unsigned weights[16], total;
} story;

static struct machine *any_machine(void)
{
    return &world.machines[chance(MACHINES)];
}

/* ---- what can happen */

static void talk_on(struct machine *m)
{
    uint64_t count = chance_spread(1, BURST_MOST);

    while (count-- > 0)
        process_order(m, story.direct || one_in(2) ? ORDER_MSG : ORDER_BCAST);
}

static void talk(void)
{
    talk_on(any_machine());
}

static void reset(void)
{
    struct machine *m = any_machine();
    struct end *e = network_next(m, 0), *next;

    while (e != NULL && (next = network_next(m, e->fd)) != NULL && one_in(2))
        e = next;
    if (e == NULL)
        return;
    world.resets++;
    trace("%d is reset", e->fd);
    network_reset(e, !one_in(3));
}

static void partition(void)
{
    uint64_t until = world.now + chance_spread(10000, 90 * SECOND);
    bool both = one_in(2);
    struct machine *m = any_machine();

    trace("%c%s cut off until %.6f", m->letter, both ? " and the other are" : " is",
          (double)until / SECOND);
    network_block(m, until);
    if (both)
        network_block(machine_other(m), until);
    world.partitions++;
}

static void heal(void)
{
    for (int i = 0; i < MACHINES; i++)
        network_block(&world.machines[i], world.now);
}

static void kill_one(void)
{
    uint64_t effects = chance_spread(1, FUSE_MOST);

    process_kill_soon(any_machine(), effects);
}

static void kill_both(void)
{
    for (int i = 0; i < MACHINES; i++)
        process_kill_soon(&world.machines[i], chance_spread(1, FUSE_MOST));
}

static void leave(void)
{
    struct machine *m = any_machine();

    if (one_in(2)) /* with the last words still on the lips */
        talk_on(m);
    process_order(m, ORDER_LEAVE);
}

static void disconnect(void)
{
    process_order(any_machine(), ORDER_DISCONNECT);
}

static void cross(void)
{
    process_order(any_machine(), ORDER_CONNECT);
    process_order(any_machine(), ORDER_CONNECT);
}

static void stall(void)
{
    struct machine *m = any_machine();
    uint64_t until = world.now + chance_spread(1000, 60 * SECOND);

    trace("%c stands still until %.6f", m->letter, (double)until / SECOND);
    process_stall(m, until);
}

static void slow_stdout(void)
{
    struct machine *m = any_machine();
    uint64_t until = world.now + chance_spread(1000, 30 * SECOND);

    trace("%c: stdout stops until %.6f", m->letter, (double)until / SECOND);
    process_slow_stdout(m, one_in(2) ? 0 : chance_spread(50, 1 << 20), until);
}

static void fail_commits(void)
{
    struct machine *m = any_machine();
    uint64_t until = world.now + chance_spread(100, 5 * SECOND);

    trace("%c: no commit until %.6f", m->letter, (double)until / SECOND);
    process_fail_commits(m, until);
}

static void (*const happen[])(void) = {
    talk,  reset, partition, heal,        kill_one,     kill_both,
    leave, cross, stall,     slow_stdout, fail_commits, disconnect,
};

enum { KINDS = sizeof happen / sizeof happen[0] };

/* ---- the story */

void story_begin(void)
{
    uint64_t length = chance_spread(LENGTH_LEAST * SECOND, LENGTH_MOST * SECOND);

    story.end = world.now + length;
    story.interval = length / chance_spread(4, EVENTS_MOST);
    story.next = world.now;
    story.direct = one_in(3);
    story.calm = false;
    story.weights[0] = story.total = TALK_WEIGHT;
    for (int i = 1; i < KINDS; i++) {
        story.weights[i] = one_in(2) ? 0 : (unsigned)chance_spread(1, WEIGHT_MOST);
        story.total += story.weights[i];
    }
    for (int i = 0; i < MACHINES; i++)
        if (i == 0 || one_in(2))
            process_order(&world.machines[i], ORDER_CONNECT);
}

uint64_t story_length(void)
{
    return story.end;
}

uint64_t story_due(void)
{
    return story.next;
}

static void connect_both(void)
{
    for (int i = 0; i < MACHINES; i++)
        process_order(&world.machines[i], ORDER_CONNECT);
}

void story_run(void)
{
    uint64_t pick = chance(story.total);
    int kind = 0;

    if (story.calm) {
        connect_both(); /* goodbyes may have crossed the first time */
        story.next = NEVER;
        return;
    }
    while (pick >= story.weights[kind])
        pick -= story.weights[kind++];
    happen[kind]();
    story.next = world.now + 1 + chance(2 * story.interval);
}

void story_end(void)
{
    trace("calm");
    story.calm = true;
    story.next = world.now + AGAIN * SECOND;
    heal();
    for (int i = 0; i < MACHINES; i++)
        process_mend(&world.machines[i]);
    connect_both(); /* they may have been disconnected */
}
