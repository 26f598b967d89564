/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which key belongs to whom: the first one that a node shows is remembered, and from then on its
 * address is dialled encrypted and nothing but that key is taken there. It does not know groups.
 */
#include "config.h"

#include "mesh/pins.h"

#include "base/alloc.h"
#include "base/fingerprint.h"
#include "base/log.h"
#include "mesh/dialer.h"
#include "mesh/internal.h"
#include "mesh/joining.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "store/renaming.h"

bool pins_hold(const struct peer *peer)
{
    return peer_has_key(peer) && !peer->row.fleeting && !peer->passing;
}

bool pins_encrypt(const struct peer *peer)
{
    const struct node *node = peer->node;
    if (node->config.security.tls == NULL || peer->asks_plain)
        return false;
    return node_is_closed(node) || peer->offers_tls || pins_hold(peer);
}

/* --- keys at the wrong place --- */

/* Two of our peers have changed places, or addresses are given out anew. */
static void tell_moved(const struct peer *owner, const char *key, const struct address *at)
{
    char text[ADDRESS_TEXT];
    const struct peer *other = membership_by_node(owner->node, key);
    address_print(at, text);
    log_notice("%s: %s is there now, not %s", text, other->shown, owner->shown);
}

static void tell_other_key(struct peer *peer, const char *key)
{
    char known[FINGERPRINT_GROUPS], shown[FINGERPRINT_GROUPS];
    if (strcmp(peer->other_key, key) == 0)
        return;
    span_copy(span_of(key), peer->other_key, sizeof peer->other_key);
    fingerprint_print(peer->row.node, known);
    fingerprint_print(key, shown);
    log_error("%s %s: another key is there, %s; known is %s. Somebody may be in between; if it was "
              "installed anew: /trust %s",
              peer->text, peer->shown, shown, known, peer->text);
}

bool pins_take_key(struct link *link)
{
    struct peer *peer = link->peer;
    const char *key = channel_fingerprint(link->channel);
    const char *wanted = joining_expects(link);
    if (wanted == NULL && peer != NULL && pins_hold(peer))
        wanted = peer->row.node;
    if (link->role == SESSION_LISTENER || wanted == NULL || strcmp(wanted, key) == 0)
        return true;
    const struct peer *other = membership_by_node(link->node, key);
    if (joining_expects(link) == NULL && other != NULL && pins_hold(other)) {
        tell_moved(peer, key, &link->remote);
        return true;
    }
    if (peer != NULL) {
        tell_other_key(peer, key);
        peer->turned_away = true;
    }
    link_refuse(link, "another key is there");
    return false;
}

/* Whoever comes by himself only says where he listens: while the owner is here that is a lie, and
 * what strangers say is told once, for there may be any number of them. */
static bool is_worth_telling(const struct link *link, const struct peer *owner, bool known)
{
    return link->role == SESSION_DIALER ||
           (!peer_is_up(owner) && (known || owner->other_key[0] == '\0'));
}

bool pins_give_address(const struct link *link, const struct hello *hello, const struct address *at)
{
    struct peer *owner = membership_by_address(link->node, at);
    if (owner == NULL || strcmp(owner->row.node, hello->node) == 0 || !pins_hold(owner))
        return true;
    bool known = membership_by_node(link->node, hello->node) != NULL;
    if (!is_worth_telling(link, owner, known))
        return false;
    if (known) {
        tell_moved(owner, hello->node, at);
        return true;
    }
    tell_other_key(owner, hello->node);
    return false;
}

/* --- what the user says --- */

/* The key that is there now has come in before, as another peer. */
static struct peer *merge(struct peer *keeper, struct peer *other)
{
    if (other->link != NULL)
        link_kill(other->link, "another key has its address");
    dialer_cancel(other);
    membership_absorb(keeper, other);
    keeper->passing = false;
    return keeper;
}

bool node_trust(struct node *node, struct peer *peer, struct span key, char **cause)
{
    if (peer->other_key[0] == '\0') {
        *cause = alloc_print("%s %s: no other key was refused there", peer->text, peer->shown);
        return false;
    }
    if (key.len > 0 && !fingerprint_begins(peer->other_key, key)) {
        *cause = alloc_print("%s %s: the key that was refused there is %s", peer->text, peer->shown,
                             peer->other_key);
        return false;
    }
    struct peer *known = membership_by_node(node, peer->other_key);
    if (known != NULL)
        peer = merge(known, peer);
    else
        peer_set_node(peer, peer->other_key, span_of(peer->row.name));
    peer->other_key[0] = '\0';
    peer->turned_away = false;
    dialer_ask(peer);
    return true;
}

/* --- first contact --- */

void pins_meet(const struct link *link, const struct peer *peer, const struct hello *hello)
{
    char key[FINGERPRINT_GROUPS];
    if (!link->secure || strcmp(peer->row.node, hello->node) == 0 || peer->passing ||
        hello->fleeting)
        return;
    fingerprint_print(hello->node, key);
    log_notice("%s %s: first contact, key %s", peer->text,
               hello->name[0] != '\0' ? hello->name : "-", key);
}

/* What is known of it is known of its key from now on. */
void pins_move_over(struct link *link, const struct hello *hello)
{
    struct node *node = link->node;
    char key[FINGERPRINT_GROUPS];
    struct peer *peer = hello->was[0] != '\0' ? membership_by_node(node, hello->was) : NULL;
    if (peer == NULL || fingerprint_is(span_of(hello->was)) ||
        membership_by_node(node, hello->node) != NULL)
        return;
    if (node->db != NULL)
        renaming_move(node->db, hello->was, hello->node);
    peer_set_node(peer, hello->node, span_of(peer->row.name));
    fingerprint_print(hello->node, key);
    log_notice("%s %s: has a key now, %s; what waits for it and what came from it stays its own",
               peer->text, peer->shown, key);
}
