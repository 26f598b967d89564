/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How things stand, for whoever asks: nothing here changes anything. What follows from an answer,
 * such as that it is time to leave, is decided by those who ask.
 */
#include "config.h"

#include "mesh/node.h"

#include "mesh/delivery.h"
#include "mesh/internal.h"
#include "mesh/peer.h"

uint64_t node_last_number(const struct node *node)
{
    return node->seq;
}

bool node_are_sent(const struct node *node, uint64_t first, uint64_t last)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct outbox *box = &node->peers[i]->box;
        bool held = box->held || (box->hoped && !node->peers[i]->tried);
        if (held && box->last >= first && box->acked < last)
            return false;
    }
    return true;
}

bool node_is_sent(const struct node *node)
{
    return node_are_sent(node, 0, UINT64_MAX);
}

bool node_is_delivered(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (delivery_waits(node->peers[i]))
            return false;
    }
    return true;
}

bool node_is_settled(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peers[i]->named && !node->peers[i]->tried)
            return false;
    }
    return true;
}

bool node_is_stored(const struct node *node)
{
    return !node->unstored;
}

bool node_reached_all(const struct node *node, const char **which)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct peer *peer = node->peers[i];
        if (peer->named && !peer->reached) {
            *which = peer->text;
            return false;
        }
    }
    return true;
}

size_t node_up_count(const struct node *node)
{
    size_t up = 0;
    for (size_t i = 0; i < node->peer_count; i++)
        up += peer_is_up(node->peers[i]);
    return up;
}

uint64_t node_message_count(const struct node *node)
{
    return node->messages;
}

uint64_t node_last_receipt(const struct node *node)
{
    return node->last_receipt;
}

bool node_has_confirmed(const struct node *node)
{
    return node->unsettled == NULL;
}

bool node_has_enough(const struct node *node)
{
    return node->config.message_limit != 0 && node->messages >= node->config.message_limit;
}
