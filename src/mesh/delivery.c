/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Getting lines to peers: numbering, one shared copy for all, an outbox for each peer, and the
 * proof that what was sent has arrived: the answer to a /ping sent after it (session), an empty
 * queue in the kernel (stream), the close (one-shot; see oneshot.c). Lines stay in the outbox until
 * then, and a session that comes back gets them again under their old numbers. What is given up is
 * counted and told. It knows no commands.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/internal.h"

enum {
    PUMP_BYTES = 256 * 1024, /* on the connection at a time */
    MARK_BYTES = 128 * 1024, /* sent before a confirmation is asked for, unless nothing waits */
    CHECK_US = 20000,        /* how soon the kernel's queue is looked at again, */
    CHECK_MAX_US = 640000,   /* later and later while nothing moves */
};

void delivery_init(struct outbox *box)
{
    queue_init(&box->lines);
    box->interval = CHECK_US;
}

void delivery_free(struct peer *peer)
{
    queue_clear(&peer->box.lines);
    timer_stop(peer->node->loop, &peer->box.check);
}

/* --- what has arrived, and what never will --- */

static enum event_scope first_scope(const struct outbox *box)
{
    struct span run = queue_peek(&box->lines, 0);
    if (box->plain || box->foreign > 0)
        return box->scope;
    return span_starts(run, "/msg ") ? SCOPE_DIRECT : SCOPE_BROADCAST;
}

void delivery_drop(struct outbox *box, size_t bytes)
{
    queue_consume(&box->lines, bytes);
    box->told = bytes > 0 ? 0 : box->told;
    box->foreign = box->foreign > bytes ? box->foreign - bytes : 0;
    box->sent = box->sent > bytes ? box->sent - bytes : 0;
    box->marked = box->marked > bytes ? box->marked - bytes : 0;
    if (box->lines.bytes == 0)
        box->held = box->hoped = false;
}

void delivery_lose(struct peer *peer, size_t bytes, const char *cause)
{
    struct outbox *box = &peer->box;
    if (bytes == 0)
        return;
    losses_count(peer, queue_count_lines(&box->lines, bytes), first_scope(box), cause);
    delivery_drop(box, bytes);
    loop_again(peer->node->loop);
}

void delivery_give_up(struct peer *peer, const char *cause)
{
    oneshot_interrupt(peer);
    delivery_lose(peer, peer->box.lines.bytes, cause);
}

void delivery_taken(struct peer *peer, size_t bytes)
{
    delivery_drop(&peer->box, bytes);
    peer->box.progress = loop_now(peer->node->loop);
    peer->box.interval = CHECK_US;
    peer->attempt.failures = 0;
    loop_again(peer->node->loop);
}

/* --- posting --- */

/* Is the other side gone, so that a line waits for it to come back? */
static bool is_away(const struct peer *peer)
{
    if (timer_is_set(&peer->grace))
        return false; /* nobody was told that it is gone */
    return !peer_is_up(peer) && peer->tried && !(peer->named && !peer->reached);
}

static void confirm_stream(struct peer *peer)
{
    const struct channel *channel = peer->link->channel;
    size_t under_way = channel_queued(channel) + (size_t)channel_unacknowledged(channel);
    if (under_way < peer->box.sent)
        delivery_taken(peer, peer->box.sent - under_way);
}

static bool is_full(const struct peer *peer)
{
    return peer->box.lines.bytes >= NODE_OUTBOX_MAX;
}

/* Full, and nothing has moved for a while. Its first dial may take its time. */
static bool is_stuck(const struct peer *peer)
{
    bool begins = peer_is_dialing(peer) && !peer->reached;
    return is_full(peer) && !begins &&
           loop_now(peer->node->loop) - peer->box.progress >= NODE_STALL_US;
}

static void check(void *arg);

static void watch_progress(struct peer *peer)
{
    struct outbox *box = &peer->box;
    uint64_t now = loop_now(peer->node->loop);
    bool in_kernel = box->plain && box->sent > 0 && peer->link != NULL &&
                     channel_queued(peer->link->channel) == 0;
    if (in_kernel) /* nothing tells when that has left */
        timer_set(peer->node->loop, &box->check, now + box->interval, check, peer);
    else if (is_full(peer) && !timer_is_set(&box->check) && !(is_away(peer) && is_stuck(peer)))
        timer_set(peer->node->loop, &box->check, now + NODE_STALL_US / 4, check, peer);
}

/* Nobody waits for one that has stopped: what an absent peer's full queue holds stays, and what
 * does not fit any more is lost; one that is there and takes nothing loses its connection. */
static void check(void *arg)
{
    static const char cause[] = "its queue is full and it takes nothing";
    struct peer *peer = arg;
    struct outbox *box = &peer->box;
    box->interval = box->interval < CHECK_MAX_US ? 2 * box->interval : CHECK_MAX_US;
    if (box->plain && peer->link != NULL)
        confirm_stream(peer);
    if (!is_stuck(peer)) {
        watch_progress(peer);
    } else if (!is_away(peer)) {
        delivery_give_up(peer, cause);
        if (peer->link != NULL)
            link_kill(peer->link, cause);
    }
}

/* true if there is no room and nobody to wait for: the line is lost, and counted. */
static bool is_refused(struct peer *peer, enum event_scope scope)
{
    if (!is_away(peer) || !is_stuck(peer))
        return false;
    losses_count(peer, 1, scope, "its queue is full and it is away");
    return true;
}

static void post(struct peer *peer, struct slice slice, enum event_scope scope, bool hold)
{
    struct outbox *box = &peer->box;
    /* Nobody knows yet whether it is away: its first dial of this run will tell. */
    bool unknown = !peer->tried && !peer->named && scope == SCOPE_BROADCAST;
    if (box->lines.bytes == 0 && !is_away(peer))
        box->progress = loop_now(peer->node->loop);
    queue_push(&box->lines, slice);
    box->scope = scope;
    box->held = box->held || (hold && !unknown);
    box->hoped = box->hoped || (hold && unknown);
    if (is_full(peer))
        watch_progress(peer);
    delivery_ready(peer);
}

static bool is_sendable(struct span text, const char **cause)
{
    if (text.len > MESSAGE_TEXT_MAX)
        *cause = "the text is longer than 65000 bytes; send it in parts";
    else if (memchr(text.at, '\0', text.len) != NULL)
        *cause = "the text has a NUL byte; send binary data encoded, as with base64";
    else if (memchr(text.at, '\n', text.len) != NULL)
        *cause = "the text has a line feed";
    else
        return true;
    return false;
}

bool node_send(struct node *node, struct peer *peer, struct span text, const char **cause)
{
    if (!is_sendable(text, cause))
        return false;
    if (is_refused(peer, SCOPE_DIRECT))
        return true;
    struct slice verb = form_verb(node, VERB_MSG, ++node->seq, text);
    peer->row.quiet = false;
    post(peer, form_for(peer, verb, text), SCOPE_DIRECT, true);
    slice_release(verb);
    return true;
}

/* Everyone connected, every named address, session peers that are away but not for too long, and
 * one-shot peers that answer. */
static bool is_addressed(const struct peer *peer)
{
    if (peer->row.quiet)
        return false;
    if (peer_is_up(peer))
        return peer->link == NULL || !peer->link->closing;
    if (peer->named && !peer->reached)
        return true;
    if (peer->row.dialect == DIALECT_ONESHOT)
        return !peer->failing && !peer->left;
    if (peer->named && !peer->left)
        return true;
    int64_t now = (int64_t)(peer->node->wall_us / 1000000);
    return peer->row.dialect == DIALECT_SESSION && now - peer->row.seen < NODE_EXPIRY_S;
}

bool node_broadcast(struct node *node, struct span text, const char **cause)
{
    size_t addressed = 0;
    if (!is_sendable(text, cause))
        return false;
    struct slice verb = form_verb(node, VERB_BCAST, ++node->seq, text);
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (!is_addressed(peer)) {
            peer->missed = true;
            continue;
        }
        addressed++;
        if (is_refused(peer, SCOPE_BROADCAST))
            continue;
        if (peer->got_to == 0 || peer->missed)
            peer->got_from = node->seq;
        peer->missed = false;
        peer->got_to = node->seq;
        post(peer, form_for(peer, verb, text), SCOPE_BROADCAST, !is_away(peer));
    }
    slice_release(verb);
    *cause = "there is nobody to send to; /connect ADDRESS first";
    return addressed > 0;
}

/* --- pumping --- */

void delivery_ready(struct peer *peer)
{
    struct node *node = peer->node;
    if (peer->box.ready)
        return;
    peer->box.ready = true;
    if (node->ready_count == node->ready_room) {
        node->ready_room = node->ready_room != 0 ? 2 * node->ready_room : 16;
        node->ready = alloc_resize(node->ready, node->ready_room, sizeof *node->ready);
    }
    node->ready[node->ready_count++] = peer_hold(peer);
}

/* Whole lines only: other verbs may come between two of them. */
static size_t whole_lines(struct span run, size_t room)
{
    if (run.at == NULL || run.len <= room)
        return run.len;
    const char *end = memrchr(run.at, '\n', room);
    if (end == NULL)
        end = memchr(run.at, '\n', run.len);
    return (size_t)(end - run.at) + 1;
}

static void send_lines(struct peer *peer, size_t most)
{
    struct outbox *box = &peer->box;
    struct channel *channel = peer->link->channel;
    while (box->sent < box->lines.bytes) {
        size_t queued = channel_queued(channel);
        if (queued >= most)
            return;
        size_t len = whole_lines(queue_peek(&box->lines, box->sent), most - queued);
        channel_send_slice(channel, queue_share(&box->lines, box->sent, len));
        box->sent += len;
    }
}

static void send_marker(struct peer *peer)
{
    struct outbox *box = &peer->box;
    if (box->plain || box->marked > 0 || box->sent == 0 ||
        (box->sent < box->lines.bytes && box->sent < MARK_BYTES))
        return;
    char token[VERB_TOKEN_MAX];
    struct buffer line;
    box->marker = ++peer->node->tokens;
    box->marked = box->sent;
    box->marked_at = loop_now(peer->node->loop);
    snprintf(token, sizeof token, "%c%llu", TOKEN_MARKER, (unsigned long long)box->marker);
    buffer_init(&line, VERB_TOKEN_MAX + 16);
    verb_format_ping(&line, token);
    channel_send(peer->link->channel, buffer_span(&line));
    buffer_free(&line);
}

static void pump(struct peer *peer)
{
    if (peer->forgotten || peer->became != NULL || peer->box.lines.bytes == 0)
        return;
    if (peer->link == NULL) {
        /* In its moment of grace it comes by itself: a dial would only cross with that. */
        if (peer->box.held && !timer_is_set(&peer->attempt.again) && !timer_is_set(&peer->grace))
            dialer_dial(peer);
        return;
    }
    if (peer->link->closing || peer->link->dead)
        return;
    send_lines(peer, PUMP_BYTES);
    send_marker(peer);
    watch_progress(peer);
}

void delivery_turn(struct node *node)
{
    for (size_t i = 0; i < node->ready_count; i++) {
        struct peer *peer = node->ready[i];
        peer->box.ready = false;
        pump(peer);
        peer_release(peer);
    }
    node->ready_count = 0;
}

void delivery_flush(struct peer *peer)
{
    send_lines(peer, SIZE_MAX);
    send_marker(peer);
    watch_progress(peer);
}

/* --- the connection's fate --- */

void delivery_reached(struct peer *peer)
{
    peer->box.held = peer->box.held || peer->box.hoped;
    delivery_ready(peer);
}

void delivery_connected(struct peer *peer)
{
    bool session = link_is_session(peer->link);
    oneshot_cancel(peer);
    if (session && peer->box.plain)
        form_to_verbs(peer);
    else if (!session && !peer->box.plain)
        form_to_plain(peer);
    peer->box.progress = loop_now(peer->node->loop);
    delivery_ready(peer);
}

void delivery_disconnected(struct peer *peer, const char *cause)
{
    struct outbox *box = &peer->box;
    if (box->plain) {
        confirm_stream(peer);
        delivery_give_up(peer, cause);
        box->plain = false;
    }
    delivery_lose(peer, box->foreign, cause);
    box->sent = 0;
    box->marked = 0;
    if (peer->ping != 0) {
        peer->ping = 0;
        peer->ping_state = PING_FAILED;
    }
}

void delivery_written(struct peer *peer)
{
    peer->box.progress = loop_now(peer->node->loop);
    if (peer->box.plain)
        confirm_stream(peer);
    watch_progress(peer);
    if (peer->box.sent < peer->box.lines.bytes)
        delivery_ready(peer);
}

void delivery_pong(struct peer *peer, uint64_t marker)
{
    struct outbox *box = &peer->box;
    if (box->marked == 0 || marker != box->marker)
        return;
    peer->rtt_us = (int64_t)(loop_now(peer->node->loop) - box->marked_at);
    size_t arrived = box->marked;
    box->marked = 0;
    delivery_taken(peer, arrived);
    delivery_ready(peer);
}

/* Two peers have turned out to be one. What was posted to both for everyone goes once; the rest is
 * numbered anew, for the numbers towards a peer only ever rise. */
void delivery_move(struct peer *to, struct peer *from)
{
    struct verb verb;
    struct slice keep;
    struct outbox *box = &from->box;
    delivery_drop(box, box->plain ? box->sent : box->foreign); /* arrives as it is */
    if (box->plain)
        form_to_verbs(from);
    while (form_next_verb(&box->lines, &verb, &keep)) {
        bool got = verb.seq >= to->got_from && verb.seq <= to->got_to;
        if (verb.kind == VERB_MSG || !got) {
            struct slice slice = form_verb(to->node, verb.kind, ++to->node->seq, verb.text);
            post(to, form_for(to, slice, verb.text),
                 verb.kind == VERB_MSG ? SCOPE_DIRECT : SCOPE_BROADCAST, box->held);
            slice_release(slice);
        }
        slice_release(keep);
    }
    delivery_drop(box, 0);
}
