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

static void tell_of(const struct peer *peer, struct buffer *lines)
{
    verb_format_peer(lines, &peer->row.addresses[0], peer->row.node, peer->row.name);
}

/* Is the session with that one news to the other side of this one? */
static bool is_told(const struct link *link, const struct link *other)
{
    const struct peer *peer = other->peer;
    return other->met > link->told && other != link && exchange_counts(other) && !peer->passing &&
           peer->row.address_count > 0 && exchange_may_pass(link, &peer->row.addresses[0]);
}

/* Of that one and those met after it. */
static const struct link *next_told(const struct link *link, const struct link *other)
{
    while (other != NULL && !is_told(link, other))
        other = other->met_next;
    return other;
}

static void tell(struct link *link)
{
    struct buffer lines;
    uint64_t now = loop_now(link->node->loop);
    const struct link *next = next_told(link, link->node->met);
    buffer_init(&lines, TOLD_MAX * TELL_LINE);
    link->told_at = now;
    for (size_t n = 0; n < TOLD_MAX && next != NULL; n++) {
        tell_of(next->peer, &lines);
        link->told = next->met;
        next = next_told(link, next->met_next);
    }
    if (buffer_length(&lines) > 0)
        link_send(link, &lines);
    if (next != NULL)
        tell_later(link, now + TELL_US);
}

/* One whom we have dialled and who has told us of nobody that we did not know: it is one of us. */
static bool is_no_newcomer(const struct link *link)
{
    return link->told_at == 0 && link->told_us && !link->told_news;
}

static void tell_now(void *arg)
{
    struct link *link = arg;
    if (!exchange_counts(link))
        return;
    if (is_no_newcomer(link)) {
        link->told_at = loop_now(link->node->loop);
        tell_later(link, link->told_at + TELL_US);
        return;
    }
    tell(link);
}

static void tell_later(struct link *link, uint64_t due)
{
    if (!timer_is_set(&link->tell))
        timer_set(link->node->loop, &link->tell, due, tell_now, link);
}

static void enlist(struct link *link)
{
    struct node *node = link->node;
    link->met = ++node->meetings;
    link->met_back = node->met_end;
    *link->met_back = link;
    node->met_end = &link->met_next;
}

static void gather(void *arg)
{
    struct node *node = arg;
    uint64_t now = loop_now(node->loop);
    for (struct link *l = node->met; l != NULL; l = l->met_next) {
        uint64_t due = l->told_at + TELL_US;
        if (exchange_counts(l))
            tell_later(l, due > now ? due : now);
    }
}

/* Whoever dials us is told at once: a newcomer knows us alone. */
void exchange_begin(struct link *link)
{
    struct node *node = link->node;
    uint64_t soon = loop_now(node->loop) + GATHER_US;
    if (node->config.no_exchange)
        return;
    enlist(link);
    if (link->role == SESSION_LISTENER)
        tell(link);
    else
        tell_later(link, soon);
    if (!timer_is_set(&node->gather))
        timer_set(node->loop, &node->gather, soon, gather, node);
}

void exchange_heard(struct link *link, bool is_news)
{
    link->told_us = true;
    link->told_news = link->told_news || is_news;
}

void exchange_end(struct link *link)
{
    timer_stop(link->node->loop, &link->tell);
    if (link->met_back == NULL)
        return;
    *link->met_back = link->met_next;
    if (link->met_next != NULL)
        link->met_next->met_back = link->met_back;
    else
        link->node->met_end = link->met_back;
    link->met_back = NULL;
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
