/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * News of single lines: stored, sent, delivered, lost. It costs a walk over the lines, so it is
 * done only if the user has asked for it. It decides nothing.
 */
#include "config.h"

#include "mesh/receipts.h"

#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/peer.h"
#include "store/outbox.h"

void receipts_line(struct peer *peer, enum event_kind kind, uint64_t seq)
{
    struct node *node = peer->node;
    if (!node->config.receipts)
        return;
    bool plain_session = peer->row.dialect == DIALECT_SESSION && !peer_has_key(peer);
    const char *id = plain_session ? node->plain_id : node->id; /* as the peer itself knows us */
    peer_tell(node, peer, (struct event){.kind = kind, .id = {id, node->epoch, seq}});
}

void receipts_verbs(struct peer *peer, enum event_kind kind, struct span lines, uint64_t above,
                    uint64_t upto)
{
    if (!peer->node->config.receipts)
        return;
    while (lines.len > 0) {
        uint64_t seq = form_number(span_cut_line(&lines));
        if (seq > above && seq <= upto)
            receipts_line(peer, kind, seq);
    }
}

/* A stream's bytes do not move in whole lines: a line has moved when its last byte has. */
static void plain_front(struct peer *peer, enum event_kind kind, size_t bytes)
{
    struct outbox *box = &peer->box;
    size_t lines = queue_count_lines(&box->lines, bytes);
    while (lines-- > 0 && buffer_length(&box->numbers) > 0) {
        uint64_t seq;
        memcpy(&seq, buffer_span(&box->numbers).at, sizeof seq);
        buffer_consume(&box->numbers, sizeof seq);
        receipts_line(peer, kind, seq);
    }
}

void receipts_front(struct peer *peer, enum event_kind kind, size_t bytes)
{
    struct outbox *box = &peer->box;
    if (!peer->node->config.receipts)
        return;
    if (box->plain) {
        plain_front(peer, kind, bytes);
        return;
    }
    for (size_t at = box->foreign; at < bytes;) {
        struct span run = queue_peek(&box->lines, at);
        size_t len = run.len < bytes - at ? run.len : bytes - at;
        receipts_verbs(peer, kind, span_make(run.at, len), 0, UINT64_MAX);
        at += len;
    }
}

struct stored {
    struct peer *peer;
    enum event_kind kind;
    uint64_t upto;
};

static void tell_run(void *arg, const struct outbox_run *run)
{
    const struct stored *s = arg;
    receipts_verbs(s->peer, s->kind, run->lines, s->peer->box.acked, s->upto);
}

void receipts_stored(struct peer *peer, enum event_kind kind, uint64_t upto)
{
    struct stored s = {peer, kind, upto};
    if (peer->node->config.receipts)
        outbox_load(peer->node->db, peer->row.id, peer->box.acked, SIZE_MAX, tell_run, &s);
}
