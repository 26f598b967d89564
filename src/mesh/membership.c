/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is known: finding a peer by address or node id, adding one, merging two that turn out to be
 * one, and keeping the directory on disk. It does not dial and does not send.
 */
#include "config.h"

#include "mesh/membership.h"

#include "base/alloc.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/directory.h"
#include "mesh/internal.h"
#include "mesh/inviting.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/names.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/standing.h"
#include "mesh/tombs.h"

enum {
    CLAIMED_MAX = 1000,      /* addresses only ever claimed in plain messages */
    CLAIMED_PER_SOURCE = 16, /* of those, from one source IP */
    MEMBERSHIP_MAX = 4096,   /* peers kept; newcomers beyond that are not remembered */
};

/* Two nodes may have had one address, one after the other: the one met last counts. */
struct peer *membership_by_address(const struct node *node, const struct address *a)
{
    struct peer *found = NULL;
    struct matches there = directory_at(node, a);
    for (size_t i = 0; i < there.count; i++) {
        struct peer *peer = there.at[i].item;
        if (found == NULL || peer->row.seen >= found->row.seen)
            found = peer;
    }
    return found;
}

struct peer *membership_by_node(const struct node *node, const char *id)
{
    struct matches known = directory_known(node, id);
    return known.count > 0 ? known.at[0].item : NULL;
}

static void enlist(struct peer *peer)
{
    struct node *node = peer->node;
    peer->unkept = node->peer_count >= MEMBERSHIP_MAX;
    peer->passing = peer->unkept;
    node->peers = alloc_grow(node->peers, node->peer_count, &node->peer_room, sizeof *node->peers);
    node->peers[node->peer_count++] = peer;
    directory_enter(peer);
}

struct peer *membership_add(struct node *node, const struct address *a)
{
    struct peer *peer = peer_new(node);
    if (a != NULL)
        peer_set_address(peer, a);
    enlist(peer);
    return peer;
}

struct peer *membership_transient(struct node *node, const struct address *a)
{
    struct peer *peer = membership_add(node, a);
    peer->transient = true;
    return peer;
}

/* A stranger can claim any number of addresses: what is remembered of that is bounded. */
static bool claim_fits(const struct node *node, const struct address *source, size_t most)
{
    return directory_claimed(node) < CLAIMED_MAX && directory_claimed_from(node, source) < most;
}

/* Programs of this machine are many behind one address. */
struct peer *membership_newcomer(struct node *node, const struct address *source)
{
    bool fits =
        claim_fits(node, source, address_is_loopback(source) ? CLAIMED_MAX : CLAIMED_PER_SOURCE);
    struct peer *peer = membership_add(node, NULL);
    peer_set_claim(peer, source);
    peer->unkept = peer->unkept || !fits;
    return peer;
}

struct peer *membership_claim(struct node *node, const struct address *a, struct span name,
                              const struct address *source)
{
    struct peer *peer = membership_by_address(node, a);
    if (peer == NULL || peer->transient) {
        if (!claim_fits(node, source, CLAIMED_PER_SOURCE))
            return NULL;
        peer = membership_add(node, a);
        peer_set_claim(peer, source);
        peer_touch(peer);
    }
    if (peer->row.dialect != DIALECT_SESSION)
        peer_set_name(peer, name);
    return peer;
}

/* Its row goes with the turn's commit, whichever one succeeds. */
static void drop_row(struct peer *peer)
{
    struct node *node = peer->node;
    node->dropped =
        alloc_grow(node->dropped, node->dropped_count, &node->dropped_room, sizeof *node->dropped);
    node->dropped[node->dropped_count++] = peer->row.id;
    node->dirty = true;
    peer->row.id = 0;
}

static void unlist(struct peer *peer)
{
    struct node *node = peer->node;
    size_t i = 0;
    while (i < node->peer_count && node->peers[i] != peer)
        i++;
    if (i == node->peer_count)
        return;
    names_leave(peer);
    directory_leave(peer);
    node->peer_count--;
    memmove(&node->peers[i], &node->peers[i + 1], (node->peer_count - i) * sizeof *node->peers);
    if (node->db != NULL && peer->row.id != 0)
        drop_row(peer);
    dialer_cancel(peer);
    oneshot_cancel(peer);
    timer_stop(node->loop, &peer->grace);
}

/* Somebody further up the stack may still be using it. */
static void bury(struct peer *peer)
{
    struct node *node = peer->node;
    node->buried =
        alloc_grow(node->buried, node->buried_count, &node->buried_room, sizeof(struct peer *));
    node->buried[node->buried_count++] = peer_hold(peer);
    unlist(peer);
}

void membership_turn(struct node *node)
{
    while (node->buried_count > 0)
        peer_release(node->buried[--node->buried_count]);
}

/* other stays as a signpost for those who hold it. */
void membership_absorb(struct peer *keeper, struct peer *other)
{
    for (size_t i = other->transient ? 0 : other->row.address_count; i > 0; i--)
        peer_set_address(keeper, &other->row.addresses[i - 1]);
    delivery_move(keeper, other);
    keeper->named = keeper->named || other->named;
    keeper->tried = keeper->tried || other->tried;
    keeper->refused = keeper->refused && other->refused;
    keeper->row.banned = (keeper->row.banned || other->row.banned) && !other->pardons;
    keeper->row.quiet = (keeper->row.quiet && other->row.quiet) || keeper->row.banned;
    if (keeper->alias == NULL) {
        peer_set_alias(keeper, other->alias);
        peer_set_alias(other, NULL);
    }
    peer_touch(keeper);
    keeper->announced = keeper->announced || other->announced;
    losses_tell_peer(other);
    bury(other);
    other->became = peer_hold(keeper);
}

void membership_remove(struct peer *peer)
{
    if (peer->link != NULL) {
        struct link *link = peer->link;
        peer->link = NULL;
        link->peer = NULL;
        link_kill(link, "forgotten");
    }
    delivery_give_up(peer, peer->cause[0] != '\0' ? peer->cause : "forgotten");
    losses_tell_peer(peer);
    bury(peer);
    peer->forgotten = true;
}

static void load_row(void *arg, const struct peer_row *row)
{
    struct node *node = arg;
    if (strcmp(row->node, node->id) == 0)
        return;
    struct peer *peer = peer_new(node);
    peer->row = *row;
    peer->source = row->addresses[0];
    if (row->address_count > 0)
        peer_show_address(peer, &row->addresses[0]);
    enlist(peer);
    names_join(peer);
    delivery_load(peer);
}

void membership_load(struct node *node)
{
    tombs_load(node);
    standing_load(node);
    inviting_load(node);
    if (node->db != NULL)
        peers_load(node->db, load_row, node);
}

/* A node is one without an address too, another one may have it now: what waits for it stays. */
static bool is_kept(const struct peer *peer)
{
    return peer->row.address_count > 0 || peer->row.node[0] != '\0' || peer->row.banned;
}

/* Until a commit succeeds they stay dirty. */
void membership_write(struct node *node)
{
    database_set(node->db, "name", node->name);
    tombs_write(node);
    standing_write(node);
    inviting_write(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        bool met = !peer->passing && peer->row.seen != 0;
        if (!peer->dirty || peer->transient || !(met || peer->row.banned))
            continue;
        if (is_kept(peer))
            peers_save(node->db, &peer->row);
        else if (peer->row.id != 0)
            drop_row(peer);
    }
    for (size_t i = 0; i < node->dropped_count; i++)
        peers_delete(node->db, node->dropped[i]);
}

static bool is_local(const struct node *node, const struct address *a)
{
    if (address_is_loopback(a) || address_is_any(a))
        return true;
    for (size_t i = 0; i < node->local_count; i++) {
        if (address_same_host(&node->local[i], a))
            return true;
    }
    return false;
}

bool membership_is_own(const struct node *node, const struct address *a)
{
    for (size_t i = 0; i < node->listener_count; i++) {
        struct address mine;
        listener_address(node->listeners[i], &mine);
        if (mine.port != a->port || mine.family != a->family)
            continue;
        if (address_is_any(&mine) ? is_local(node, a) : address_equal(&mine, a))
            return true;
    }
    return false;
}
