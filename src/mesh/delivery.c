/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is posted to whom, and what becomes of it. A line gets one number, is written once for all
 * who get it, and waits in an outbox for each of them until it is delivered or lost; what is lost
 * is counted and told. For peers that have said /hello a line is stored before it leaves. It knows
 * no commands, and not how lines get onto a connection.
 */
#include "config.h"

#include "mesh/delivery.h"

#include "mesh/confirm.h"
#include "mesh/fence.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/receipts.h"
#include "store/outbox.h"

enum {
    BOX_BYTES = 1 << 20,    /* of stored lines, in memory for a peer that is connected */
    NUMBERS_BYTES = 8 << 20 /* of outbox.numbers: its lines are bounded themselves */
};

void delivery_init(struct outbox *box)
{
    queue_init(&box->lines);
    buffer_init(&box->numbers, NUMBERS_BYTES);
}

void delivery_free(struct peer *peer)
{
    queue_clear(&peer->box.lines);
    buffer_free(&peer->box.numbers);
    timer_stop(peer->node->loop, &peer->box.check);
}

bool delivery_waits(const struct peer *peer)
{
    return peer->box.durable ? peer->box.count > 0 : peer->box.lines.bytes > 0;
}

uint64_t delivery_count(const struct peer *peer)
{
    const struct outbox *box = &peer->box;
    return box->durable ? box->count : queue_count_lines(&box->lines, box->lines.bytes);
}

/* Goodbye has been said: what is posted now is for the next connection. */
static bool is_parting(const struct peer *peer)
{
    return peer->link != NULL && (peer->link->closing || peer->link->finishing);
}

/* Is the other side gone, so that a line waits for it to come back? */
bool delivery_is_away(const struct peer *peer)
{
    if (is_parting(peer))
        return true;
    if (timer_is_set(&peer->grace))
        return false; /* nobody was told that it is gone */
    return !peer_is_up(peer) && peer->tried && !(peer->named && !peer->reached);
}

/* --- what a former run has left --- */

struct count {
    uint64_t above;
    uint64_t lines, bytes;
};

/* Of the first run some lines may be confirmed already. */
static void count_confirmed(void *arg, const struct outbox_run *run)
{
    struct count *c = arg;
    struct span rest = run->lines;
    while (rest.len > 0 && form_number(rest) <= c->above) {
        c->lines++;
        c->bytes += span_cut_line(&rest).len + 1;
    }
}

/* What waits for a durable peer: in the store, or as soon as that takes something again. */
void delivery_recount(struct peer *peer)
{
    struct outbox *box = &peer->box;
    struct outbox_total total;
    outbox_sum(peer->node->db, peer->row.id, box->acked, &total);
    if (total.cursor > box->acked)
        box->acked = total.cursor;
    struct count confirmed = {.above = box->acked};
    outbox_load(peer->node->db, peer->row.id, box->acked, 1, count_confirmed, &confirmed);
    box->count = total.lines - confirmed.lines;
    box->bytes = total.bytes - confirmed.bytes;
    keeping_add_runs(peer, &box->count, &box->bytes);
    if (total.last > box->last)
        box->last = total.last;
    if (box->acked > box->last)
        box->last = box->acked;
}

static bool can_be_durable(const struct peer *peer)
{
    return peer->node->db != NULL && peer->row.node[0] != '\0' && !peer->passing;
}

void delivery_load(struct peer *peer)
{
    struct outbox *box = &peer->box;
    box->durable = can_be_durable(peer);
    if (!box->durable)
        return;
    delivery_recount(peer);
    box->loaded = box->flown = box->acked;
    box->behind = box->count > 0;
}

/* --- what has arrived, and what never will --- */

static enum event_scope first_scope(const struct outbox *box)
{
    struct span run = queue_peek(&box->lines, 0);
    if (box->plain || box->foreign > 0 || run.len == 0)
        return box->scope;
    return span_starts(run, "/msg ") ? SCOPE_DIRECT : SCOPE_BROADCAST;
}

void delivery_drop(struct outbox *box, size_t bytes)
{
    queue_consume(&box->lines, bytes);
    box->told = bytes > 0 ? 0 : box->told;
    box->foreign = box->foreign > bytes ? box->foreign - bytes : 0;
    box->sent = box->sent > bytes ? box->sent - bytes : 0;
    if (box->durable ? box->acked >= box->owed : box->lines.bytes == 0)
        box->held = box->hoped = false;
}

void delivery_lose(struct peer *peer, size_t bytes, const char *cause)
{
    struct outbox *box = &peer->box;
    if (bytes == 0)
        return;
    losses_count(peer, queue_count_lines(&box->lines, bytes), first_scope(box), cause);
    receipts_front(peer, EVENT_LOST, bytes);
    delivery_drop(box, bytes);
    loop_again(peer->node->loop);
}

static void give_up_stored(struct peer *peer, const char *cause)
{
    struct outbox *box = &peer->box;
    keeping_save(peer->node); /* so that those of this turn are told too */
    receipts_stored(peer, EVENT_LOST, box->last);
    losses_count(peer, box->count, first_scope(box), cause);
    queue_clear(&box->lines);
    box->acked = box->loaded = box->last;
    box->count = box->bytes = 0;
    box->sent = 0;
    box->behind = false;
    box->confirmed = peer->node->confirmations = true;
    delivery_drop(box, 0);
    loop_again(peer->node->loop);
}

void delivery_give_up(struct peer *peer, const char *cause)
{
    oneshot_interrupt(peer);
    if (!peer->box.durable)
        delivery_lose(peer, peer->box.lines.bytes, cause);
    else if (peer->box.count > 0 && peer->node->db != NULL) /* when the node ends, it stays */
        give_up_stored(peer, cause);
}

void delivery_to_us(struct peer *peer, const char *cause)
{
    struct verb verb;
    struct slice keep;
    while (form_next_verb(&peer->box.lines, &verb, &keep)) {
        if (verb.kind == VERB_MSG) {
            receipts_line(peer, EVENT_LOST, verb.seq);
            losses_count(peer, 1, SCOPE_DIRECT, cause);
        }
        slice_release(keep);
    }
    delivery_drop(&peer->box, 0);
}

void delivery_part(struct peer *peer, const char *cause)
{
    if (peer->box.durable)
        losses_keep(peer);
    else
        delivery_give_up(peer, cause);
}

/* --- posting --- */

static bool is_full(const struct peer *peer, size_t lines, size_t bytes)
{
    const struct node_config *config = &peer->node->config;
    return peer->box.count + lines > config->queue_lines ||
           peer->box.bytes + bytes > config->queue_bytes;
}

/* Where there is no room and nobody to wait for, the line of that number is lost, and counted. */
static bool refuse_if_full(struct peer *peer, size_t bytes, enum event_scope scope, uint64_t seq)
{
    const char *cause = "its queue is full and it is away";
    bool refused = pump_is_stuck(peer) && delivery_is_away(peer);
    if (peer->box.durable) {
        cause = "its queue is full; see --queue-lines and --queue-bytes";
        refused = is_full(peer, 1, bytes + VERB_HEAD);
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
        box->durable = can_be_durable(peer);
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

/* It would wait in memory for other rules. */
static bool has_lost_hope(const struct peer *peer)
{
    return dialer_is_kept_out(peer) && !peer->box.durable;
}

bool node_send(struct node *node, struct peer *peer, struct span text, const char **cause)
{
    struct posting p = {.node = node, .kind = VERB_MSG, .texts = &text, .first = node->seq + 1};
    if (!form_gather(&p, 1, cause))
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

/* Everyone connected, every named address, session peers that are away but not for too long nor
 * displaced by another node at their address, and one-shot peers that answer. */
static bool is_addressed(const struct peer *peer)
{
    if (peer->row.quiet || has_lost_hope(peer))
        return false;
    if (peer_is_up(peer) && !is_parting(peer))
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

static bool has_room(const struct peer *peer, const struct posting *p)
{
    size_t bytes = p->bytes + p->count * VERB_HEAD;
    if (peer->box.durable)
        return !is_full(peer, p->count, bytes);
    return !delivery_is_away(peer) || peer->box.lines.bytes + bytes < NODE_OUTBOX_MAX;
}

/* What some cannot take as a whole, and what nobody takes, goes line by line. */
static bool all_have_room(const struct posting *p)
{
    size_t addressed = 0;
    for (size_t i = 0; i < p->node->peer_count; i++) {
        const struct peer *peer = p->node->peers[i];
        if (!is_addressed(peer))
            continue;
        addressed++;
        if (!has_room(peer, p))
            return false;
    }
    return addressed > 0;
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
    if (!form_gather(&p, count, cause))
        return 0;
    if (p.count > 1 && !all_have_room(&p)) {
        p.count = 1;
        p.bytes = texts[0].len;
    }
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

/* --- another place to wait --- */

static void post_again(struct peer *to, struct queue *lines, bool held, uint64_t from,
                       uint64_t upto)
{
    struct verb verb;
    struct slice keep;
    while (form_next_verb(lines, &verb, &keep)) {
        if (verb.kind == VERB_MSG || verb.seq < from || verb.seq > upto) {
            struct posting p = form_posting(to->node, verb.kind, &verb.text);
            post_alone(to, &p, held);
        }
        slice_release(keep);
    }
}

/* Two peers have turned out to be one. What was posted to both for everyone goes once; the rest is
 * numbered anew, for the numbers towards a peer only ever rise. */
void delivery_move(struct peer *to, struct peer *from)
{
    struct outbox *box = &from->box;
    delivery_drop(box, box->plain ? box->sent : box->foreign); /* arrives as it is */
    if (box->plain)
        form_to_verbs(from);
    post_again(to, &box->lines, box->held, to->got_from, to->got_to);
    delivery_drop(box, 0);
}

/* A peer has said who it is: from now on what waits for it is stored. */
void delivery_make_durable(struct peer *peer)
{
    struct outbox *box = &peer->box;
    if (box->durable || !can_be_durable(peer))
        return;
    delivery_drop(box, box->foreign); /* arrives as it is */
    struct queue lines = box->lines;
    bool held = box->held;
    queue_init(&box->lines);
    box->durable = true;
    box->acked = box->loaded = box->flown = box->last = peer->node->seq;
    post_again(peer, &lines, held, UINT64_MAX, 0);
    queue_clear(&lines);
}
