/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orders that name a peer: finding whom the user means, and connecting, disconnecting, forgetting
 * and pinging it. How a name is written is decided here; what an order sets off is not.
 */
#include "config.h"

#include "mesh/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/admission.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/directory.h"
#include "mesh/door.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/names.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/tombs.h"

/* NAME@ADDRESS as one word, for a list of candidates; grown in *list. */
static void add_candidate(char **list, const struct peer *peer)
{
    char *longer = alloc_print("%s %s@%s", *list != NULL ? *list : "", peer->shown, peer->text);
    free(*list);
    *list = longer;
}

static bool bears(const struct peer *peer, struct span name)
{
    return peer->bears && span_is(name, peer->row.name);
}

static bool is_shown_as(const struct peer *peer, struct span name)
{
    return span_is(name, peer->shown);
}

static struct peer *find_one(struct matches named, struct span name,
                             bool (*fits)(const struct peer *peer, struct span name), char **cause)
{
    struct peer *found = NULL;
    char *candidates = NULL;
    size_t count = 0;
    for (size_t i = 0; i < named.count; i++) {
        if (!fits(named.at[i].item, name))
            continue;
        found = named.at[i].item;
        add_candidate(&candidates, found);
        count++;
    }
    if (count > 1)
        *cause = alloc_print("%.*s: more than one peer is called so:%s", (int)name.len, name.at,
                             candidates);
    free(candidates);
    return count > 1 ? NULL : found;
}

/* Whoever bears the name; else whoever is shown so; else whoever claims it. */
static struct peer *find_name(struct node *node, struct span name, char **cause)
{
    static bool (*const ways[])(const struct peer *peer, struct span name) = {bears, is_shown_as,
                                                                              names_fit};
    struct peer *found = NULL;
    struct matches named = directory_named(node, names_bare(name));
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (found == NULL && *cause == NULL)
            found = find_one(named, name, ways[i], cause);
    }
    return found;
}

/* HOST:PORT as the user has named it. */
static struct peer *find_named_host(struct node *node, struct span text)
{
    struct matches there = directory_placed(node, text);
    return there.count > 0 ? there.at[0].item : NULL;
}

/* The same, or HOST alone. */
static struct peer *find_host(struct node *node, struct span text)
{
    struct peer *peer = find_named_host(node, text);
    if (peer != NULL || memchr(text.at, ':', text.len) != NULL)
        return peer;
    char *with_port = alloc_print("%.*s:%u", (int)text.len, text.at, ADDRESS_DEFAULT_PORT);
    peer = find_named_host(node, span_of(with_port));
    free(with_port);
    return peer;
}

static struct peer *find_at(struct node *node, struct span name, struct span at, char **cause)
{
    struct address a;
    struct peer *peer = address_parse(at, &a) ? membership_by_address(node, &a) : NULL;
    if (peer != NULL && names_fit(peer, name))
        return peer;
    *cause = alloc_print("%.*s@%.*s: no such peer; /peers lists them", (int)name.len, name.at,
                         (int)at.len, at.at);
    return NULL;
}

struct peer *node_find(struct node *node, struct span who, char **cause)
{
    struct address a;
    *cause = NULL;
    const char *sign = memrchr(who.at, '@', who.len);
    if (sign != NULL) {
        size_t name = (size_t)(sign - who.at);
        return find_at(node, span_make(who.at, name), span_after(who, name + 1), cause);
    }
    struct peer *peer =
        address_parse(who, &a) ? membership_by_address(node, &a) : find_name(node, who, cause);
    if (peer == NULL && *cause == NULL)
        peer = find_host(node, who);
    if (peer == NULL && *cause == NULL)
        *cause = alloc_print("%.*s: no such peer; /peers lists them", (int)who.len, who.at);
    return peer;
}

/* Finds or adds whom HOST:PORT names. */
static struct peer *add_host(struct node *node, struct span text, char **cause)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    struct address a;
    const char *why;
    if (!address_split(text, host, &port, &why)) {
        *cause = alloc_print("%.*s: %s", (int)text.len, text.at, why);
        return NULL;
    }
    if (address_parse_host(host, port, &a)) {
        if (membership_is_own(node, &a)) {
            *cause = alloc_print("%.*s: that is this node itself", (int)text.len, text.at);
            return NULL;
        }
        struct peer *known = membership_by_address(node, &a);
        return known != NULL ? known : membership_add(node, &a);
    }
    char *named = alloc_print("%s:%u", host, port);
    struct peer *peer = find_named_host(node, span_of(named));
    if (peer == NULL) {
        peer = membership_add(node, NULL);
        peer_set_host(peer, named);
        peer_set_alias(peer, named);
    }
    free(named);
    return peer;
}

/* HOST:PORT, or plain:HOST:PORT to speak plain text there. */
static struct peer *add_named(struct node *node, struct span text, char **cause)
{
    struct span host = text;
    bool plain = address_cut_plain(&host);
    if (plain && node_is_closed(node)) {
        *cause = alloc_print("%.*s: " ADMISSION_PLAIN_CAUSE, (int)text.len, text.at);
        return NULL;
    }
    struct peer *peer = add_host(node, host, cause);
    if (peer != NULL && plain && pins_hold(peer)) {
        *cause = alloc_print("%.*s: %s is known by its key and comes encrypted; /forget it first",
                             (int)text.len, text.at, peer->shown);
        return NULL;
    }
    if (peer != NULL)
        peer->asks_plain = plain;
    return peer;
}

struct peer *node_find_or_add(struct node *node, struct span who, char **cause)
{
    struct address a;
    struct peer *peer = node_find(node, who, cause);
    if (peer != NULL || memchr(who.at, '@', who.len) != NULL)
        return peer;
    /* Without a colon it was meant for a name. */
    if (!address_parse(who, &a) && memchr(who.at, ':', who.len) == NULL)
        return NULL;
    free(*cause);
    peer = add_named(node, who, cause);
    if (peer != NULL)
        dialer_ask(peer);
    return peer;
}

bool node_is_at(const struct node *node, struct span address)
{
    address_cut_plain(&address);
    char host[ADDRESS_HOST];
    uint16_t port;
    struct address a;
    const char *cause;
    return address_split(address, host, &port, &cause) && address_parse_host(host, port, &a) &&
           membership_is_own(node, &a);
}

struct peer *node_connect(struct node *node, struct span address, char **cause)
{
    struct peer *peer = add_named(node, address, cause);
    if (peer == NULL)
        return NULL;
    peer->pardons = true;
    peer->row.banned = false;
    dialer_ask(peer);
    return peer;
}

void node_disconnect(struct node *node, struct peer *peer)
{
    (void)node;
    if (peer->says_exit)
        return; /* it is being told */
    dialer_cancel(peer);
    peer->row.quiet = true;
    peer->named = false;
    peer_touch(peer);
    if (peer->link != NULL) {
        link_bye(peer->link, "disconnect", "disconnected");
        return;
    }
    if (peer_is_up(peer))
        oneshot_exit(peer);
    else
        delivery_part(peer, "disconnected");
    peer_left(peer, "disconnected");
}

void node_forget(struct node *node, struct peer *peer)
{
    struct link *link = peer->link;
    tombs_add(node, peer->row.node, peer->row.boot);
    dialer_cancel(peer);
    if (link != NULL) {
        link_part(link, "forgotten");
        link_bye(link, "forget", "forgotten");
        session_close(link->session);
    } else if (peer_is_up(peer)) {
        peer->row.quiet = true;
        peer->fading = true;
        oneshot_exit(peer);
        return;
    }
    peer_settle(peer, "forgotten");
    membership_remove(peer);
    loop_again(node->loop);
}

void node_ban(struct node *node, struct peer *peer)
{
    static const char cause[] = "banned";
    struct link *link = peer->link;
    dialer_cancel(peer);
    peer->row.banned = peer->row.quiet = true;
    peer->named = peer->passing = peer->pardons = false;
    peer_touch(peer);
    delivery_give_up(peer, cause);
    oneshot_cancel(peer);
    if (link != NULL && link_is_session(link)) {
        link_part(link, cause); /* here it is banned, and there one hears "you are" */
        link_fault(link, cause, DOOR_BANNED);
    } else if (link != NULL) {
        link_refuse(link, cause);
    }
    peer_left(peer, cause);
    loop_again(node->loop);
}

bool node_ping(struct node *node, struct peer *peer, const char **cause)
{
    if (peer->row.dialect == DIALECT_ONESHOT || peer->row.dialect == DIALECT_STREAM) {
        *cause = "it speaks plain lines, which have no round trip";
        return false;
    }
    if (peer->link == NULL || !link_is_session(peer->link)) {
        *cause = peer->cause[0] != '\0' ? peer->cause : "it is not connected";
        return false;
    }
    char token[VERB_TOKEN_MAX];
    struct buffer line;
    peer->ping = ++node->tokens;
    peer->ping_at = loop_now(node->loop);
    peer->ping_state = PING_WAITING;
    snprintf(token, sizeof token, "%c%llu", TOKEN_PING, (unsigned long long)peer->ping);
    buffer_init(&line, VERB_TOKEN_MAX + 16);
    verb_format_ping(&line, token);
    link_send(peer->link, &line);
    return true;
}
