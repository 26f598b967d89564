/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the other side says that it has: /resume at the start of a session, /ack from then on, both
 * for everything up to a number. And what has waited for too long. It does not send lines.
 */
#include "config.h"

#include "mesh/confirm.h"

#include "base/log.h"
#include "mesh/delivery.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/receipts.h"
#include "mesh/tally.h"
#include "store/outbox.h"

enum {
    BRISK_BYTES = 256 * 1024,
    EXPIRY_US = 60000000, /* between two looks for what has waited for too long */
};

/* How many bytes at the front are lines up to that number. */
static size_t bytes_up_to(const struct outbox *box, uint64_t seq, size_t *lines)
{
    size_t at = box->foreign;
    *lines = 0;
    while (at < box->lines.bytes) {
        struct span run = queue_peek(&box->lines, at);
        while (run.len > 0) {
            if (form_number(run) > seq)
                return at;
            at += span_cut_line(&run).len + 1;
            ++*lines;
        }
    }
    return at;
}

static void has_moved(struct peer *peer, size_t bytes)
{
    struct outbox *box = &peer->box;
    box->progress = loop_now(peer->node->loop);
    box->moved += bytes;
    if (box->moved < BRISK_BYTES && delivery_waits(peer))
        return;
    box->moved = 0;
    box->brisk = box->progress;
}

void confirm_bytes(struct peer *peer, size_t bytes)
{
    struct outbox *box = &peer->box;
    bool session = peer->link != NULL && link_is_session(peer->link);
    receipts_front(peer, session ? EVENT_DELIVERED : EVENT_SENT, bytes);
    tally_front(peer, bytes);
    delivery_drop(box, bytes);
    has_moved(peer, bytes);
    box->interval = 0;
    peer->attempt.failures = 0;
    loop_again(peer->node->loop);
}

void confirm_foreign(struct peer *peer)
{
    if (peer->box.foreign > 0)
        confirm_bytes(peer, peer->box.foreign);
}

static void confirm(struct peer *peer, uint64_t seq)
{
    struct outbox *box = &peer->box;
    size_t lines;
    confirm_foreign(peer);
    size_t bytes = bytes_up_to(box, seq, &lines);
    box->acked = seq;
    if (box->durable) {
        box->count -= lines;
        box->bytes -= bytes;
        box->confirmed = peer->node->confirmations = true;
    }
    confirm_bytes(peer, bytes);
    pump_ready(peer);
}

/* --- /resume --- */

/* It has more of ours than we know of: our state is older than what it has seen. */
static void resume_beyond(struct peer *peer)
{
    struct node *node = peer->node;
    if (node->db == NULL || node->renumbered || node->numbered) {
        link_fault(peer->link, "bad-resume", "a /resume beyond all that was ever sent");
        return;
    }
    log_error("%s %s has seen more of this node than its state knows, which is an older copy: "
              "numbering begins anew, lines may arrive twice",
              peer->text, peer->row.name);
    keeping_renumber(node);
}

/* A durable peer's lines up to that number wait no longer, also those that only the store has; kind
 * is what has become of them. Returns how many they were. While the store takes nothing none is
 * given up; but what it has is confirmed all the same: the peer will not say so twice, and letting
 * go of it makes room. */
static uint64_t let_go(struct peer *peer, uint64_t seq, enum event_kind kind)
{
    struct node *node = peer->node;
    struct outbox *box = &peer->box;
    uint64_t before = box->count, bytes = box->bytes;
    keeping_save(node);
    if (node->unstored && (kind == EVENT_LOST || seq > node->stored_seq))
        return 0;
    receipts_stored(peer, kind, seq);
    queue_clear(&box->lines);
    box->sent = 0;
    box->acked = box->loaded = seq;
    box->confirmed = node->confirmations = true; /* that is to be committed */
    delivery_recount(peer);
    box->behind = box->count > 0;
    delivery_drop(box, 0);
    if (kind == EVENT_DELIVERED)
        tally_acked(node, before - box->count, bytes - box->bytes);
    loop_again(node->loop);
    return before - box->count;
}

/* It may confirm what it had from an earlier connection before this one has brought it again. */
void confirm_ack(struct peer *peer, uint64_t seq)
{
    struct outbox *box = &peer->box;
    if (seq > box->last && seq > box->acked)
        link_fault(peer->link, "bad-ack", "an /ack of what was never sent");
    else if (seq > box->acked && box->durable && seq > box->loaded)
        let_go(peer, seq, EVENT_DELIVERED);
    else if (seq > box->acked)
        confirm(peer, seq);
}

void confirm_resume(struct peer *peer, const struct verb *verb)
{
    struct outbox *box = &peer->box;
    if (box->resumed || verb->epoch != peer->link->epoch) {
        link_fault(peer->link, "bad-resume", "a second /resume, or one of another epoch");
        return;
    }
    if (verb->seq > peer->node->given) {
        resume_beyond(peer);
        return;
    }
    if (verb->seq > box->acked && box->durable)
        let_go(peer, verb->seq, EVENT_DELIVERED);
    else if (verb->seq > box->acked)
        confirm(peer, verb->seq);
    box->resumed = true;
    pump_ready(peer);
    link_resumed(peer->link);
}

/* --- what has waited for too long --- */

static void look_again(void *arg)
{
    confirm_expire(arg);
}

void confirm_watch_age(struct node *node)
{
    uint64_t quarter = node->config.queue_age_s * 1000000 / 4;
    if (!timer_is_set(&node->expiry))
        timer_set(node->loop, &node->expiry,
                  loop_now(node->loop) + (quarter < EXPIRY_US ? quarter : EXPIRY_US), look_again,
                  node);
}

void confirm_expire(struct node *node)
{
    uint64_t age = node->config.queue_age_s;
    int64_t limit = (int64_t)(node->wall_us / 1000000) - (int64_t)age;
    bool waits = false;
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (!peer->box.durable || peer->box.count == 0)
            continue;
        waits = true;
        if (peer->link != NULL)
            continue; /* it is taking them */
        uint64_t upto = outbox_taken_before(node->db, peer->row.id, limit);
        if (upto > peer->box.acked)
            losses_count(peer, let_go(peer, upto, EVENT_LOST), peer->box.scope,
                         "waited for longer than --queue-age");
    }
    if (waits)
        confirm_watch_age(node);
}
