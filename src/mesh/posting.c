/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who gets what is said. Neighbouring texts get numbers in a row and are written once for all who
 * get them; where somebody has no room, that is said at once. It knows no commands, and not what
 * becomes of a line in its outbox.
 */
#include "config.h"

#include "mesh/posting.h"

#include "mesh/confirm.h"
#include "mesh/delivery.h"
#include "mesh/fence.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/receipts.h"

enum { BOX_BYTES = 1 << 20 }; /* of stored lines, in memory for a peer that is connected */

static bool is_full(const struct peer *peer, size_t bytes)
{
    const struct node_config *config = &peer->node->config;
    return peer->box.count >= config->queue_lines || peer->box.bytes + bytes > config->queue_bytes;
}

/* Where there is no room and nobody to wait for, the line of that number is lost, and counted. */
static bool refuse_if_full(struct peer *peer, size_t bytes, enum event_scope scope, uint64_t seq)
{
    const char *cause = "its queue is full and it is away";
    bool refused = pump_is_stuck(peer) && delivery_is_away(peer);
    if (peer->box.durable) {
        cause = "its queue is full; see --queue-lines and --queue-bytes";
        refused = is_full(peer, bytes + VERB_HEAD);
    }
    if (refused) {
        receipts_line(peer, EVENT_LOST, seq);
        losses_count(peer, 1, scope, cause);
    }
    return refused;
}

static void post_stored(struct peer *peer, struct posting *p)
{
    struct outbox *box = &peer->box;
    struct slice lines = form_verbs(p);
    bool fits = peer->link != NULL && !box->behind && box->lines.bytes + lines.len <= BOX_BYTES;
    keeping_address(p->node, peer);
    box->count += p->count;
    box->bytes += lines.len;
    box->behind = !fits;
    if (fits) {
        box->loaded = form_last(p);
        queue_push(&box->lines, slice_retain(lines));
    }
    confirm_watch_age(p->node);
}

static void post(struct peer *peer, struct posting *p, bool hold)
{
    struct outbox *box = &peer->box;
    enum event_scope scope = p->kind == VERB_MSG ? SCOPE_DIRECT : SCOPE_BROADCAST;
    /* Nobody knows yet whether it is away: its first dial of this run will tell. */
    bool unknown = !peer->tried && !peer->named && scope == SCOPE_BROADCAST;
    if (!delivery_waits(peer)) {
        box->durable = delivery_can_be_stored(peer);
        if (!delivery_is_away(peer))
            box->progress = box->brisk = loop_now(peer->node->loop);
    }
    if (box->durable) {
        post_stored(peer, p);
    } else {
        queue_push(&box->lines, form_for(p, peer));
        if (box->plain)
            form_note_numbers(peer, p->first, form_last(p));
    }
    box->last = form_last(p);
    box->scope = scope;
    box->held = box->held || (hold && !unknown);
    box->hoped = box->hoped || (hold && unknown);
    if (hold)
        box->owed = box->last;
    pump_ready(peer);
}

/* To that peer and to no other. */
static void post_alone(struct peer *peer, struct posting *p, bool hold)
{
    post(peer, p, hold);
    keeping_post(p);
    form_done(p);
}

void posting_again(struct peer *peer, const struct verb *verb, bool hold)
{
    struct posting p = form_posting(peer->node, verb->kind, &verb->text);
    post_alone(peer, &p, hold);
}

/* --- to one --- */

/* It would wait in memory for other rules. */
static bool has_lost_hope(const struct peer *peer)
{
    return dialer_is_kept_out(peer) && !peer->box.durable;
}

bool node_send(struct node *node, struct peer *peer, struct span text, const char **cause)
{
    struct posting p = {.node = node, .kind = VERB_MSG, .texts = &text, .first = node->seq + 1};
    if (!form_gather(&p, 1, 0, cause))
        return false;
    if (peer->row.banned) {
        *cause = "it is banned; /connect lifts that";
        return false;
    }
    if (has_lost_hope(peer)) {
        *cause = FENCE_CAUSE;
        return false;
    }
    node->seq++;
    if (refuse_if_full(peer, text.len, SCOPE_DIRECT, p.first))
        return true;
    peer->row.quiet = false;
    post_alone(peer, &p, true);
    peer_tell(
        node, peer,
        (struct event){.kind = EVENT_SAID, .scope = SCOPE_DIRECT, .texts = &text, .count = 1});
    return true;
}

/* --- to all --- */

/* Everyone connected, every named address, session peers that are away but not for too long nor
 * displaced by another node at their address, and one-shot peers that answer. */
static bool is_addressed(const struct peer *peer)
{
    if (peer->row.quiet || has_lost_hope(peer))
        return false;
    if (peer_is_up(peer) && !delivery_is_parting(peer))
        return true;
    if (peer->named && !peer->reached)
        return true;
    if (peer->row.dialect == DIALECT_ONESHOT)
        return !peer->failing && !peer->left;
    if (peer->named && !peer->left)
        return true;
    int64_t now = (int64_t)(peer->node->wall_us / 1000000);
    return peer->row.dialect == DIALECT_SESSION && peer->row.address_count > 0 &&
           now - peer->row.seen < NODE_EXPIRY_S;
}

/* How much all who are addressed can take at once. */
struct room {
    size_t lines, bytes;
};

static size_t left(uint64_t most, uint64_t used)
{
    return used < most ? (size_t)(most - used) : 0;
}

static void narrow(struct room *room, size_t lines, size_t bytes)
{
    room->lines = lines < room->lines ? lines : room->lines;
    room->bytes = bytes < room->bytes ? bytes : room->bytes;
}

static void make_room(struct room *room, const struct peer *peer)
{
    const struct node_config *config = &peer->node->config;
    const struct outbox *box = &peer->box;
    if (delivery_waits(peer) ? box->durable : delivery_can_be_stored(peer))
        narrow(room, left(config->queue_lines, box->count), left(config->queue_bytes, box->bytes));
    else if (delivery_is_away(peer))
        narrow(room, SIZE_MAX, left(NODE_OUTBOX_MAX, box->lines.bytes));
}

/* What somebody has no room for, and what nobody is there for, goes line by line. */
static struct room room_for_all(const struct node *node)
{
    struct room room = {.lines = SIZE_MAX, .bytes = SIZE_MAX};
    size_t addressed = 0;
    for (size_t i = 0; i < node->peer_count; i++) {
        if (!is_addressed(node->peers[i]))
            continue;
        addressed++;
        make_room(&room, node->peers[i]);
    }
    return addressed > 0 ? room : (struct room){.lines = 1};
}

static void note_broadcast(struct peer *peer, const struct posting *p)
{
    if (peer->got_to == 0 || peer->missed)
        peer->got_from = p->first;
    peer->missed = false;
    peer->got_to = form_last(p);
}

/* Returns how many it is for. */
static size_t post_to_all(struct posting *p)
{
    size_t addressed = 0;
    for (size_t i = 0; i < p->node->peer_count; i++) {
        struct peer *peer = p->node->peers[i];
        if (!is_addressed(peer)) {
            peer->missed = true;
            continue;
        }
        addressed++;
        if (p->count == 1 && refuse_if_full(peer, p->bytes, SCOPE_BROADCAST, p->first))
            continue;
        note_broadcast(peer, p);
        post(peer, p, !delivery_is_away(peer));
    }
    keeping_post(p);
    return addressed;
}

size_t node_broadcast(struct node *node, const struct span *texts, size_t count, const char **cause)
{
    struct posting p = {.node = node, .kind = VERB_BCAST, .texts = texts, .first = node->seq + 1};
    struct room room = count > 1 ? room_for_all(node) : (struct room){.lines = 1};
    if (!form_gather(&p, count < room.lines ? count : room.lines, room.bytes, cause))
        return 0;
    node->seq = form_last(&p);
    size_t addressed = post_to_all(&p);
    form_done(&p);
    if (addressed == 0) {
        *cause = "there is nobody to send to; /connect ADDRESS first";
        return 0;
    }
    const struct event said = {
        .kind = EVENT_SAID, .scope = SCOPE_BROADCAST, .texts = texts, .count = p.count};
    node->sink.event(node->sink.arg, &said);
    return p.count;
}
