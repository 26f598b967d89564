/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two nodes have said who they are: which peer that is, and which of two connections to it counts.
 * One session per node id holds at all times, also when both dial at once: the node with the lower
 * id is the preferred dialer. It refuses the other's connection while its own dial is on its way or
 * its own session is young; in every other case the newer connection replaces the older. Both ends
 * come to the same answer without asking.
 */
#include "config.h"

#include <stdio.h>

#include "base/log.h"
#include "mesh/internal.h"

enum { YOUNG_US = 5000000 };

/* Our own id at the other end: this very run, or a copy of our state folder. */
static void refuse_self(struct link *link, const struct hello *hello)
{
    struct node *node = link->node;
    bool self = hello->boot == node->boot;
    char text[ADDRESS_TEXT];
    address_print(&link->remote, text);
    if (!self)
        log_error("%s has our node id: the state folder was copied; remove one copy's state", text);
    struct peer *peer = link->peer;
    if (peer != NULL && self)
        peer->row.quiet = true;
    link_kill(link, self ? "that is this node itself" : "has our node id");
}

static void refuse_duplicate(struct link *link)
{
    struct peer *peer = link->peer;
    if (peer != NULL && peer->attempt.link == link) {
        link->peer = NULL;
        peer->attempt.link = NULL;
        dialer_ended(peer, NULL);
    }
    link_duplicate(link);
}

/* Where the node at the other end listens, as seen from here. */
static struct address heard_address(const struct link *link, const struct hello *hello)
{
    struct address a = link->remote;
    if (link->role == SESSION_LISTENER) {
        if (address_is_loopback(&a) && address_is_loopback(&link->claimed))
            a = link->claimed;
        a.port = hello->listen;
    }
    return a;
}

/* The address belonged to another node until now: what waits for that one stays with it. */
static struct peer *take_over(struct link *link, struct peer *former, const struct address *at)
{
    if (former->attempt.link == link)
        former->attempt.link = NULL;
    struct peer *peer = membership_add(link->node, at);
    peer->named = former->named;
    former->named = false;
    peer_drop_address(former, at);
    link->peer = peer;
    peer->attempt.link = link->role == SESSION_DIALER ? link : NULL;
    dialer_ended(former, "another node answers there now");
    return peer;
}

/* The peer that a hello comes from: by its id, else by the address, else a new one. */
static struct peer *identify(struct link *link, const struct hello *hello)
{
    struct node *node = link->node;
    struct address at = heard_address(link, hello);
    struct peer *known = membership_by_node(node, hello->node);
    struct peer *here = link->peer;
    if (here == NULL && at.port != 0)
        here = membership_by_address(node, &at);
    if (known != NULL && here != NULL && known != here && here->row.node[0] == '\0' &&
        !here->transient && (here->link == NULL || here->link == link)) {
        bool dialled = here->attempt.link == link;
        here->attempt.link = dialled ? NULL : here->attempt.link;
        here->link = NULL;
        membership_absorb(known, here);
        link->peer = known;
        if (dialled && known->attempt.link == NULL)
            known->attempt.link = link;
        return known;
    }
    if (known == NULL && here != NULL && here->row.node[0] != '\0')
        known = link->peer == here ? take_over(link, here, &at)
                                   : membership_newcomer(node, &link->remote);
    if (known == NULL)
        known = here != NULL && !here->transient ? here
                                                 : membership_newcomer(node, &link->remote);
    if (link->peer != NULL && link->peer != known && link->peer->attempt.link == link) {
        link->peer->attempt.link = NULL;
        dialer_ended(link->peer, "another node answers there now");
        link->peer = NULL;
    }
    if (at.port != 0)
        peer_set_address(known, &at);
    else if (known->row.address_count == 0)
        address_print(&link->remote, known->text); /* for showing: nobody listens there */
    return known;
}

static bool is_duplicate(const struct link *link, const struct peer *peer,
                         const struct hello *hello)
{
    const struct node *node = link->node;
    const struct link *old = peer->link;
    bool preferred = strcmp(node->id, hello->node) < 0;
    bool same_run = old != NULL && link_is_session(old) && peer->boot == hello->boot;
    if (link->role == SESSION_DIALER) {
        if (!same_run || old->closing)
            return false;
        return old->role == SESSION_DIALER || !preferred;
    }
    if (!preferred)
        return false;
    const struct link *greeting = peer->attempt.link;
    if (greeting != NULL && greeting != link)
        return true;
    return same_run && old->role == SESSION_DIALER && !old->closing &&
           loop_now(node->loop) - old->since < YOUNG_US;
}

/* The new connection takes the old one's place without a word to anybody: the peer stays up. */
static void replace(struct link *old)
{
    struct peer *peer = old->peer;
    delivery_disconnected(peer, "replaced by a newer connection");
    peer->link = NULL;
    link_duplicate(old);
}

static void learn(struct peer *peer, const struct hello *hello)
{
    span_copy(span_of(hello->node), peer->row.node, sizeof peer->row.node);
    peer_set_dialect(peer, DIALECT_SESSION);
    peer->passing = hello->passing || peer->unkept || peer->row.address_count == 0;
    peer->boot = hello->boot;
    if (peer->epoch != hello->epoch)
        peer->mark = 0;
    peer->epoch = hello->epoch;
    if (hello->name[0] != '\0')
        peer_set_name(peer, span_of(hello->name));
    peer_touch(peer);
}

/* Somebody with nc has turned out to be a peer: what waited for the connection waits for it. */
static void leave_transient(struct link *link, struct peer *peer)
{
    struct peer *former = link->peer;
    if (former == NULL || former == peer || !former->transient)
        return;
    former->link = NULL;
    former->announced = false;
    delivery_move(peer, former);
    membership_remove(former);
}

struct peer *rendezvous_meet(struct link *link, const struct hello *hello)
{
    if (strcmp(hello->node, link->node->id) == 0) {
        refuse_self(link, hello);
        return NULL;
    }
    struct peer *peer = identify(link, hello);
    if (is_duplicate(link, peer, hello)) {
        refuse_duplicate(link);
        return NULL;
    }
    if (peer->link != NULL && peer->link != link)
        replace(peer->link);
    if (peer->attempt.link == link)
        peer->attempt.link = NULL;
    dialer_cancel(peer); /* another dial of ours would only make a second connection */
    leave_transient(link, peer);
    if (link->role == SESSION_DIALER)
        peer->row.claimed = false;
    learn(peer, hello);
    peer->link = link;
    link->peer = peer;
    peer->row.quiet = false;
    peer_spoke(peer);
    dialer_ended(peer, NULL);
    link_hold(link);
    return peer;
}

void rendezvous_stream(struct link *link, struct peer *peer)
{
    leave_transient(link, peer);
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
    delivery_connected(peer);
}
