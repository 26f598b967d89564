/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was not delivered and never will be: counted for each peer, and told together, so that a
 * thousand lost lines are one line of news. It does not decide what is lost.
 */
#include "config.h"

#include "mesh/losses.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/delivery.h"
#include "mesh/internal.h"
#include "mesh/peer.h"

enum { TELL_US = 1000000 /* losses are told at most so often */ };

static void tell_all(void *arg)
{
    node_tell_losses(arg);
}

void losses_tell_peer(struct peer *peer)
{
    struct outbox *box = &peer->box;
    if (box->lost == 0)
        return;
    struct event event = {.kind = EVENT_FAILED,
                          .count = box->lost,
                          .scope = box->lost_scope,
                          .cause = box->lost_cause};
    box->lost = 0;
    peer_tell(peer->node, peer, event);
}

void node_tell_losses(struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++)
        losses_tell_peer(node->peers[i]);
    node->told_at = loop_now(node->loop);
}

void losses_count(struct peer *peer, size_t lines, enum event_scope scope, const char *cause)
{
    struct node *node = peer->node;
    struct outbox *box = &peer->box;
    if (lines == 0)
        return;
    box->lost += lines;
    box->lost_scope = scope;
    free(box->lost_cause);
    box->lost_cause = alloc_string(cause);
    uint64_t due = node->told_at + TELL_US;
    if (!timer_is_set(&node->tell))
        timer_set(node->loop, &node->tell, node->told_at == 0 ? loop_now(node->loop) : due,
                  tell_all, node);
}

static void tell_kept(struct peer *peer, enum event_kind kind)
{
    const char *cause = peer->cause[0] != '\0' ? peer->cause : "not confirmed in time";
    peer_tell(peer->node, peer,
              (struct event){.kind = kind,
                             .count = delivery_count(peer),
                             .stored = peer->box.durable,
                             .cause = cause});
}

void losses_keep(struct peer *peer)
{
    if (peer->box.held && delivery_waits(peer))
        tell_kept(peer, EVENT_KEPT);
    peer->box.held = peer->box.hoped = false;
}

void losses_kept_back(struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        struct outbox *box = &peer->box;
        if (!delivery_waits(peer))
            continue;
        if (!box->held)
            tell_kept(peer, EVENT_KEPT_BACK);
        else if (box->durable)
            losses_keep(peer);
        else
            delivery_give_up(peer, peer->cause[0] != '\0' ? peer->cause : "not confirmed in time");
        if (!box->durable)
            delivery_drop(box, box->lines.bytes);
    }
    node_tell_losses(node);
}
