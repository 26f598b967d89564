/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who speaks in plain lines, which only claim an address and a name, and where he can be answered.
 * It does not know sessions, but that their peers are not spoken for.
 */
#include "config.h"

#include "mesh/plain.h"

#include <stdio.h>

#include "base/log.h"
#include "mesh/door.h"
#include "mesh/hearing.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/names.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/rendezvous.h"

/* Where somebody who claims an address can be answered: at the source that we see, with the port
 * it claims. The original program believes its own address to be a loopback one on many machines;
 * between programs of one machine that is the one to use. */
static struct address answer_address(const struct link *link, const struct address *claimed)
{
    if (address_is_loopback(claimed) && address_is_loopback(&link->remote))
        return *claimed;
    struct address a = link->remote;
    a.port = claimed->port;
    return a;
}

/* The original program's probe bears the address of whom it probes. 127.0.0.1 from elsewhere is
 * only what many of them take for their own. */
static bool claims_us(const struct link *link, const struct message *m)
{
    struct address from = answer_address(link, &m->from);
    return membership_is_own(link->node, &from) ||
           (!address_is_loopback(&m->from) && membership_is_own(link->node, &m->from));
}

/* The peer that a plain message speaks for; NULL if it is us, or nobody to be remembered. */
static struct peer *find_speaker(struct link *link, const struct message *m, struct address *from)
{
    *from = answer_address(link, &m->from);
    struct peer *peer = link->peer;
    if (peer != NULL && peer->row.address_count > 0 && !peer->transient &&
        address_equal(&peer->row.addresses[0], from)) {
        if (peer->row.dialect != DIALECT_SESSION)
            peer_set_name(peer, m->name);
        return peer;
    }
    return membership_claim(link->node, from, m->name, &link->remote);
}

/* A stream's lines go down the connection that it opened: it belongs to the first who speaks. */
static void adopt(struct link *link, struct peer *peer)
{
    enum dialect dialect = session_dialect(link->session);
    /* A session peer speaks sessions: what waits for it goes to nobody who only has its address. */
    if (peer->row.dialect == DIALECT_SESSION)
        return;
    if (dialect == DIALECT_ONESHOT && peer->row.dialect == DIALECT_UNKNOWN)
        peer_set_dialect(peer, DIALECT_ONESHOT);
    /* Whoever closes after each message, with LF or without, stays a one-shot peer. */
    if (dialect == DIALECT_STREAM && peer->row.dialect != DIALECT_ONESHOT &&
        link->role == SESSION_LISTENER && peer->link == NULL &&
        (link->peer == NULL || link->peer->transient))
        rendezvous_stream(link, peer);
    peer_spoke(peer);
    peer_settle(peer, NULL);
}

void plain_settle_greeter(struct link *link)
{
    struct peer *peer =
        membership_claim(link->node, &link->claimed, span_of(link->claimed_name), &link->remote);
    if (peer != NULL)
        adopt(link, peer);
}

void plain_greeting(struct link *link, const struct session_event *event)
{
    struct address from;
    if (link->role == SESSION_DIALER && link->peer != NULL) {
        if (link->peer->row.dialect != DIALECT_SESSION)
            peer_set_name(link->peer, event->message.name);
        return;
    }
    from = answer_address(link, &event->message.from);
    if (claims_us(link, &event->message))
        return;
    link->claimed = from;
    span_copy(event->message.name, link->claimed_name, sizeof link->claimed_name);
    /* A greeting with LF waits for /hello: who it is is settled when the dialect is. */
    if (session_dialect(link->session) == DIALECT_UNKNOWN) {
        struct peer *likely = membership_by_address(link->node, &from);
        if (likely != NULL)
            dialer_is_coming(likely);
        return;
    }
    struct peer *peer = find_speaker(link, &event->message, &from);
    if (peer != NULL)
        adopt(link, peer);
}

static void tell(struct node *node, const char *address, const char *name, struct span text)
{
    hearing_tell_message(node, (struct event){.address = address,
                                              .name = name,
                                              .scope = SCOPE_BROADCAST,
                                              .text = text,
                                              .plain = true});
}

void plain_chat(struct link *link, const struct session_event *event)
{
    struct address from = answer_address(link, &event->message.from);
    if (claims_us(link, &event->message)) {
        log_detail("a message that claims to come from us was ignored");
        return;
    }
    struct peer *peer = find_speaker(link, &event->message, &from);
    char text[ADDRESS_TEXT], name[PEER_SHOWN];
    address_print(&from, text);
    if (peer != NULL && peer->row.dialect != DIALECT_SESSION)
        snprintf(name, sizeof name, "%s", peer->shown);
    else
        names_claimed(link->node, event->message.name, name);
    if (peer != NULL)
        adopt(link, peer);
    tell(link->node, text, name, event->message.text);
}

void plain_raw(struct link *link, const struct session_event *event)
{
    char text[ADDRESS_TEXT];
    address_print(&link->remote, text);
    if (link->peer == NULL && session_dialect(link->session) == DIALECT_STREAM && !link->ended)
        rendezvous_stream(link, membership_transient(link->node, &link->remote));
    tell(link->node, text, "-", event->message.text);
}

/* Who is meant by an exit: a third party may say it, from elsewhere, so the claim counts as it
 * stands, unless it is the loopback address that many an original program takes for its own. */
void plain_exit(struct link *link, const struct session_event *event)
{
    struct address from = event->message.from;
    if (address_is_loopback(&from))
        from = answer_address(link, &from);
    struct peer *peer = membership_by_address(link->node, &from);
    if (peer == NULL || peer->left || pins_hold(peer) ||
        (peer->link != NULL && peer->link != link) || (peer->link == link && link_is_session(link)))
        return;
    if (strcmp(peer->row.name, "-") == 0)
        peer_set_name(peer, event->message.name);
    peer->left = true;
    peer->heard = false;
    if (peer->link == link)
        link_answer_bye(link);
    else
        peer_settle(peer, "left");
}

/* What a banned peer says in plain lines, and what somebody says whom we only heard of. */
bool plain_is_ignored(struct link *link, const struct session_event *event)
{
    bool claims = event->kind == SESSION_GREETING || event->kind == SESSION_CHAT ||
                  event->kind == SESSION_EXIT;
    if (link->hearsay)
        return claims || event->kind == SESSION_RAW || event->kind == SESSION_REFUSED;
    if (!claims)
        return false;
    struct address from = answer_address(link, &event->message.from);
    return door_bars(link, &from, event->kind == SESSION_CHAT);
}
