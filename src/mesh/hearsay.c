/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom others tell us of: an address to be dialled once, sparingly, that becomes a peer only if a
 * node answers there and says /hello. Until then nobody sees it and nothing is stored. It does not
 * decide who is let in.
 */
#include "config.h"

#include "mesh/hearsay.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "mesh/dialer.h"
#include "mesh/exchange.h"
#include "mesh/fence.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/tombs.h"

enum {
    HEARD_MAX = 256,        /* addresses heard of; what does not fit is not taken */
    HEARD_PER_SOURCE = 64,  /* of those, from one source */
    MEMORY_US = 1800000000, /* an address that was dialled is not dialled again for so long */
    BURST = 16,             /* dials at once, */
    INTERVAL_US = 1000000,  /* then one in so long */
    DIALS_LEFT = 48,        /* none while more dials are in flight: others come first */
};

struct heard {
    struct node *node;
    struct address address;
    char id[NODE_ID_TEXT]; /* who is there, it is said */
    struct address source; /* whose word that is */
    char source_id[NODE_ID_TEXT];
    bool tried;
    bool offers_tls;  /* it has said that it would rather be dialled encrypted */
    uint64_t expires; /* tried: when it may be heard of again; monotonic us */
    struct dial *dial;
};

struct hearsay {
    struct heard *heard[HEARD_MAX]; /* in the order in which they were heard of */
    size_t count;
    uint64_t spent; /* monotonic us: the bucket would have been empty then */
    struct timer timer;
};

/* --- hearing --- */

static void drop(struct hearsay *x, size_t i)
{
    struct heard *heard = x->heard[i];
    if (heard->dial != NULL)
        heard->node->dials--;
    dial_cancel(heard->dial);
    free(heard);
    x->count--;
    memmove(&x->heard[i], &x->heard[i + 1], (x->count - i) * sizeof(struct heard *));
}

static void drop_expired(struct hearsay *x, uint64_t now)
{
    for (size_t i = x->count; i > 0; i--) {
        const struct heard *heard = x->heard[i - 1];
        if (heard->tried && heard->dial == NULL && heard->expires <= now)
            drop(x, i - 1);
    }
}

static bool is_known(const struct hearsay *x, const struct address *a)
{
    for (size_t i = 0; i < x->count; i++) {
        if (address_equal(&x->heard[i]->address, a))
            return true;
    }
    return false;
}

/* Programs of this machine are many behind one address. */
static bool same_source(const struct heard *heard, const struct link *link)
{
    return strcmp(heard->source_id, link->peer->row.node) == 0 ||
           (!address_is_loopback(&link->remote) &&
            address_same_host(&heard->source, &link->remote));
}

static bool has_room(const struct hearsay *x, const struct link *link)
{
    size_t same = 0;
    for (size_t i = 0; i < x->count; i++)
        same += same_source(x->heard[i], link);
    return x->count < HEARD_MAX && same < HEARD_PER_SOURCE;
}

/* Somebody whom we know is dialled by what we know of him. The exception is a node that is down: it
 * may be back at another address. */
static bool is_worth_a_dial(const struct node *node, const char *id, const struct address *a)
{
    const struct peer *peer = membership_by_node(node, id);
    if (peer != NULL && (peer_is_up(peer) || peer->row.banned || peer->row.quiet || peer->left ||
                         peer->refused || timer_is_set(&peer->grace)))
        return false;
    return membership_by_address(node, a) == NULL && strcmp(id, node->id) != 0 &&
           !tombs_hold(node, id, 0) && !membership_is_own(node, a) && fence_lets(node, a) &&
           (node->config.family == 0 || node->config.family == a->family);
}

static void dial_next(void *arg);

static void dial_later(struct node *node, uint64_t earliest)
{
    struct hearsay *x = node->hearsay;
    uint64_t due = x->spent + INTERVAL_US;
    if (!timer_is_set(&x->timer))
        timer_set(node->loop, &x->timer, due > earliest ? due : earliest, dial_next, node);
}

void hearsay_add(struct link *link, const struct verb *verb)
{
    struct node *node = link->node;
    struct hearsay *x = node->hearsay;
    if (x == NULL || node->leaving || !exchange_counts(link))
        return;
    drop_expired(x, loop_now(node->loop));
    bool is_news = exchange_may_pass(link, &verb->address) &&
                   is_worth_a_dial(node, verb->node, &verb->address);
    exchange_heard(link, is_news);
    if (!is_news || !has_room(x, link) || is_known(x, &verb->address))
        return;
    struct heard *heard = alloc_zero(1, sizeof *heard);
    heard->node = node;
    heard->address = verb->address;
    heard->source = link->remote;
    span_copy(span_of(verb->node), heard->id, sizeof heard->id);
    span_copy(span_of(link->peer->row.node), heard->source_id, sizeof heard->source_id);
    x->heard[x->count++] = heard;
    dial_later(node, loop_now(node->loop));
}

/* Only what waits is dropped: whether a peer that we know ourselves is there is for its own
 * connection to say. */
void hearsay_gone(struct link *link, const struct verb *verb)
{
    struct hearsay *x = link->node->hearsay;
    for (size_t i = x != NULL ? x->count : 0; i > 0; i--) {
        if (!x->heard[i - 1]->tried && strcmp(x->heard[i - 1]->id, verb->node) == 0)
            drop(x, i - 1);
    }
}

/* --- trying --- */

/* Whoever answers is met like anybody else; the address may be heard of again at once. */
static void connected(void *arg, int fd, int error)
{
    struct heard *heard = arg;
    struct node *node = heard->node;
    char text[ADDRESS_TEXT];
    heard->dial = NULL;
    node->dials--;
    address_print(&heard->address, text);
    if (fd < 0) {
        log_detail("%s, which we have only heard of: %s", text, strerror(error));
        return;
    }
    struct link *link =
        link_new(node, fd, SESSION_DIALER, NULL, heard->offers_tls || node_is_closed(node));
    if (link != NULL)
        link->hearsay = true;
}

static void dial(struct heard *heard)
{
    struct node *node = heard->node;
    struct address from[2];
    size_t count;
    dialer_leave_from(node, from, &count);
    heard->tried = true;
    heard->expires = loop_now(node->loop) + MEMORY_US;
    heard->dial = dial_start(node->loop, &heard->address, 1, from, count, connected, heard);
    node->dials++;
}

void hearsay_encrypt(struct link *link)
{
    struct hearsay *x = link->node->hearsay;
    link_encrypt(link);
    for (size_t i = 0; x != NULL && !link->node->leaving && i < x->count; i++) {
        struct heard *heard = x->heard[i];
        if (heard->dial != NULL || !address_equal(&heard->address, &link->remote))
            continue;
        heard->offers_tls = true;
        dial(heard);
        return;
    }
}

static size_t tried_from(const struct hearsay *x, const char *source_id)
{
    size_t count = 0;
    for (size_t i = 0; i < x->count; i++)
        count += x->heard[i]->tried && strcmp(x->heard[i]->source_id, source_id) == 0;
    return count;
}

/* Of the source that has cost us the least in vain: a flood of bad ones holds up nobody else's. */
static struct heard *next_untried(const struct hearsay *x)
{
    struct heard *next = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < x->count; i++) {
        struct heard *heard = x->heard[i];
        size_t tried = heard->tried ? SIZE_MAX : tried_from(x, heard->source_id);
        if (tried < least) {
            least = tried;
            next = heard;
        }
    }
    return next;
}

static void take_token(struct hearsay *x, uint64_t now)
{
    uint64_t full = now > (uint64_t)BURST * INTERVAL_US ? now - (uint64_t)BURST * INTERVAL_US : 0;
    x->spent = (x->spent > full ? x->spent : full) + INTERVAL_US;
}

/* What has become known meanwhile is not dialled. */
static void dial_next(void *arg)
{
    struct node *node = arg;
    struct hearsay *x = node->hearsay;
    struct heard *heard;
    uint64_t now = loop_now(node->loop);
    if (node->leaving)
        return;
    while (x->spent + INTERVAL_US <= now && node->dials < DIALS_LEFT &&
           (heard = next_untried(x)) != NULL) {
        heard->tried = true;
        if (!is_worth_a_dial(node, heard->id, &heard->address))
            continue;
        take_token(x, now);
        dial(heard);
    }
    if (next_untried(x) != NULL)
        dial_later(node, now + INTERVAL_US / BURST);
}

void hearsay_met(struct node *node, const struct address *a)
{
    struct hearsay *x = node->hearsay;
    for (size_t i = x != NULL ? x->count : 0; i > 0; i--) {
        if (address_equal(&x->heard[i - 1]->address, a))
            drop(x, i - 1);
    }
}

/* --- life --- */

void hearsay_start(struct node *node)
{
    if (!node->config.no_exchange)
        node->hearsay = alloc_zero(1, sizeof *node->hearsay);
}

void hearsay_free(struct node *node)
{
    struct hearsay *x = node->hearsay;
    if (x == NULL)
        return;
    timer_stop(node->loop, &x->timer);
    while (x->count > 0)
        drop(x, x->count - 1);
    free(x);
}
