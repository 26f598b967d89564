/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Telling a session whom we are connected to: when it begins, and then now and then what is new.
 * Also which addresses may be passed on at all. What others tell us is the business of hearsay.c.
 */
#include "config.h"

#include "mesh/exchange.h"

#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"

enum {
    TOLD_MAX = 50,       /* peers told at a time */
    TELL_US = 60000000,  /* from one time to the next */
    GATHER_US = 2000000, /* newcomers are told together; most have come by themselves then */
    TELL_LINE = ADDRESS_TEXT + NODE_ID_TEXT + NAME_TEXT + 16,
};

/* --- which addresses may be passed on --- */

/* How far an address reaches. On a link it means nothing to whoever is not on it. */
enum reach { REACH_LOOPBACK, REACH_LINK, REACH_PRIVATE, REACH_PUBLIC, REACH_NONE };

static const struct range {
    uint8_t family, bits;
    unsigned char ip[2];
    enum reach reach;
} ranges[] = {
    {4, 8, {127}, REACH_LOOPBACK},      {4, 8, {0}, REACH_NONE},
    {4, 8, {10}, REACH_PRIVATE},        {4, 12, {172, 16}, REACH_PRIVATE},
    {4, 16, {192, 168}, REACH_PRIVATE}, {4, 10, {100, 64}, REACH_PRIVATE},
    {4, 16, {169, 254}, REACH_PRIVATE}, {4, 3, {224}, REACH_NONE},
    {6, 10, {0xfe, 0x80}, REACH_LINK},  {6, 7, {0xfc}, REACH_PRIVATE},
    {6, 8, {0xff}, REACH_NONE},         {6, 8, {0}, REACH_NONE},
};

static bool is_in(const struct address *a, const struct range *range)
{
    unsigned mask = 0xffffu << (16 - range->bits) & 0xffffu;
    unsigned head = (unsigned)a->ip[0] << 8 | a->ip[1];
    return a->family == range->family &&
           (head & mask) == ((unsigned)range->ip[0] << 8 | range->ip[1]);
}

static enum reach reach_of(const struct address *a)
{
    if (address_is_loopback(a))
        return REACH_LOOPBACK;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (is_in(a, &ranges[i]))
            return ranges[i].reach;
    }
    return REACH_PUBLIC;
}

/* Between us and the other end of a connection only what reaches at least as far is worth a word:
 * nobody can make us dial inside a network that he is not in himself. */
bool exchange_may_pass(const struct link *link, const struct address *a)
{
    enum reach reach = reach_of(a);
    return reach != REACH_NONE && reach != REACH_LINK && reach >= reach_of(&link->remote);
}

/* --- telling --- */

bool exchange_counts(const struct link *link)
{
    return link_is_used(link) && link_is_session(link) && !link->closing;
}

static void tell_later(struct link *link, uint64_t due);

static void tell_peer(struct link *link, const struct peer *peer)
{
    struct buffer line;
    buffer_init(&line, TELL_LINE);
    verb_format_peer(&line, &peer->row.addresses[0], peer->row.node, peer->row.name);
    link_send(link, &line);
}

static bool is_told(const struct link *link, const struct peer *peer)
{
    return peer != link->peer && peer->met > link->told && !peer->passing &&
           peer->row.address_count > 0 && peer->link != NULL && exchange_counts(peer->link) &&
           exchange_may_pass(link, &peer->row.addresses[0]);
}

/* The one met first of those that are new to the other side. */
static const struct peer *next_told(const struct link *link)
{
    const struct peer *first = NULL;
    for (size_t i = 0; i < link->node->peer_count; i++) {
        const struct peer *peer = link->node->peers[i];
        if ((first == NULL || peer->met < first->met) && is_told(link, peer))
            first = peer;
    }
    return first;
}

static void tell(void *arg)
{
    struct link *link = arg;
    const struct peer *peer;
    uint64_t now = loop_now(link->node->loop);
    if (!exchange_counts(link))
        return;
    link->told_at = now;
    for (size_t n = 0; n < TOLD_MAX && (peer = next_told(link)) != NULL; n++) {
        tell_peer(link, peer);
        link->told = peer->met;
    }
    if (next_told(link) != NULL)
        tell_later(link, now + TELL_US);
}

static void tell_later(struct link *link, uint64_t due)
{
    if (!timer_is_set(&link->tell))
        timer_set(link->node->loop, &link->tell, due, tell, link);
}

void exchange_begin(struct link *link)
{
    struct node *node = link->node;
    uint64_t now = loop_now(node->loop);
    if (node->config.no_exchange)
        return;
    link->peer->met = ++node->meetings;
    tell(link);
    for (struct link *l = node->links; l != NULL; l = l->next) {
        uint64_t due = l->told_at + TELL_US;
        if (l != link && exchange_counts(l) && is_told(l, link->peer))
            tell_later(l, due > now + GATHER_US ? due : now + GATHER_US);
    }
}

void exchange_end(struct link *link)
{
    timer_stop(link->node->loop, &link->tell);
}

void exchange_left(const struct link *link, struct span reason)
{
    const struct peer *peer = link->peer;
    if (link->node->config.no_exchange || peer->passing || !span_is(reason, "leaving"))
        return;
    for (struct link *l = link->node->links; l != NULL; l = l->next) {
        struct buffer line;
        if (l == link || !exchange_counts(l))
            continue;
        buffer_init(&line, TELL_LINE);
        verb_format_gone(&line, peer->row.node, peer->boot);
        link_send(l, &line);
    }
}
