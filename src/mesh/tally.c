/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts lines as they go and as they are confirmed, if somebody shows it: that takes a walk over
 * all bytes. It decides nothing, and does not know what a line says.
 */
#include "config.h"

#include "mesh/tally.h"

#include "mesh/delivery.h"
#include "mesh/internal.h"
#include "mesh/peer.h"

void tally_sent(struct node *node, struct span lines)
{
    if (!node->config.tally)
        return;
    node->progress.sent_lines += span_count_lines(lines);
    node->progress.sent_bytes += lines.len;
}

void tally_acked(struct node *node, uint64_t lines, uint64_t bytes)
{
    node->progress.acked_lines += lines;
    node->progress.acked_bytes += bytes;
}

void tally_front(const struct peer *peer, size_t bytes)
{
    if (peer->node->config.tally)
        tally_acked(peer->node, queue_count_lines(&peer->box.lines, bytes), bytes);
}

/* What leaving would not wait for does not count as left: copies for those who were away. */
void node_look_progress(const struct node *node, struct node_progress *out)
{
    *out = node->progress;
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct outbox *box = &node->peers[i]->box;
        if (!box->held && !box->hoped)
            continue;
        out->left_lines += delivery_count(node->peers[i]);
        out->left_bytes += box->durable ? box->bytes : box->lines.bytes;
    }
}
