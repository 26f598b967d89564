/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Accepting an invitation: its places are dialled in turn, each pinned to the inviter's key, until
 * one has said the group's secrets or none is left. It does not know how a dial is made, nor what
 * is proved on it.
 */
#include "config.h"

#include "mesh/joining.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/dialer.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/standing.h"

enum { JOINING_US = 30000000 }; /* for all places together */

#define NOT_TAKEN "the invitation is not taken there; an invitation works once, and for a day"

struct joining {
    struct invitation invitation;
    unsigned char key[PROOF_KEY_BYTES];
    char id[INVITATION_ID];
    enum join_state state;
    size_t next;       /* place */
    struct peer *peer; /* held: the inviter */
    bool added;        /* it was not known before */
    bool refused;      /* at some place, because of who we are or who is there */
    uint64_t deadline; /* monotonic us */
    struct timer timer;
    char *cause; /* why the last place, or all of it, came to nothing; or NULL */
};

static void wake(void *arg)
{
    (void)arg; /* the turn that follows looks */
}

void joining_free(struct node *node)
{
    struct joining *j = node->joining;
    if (j == NULL)
        return;
    timer_stop(node->loop, &j->timer);
    peer_release(j->peer);
    free(j->cause);
    digest_wipe(j, sizeof *j);
    free(j);
    node->joining = NULL;
}

/* What could let somebody in is not kept longer than it is needed. */
static void end(struct node *node, enum join_state state)
{
    struct joining *j = node->joining;
    j->state = state;
    timer_stop(node->loop, &j->timer);
    digest_wipe(&j->invitation, sizeof j->invitation);
    digest_wipe(j->key, sizeof j->key);
    loop_again(node->loop);
}

static void say_cause(struct joining *j, char *cause)
{
    free(j->cause);
    j->cause = cause;
}

static void give_up(struct node *node)
{
    struct joining *j = node->joining;
    struct peer *peer = peer_current(j->peer);
    end(node, j->refused ? JOIN_REFUSED : JOIN_FAILED);
    if (peer != NULL && j->added && !peer->reached)
        membership_remove(peer);
}

/* --- the dials --- */

static bool aim(struct node *node, struct peer *peer, const char *place)
{
    struct joining *j = node->joining;
    char host[ADDRESS_HOST];
    uint16_t port;
    struct address a;
    const char *cause;
    if (!address_split(span_of(place), host, &port, &cause)) {
        say_cause(j, alloc_print("%s: %s", place, cause));
        return false;
    }
    if (address_parse_host(host, port, &a)) {
        if (membership_is_own(node, &a)) {
            say_cause(j, alloc_print("%s: that is this node itself", place));
            return false;
        }
        peer_set_address(peer, &a);
        return true;
    }
    peer_set_host(peer, place);
    return true;
}

static void dial(struct peer *peer)
{
    if (peer->link != NULL)
        link_kill(peer->link, "we join its group");
    dialer_cancel(peer);
    peer->pardons = true;
    peer->row.banned = false;
    peer->asks_plain = false;
    peer->offers_tls = true;
    dialer_ask(peer);
}

/* At the next place that can be dialled; false if there is none. */
static bool dial_next(struct node *node, struct peer *peer)
{
    struct joining *j = node->joining;
    while (j->next < j->invitation.place_count) {
        if (aim(node, peer, j->invitation.places[j->next++])) {
            dial(peer);
            return true;
        }
    }
    return false;
}

static struct peer *find_inviter(struct node *node)
{
    struct joining *j = node->joining;
    struct peer *peer = membership_by_node(node, j->invitation.fingerprint);
    j->added = peer == NULL;
    if (peer == NULL) {
        peer = membership_add(node, NULL);
        peer_set_node(peer, j->invitation.fingerprint, span_of("-"));
        peer_set_dialect(peer, DIALECT_SESSION);
    }
    return peer;
}

static bool may_join(const struct node *node, const struct invitation *invitation,
                     const char **cause)
{
    if (node->config.security.key == NULL)
        *cause = "this node has no key";
    else if (node->joining != NULL && node->joining->state == JOIN_TRYING)
        *cause = "another invitation is being accepted";
    else if (strcmp(invitation->fingerprint, node->id) == 0)
        *cause = "it is an invitation of this node itself";
    else if (standing_of(node, invitation->fingerprint) == VERDICT_DENIED)
        *cause = "the key of whoever invites is denied here, by /deny or --deny";
    else
        return true;
    return false;
}

bool node_join(struct node *node, const struct invitation *invitation, const char **cause)
{
    if (!may_join(node, invitation, cause))
        return false;
    joining_free(node);
    struct joining *j = node->joining = alloc_zero(1, sizeof *j);
    j->invitation = *invitation;
    invitation_key(invitation->token, j->key);
    invitation_id(j->key, j->id);
    j->state = JOIN_TRYING;
    j->deadline = loop_now(node->loop) + JOINING_US;
    timer_set(node->loop, &j->timer, j->deadline, wake, NULL);
    j->peer = peer_hold(find_inviter(node));
    if (!dial_next(node, j->peer))
        give_up(node);
    return true;
}

static void try_next(struct node *node, struct peer *peer)
{
    struct joining *j = node->joining;
    if (peer_is_up(peer) || peer_is_dialing(peer))
        return;
    j->refused = j->refused || peer->turned_away || peer->refused;
    const char *cause = peer->cause[0] != '\0' ? peer->cause : "it cannot be reached";
    bool by_inviter = peer->refused && !peer->fenced; /* who says the same at every place */
    say_cause(j, alloc_print("%s: %s", peer->text, by_inviter ? NOT_TAKEN : cause));
    if (by_inviter || !dial_next(node, peer))
        give_up(node);
}

void joining_turn(struct node *node)
{
    struct joining *j = node->joining;
    if (j == NULL || j->state != JOIN_TRYING)
        return;
    struct peer *peer = peer_current(j->peer);
    if (peer == NULL) {
        say_cause(j, alloc_string("whoever invites was forgotten"));
        give_up(node);
    } else if (loop_now(node->loop) >= j->deadline) {
        say_cause(j, alloc_print("%s: it has not let us in within 30 s", peer->text));
        give_up(node);
    } else if (peer->tried) {
        try_next(node, peer);
    }
}

_Static_assert(JOINING_US == 30000000, "the complaint names it");

enum join_state node_join_state(const struct node *node, struct peer **inviter, const char **cause)
{
    const struct joining *j = node->joining;
    *inviter = peer_current(j->peer);
    *cause = j->cause != NULL ? j->cause : "it cannot be reached";
    return j->state;
}

/* --- the connection --- */

bool joining_is_under_way(const struct peer *peer)
{
    const struct joining *j = peer->node->joining;
    return j != NULL && j->state == JOIN_TRYING && peer == peer_current(j->peer);
}

static bool is_for_it(const struct link *link)
{
    return link->secure && link->role == SESSION_DIALER && link->peer != NULL &&
           joining_is_under_way(link->peer);
}

bool joining_dials(const struct link *link, unsigned char key[PROOF_KEY_BYTES],
                   char id[INVITATION_ID])
{
    const struct joining *j = link->node->joining;
    if (!is_for_it(link))
        return false;
    memcpy(key, j->key, PROOF_KEY_BYTES);
    span_copy(span_of(j->id), id, INVITATION_ID);
    return true;
}

const char *joining_expects(const struct link *link)
{
    return is_for_it(link) ? link->node->joining->invitation.fingerprint : NULL;
}

bool joining_is_answered(struct link *link, const struct hello *hello,
                         const struct proof_binding *binding, const char **cause)
{
    *cause = "not who has made the invitation";
    return proof_holds(link->node->joining->key, PROOF_INVITATION, PROOF_ANSWER, binding,
                       hello->proof);
}

void joining_hear(struct link *link, const struct verb *verb)
{
    char *cause;
    struct node *node = link->node;
    if (!is_for_it(link) || !link_is_used(link))
        return; /* nobody else has secrets for us */
    memcpy(link->secret, verb->group.secrets[0], sizeof link->secret);
    link->proved = true;
    if (node_set_group(node, &verb->group, &cause)) {
        end(node, JOIN_DONE);
        return;
    }
    say_cause(node->joining, cause);
    end(node, JOIN_FAILED);
}
