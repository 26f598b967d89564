/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the end of each turn at what has been received; timers make sure that there is a turn in
 * time. It decides by the messages told and by the clock alone.
 */
#include "config.h"

#include "quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

struct quota {
    struct loop *loop;
    struct node *node;
    struct quota_config config;
    struct quota_handlers handlers;
    void *arg;
    bool enough;
    uint64_t blocked; /* when stdout was last seen behind; monotonic us */
    struct timer idle, timeout;
};

static void wake(void *arg)
{
    (void)arg; /* the turn that follows looks */
}

static bool has_count(const struct quota *q)
{
    return q->config.count != 0 && node_message_count(q->node) >= q->config.count;
}

/* Whoever waits for a slow stdout of ours is not silent. */
static bool is_idle(struct quota *q)
{
    uint64_t now = loop_now(q->loop), since = node_last_receipt(q->node);
    if (q->config.idle_us == 0)
        return false;
    if (q->handlers.backlog(q->arg) > 0)
        q->blocked = now;
    uint64_t due = (since > q->blocked ? since : q->blocked) + q->config.idle_us;
    if (now >= due)
        return true;
    timer_set(q->loop, &q->idle, due, wake, q);
    return false;
}

static void turn(void *arg)
{
    struct quota *q = arg;
    if (q->enough || !(has_count(q) || is_idle(q)))
        return;
    q->enough = true;
    timer_stop(q->loop, &q->idle);
    q->handlers.enough(q->arg);
}

static void time_is_over(void *arg)
{
    struct quota *q = arg;
    uint64_t count = node_message_count(q->node);
    double seconds = (double)q->config.timeout_us / 1e6;
    char what[128];
    if (count == 0 && q->config.listens)
        snprintf(what, sizeof what, "no message within %g s", seconds);
    else if (q->config.count != 0)
        snprintf(what, sizeof what, "%" PRIu64 " of %" PRIu64 " messages within %g s", count,
                 q->config.count, seconds);
    else
        snprintf(what, sizeof what, "the %g s of --timeout are over", seconds);
    q->handlers.timed_out(q->arg, what);
}

struct quota *quota_new(struct loop *loop, struct node *node, const struct quota_config *config,
                        const struct quota_handlers *handlers, void *arg)
{
    struct quota *q = alloc_zero(1, sizeof *q);
    q->loop = loop;
    q->node = node;
    q->config = *config;
    q->handlers = *handlers;
    q->arg = arg;
    loop_on_turn(loop, turn, q);
    loop_again(loop);
    if (config->timeout_us != 0)
        timer_set(loop, &q->timeout, loop_now(loop) + config->timeout_us, time_is_over, q);
    return q;
}

void quota_free(struct quota *q)
{
    if (q == NULL)
        return;
    timer_stop(q->loop, &q->idle);
    timer_stop(q->loop, &q->timeout);
    free(q);
}
