/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the outboxes onto the connections, and what a connection's fate means for an outbox. A
 * session gets its lines when it has said what it has, and no more at a time than it takes
 * unconfirmed; a stream's lines count as sent when the kernel has none of them left. Nobody waits
 * for a peer that has stopped.
 */
#include "config.h"

#include "mesh/pump.h"

#include "base/alloc.h"
#include "mesh/confirm.h"
#include "mesh/congestion.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/receipts.h"
#include "mesh/tally.h"
#include "store/outbox.h"

enum {
    PUMP_BYTES = 256 * 1024,   /* on the connection at a time */
    REFILL_BYTES = 512 * 1024, /* of stored lines in memory: below that more are read */
    CHECK_US = 20000,          /* how soon the kernel's queue is looked at again, */
    CHECK_MAX_US = 640000,     /* later and later while nothing moves */
};

/* --- progress --- */

static void confirm_stream(struct peer *peer)
{
    const struct channel *channel = peer->link->channel;
    size_t under_way = channel_queued(channel) + (size_t)channel_unacknowledged(channel);
    if (under_way < peer->box.sent)
        confirm_bytes(peer, peer->box.sent - under_way);
}

bool pump_is_full(const struct peer *peer)
{
    return !peer->box.durable && peer->box.lines.bytes >= NODE_OUTBOX_MAX;
}

/* Its first dial may take its time. */
bool pump_is_stuck(const struct peer *peer)
{
    if (!pump_is_full(peer))
        return false;
    bool begins = peer_is_dialing(peer) && !peer->reached;
    return !begins && loop_now(peer->node->loop) - peer->box.progress >= NODE_STALL_US;
}

static void check(void *arg);

void pump_watch(struct peer *peer)
{
    struct outbox *box = &peer->box;
    uint64_t now = loop_now(peer->node->loop);
    bool in_kernel = box->plain && box->sent > 0 && peer->link != NULL &&
                     channel_queued(peer->link->channel) == 0;
    bool full = pump_is_full(peer) && !(delivery_is_away(peer) && pump_is_stuck(peer));
    if (box->interval < CHECK_US)
        box->interval = CHECK_US;
    if (in_kernel) /* nothing tells when that has left */
        timer_set(peer->node->loop, &box->check, now + box->interval, check, peer);
    else if ((full || (congestion_is_behind(peer) && congestion_moves(peer))) &&
             !timer_is_set(&box->check))
        timer_set(peer->node->loop, &box->check, now + NODE_STALL_US / 4, check, peer);
}

/* What an absent peer's full queue holds stays, and what does not fit any more is lost; one that is
 * there and takes nothing loses its connection. */
static void check(void *arg)
{
    static const char cause[] = "its queue is full and it takes nothing";
    struct peer *peer = arg;
    struct outbox *box = &peer->box;
    box->interval = box->interval < CHECK_MAX_US ? 2 * box->interval : CHECK_MAX_US;
    if (box->plain && peer->link != NULL)
        confirm_stream(peer);
    if (!pump_is_stuck(peer)) {
        pump_watch(peer);
    } else if (!delivery_is_away(peer)) {
        delivery_give_up(peer, cause);
        if (peer->link != NULL)
            link_kill(peer->link, cause);
    }
}

/* --- pumping --- */

void pump_ready(struct peer *peer)
{
    struct node *node = peer->node;
    congestion_note(peer);
    if (peer->box.ready)
        return;
    peer->box.ready = true;
    node->ready =
        alloc_grow(node->ready, node->ready_count, &node->ready_room, sizeof *node->ready);
    node->ready[node->ready_count++] = peer_hold(peer);
}

/* Whole lines only: other verbs may come between two of them. */
static size_t whole_lines(struct span run, size_t room)
{
    if (run.at == NULL || run.len <= room)
        return run.len;
    const char *end = room > 0 ? memrchr(run.at, '\n', room) : NULL;
    if (end == NULL)
        end = memchr(run.at, '\n', run.len);
    return (size_t)(end - run.at) + 1;
}

/* How much of a session's window is open; a line that is larger than all of it goes alone. */
static size_t window_left(const struct outbox *box)
{
    size_t flying = box->sent - box->foreign;
    size_t window =
        box->window == 0 || box->window > NODE_OUTBOX_MAX ? NODE_OUTBOX_MAX : (size_t)box->window;
    return flying < window ? window - flying : 0;
}

/* After a commit that has failed only what was stored before may leave. */
static size_t stored_part(const struct node *node, struct span lines)
{
    return node->unstored ? lines.len - form_behind(lines, node->stored_seq).len : lines.len;
}

static void note_sent(struct peer *peer, struct span lines)
{
    struct outbox *box = &peer->box;
    const char *last = memrchr(lines.at, '\n', lines.len - 1);
    size_t at = last != NULL ? (size_t)(last - lines.at) + 1 : 0;
    peer->node->numbered = true;
    receipts_verbs(peer, EVENT_SENT, lines, box->flown, UINT64_MAX);
    tally_sent(peer->node, form_behind(lines, box->flown));
    uint64_t seq = form_number(span_after(lines, at));
    if (seq > box->flown)
        box->flown = seq;
    if (seq > peer->node->given)
        peer->node->given = seq;
}

static void send_lines(struct peer *peer, size_t most)
{
    struct outbox *box = &peer->box;
    struct channel *channel = peer->link->channel;
    while (box->sent < box->lines.bytes) {
        size_t queued = channel_queued(channel);
        size_t left = box->plain ? SIZE_MAX : window_left(box);
        if (queued >= most || left == 0)
            return;
        size_t room = most - queued < left ? most - queued : left;
        size_t len = whole_lines(queue_peek(&box->lines, box->sent), room);
        if (len > left && box->sent > box->foreign)
            return;
        if (!box->plain)
            len = stored_part(peer->node, span_make(queue_peek(&box->lines, box->sent).at, len));
        if (len == 0)
            return;
        struct slice lines = queue_share(&box->lines, box->sent, len);
        box->sent += len;
        if (box->plain)
            tally_sent(peer->node, slice_span(lines));
        else
            note_sent(peer, slice_span(lines));
        channel_send_slice(channel, lines);
    }
}

static void push_run(void *arg, const struct outbox_run *run)
{
    struct peer *peer = arg;
    struct span lines = form_behind(run->lines, peer->box.loaded);
    if (lines.len > 0)
        queue_push(&peer->box.lines, spool_write(&peer->node->recalled, &lines, 1));
    peer->box.loaded = run->last;
}

/* Reads on in the store. What it does not have any more is lost. */
static void refill(struct peer *peer)
{
    struct outbox *box = &peer->box;
    while (box->behind && box->lines.bytes < REFILL_BYTES) {
        uint64_t before = box->loaded;
        outbox_load(peer->node->db, peer->row.id, before, REFILL_BYTES, push_run, peer);
        box->behind = box->loaded < box->last;
        if (box->loaded > before)
            continue;
        if (peer->node->unstored)
            return; /* it may not be there yet */
        uint64_t here = queue_count_lines(&box->lines, box->lines.bytes);
        losses_count(peer, box->count - here, box->scope, "is missing from the state folder");
        box->behind = false;
        box->loaded = box->last;
        box->count = here;
        box->bytes = box->lines.bytes;
    }
}

static bool may_send(struct peer *peer)
{
    if (peer->link->closing || peer->link->dead)
        return false;
    if (!link_is_session(peer->link))
        return true;
    if (!peer->box.resumed || (peer->node->unstored && peer->box.foreign > 0))
        return false;
    refill(peer);
    return true;
}

static void pump(struct peer *peer)
{
    if (peer->forgotten || peer->became != NULL || !delivery_waits(peer))
        return;
    if (peer->link == NULL && peer->refused) { /* it is not dialled: nothing is worth the wait */
        delivery_part(peer, peer->cause);
        return;
    }
    if (peer->link == NULL) {
        /* In its moment of grace it comes by itself: a dial would only cross with that. */
        if (peer->box.held && !timer_is_set(&peer->attempt.again) && !timer_is_set(&peer->grace))
            dialer_dial(peer);
    } else if (may_send(peer)) {
        send_lines(peer, PUMP_BYTES);
    }
    pump_watch(peer);
}

void pump_turn(struct node *node)
{
    for (size_t i = 0; i < node->ready_count; i++) {
        struct peer *peer = node->ready[i];
        peer->box.ready = false;
        pump(peer);
        peer_release(peer);
    }
    node->ready_count = 0;
    congestion_turn(node);
}

void pump_flush(struct peer *peer)
{
    if (!peer->node->leaving)
        keeping_save(peer->node);
    if (delivery_waits(peer) && may_send(peer))
        send_lines(peer, SIZE_MAX);
    pump_watch(peer);
}

/* --- the connection's fate --- */

void pump_reached(struct peer *peer)
{
    peer->box.held = peer->box.held || peer->box.hoped;
    pump_ready(peer);
}

void pump_connected(struct peer *peer)
{
    struct outbox *box = &peer->box;
    bool session = link_is_session(peer->link);
    oneshot_cancel(peer);
    if (session && box->plain)
        form_to_verbs(peer);
    else if (!session && !box->plain)
        form_to_plain(peer);
    if (session)
        delivery_make_durable(peer);
    box->resumed = false;
    box->progress = box->brisk = loop_now(peer->node->loop);
    pump_ready(peer);
}

void pump_disconnected(struct peer *peer, const char *cause)
{
    struct outbox *box = &peer->box;
    if (box->plain) {
        confirm_stream(peer);
        delivery_give_up(peer, cause);
        box->plain = false;
        buffer_free(&box->numbers);
    }
    if (!box->durable)
        delivery_lose(peer, box->foreign, cause);
    box->sent = 0;
    box->resumed = false;
    if (box->durable) {
        queue_clear(&box->lines);
        box->loaded = box->acked;
        box->behind = box->count > 0;
    }
    if (peer->ping != 0) {
        peer->ping = 0;
        peer->ping_state = PING_FAILED;
    }
}

void pump_written(struct peer *peer)
{
    peer->box.progress = loop_now(peer->node->loop);
    if (peer->box.plain)
        confirm_stream(peer);
    pump_watch(peer);
    if (delivery_waits(peer))
        pump_ready(peer);
}
