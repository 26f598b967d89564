/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has been taken from others, until it has left for stdout. A line is confirmed to its sender
 * when stdout has it or, with a store, when the store has it for stdout; both only after the turn's
 * commit. So a line that was confirmed is printed even after a crash, and a stdout that has stopped
 * soon stops the confirmations, and with them the sender. It does not know how lines come in.
 */
#include "config.h"

#include "mesh/arrivals.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fingerprint.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/peer.h"
#include "store/inbox.h"

enum {
    SHELF_BYTES = 1 << 20,     /* stored for a stdout that is slow */
    ARRIVAL_BYTES = 64 * 1024, /* about so much is stored as one */
    LEAST_BYTES = 8,           /* of a verb besides its text: never more than its sender counts */
    /* Of one sender, not confirmed: its window, and once more that of a numbering begun anew. */
    OPEN_BYTES = 2 * NODE_OUTBOX_MAX,
};

/* Lines taken from one peer in one turn, until they have left for stdout. */
struct arrival {
    struct arrival *next;
    struct peer *peer;  /* held; NULL for what a former run has left */
    uint64_t epoch;     /* of the sender's numbering */
    uint64_t last;      /* number of the last line */
    uint64_t due;       /* when the sink has written so much, they have left */
    size_t bytes;       /* of them, as verbs; without a store a little less */
    struct slice lines; /* as verbs, if they may have to be stored */
    int64_t row;        /* where they are stored; 0 not */
    size_t untold;      /* bytes at their end that stay there for the next run */
    bool stored;        /* for good */
};

static void free_arrival(struct arrival *a)
{
    peer_release(a->peer);
    slice_release(a->lines);
    free(a);
}

void arrivals_free(struct node *node)
{
    while (node->arrivals != NULL) {
        struct arrival *a = node->arrivals;
        node->arrivals = a->next;
        free_arrival(a);
    }
}

static struct arrival *append(struct node *node, struct peer *peer)
{
    struct arrival *a = alloc_zero(1, sizeof *a);
    a->peer = peer != NULL ? peer_hold(peer) : NULL;
    if (node->arrivals == NULL)
        node->arrivals = a;
    else
        node->last_arrival->next = a;
    node->last_arrival = a;
    if (node->unsettled == NULL && peer != NULL)
        node->unsettled = a;
    return a;
}

/* --- taking --- */

void arrivals_meet(struct peer *peer, uint64_t epoch)
{
    struct node *node = peer->node;
    if (peer->epoch == epoch)
        return;
    peer->epoch = epoch;
    peer->mark = node->db != NULL ? inbox_mark(node->db, peer->row.node, epoch) : 0;
    peer->kept = peer->mark;
}

/* The lines of this turn from one peer are one arrival, as far as they lie side by side. */
static bool belongs(const struct node *node, const struct arrival *a, const struct peer *peer,
                    struct slice line)
{
    if (!node->arriving || a->peer != peer || a->epoch != peer->epoch)
        return false;
    return node->db == NULL ||
           (a->lines.chunk == line.chunk && a->lines.at + a->lines.len == line.at &&
            a->lines.len < ARRIVAL_BYTES);
}

bool arrivals_overrun(const struct peer *peer)
{
    return peer->open > OPEN_BYTES;
}

static void count_open(struct peer *peer, size_t open)
{
    bool was = arrivals_overrun(peer);
    peer->open = open;
    if (arrivals_overrun(peer) != was && peer->link != NULL)
        link_hold(peer->link);
}

static struct slice copy_line(struct node *node, const struct verb *verb)
{
    char room[VERB_HEAD];
    const struct span parts[] = {verb_head(verb->kind, verb->seq, room), verb->text, span_of("\n")};
    return spool_write(&node->arrived, parts, 3);
}

void arrivals_add(struct peer *peer, const struct verb *verb)
{
    struct node *node = peer->node;
    struct slice line = node->db != NULL ? copy_line(node, verb) : (struct slice){0};
    size_t bytes = node->db != NULL ? line.len : LEAST_BYTES + verb->text.len;
    struct arrival *a = node->last_arrival;
    if (node->arrivals == NULL || !belongs(node, a, peer, line)) {
        a = append(node, peer);
        a->epoch = peer->epoch;
        a->lines = line;
        node->arriving = true;
    } else {
        a->lines.len += line.len;
        slice_release(line);
    }
    node->arrived_bytes += line.len;
    a->bytes += bytes;
    count_open(peer, peer->open + bytes);
    a->last = verb->seq;
    a->due = node->sink.accepted(node->sink.arg);
}

/* --- confirming --- */

static void settle(struct arrival *a)
{
    struct peer *peer = a->peer;
    if (a->epoch != peer->epoch)
        return;
    peer->settling = a->last;
    peer->settles = true;
}

static bool shelve(struct node *node, struct arrival *a)
{
    if (node->db == NULL || node->shelved_bytes + a->lines.len > SHELF_BYTES)
        return false;
    a->row = inbox_add(node->db, &(struct inbox_run){.node = a->peer->row.node,
                                                     .address = a->peer->text,
                                                     .name = a->peer->shown,
                                                     .epoch = a->epoch,
                                                     .lines = slice_span(a->lines)});
    node->shelved_bytes += a->lines.len;
    return true;
}

/* Everything that stdout has, and what fits into the store; the rest waits. Returns the first that
 * does. */
static struct arrival *settle_all(struct node *node, uint64_t written)
{
    struct arrival *a = node->unsettled;
    while (a != NULL && (a->due <= written || shelve(node, a))) {
        settle(a);
        a = a->next;
    }
    return a;
}

static void write_marks(struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (peer->settles)
            inbox_set_mark(node->db, peer->row.node, peer->epoch, peer->settling);
    }
}

static void drop_written(struct node *node, uint64_t written)
{
    int64_t upto = 0;
    for (struct arrival *a = node->arrivals; a != NULL && a->due <= written; a = a->next) {
        if (!a->stored)
            continue;
        if (a->untold > 0)
            inbox_shorten(node->db, a->row, a->untold);
        upto = a->untold > 0 ? a->row - 1 : a->row;
    }
    if (upto != 0)
        inbox_drop(node->db, upto);
}

static void forget_written(struct node *node, uint64_t written)
{
    while (node->arrivals != NULL && node->arrivals != node->unsettled &&
           node->arrivals->due <= written) {
        struct arrival *a = node->arrivals;
        node->arrivals = a->next;
        if (a->row != 0)
            node->shelved_bytes -= a->lines.len;
        free_arrival(a);
    }
}

static void confirm(struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (!peer->settles)
            continue;
        peer->settles = false;
        peer->kept = peer->settling;
        if (peer->link == NULL || !link_is_session(peer->link))
            continue;
        link_ack(peer->link);
        link_acked(peer->link);
    }
}

static void take_back(struct node *node, struct arrival *end)
{
    for (struct arrival *a = node->unsettled; a != end; a = a->next) {
        if (a->row != 0)
            node->shelved_bytes -= a->lines.len;
        a->row = 0;
    }
    for (size_t i = 0; i < node->peer_count; i++)
        node->peers[i]->settles = false;
}

void arrivals_settle(struct node *node)
{
    uint64_t written = node->sink.written(node->sink.arg);
    node->arriving = false;
    if (node->arrivals == NULL || (node->unstored && timer_is_set(&node->retry)))
        return;
    struct arrival *end = settle_all(node, written);
    bool settled = end != node->unsettled;
    if (node->db != NULL) {
        drop_written(node, written);
        if (settled)
            write_marks(node);
        if (!keeping_commit(node)) {
            take_back(node, end);
            return;
        }
    }
    for (struct arrival *a = node->unsettled; a != end; a = a->next) {
        node->arrived_bytes -= a->lines.len;
        count_open(a->peer, a->peer->open - a->bytes);
        a->stored = a->row != 0;
    }
    node->unsettled = end;
    forget_written(node, written);
    if (settled)
        confirm(node);
}

/* --- what a former run has left --- */

static void tell_run(void *arg, const struct inbox_run *run)
{
    struct node *node = arg;
    struct verb verb;
    const char *cause;
    struct span rest = run->lines;
    if (node_has_enough(node))
        return; /* it stays stored */
    while (rest.len > 0 && !node_has_enough(node)) {
        if (!verb_parse(span_cut_line(&rest), &verb, &cause) ||
            (verb.kind != VERB_MSG && verb.kind != VERB_BCAST))
            continue;
        node->messages++;
        node->sink.event(
            node->sink.arg,
            &(struct event){.kind = EVENT_MESSAGE,
                            .address = run->address,
                            .name = run->name,
                            .node = run->node,
                            .scope = verb.kind == VERB_MSG ? SCOPE_DIRECT : SCOPE_BROADCAST,
                            .id = {run->node, run->epoch, verb.seq},
                            .text = verb.text,
                            .plain = !fingerprint_is(span_of(run->node))});
    }
    struct arrival *a = append(node, NULL);
    a->row = run->id;
    a->untold = rest.len;
    a->lines.len = run->lines.len; /* which are the store's: only their room is taken */
    node->shelved_bytes += run->lines.len;
    a->stored = true;
    a->due = node->sink.accepted(node->sink.arg);
}

void arrivals_load(struct node *node)
{
    if (node->db != NULL)
        inbox_load(node->db, tell_run, node);
}
