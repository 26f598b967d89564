/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the other side of a session is still there: after a while of silence it is asked for a
 * sign of life, then suspected, then taken for down. Anything received is life; the silence that we
 * have caused ourselves, by not reading or not running, does not count. It does not know what is
 * said, and plain connections are none of its business.
 */
#include "config.h"

#include "mesh/liveness.h"

#include <stdio.h>

#include "base/clock.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"

enum {
    JITTER = 8, /* a heartbeat comes early by up to this part of its interval */
    SILENCE_LINE = 64,
};

static const char heartbeat_token[] = "h1";

static uint64_t now_of(const struct link *link)
{
    return loop_now(link->node->loop);
}

/* --- the clock of one session --- */

static void beat(void *arg);

/* A heartbeat comes early by chance: connections that began together do not beat together. */
static void beat_next(struct link *link, uint64_t since)
{
    const struct node_config *config = &link->node->config;
    const struct pulse *pulse = &link->pulse;
    uint64_t limit = pulse->life + (pulse->suspected ? config->down_us : config->suspect_us);
    uint64_t due = since + config->heartbeat_us - clock_random(config->heartbeat_us / JITTER + 1);
    timer_set(link->node->loop, &link->pulse.timer, due < limit ? due : limit, beat, link);
}

static void ask(struct link *link)
{
    struct buffer line;
    buffer_init(&line, SILENCE_LINE);
    verb_format_ping(&line, heartbeat_token);
    link_send(link, &line);
}

/* The kernel counts from the first byte that was not confirmed, which is older than the suspicion:
 * with less than this it would end the connection before we do. */
static void suspect(struct link *link)
{
    const struct node_config *config = &link->node->config;
    char cause[SILENCE_LINE];
    snprintf(cause, sizeof cause, "silent for %g s", (double)config->suspect_us / 1e6);
    link->pulse.suspected = true;
    channel_limit_silence(link->channel, config->down_us);
    peer_tell(link->node, link->peer, (struct event){.kind = EVENT_SUSPECT, .cause = cause});
}

static void down(struct link *link)
{
    struct node *node = link->node;
    snprintf(node->silence, sizeof node->silence, "silent for %g s",
             (double)node->config.down_us / 1e6);
    link_kill(link, node->silence);
}

static void beat(void *arg)
{
    struct link *link = arg;
    struct pulse *pulse = &link->pulse;
    const struct node_config *config = &link->node->config;
    uint64_t now = now_of(link), late = now - pulse->timer.due, silence;
    if (link->closing || !link_is_used(link))
        return;
    /* What we have slept through, or do not read, is not its silence. */
    silence = pulse->held || late > now - pulse->life ? 0 : now - pulse->life - late;
    pulse->life = now - silence;
    if (silence >= config->down_us) {
        down(link);
        return;
    }
    if (silence >= config->suspect_us && !pulse->suspected)
        suspect(link);
    bool asks = pulse->held || silence >= config->heartbeat_us - config->heartbeat_us / JITTER;
    if (asks)
        ask(link);
    beat_next(link, asks ? now : pulse->life);
}

/* --- what the others tell it --- */

void liveness_begin(struct link *link)
{
    link->pulse.life = now_of(link);
    beat_next(link, link->pulse.life);
}

void liveness_end(struct link *link)
{
    timer_stop(link->node->loop, &link->pulse.timer);
}

void liveness_heard(struct link *link)
{
    link->pulse.life = now_of(link);
    if (!link->pulse.suspected)
        return;
    link->pulse.suspected = false;
    channel_limit_silence(link->channel, 0);
    if (link->closing || !link_is_used(link))
        return;
    peer_tell(link->node, link->peer, (struct event){.kind = EVENT_BACK});
    beat_next(link, link->pulse.life);
}

void liveness_hold(struct link *link, bool held)
{
    if (link->pulse.held && !held)
        link->pulse.life = now_of(link);
    link->pulse.held = held;
}
