/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What waits for a peer, and what becomes of it: a line stays in the peer's outbox until it is
 * delivered or lost, and what is lost is counted and told. For peers that have said /hello a line
 * is stored before it leaves. It does not know who gets what, nor how lines get onto a connection.
 */
#include "config.h"

#include "mesh/delivery.h"

#include <stdlib.h>

#include "mesh/congestion.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/posting.h"
#include "mesh/pump.h"
#include "mesh/receipts.h"
#include "store/outbox.h"

enum { NUMBERS_BYTES = 8 << 20 }; /* of outbox.numbers: its lines are bounded themselves */

void delivery_init(struct outbox *box)
{
    queue_init(&box->lines);
    buffer_init(&box->numbers, NUMBERS_BYTES);
}

void delivery_free(struct peer *peer)
{
    queue_clear(&peer->box.lines);
    buffer_free(&peer->box.numbers);
    free(peer->box.lost_cause);
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
bool delivery_is_parting(const struct peer *peer)
{
    return peer->link != NULL && (peer->link->closing || peer->link->finishing);
}

/* Is the other side gone, so that a line waits for it to come back? */
bool delivery_is_away(const struct peer *peer)
{
    if (delivery_is_parting(peer))
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

bool delivery_can_be_stored(const struct peer *peer)
{
    return peer->node->db != NULL && peer->row.node[0] != '\0' && !peer->passing;
}

void delivery_load(struct peer *peer)
{
    struct outbox *box = &peer->box;
    box->durable = delivery_can_be_stored(peer);
    if (!box->durable)
        return;
    delivery_recount(peer);
    box->loaded = box->flown = box->acked;
    box->behind = box->count > 0;
    if (box->behind)
        congestion_note(peer);
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

/* --- another place to wait --- */

static void post_again(struct peer *to, struct queue *lines, bool held, uint64_t from,
                       uint64_t upto)
{
    struct verb verb;
    struct slice keep;
    while (form_next_verb(lines, &verb, &keep)) {
        if (verb.kind == VERB_MSG || verb.seq < from || verb.seq > upto)
            posting_again(to, &verb, held);
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
    if (box->durable || !delivery_can_be_stored(peer))
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
