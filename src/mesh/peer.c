/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one peer is: its names, its state, and the news when that changes. It does not know who
 * else there is, nor how anything is sent.
 */
#include "config.h"

#include "mesh/peer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fingerprint.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/directory.h"
#include "mesh/internal.h"
#include "mesh/names.h"
#include "mesh/oneshot.h"

/* How long a connection that was lost to a crossed dial may be missing before that is news. */
enum { PEER_GRACE_US = 2000000 };

struct peer *peer_new(struct node *node)
{
    struct peer *peer = alloc_zero(1, sizeof *peer);
    peer->node = node;
    peer->rtt_us = -1;
    snprintf(peer->row.name, sizeof peer->row.name, "-");
    snprintf(peer->shown, sizeof peer->shown, "-");
    peer->text = alloc_string("-");
    delivery_init(&peer->box);
    return peer;
}

void peer_free(struct peer *peer)
{
    dialer_cancel(peer);
    oneshot_cancel(peer);
    delivery_free(peer);
    timer_stop(peer->node->loop, &peer->grace);
    free(peer->host);
    free(peer->alias);
    free(peer->text);
    free(peer);
}

struct peer *peer_hold(struct peer *peer)
{
    peer->holds++;
    return peer;
}

void peer_release(struct peer *peer)
{
    if (peer == NULL)
        return;
    peer->holds--;
    if (peer->holds > 0 || !(peer->forgotten || peer->became != NULL))
        return;
    peer_release(peer->became);
    peer_free(peer);
}

struct peer *peer_current(struct peer *peer)
{
    while (peer->became != NULL)
        peer = peer->became;
    return peer->forgotten ? NULL : peer;
}

bool peer_is_up(const struct peer *peer)
{
    if (peer->link != NULL)
        return true;
    return peer->row.dialect == DIALECT_ONESHOT && peer->heard && !peer->left && !peer->failing;
}

bool peer_is_dialing(const struct peer *peer)
{
    const struct attempt *a = &peer->attempt;
    return a->lookup != NULL || a->dial != NULL || a->link != NULL;
}

bool peer_has_key(const struct peer *peer)
{
    return fingerprint_is(span_of(peer->row.node));
}

bool peer_is_plain(const struct peer *peer)
{
    return peer->row.dialect != DIALECT_UNKNOWN && !peer_has_key(peer);
}

bool peer_has_parted(const struct peer *peer)
{
    return !peer_is_up(peer) && !peer->says_exit;
}

bool peer_dial_has_ended(const struct peer *peer)
{
    return peer->tried;
}

const char *dialect_name(enum dialect dialect)
{
    static const char *const names[] = {
        [DIALECT_UNKNOWN] = "unknown",
        [DIALECT_ONESHOT] = "oneshot",
        [DIALECT_STREAM] = "stream",
        [DIALECT_SESSION] = "session",
    };
    return names[dialect];
}

void peer_look(const struct peer *peer, struct peer_view *out)
{
    *out = (struct peer_view){
        .address = peer->text,
        .name = peer->shown,
        .node = peer->row.node,
        .dialect = (enum dialect)peer->row.dialect,
        .plain = peer_is_plain(peer),
        .cause = peer->cause,
        .seen = peer->row.seen,
        .rtt_us = peer->rtt_us,
        .waiting = delivery_count(peer),
        .waiting_bytes = peer->box.durable ? peer->box.bytes : peer->box.lines.bytes,
    };
    if (peer->row.banned)
        out->state = PEER_BANNED;
    else if (peer_is_up(peer))
        out->state = PEER_UP;
    else if (peer_is_dialing(peer))
        out->state = PEER_DIALING;
    else
        out->state = peer->failing ? PEER_UNREACHABLE : PEER_DOWN;
}

enum ping_state peer_ping_state(const struct peer *peer)
{
    return peer->ping_state;
}

void peer_tell(struct node *node, const struct peer *peer, struct event event)
{
    event.address = peer->text;
    event.name = peer->shown;
    event.node = peer->row.node;
    event.plain = peer_is_plain(peer);
    node->sink.event(node->sink.arg, &event);
}

static void set_cause(struct peer *peer, const char *cause)
{
    snprintf(peer->cause, sizeof peer->cause, "%s", cause != NULL ? cause : "");
}

void peer_touch(struct peer *peer)
{
    peer->dirty = true;
    peer->node->dirty = true;
}

void peer_settle(struct peer *peer, const char *cause)
{
    bool up = peer_is_up(peer);
    if (cause != NULL)
        set_cause(peer, cause);
    if (up) {
        peer->greeted = true;
        timer_stop(peer->node->loop, &peer->grace);
        peer->failing = false;
        peer->tried = true;
        peer->reached = true;
        peer->up_at = loop_now(peer->node->loop);
    }
    if (up == peer->announced)
        return;
    peer->announced = up;
    if (up)
        set_cause(peer, NULL);
    peer_touch(peer);
    peer_tell(peer->node, peer,
              (struct event){.kind = up ? EVENT_UP : EVENT_DOWN, .cause = peer->cause});
}

void peer_set_node(struct peer *peer, const char *id, struct span name)
{
    char shown[NAME_TEXT];
    name_shown(name, shown);
    if (strcmp(shown, peer->row.name) == 0 && strcmp(id, peer->row.node) == 0)
        return;
    names_leave(peer);
    snprintf(peer->row.name, sizeof peer->row.name, "%s", shown);
    directory_strike(peer, BY_NODE);
    if (id != peer->row.node)
        snprintf(peer->row.node, sizeof peer->row.node, "%s", id);
    directory_list(peer, BY_NODE);
    names_join(peer);
    peer_touch(peer);
}

void peer_set_name(struct peer *peer, struct span name)
{
    peer_set_node(peer, peer->row.node, name);
}

void peer_set_address(struct peer *peer, const struct address *a)
{
    struct peer_row *row = &peer->row;
    size_t at = 0;
    while (at < row->address_count && !address_equal(&row->addresses[at], a))
        at++;
    if (at == 0 && row->address_count > 0 && peer->host == NULL)
        return;
    directory_strike(peer, BY_ADDRESS);
    if (at == row->address_count && row->address_count < PEER_ADDRESSES)
        row->address_count++;
    if (at == PEER_ADDRESSES)
        at--;
    memmove(&row->addresses[1], &row->addresses[0], at * sizeof row->addresses[0]);
    row->addresses[0] = *a;
    directory_list(peer, BY_ADDRESS);
    free(peer->host);
    peer->host = NULL;
    peer_show_address(peer, a);
    peer_touch(peer);
}

void peer_drop_address(struct peer *peer, const struct address *a)
{
    struct peer_row *row = &peer->row;
    size_t kept = 0;
    directory_strike(peer, BY_ADDRESS);
    for (size_t i = 0; i < row->address_count; i++) {
        if (!address_equal(&row->addresses[i], a))
            row->addresses[kept++] = row->addresses[i];
    }
    row->address_count = kept;
    directory_list(peer, BY_ADDRESS);
    peer_touch(peer);
}

static void set_text(struct peer *peer, const char *text)
{
    directory_strike(peer, BY_PLACE);
    free(peer->text);
    peer->text = alloc_string(text);
    directory_list(peer, BY_PLACE);
}

void peer_show_address(struct peer *peer, const struct address *a)
{
    char text[ADDRESS_TEXT];
    address_print(a, text);
    set_text(peer, text);
}

void peer_set_host(struct peer *peer, const char *place)
{
    free(peer->host);
    peer->host = alloc_string(place);
    set_text(peer, place);
}

void peer_set_alias(struct peer *peer, const char *place)
{
    directory_strike(peer, BY_PLACE);
    free(peer->alias);
    peer->alias = place != NULL ? alloc_string(place) : NULL;
    directory_list(peer, BY_PLACE);
}

void peer_set_claim(struct peer *peer, const struct address *source)
{
    directory_strike(peer, BY_SOURCE);
    peer->row.claimed = source != NULL;
    if (source != NULL)
        peer->source = *source;
    directory_list(peer, BY_SOURCE);
}

void peer_found(struct peer *peer, const struct address *a)
{
    if (peer->host != NULL)
        peer_set_address(peer, a);
    peer_set_claim(peer, NULL);
}

void peer_set_dialect(struct peer *peer, enum dialect dialect)
{
    /* Whoever has once said /hello stays a session peer: a node that is stopped or dying must not
     * have its queue poured out without numbers. */
    if (peer->row.dialect == (int)dialect || peer->row.dialect == DIALECT_SESSION)
        return;
    peer->row.dialect = (int)dialect;
    peer_touch(peer);
}

void peer_spoke(struct peer *peer)
{
    peer->row.seen = (int64_t)(clock_wall_us() / 1000000);
    peer->left = false;
    peer->heard = true;
    peer->failing = false;
}

void peer_left(struct peer *peer, const char *cause)
{
    peer->left = true;
    peer->heard = false;
    peer_settle(peer, cause);
}

static void grace_over(void *arg)
{
    struct peer *peer = arg;
    peer_settle(peer, NULL);
    dialer_lost(peer);
}

void peer_wait_grace(struct peer *peer, const char *cause)
{
    set_cause(peer, cause);
    timer_set(peer->node->loop, &peer->grace, loop_now(peer->node->loop) + PEER_GRACE_US,
              grace_over, peer);
}
