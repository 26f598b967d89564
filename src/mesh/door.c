/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is let in: a newcomer gets a connection while there are descriptors, or the place of one that
 * has been silent for long; else it is told why not. So are the banned, the forgotten and copies of
 * a node that is here already. It does not know what is said after that.
 */
#include "config.h"

#include "mesh/door.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "mesh/fence.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/tombs.h"

enum {
    RESERVE = 100,                   /* descriptors kept for dials, files and the like */
    STRANGER_PATIENCE_US = 10000000, /* a silent connection makes room after so long */
    LISTENER_PATIENCE_US = 60000000,
    SLOTS = 64,           /* connections that have not proved yet who is there, */
    SLOTS_PER_SOURCE = 8, /* and of those from one address, but for this machine's own */
};

/* Encrypting costs us more than it costs a stranger; so does one who was refused and stays. */
static bool takes_slot(const struct link *link)
{
    return link->role == SESSION_LISTENER && link->peer == NULL &&
           (link->secure || node_is_closed(link->node));
}

/* How long the connection must have been silent to make room for another: one in a slot not at
 * all, one that has not said who it is not for long, a person who listens longer, anybody else for
 * ever. */
static uint64_t patience(const struct link *link)
{
    if (takes_slot(link))
        return 0;
    if (link->role == SESSION_DIALER || link->closing)
        return UINT64_MAX;
    if (link->peer == NULL)
        return STRANGER_PATIENCE_US;
    return link->peer->transient ? LISTENER_PATIENCE_US : UINT64_MAX;
}

static struct link *find_silent(struct node *node)
{
    struct link *silent = NULL;
    for (struct link *l = node->links; l != NULL; l = l->next) {
        uint64_t silence = loop_now(node->loop) - l->heard;
        if (silence < patience(l))
            continue;
        if (silent == NULL || patience(l) < patience(silent) ||
            (patience(l) == patience(silent) && l->heard < silent->heard))
            silent = l;
    }
    return silent;
}

static bool fits(const struct node *node, int fd)
{
    int limit = node->fd_limit;
    int reserve = limit / 8 < RESERVE ? limit / 8 : RESERVE;
    return fd < limit - reserve;
}

static void refuse(int fd)
{
    static const char words[] = "/error full no free connection, try again later\n";
    (void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* One that was refused makes room, else the oldest: who means it well needs his for a moment. */
void door_make_room(struct node *node, const struct address *from)
{
    struct link *oldest = NULL, *oldest_same = NULL;
    size_t all = 0, same = 0;
    for (struct link *l = node->links; l != NULL; l = l->next) { /* newest first */
        if (!takes_slot(l))
            continue;
        all++;
        if (oldest == NULL || l->closing || !oldest->closing)
            oldest = l;
        if (!address_same_host(&l->remote, from))
            continue;
        same++;
        if (oldest_same == NULL || l->closing || !oldest_same->closing)
            oldest_same = l;
    }
    if (same >= SLOTS_PER_SOURCE && !address_is_loopback(from))
        link_kill(oldest_same, "made room for another from its address");
    else if (all >= SLOTS)
        link_kill(oldest, "made room for another");
}

void door_accepted(void *arg, int fd, const struct address *from)
{
    struct node *node = arg;
    if (node->leaving) {
        close(fd);
        return;
    }
    if (!fence_lets(node, from)) {
        fence_tell(node, from, FENCE_CAUSE);
        close(fd);
        return;
    }
    if (!fits(node, fd)) {
        struct link *silent = find_silent(node);
        if (silent == NULL) {
            char text[ADDRESS_TEXT];
            address_print(from, text);
            if (!node->full)
                log_error("%s: refused, all %d descriptors are in use; raise ulimit -n", text,
                          node->fd_limit);
            node->full = true;
            refuse(fd);
            return;
        }
        link_kill(silent, "made room for another");
    } else {
        node->full = false;
    }
    if (node_is_closed(node))
        door_make_room(node, from);
    struct link *link = link_new(node, fd, SESSION_LISTENER, NULL, false);
    if (link == NULL)
        log_error("a connection was refused: there is no room to watch it");
    else
        link->remote = *from; /* also of a connection that has been reset meanwhile */
}

/* --- those who are not to come in, whatever room there is --- */

static void tell_copy(struct node *node, const struct address *at)
{
    char text[ADDRESS_TEXT];
    for (size_t i = 0; i < node->clone_count; i++) {
        if (address_equal(&node->clones[i], at))
            return;
    }
    if (node->clone_count == CLONES_MAX)
        return;
    node->clones[node->clone_count++] = *at;
    address_print(at, text);
    log_error("%s has our node id: the state folder was copied; remove one copy's state", text);
}

void door_refuses_copy(struct link *link, const struct address *at)
{
    tell_copy(link->node, at);
    if (link->peer != NULL)
        link->peer->refused = true;
    link_fault(link, "clone", "another node has this node id: the state folder was copied");
}

/* The user has named an address, and we have dialled it to find out who is there. */
static bool is_asked_for(const struct link *link)
{
    return link->role == SESSION_DIALER && link->peer != NULL && link->peer->named &&
           link->peer->row.node[0] == '\0';
}

/* Whom the user asks for is met again; so is one that has started anew and comes by itself. */
static bool is_forgotten(const struct link *link, const struct hello *hello,
                         const struct peer *known)
{
    bool asked = is_asked_for(link) || (known != NULL && known->named);
    return !asked && tombs_hold(link->node, hello->node, link->hearsay ? 0 : hello->boot);
}

/* An older run of a node whose newer one is connected: one of the two is a copy. */
static bool is_copy(const struct peer *known, const struct hello *hello)
{
    return known->link != NULL && link_is_session(known->link) && !known->link->closing &&
           hello->boot < known->boot;
}

static bool turn_away(struct link *link, const char *code, const char *cause)
{
    if (link->hearsay)
        link_duplicate(link); /* nobody has asked for it: no reason to complain */
    else
        link_fault(link, code, cause);
    return true;
}

static bool refuse_banned(struct link *link, struct peer *known)
{
    if (!known->told_banned)
        log_error("%s %s is banned: turned away", known->text, known->shown);
    known->told_banned = true;
    return turn_away(link, "banned", DOOR_BANNED);
}

static bool refuse_older(struct link *link, struct peer *known)
{
    if (!known->told_doubled)
        log_error("%s %s: another node has the same node id, its state folder was copied; the one "
                  "that started first is turned away",
                  known->text, known->shown);
    known->told_doubled = true;
    return turn_away(link, "clone", "a newer run of this node id is connected here");
}

bool door_refuses(struct link *link, const struct hello *hello, struct peer *known)
{
    if (known != NULL && is_asked_for(link) && link->peer->pardons)
        known->row.banned = false;
    if (known != NULL && known->row.banned)
        return refuse_banned(link, known);
    if (is_forgotten(link, hello, known))
        return turn_away(link, "forgotten", "you were forgotten here; start anew, or wait for us");
    if (known != NULL && is_copy(known, hello))
        return refuse_older(link, known);
    if (link->hearsay && known != NULL && (known->row.quiet || known->left || known->refused))
        return turn_away(link, NULL, NULL);
    tombs_remove(link->node, hello->node);
    return false;
}

bool door_bars(struct link *link, const struct address *from, bool is_message)
{
    char text[ADDRESS_TEXT];
    struct node *node = link->node;
    struct peer *peer = link->peer;
    if (peer == NULL || peer->row.address_count == 0 ||
        !address_equal(&peer->row.addresses[0], from))
        peer = membership_by_address(node, from);
    if (peer == NULL || !(peer->row.banned || pins_hold(peer)))
        return false;
    if (is_message && !peer->told_barred) {
        peer->told_barred = true;
        address_print(from, text);
        node->sink.event(node->sink.arg,
                         &(struct event){.kind = EVENT_REFUSED,
                                         .address = text,
                                         .name = peer->shown,
                                         .cause = peer->row.banned ? "it is banned"
                                                                   : "it is known by its key, "
                                                                     "and this is plain text"});
    }
    return true;
}

bool door_is_shut(struct link *link, const struct verb *verb)
{
    static const char *const codes[] = {"clone",  "banned",   "forgotten", "closed",
                                        "denied", "bad-node", "tls"};
    bool copy = span_is(verb->code, "clone");
    struct peer *peer = link->peer;
    size_t i = 0;
    while (i < sizeof codes / sizeof codes[0] && !span_is(verb->code, codes[i]))
        i++;
    if (i == sizeof codes / sizeof codes[0])
        return false;
    if (peer == NULL) {
        if (copy && link->claimed.family != 0)
            tell_copy(link->node, &link->claimed);
        return true;
    }
    if (!peer->refused)
        log_error("%s %s does not let us in: %.*s; it is not dialled again before /connect",
                  peer->text, peer->shown, (int)verb->text.len, verb->text.at);
    peer->refused = true;
    return true;
}
