/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two nodes have said who they are: which peer that is, and which of two connections to it counts.
 * One session per node id holds at all times, also when both dial at once: the node with the lower
 * id is the preferred dialer. It refuses the other's connection while its own dial is on its way or
 * its own session is young; in every other case the newer connection replaces the older. Both ends
 * come to the same answer without asking.
 *
 * In plain text the listener says /hello first, so a dialer knows who is there when the other side
 * takes its dial. Encrypted it is the dialer, and the listener decides while the dialer still knows
 * of nobody; and a first dial is two, for plain text offers the encryption. Hence two more rules:
 * a dial that is given up for another connection says /bye, for a greeting and then silence are
 * those of somebody who speaks plain lines; and a dial that began before a session came up does not
 * outlive it, for the other side said /hello on it before it took ours. And a dial that brings an
 * invitation counts before any other at both ends: nothing else can get its answer.
 */
#include "config.h"

#include "mesh/rendezvous.h"

#include "mesh/arrivals.h"
#include "mesh/dialer.h"
#include "mesh/directory.h"
#include "mesh/door.h"
#include "mesh/hearsay.h"
#include "mesh/internal.h"
#include "mesh/joining.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/pump.h"

enum { YOUNG_US = 5000000 };

struct address rendezvous_address(const struct link *link, const struct hello *hello)
{
    struct address a = link->remote;
    if (link->role == SESSION_LISTENER) {
        if (address_is_loopback(&a) && address_is_loopback(&link->claimed))
            a = link->claimed;
        a.port = hello->listen;
    }
    return a;
}

/* Our own id at the other end: this very run, or a copy of our state folder. */
static void refuse_self(struct link *link, const struct hello *hello)
{
    struct peer *peer = link->peer;
    struct address at = rendezvous_address(link, hello);
    if (link->secure && link->role == SESSION_LISTENER)
        link_answer(link); /* for the other end to see it too */
    if (hello->boot != link->node->boot) {
        door_refuses_copy(link, &at);
        return;
    }
    if (peer != NULL)
        peer->row.quiet = peer->is_us = true;
    link_kill(link, "that is this node itself");
}

static void refuse_duplicate(struct link *link)
{
    struct peer *peer = link->peer;
    bool dialled = peer != NULL && peer->attempt.link == link;
    link_duplicate(link);
    if (dialled)
        dialer_ended(peer, NULL);
    else if (peer != NULL && peer->announced && peer->link == NULL)
        peer_wait_grace(peer, "another connection to it counts");
}

/* Known by an address alone so far: it may turn out to be any node. */
static bool is_nameless(const struct peer *peer, const struct link *link)
{
    return peer->row.node[0] == '\0' && !peer->transient &&
           (peer->link == NULL || peer->link == link);
}

static struct peer *new_peer(struct link *link)
{
    return link->role == SESSION_DIALER ? membership_add(link->node, NULL)
                                        : membership_newcomer(link->node, &link->remote);
}

/* Whom a hello speaks for, as far as we know: by its id, else by the address alone. */
static struct peer *find_known(const struct link *link, const struct hello *hello)
{
    struct address at = rendezvous_address(link, hello);
    struct peer *known = membership_by_node(link->node, hello->node);
    if (known != NULL)
        return known;
    known = link->peer != NULL ? link->peer : membership_by_address(link->node, &at);
    return known != NULL && is_nameless(known, link) ? known : NULL;
}

/* A stream to that address was this node too, before it had said who it is: what was given to that
 * connection arrives by it, the rest waits for the session. */
static void absorb(struct peer *known, struct peer *other)
{
    struct link *stream = other->link;
    if (stream != NULL) {
        stream->peer = NULL;
        other->link = NULL;
    }
    dialer_cancel(other);
    membership_absorb(known, other);
    if (stream != NULL)
        link_bye(stream, NULL, "it speaks sessions");
}

/* The last one. */
static struct peer *find_nameless(const struct link *link, const struct peer *known,
                                  const struct address *at)
{
    struct matches there = directory_at(link->node, at);
    for (size_t i = there.count; i-- > 0;) {
        struct peer *peer = there.at[i].item;
        if (peer != known && peer != link->peer && peer->row.node[0] == '\0' && !peer->transient)
            return peer;
    }
    return NULL;
}

/* Entries that are known by that address alone mean whoever is there. */
static void absorb_nameless(struct link *link, struct peer *known, const struct address *at)
{
    struct peer *other;
    while ((other = find_nameless(link, known, at)) != NULL)
        absorb(known, other);
}

/* The peer that a hello comes from: by its id, else by the address, else a new one. */
static struct peer *identify(struct link *link, const struct hello *hello)
{
    struct node *node = link->node;
    struct address at = rendezvous_address(link, hello);
    struct peer *known = membership_by_node(node, hello->node);
    struct peer *here = link->peer;
    if (here == NULL && at.port != 0)
        here = membership_by_address(node, &at);
    if (here != NULL && !is_nameless(here, link))
        here = NULL;
    if (known == NULL)
        known = here != NULL ? here : new_peer(link);
    if (at.port != 0 && pins_give_address(link, hello, &at)) {
        absorb_nameless(link, known, &at);
        peer_set_address(known, &at);
    } else if (known->row.address_count == 0) {
        peer_show_address(known, &link->remote);
    }
    return known;
}

/* The connection belonged to another entry of the directory until now: one that has turned out to
 * be this peer, or another node that had the address before. What waits for that one stays. */
static void change_peer(struct link *link, struct peer *before, struct peer *peer)
{
    bool dialled = before->attempt.link == link;
    if (dialled)
        before->attempt.link = NULL;
    if (before->transient || is_nameless(before, link)) {
        before->link = NULL;
        before->announced = before->announced && !before->transient;
        membership_absorb(peer, before);
    } else {
        link_part(link, "another node answers there now");
        peer->named = peer->named || before->named;
        before->named = false;
        peer_drop_address(before, &peer->row.addresses[0]);
        dialer_ended(before, "another node answers there now");
    }
    link->peer = peer;
    if (dialled && peer->attempt.link == NULL)
        peer->attempt.link = link;
}

/* We have a session with that one already, and this dial of ours is no better. */
static bool is_needless(const struct link *link, const struct peer *peer)
{
    const struct link *old = peer->link;
    bool preferred = strcmp(link_our_id(link), peer->row.node) < 0;
    return old != NULL && link_is_session(old) && !old->closing &&
           (link->hearsay || old->role == SESSION_DIALER || !preferred);
}

bool rendezvous_is_needless(struct link *link)
{
    struct peer *known = membership_by_node(link->node, channel_fingerprint(link->channel));
    if (link->role == SESSION_LISTENER || known == NULL || !is_needless(link, known))
        return false;
    if (link->peer != NULL && link->peer != known)
        change_peer(link, link->peer, known);
    refuse_duplicate(link);
    return true;
}

static bool is_duplicate(const struct link *link, const struct peer *peer,
                         const struct hello *hello)
{
    const struct link *old = peer->link;
    if (joining_is_under_way(peer) && peer->attempt.link != link)
        return true;
    if (link->invitation[0] != '\0')
        return false;
    bool preferred = strcmp(link_our_id(link), hello->node) < 0;
    bool same_run = old != NULL && link_is_session(old) && peer->boot == hello->boot;
    if (link->role == SESSION_DIALER)
        return !link->secure && same_run && is_needless(link, peer);
    if (!preferred)
        return false;
    const struct link *greeting = peer->attempt.link;
    if (greeting != NULL && greeting != link)
        return true;
    return same_run && old->role == SESSION_DIALER && !old->closing &&
           loop_now(link->node->loop) - old->since < YOUNG_US;
}

/* We have just said goodbye to it, and it has not heard that yet. */
static bool is_being_left(const struct link *link, const struct peer *peer)
{
    return link->role == SESSION_LISTENER && peer->row.quiet && peer->link != NULL &&
           peer->link->closing;
}

/* It said so before it had taken our own dial, and that session is over: it has given this one up
 * long ago. */
static bool is_late(const struct link *link, const struct peer *peer, const struct hello *hello)
{
    bool is_over = peer->link == NULL || peer->link->closing;
    return link->secure && link->role == SESSION_LISTENER && is_over && peer->boot == hello->boot &&
           link->since <= peer->attempt.up_since;
}

/* The new connection takes the old one's place without a word to anybody: the peer stays up. */
static void replace(struct link *old)
{
    link_duplicate(old);
}

/* Another dial of ours would only make a second connection. Its greeting has been heard: an end
 * without a word would be that of somebody who speaks plain lines. */
static void give_up_dial(struct peer *peer)
{
    if (peer->attempt.link != NULL)
        link_duplicate(peer->attempt.link);
    dialer_cancel(peer);
}

/* Whoever listens may come back from there, though others have that address too. */
static bool is_passing(const struct peer *peer, const struct hello *hello)
{
    return hello->passing || peer->unkept || (hello->listen == 0 && peer->row.address_count == 0);
}

static void learn(struct peer *peer, const struct hello *hello)
{
    peer_set_node(peer, hello->node,
                  span_of(hello->name[0] != '\0' ? hello->name : peer->row.name));
    peer_set_dialect(peer, DIALECT_SESSION);
    peer->boot = peer->row.boot = hello->boot;
    peer->row.fleeting = hello->fleeting;
    peer->turned_away = false;
    peer->other_key[0] = '\0'; /* the right one is there */
    arrivals_meet(peer, hello->epoch);
    peer->box.window = hello->window;
    peer_touch(peer);
}

struct peer *rendezvous_meet(struct link *link, const struct hello *hello)
{
    if (strcmp(hello->node, link_our_id(link)) == 0) {
        refuse_self(link, hello);
        return NULL;
    }
    if (door_refuses(link, hello, find_known(link, hello)))
        return NULL;
    struct peer *peer = identify(link, hello);
    if (link->peer != NULL && link->peer != peer)
        change_peer(link, link->peer, peer);
    if (is_duplicate(link, peer, hello) || is_being_left(link, peer) ||
        is_late(link, peer, hello)) {
        refuse_duplicate(link);
        return NULL;
    }
    if (peer->link != NULL && peer->link != link)
        replace(peer->link);
    if (peer->attempt.link == link)
        peer->attempt.link = NULL;
    give_up_dial(peer);
    if (link->role == SESSION_DIALER)
        peer_set_claim(peer, NULL);
    peer->passing = is_passing(peer, hello);
    pins_meet(link, peer, hello);
    learn(peer, hello);
    peer->link = link;
    link->peer = peer;
    if (link->hearsay)
        hearsay_met(link->node, &link->remote);
    link->hearsay = false;
    peer->row.quiet = false;
    peer->refused = peer->refused && link->role == SESSION_DIALER;
    peer_spoke(peer);
    dialer_ended(peer, NULL);
    link_hold(link);
    return peer;
}

void rendezvous_stream(struct link *link, struct peer *peer)
{
    if (link->peer != NULL && link->peer != peer)
        change_peer(link, link->peer, peer);
    link->peer = peer;
    peer->link = link;
    if (peer->attempt.link == link)
        peer->attempt.link = NULL;
    peer_set_dialect(peer, DIALECT_STREAM);
    if (link->role == SESSION_DIALER) {
        peer_found(peer, &link->remote);
        dialer_ended(peer, NULL);
    }
    peer_spoke(peer);
    peer_settle(peer, NULL);
    pump_connected(peer);
}
