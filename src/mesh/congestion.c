/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the source of lines waits, and for whom: nobody's memory may fill up, and nobody who has
 * stopped may hold up the others. Only those for whom something waits are looked at, however many
 * peers there are. It sends nothing.
 */
#include "config.h"

#include "mesh/congestion.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/delivery.h"
#include "mesh/internal.h"
#include "mesh/peer.h"
#include "mesh/pump.h"

/* --- those for whom something waits --- */

void congestion_note(struct peer *peer)
{
    struct node *node = peer->node;
    if (peer->box.laden)
        return;
    peer->box.laden = true;
    node->laden =
        alloc_grow(node->laden, node->laden_count, &node->laden_room, sizeof *node->laden);
    node->laden[node->laden_count++] = peer_hold(peer);
}

static bool is_laden(const struct peer *peer)
{
    return !peer->forgotten && peer->became == NULL && delivery_waits(peer);
}

void congestion_turn(struct node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < node->laden_count; i++) {
        struct peer *peer = node->laden[i];
        peer->box.laden = is_laden(peer);
        if (peer->box.laden)
            node->laden[kept++] = peer;
        else
            peer_release(peer);
    }
    node->laden_count = kept;
}

void congestion_free(struct node *node)
{
    free(node->laden);
}

/* --- durable peers --- */

/* Does it get what is being sent now, and is it there to take it? */
static bool is_served(const struct peer *peer)
{
    return peer->box.durable && peer->link != NULL && peer->box.last == peer->node->seq;
}

bool congestion_is_behind(const struct peer *peer)
{
    const struct outbox *box = &peer->box;
    return box->durable && peer->link != NULL && box->bytes >= NODE_OUTBOX_MAX;
}

bool congestion_moves(const struct peer *peer)
{
    return loop_now(peer->node->loop) - peer->box.progress < NODE_STALL_US;
}

static bool is_nearly_full(const struct peer *peer)
{
    const struct node_config *config = &peer->node->config;
    return peer->box.count >= config->queue_lines - config->queue_lines / 4 ||
           peer->box.bytes >= config->queue_bytes - config->queue_bytes / 4;
}

static bool is_brisk(const struct peer *peer)
{
    return loop_now(peer->node->loop) - peer->box.brisk < NODE_STALL_US;
}

static bool has_one_abreast(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (is_served(node->peers[i]) && !congestion_is_behind(node->peers[i]))
            return true;
    }
    return false;
}

/* With a store the source waits while all who get its lines are behind, and for one whose queue
 * would soon be full although it takes lines briskly. */
static bool is_outrun(const struct node *node)
{
    bool behind = false;
    for (size_t i = 0; i < node->laden_count; i++) {
        const struct peer *peer = node->laden[i];
        if (!is_served(peer))
            continue;
        if (is_nearly_full(peer) && is_brisk(peer))
            return true;
        behind = behind || (congestion_is_behind(peer) && congestion_moves(peer));
    }
    return behind && !has_one_abreast(node);
}

bool node_is_congested(const struct node *node)
{
    if (node->unstored || is_outrun(node))
        return true;
    for (size_t i = 0; i < node->laden_count; i++) {
        const struct peer *peer = node->laden[i];
        if (pump_is_full(peer) && timer_is_set(&peer->box.check))
            return true;
    }
    return false;
}
