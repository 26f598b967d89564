/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the node stores of its own lines, in one commit at the end of each turn: runs of lines for
 * durable peers, the numbers given, and what was confirmed. Nothing numbered leaves before that. A
 * commit that fails is tried again; until one succeeds nothing is forgotten and nothing leaves.
 */
#include "config.h"

#include "mesh/keeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "mesh/internal.h"
#include "mesh/inviting.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/receipts.h"
#include "mesh/standing.h"
#include "mesh/tombs.h"
#include "store/outbox.h"

enum {
    RUN_BYTES = 64 * 1024,
    RETRY_US = 1000000, /* after a commit that has failed */
};

/* Neighbouring lines for the same durable peers, until they are stored. */
struct run {
    struct run *next;
    struct slice lines;
    uint64_t first, last; /* numbers */
    size_t count;         /* lines */
    struct peer **peers;  /* held */
    size_t peer_count;
};

#define SEQ_MAX ((uint64_t)INT64_MAX / 2) /* numbers are signed in a store, and go on from here */

static uint64_t load_number(struct node *node, const char *key)
{
    uint64_t number = 0;
    char *text = database_get(node->db, key);
    if (text != NULL && !span_number(span_of(text), &number))
        number = 0;
    free(text);
    return number;
}

static void save_number(struct node *node, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    database_set(node->db, key, text);
}

void keeping_start(struct node *node)
{
    node->epoch = node->boot;
    if (node->db == NULL)
        return;
    uint64_t epoch = load_number(node, "epoch");
    uint64_t seq = load_number(node, "seq");
    if (epoch == 0 || seq > SEQ_MAX) { /* the state is new, or somebody has been at it */
        save_number(node, "epoch", node->epoch);
        return;
    }
    node->epoch = epoch;
    node->seq = node->stored_seq = node->given = seq;
}

/* --- runs --- */

static void free_run(struct run *run)
{
    for (size_t i = 0; i < run->peer_count; i++)
        peer_release(run->peers[i]);
    free(run->peers);
    slice_release(run->lines);
    free(run);
}

static void drop_runs(struct node *node)
{
    while (node->runs != NULL) {
        struct run *run = node->runs;
        node->runs = run->next;
        free_run(run);
    }
    node->last_run = NULL;
}

void keeping_free(struct node *node)
{
    drop_runs(node);
    free(node->audience);
    free(node->dropped);
}

void keeping_address(struct node *node, struct peer *peer)
{
    node->audience = alloc_grow(node->audience, node->audience_count, &node->audience_room,
                                sizeof(struct peer *));
    node->audience[node->audience_count++] = peer;
}

static bool continues(const struct node *node, const struct run *run, struct slice lines)
{
    return run->lines.chunk == lines.chunk && run->lines.at + run->lines.len == lines.at &&
           run->lines.len + lines.len <= RUN_BYTES && run->peer_count == node->audience_count &&
           memcmp(run->peers, node->audience, run->peer_count * sizeof *run->peers) == 0;
}

static struct run *new_run(struct node *node, struct slice lines, uint64_t seq)
{
    struct run *run = alloc_zero(1, sizeof *run);
    run->lines = slice_retain(lines);
    run->lines.len = 0;
    run->first = seq;
    run->peer_count = node->audience_count;
    run->peers = alloc_resize(NULL, run->peer_count, sizeof *run->peers);
    for (size_t i = 0; i < run->peer_count; i++)
        run->peers[i] = peer_hold(node->audience[i]);
    if (node->last_run == NULL)
        node->runs = run;
    else
        node->last_run->next = run;
    node->last_run = run;
    return run;
}

void keeping_post(struct posting *p)
{
    struct node *node = p->node;
    if (node->audience_count == 0)
        return;
    struct slice lines = form_verbs(p);
    struct run *run = node->last_run;
    if (run == NULL || !continues(node, run, lines))
        run = new_run(node, lines, p->first);
    run->lines.len += lines.len;
    run->last = form_last(p);
    run->count += p->count;
    node->audience_count = 0;
}

void keeping_add_runs(const struct peer *peer, uint64_t *lines, uint64_t *bytes)
{
    for (const struct run *run = peer->node->runs; run != NULL; run = run->next) {
        for (size_t i = 0; i < run->peer_count; i++) {
            *lines += run->peers[i] == peer ? run->count : 0;
            *bytes += run->peers[i] == peer ? run->lines.len : 0;
        }
    }
}

/* --- the turn's commit --- */

static void write_run(struct node *node, const struct run *run)
{
    int64_t *ids = alloc_resize(NULL, run->peer_count, sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < run->peer_count; i++) {
        if (!run->peers[i]->forgotten && run->peers[i]->row.id != 0)
            ids[count++] = run->peers[i]->row.id;
    }
    outbox_add(node->db,
               &(struct outbox_run){.first = run->first,
                                    .last = run->last,
                                    .count = run->count,
                                    .at = (int64_t)(node->wall_us / 1000000),
                                    .lines = slice_span(run->lines)},
               ids, count);
    free(ids);
}

static void write_confirmations(struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct peer *peer = node->peers[i];
        if (peer->box.confirmed && peer->row.id != 0)
            outbox_confirm(node->db, peer->row.id, peer->box.acked);
    }
}

static void tell_queued(struct node *node)
{
    for (const struct run *run = node->runs; run != NULL && node->config.receipts;
         run = run->next) {
        for (size_t i = 0; i < run->peer_count; i++) {
            if (!run->peers[i]->forgotten)
                receipts_verbs(run->peers[i], EVENT_QUEUED, slice_span(run->lines), 0, UINT64_MAX);
        }
    }
}

static void try_again(void *arg)
{
    (void)arg; /* the turn that follows does */
}

bool keeping_commit(struct node *node)
{
    bool kept = database_commit(node->db);
    bool was = node->unstored;
    node->unstored = !kept;
    if (!kept)
        timer_set(node->loop, &node->retry, loop_now(node->loop) + RETRY_US, try_again, node);
    for (size_t i = 0; i < node->peer_count && kept && was; i++)
        pump_ready(node->peers[i]);
    return kept;
}

static void forget_confirmations(struct node *node)
{
    node->confirmations = false;
    for (size_t i = 0; i < node->peer_count; i++)
        node->peers[i]->box.confirmed = false;
}

/* Where there is no room for what comes, there may be for letting go of what is confirmed. */
static bool save_confirmations(struct node *node)
{
    membership_write(node);
    write_confirmations(node);
    if (!keeping_commit(node))
        return false;
    forget_confirmations(node);
    return true;
}

static bool has_news(const struct node *node)
{
    return node->dirty || node->runs != NULL || node->confirmations ||
           node->seq != node->stored_seq || node->unstored;
}

void keeping_save(struct node *node)
{
    if (node->db == NULL || timer_is_set(&node->retry))
        return;
    if (!has_news(node))
        return;
    if (node->unstored && node->confirmations && !save_confirmations(node))
        return;
    membership_write(node);
    write_confirmations(node); /* what goes makes room for what comes */
    for (const struct run *run = node->runs; run != NULL; run = run->next)
        write_run(node, run);
    save_number(node, "seq", node->seq);
    if (node->unstored || node->renumbered)
        save_number(node, "epoch", node->epoch);
    if (!keeping_commit(node))
        return;
    tell_queued(node);
    drop_runs(node);
    node->stored_seq = node->seq;
    node->dirty = false;
    node->dropped_count = 0;
    tombs_written(node);
    standing_written(node);
    inviting_written(node);
    forget_confirmations(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (peer->row.id != 0)
            peer->dirty = false;
    }
}

static void lose_run(const struct run *run)
{
    for (size_t i = 0; i < run->peer_count; i++) {
        struct peer *peer = run->peers[i];
        struct outbox *box = &peer->box;
        if (peer->forgotten || box->count < run->count)
            continue;
        receipts_verbs(peer, EVENT_LOST, slice_span(run->lines), 0, UINT64_MAX);
        losses_count(peer, run->count, box->scope, "could not be stored");
        box->count -= run->count;
        box->bytes -= run->lines.len;
    }
}

void keeping_give_up(struct node *node)
{
    for (const struct run *run = node->runs; run != NULL; run = run->next)
        lose_run(run);
    drop_runs(node);
}

/* --- another numbering --- */

void keeping_renumber(struct node *node)
{
    uint64_t now = clock_wall_us();
    node->epoch = now > node->epoch ? now : node->epoch + 1;
    node->given = 0;
    node->renumbered = true;
    node->dirty = true;
    for (struct link *l = node->links; l != NULL;) {
        bool plain = link_is_used(l) && !link_is_session(l);
        struct link *next = l->next;
        if (!plain)
            link_kill(l, "our numbering begins anew");
        l = plain ? next : node->links;
    }
}
