/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When and whom to dial: at start, when asked, and again after a loss, at growing and random
 * intervals. A dial is a lookup where a name was given, a connection, and a greeting; its end is
 * told once. It does not know what is said on the connection.
 */
#include "config.h"

#include "mesh/dialer.h"

#include <errno.h>

#include "base/clock.h"
#include "mesh/admission.h"
#include "mesh/delivery.h"
#include "mesh/fence.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/pump.h"
#include "mesh/standing.h"

enum {
    BACKOFF_US = 1000000, /* the first interval; doubled with each failure */
    BACKOFF_DOUBLINGS = 11,
    BACKOFF_MAX_US = 300000000,          /* five minutes */
    BACKOFF_CLAIMED_MAX_US = 1800000000, /* half an hour: it was only ever claimed to exist */
    STABLE_US = 60000000,                /* a connection that lasted so long clears the failures */
    SPREAD_US = 5000,                    /* between two dials of many, on average */
    SPREAD_MAX_US = 2000000,
    DIALS_MAX = 64,         /* in flight */
    DIALS_FULL_US = 100000, /* try again when that many are */
    COMING_US = 2000000,    /* one who is dialling us has met us by then, or is none */
};

static void dial_again(void *arg)
{
    dialer_dial(arg);
}

static void dial_later(struct peer *peer, uint64_t us)
{
    timer_set(peer->node->loop, &peer->attempt.again, loop_now(peer->node->loop) + us, dial_again,
              peer);
}

/* Over how long the dials of all peers are spread, so that they do not come all at a time. */
static uint64_t spread(const struct node *node)
{
    uint64_t us = node->peer_count * SPREAD_US;
    return us < SPREAD_MAX_US ? us : SPREAD_MAX_US;
}

/* Full jitter: nodes that lost the same hub do not come back in step. */
static void back_off(struct peer *peer)
{
    unsigned doublings =
        peer->attempt.failures < BACKOFF_DOUBLINGS ? peer->attempt.failures : BACKOFF_DOUBLINGS;
    uint64_t most = (uint64_t)BACKOFF_US << doublings;
    uint64_t cap = peer->row.claimed ? BACKOFF_CLAIMED_MAX_US : BACKOFF_MAX_US;
    peer->attempt.coming = false;
    dial_later(peer, 1 + clock_random((most < cap ? most : cap) + spread(peer->node)));
}

/* Is there a reason to have a connection, or to try for one? */
static bool is_wanted(const struct peer *peer)
{
    if (peer->transient || peer->forgotten || peer->became != NULL || peer->node->leaving ||
        peer->refused)
        return false;
    if (peer->row.address_count == 0 && peer->host == NULL)
        return false;
    if (delivery_waits(peer) && peer->box.held)
        return true;
    if (peer->row.quiet || peer->left)
        return false;
    return peer->row.dialect != DIALECT_ONESHOT || (peer->named && !peer->greeted);
}

static void dial_ended(void *arg, int fd, int error)
{
    struct peer *peer = arg;
    peer->attempt.dial = NULL;
    peer->node->dials--;
    if (fd < 0) {
        dialer_ended(peer, strerror(error));
        return;
    }
    peer->attempt.link = link_new(peer->node, fd, SESSION_DIALER, peer, pins_encrypt(peer));
    peer->offers_tls = false;
    if (peer->attempt.link == NULL)
        dialer_ended(peer, strerror(EMFILE));
}

static bool has_family(const struct node *node, const struct address *a)
{
    return node->config.family == 0 || node->config.family == a->family;
}

void dialer_leave_from(const struct node *node, struct address out[2], size_t *count)
{
    *count = 0;
    if (!node->config.leave_from_listeners)
        return;
    for (size_t i = 0; i < node->listener_count && *count < 2; i++) {
        struct address at;
        listener_address(node->listeners[i], &at);
        if (!address_is_any(&at) && (*count == 0 || out[0].family != at.family))
            out[(*count)++] = at;
    }
}

static void connect_to(struct peer *peer, const struct address *candidates, size_t count)
{
    struct node *node = peer->node;
    struct address usable[DIAL_CANDIDATES], from[2];
    size_t n = 0, from_count;
    bool fenced = false;
    for (size_t i = 0; i < count && n < DIAL_CANDIDATES; i++) {
        if (!has_family(node, &candidates[i]) || membership_is_own(node, &candidates[i]))
            continue;
        if (fence_lets(node, &candidates[i]))
            usable[n++] = candidates[i];
        else
            fenced = true;
    }
    if (n == 0 && fenced) {
        dialer_keep_out(peer);
        return;
    }
    if (n == 0) {
        bool self = count > 0 && has_family(node, &candidates[0]);
        peer->row.quiet = self;
        peer->is_us = self;
        dialer_ended(peer,
                     self ? "that is this node itself" : "it has no address of the family in use");
        return;
    }
    dialer_leave_from(node, from, &from_count);
    peer->attempt.dial = dial_start(node->loop, usable, n, from, from_count, dial_ended, peer);
    node->dials++;
}

/* What transports a connection never changes in its middle. */
void dialer_encrypt(struct link *link)
{
    struct peer *peer = link->peer;
    link_encrypt(link);
    if (peer->node->leaving)
        return;
    peer->offers_tls = true;
    connect_to(peer, &link->remote, 1);
}

static void looked_up(void *arg, const struct address *addresses, size_t count, const char *cause)
{
    struct peer *peer = arg;
    struct node *node = peer->node;
    peer->attempt.lookup = NULL;
    if (count == 0) {
        dialer_ended(peer, cause);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct peer *known = membership_by_address(node, &addresses[i]);
        if (known == NULL || known == peer || peer->row.node[0] != '\0')
            continue; /* who is to be there is known already, or nobody else is known there */
        bool has_come = known->up_at > peer->asked; /* by itself, and perhaps has left again */
        membership_absorb(known, peer);
        if (!has_come)
            dialer_ask(known);
        return;
    }
    connect_to(peer, addresses, count);
}

static void look_up(struct peer *peer)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    const char *cause;
    struct node *node = peer->node;
    if (!address_split(span_of(peer->host), host, &port, &cause)) {
        dialer_ended(peer, cause);
        return;
    }
    if (node->resolver == NULL)
        node->resolver = resolver_new(node->loop);
    if (node->resolver == NULL) {
        dialer_ended(peer, "host names cannot be looked up");
        return;
    }
    peer->attempt.lookup =
        resolver_lookup(node->resolver, host, port, node->config.family, looked_up, peer);
}

/* Encrypted bytes would be a message to a program that speaks plain text. */
static bool is_shut_out(const struct peer *peer)
{
    bool plain = peer->row.dialect == DIALECT_ONESHOT || peer->row.dialect == DIALECT_STREAM;
    return plain && node_is_closed(peer->node);
}

void dialer_dial(struct peer *peer)
{
    struct node *node = peer->node;
    timer_stop(node->loop, &peer->attempt.again);
    if (node->leaving || peer->transient || peer->refused || peer->link != NULL ||
        peer_is_dialing(peer) || peer->oneshot != NULL)
        return;
    if (is_shut_out(peer)) {
        dialer_shut(peer, ADMISSION_PLAIN_CAUSE);
        return;
    }
    if (standing_of(node, peer->row.node) == VERDICT_DENIED) {
        peer->turned_away = peer->refused = true;
        dialer_ended(peer, "its key is denied here, by /deny or --deny");
        return;
    }
    if (peer->row.dialect == DIALECT_ONESHOT && peer->greeted) {
        oneshot_pump(peer); /* it has had its greeting */
        return;
    }
    if (node->dials >= DIALS_MAX) {
        dial_later(peer, DIALS_FULL_US + clock_random(DIALS_FULL_US));
        return;
    }
    peer->fenced = false;
    peer->box.progress = loop_now(node->loop);
    if (peer->host != NULL)
        look_up(peer);
    else
        connect_to(peer, peer->row.addresses, peer->row.address_count);
}

/* Whoever only says so holds up one dial, once, and hastens none. */
void dialer_is_coming(struct peer *peer)
{
    struct attempt *a = &peer->attempt;
    uint64_t until = loop_now(peer->node->loop) + COMING_US;
    if (a->coming || !timer_is_set(&a->again) || a->again.due >= until)
        return;
    a->coming = true;
    dial_later(peer, COMING_US);
}

void dialer_ask(struct peer *peer)
{
    if (peer->row.banned) {
        peer->tried = true;
        return;
    }
    peer->named = true;
    peer->asked = loop_now(peer->node->loop);
    peer->row.quiet = false;
    peer->left = false;
    peer->refused = false;
    peer->tried = peer_is_up(peer);
    if (peer->tried)
        return;
    peer->failing = false;
    peer->greeted = false;
    peer->reached = false;
    dialer_dial(peer);
}

static void try_again(struct peer *peer)
{
    if (!is_wanted(peer))
        return;
    back_off(peer);
    peer->attempt.failures++;
}

void dialer_ended(struct peer *peer, const char *cause)
{
    struct node *node = peer->node;
    peer->tried = true;
    loop_again(node->loop);
    if (cause == NULL) {
        peer->attempt.up_since = loop_now(node->loop);
        timer_stop(node->loop, &peer->attempt.again);
        peer_settle(peer, NULL);
        pump_reached(peer);
        return;
    }
    if (peer->link != NULL)
        return;
    bool told = peer->failing;
    peer->failing = true;
    peer_settle(peer, cause);
    if (!told && (peer->named || !dialer_is_kept_out(peer)))
        peer_tell(node, peer, (struct event){.kind = EVENT_UNREACHABLE, .cause = cause});
    if (peer->is_us && peer->row.node[0] == '\0') {
        delivery_to_us(peer, cause);
        membership_remove(peer);
        return;
    }
    if (peer->row.quiet || peer->refused || peer->turned_away)
        delivery_part(peer, cause);
    if (peer->passing && !peer->named)
        membership_remove(peer);
    else
        try_again(peer);
}

void dialer_shut(struct peer *peer, const char *cause)
{
    peer->refused = true;
    dialer_ended(peer, cause);
}

void dialer_keep_out(struct peer *peer)
{
    peer->fenced = true;
    dialer_shut(peer, FENCE_CAUSE);
}

bool dialer_is_kept_out(const struct peer *peer)
{
    return peer->refused && peer->fenced;
}

void dialer_try_fenced(struct peer *peer)
{
    peer->refused = false;
    peer->fenced = false;
    peer->failing = false;
    if (is_wanted(peer))
        dial_later(peer, 0);
}

void dialer_lost(struct peer *peer)
{
    uint64_t now = loop_now(peer->node->loop);
    if (now - peer->attempt.up_since >= STABLE_US)
        peer->attempt.failures = 0;
    if (peer->row.quiet)
        delivery_part(peer, "disconnected");
    if (peer->passing && (peer->left || peer->unkept))
        membership_remove(peer);
    else if (peer->link == NULL && !peer_is_dialing(peer))
        try_again(peer);
}

void dialer_cancel(struct peer *peer)
{
    struct attempt *a = &peer->attempt;
    timer_stop(peer->node->loop, &a->again);
    lookup_cancel(a->lookup);
    a->lookup = NULL;
    if (a->dial != NULL)
        peer->node->dials--;
    dial_cancel(a->dial);
    a->dial = NULL;
    if (a->link != NULL) {
        struct link *link = a->link;
        a->link = NULL;
        link->peer = NULL;
        link_kill(link, "given up");
    }
}

void dialer_start(struct node *node)
{
    uint64_t limit = spread(node) + 1;
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (!peer->row.quiet && peer->link == NULL && !peer_is_dialing(peer) &&
            !timer_is_set(&peer->attempt.again))
            dial_later(peer, clock_random(limit));
    }
}
