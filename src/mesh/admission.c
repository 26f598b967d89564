/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who belongs: whoever says hello under a key of his own, and where the door is closed has also
 * proved that he shares the group's secret, or is allowed by name. It does not know what is said
 * to those who are let in, nor how bytes are encrypted.
 */
#include "config.h"

#include "mesh/admission.h"

#include "base/key.h"
#include "base/log.h"
#include "mesh/dialer.h"
#include "mesh/fence.h"
#include "mesh/hearsay.h"
#include "mesh/internal.h"
#include "mesh/inviting.h"
#include "mesh/joining.h"
#include "mesh/link.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/rendezvous.h"
#include "mesh/standing.h"
#include "wire/rules.h"

_Static_assert((int)PROOF_EXPORTER_BYTES == (int)TLS_EXPORTER_BYTES, "a proof is bound to it");

#define DENIED "your key is denied here"

/* --- the door, as a whole --- */

bool node_is_closed(const struct node *node)
{
    return node->config.security.group.count > 0 || rules_name_keys(node->config.rules);
}

const struct group *node_group(const struct node *node)
{
    return &node->config.security.group;
}

/* Has the other side shown a secret that still counts, or is it let in by name? */
static bool still_belongs(const struct link *link)
{
    const struct node *node = link->node;
    const struct group *group = node_group(node);
    for (size_t i = 0; i < group->count && link->proved; i++) {
        if (digest_equal(link->secret, group->secrets[i]))
            return true;
    }
    return !node_is_closed(node) || (link->secure && link->peer != NULL &&
                                     standing_of(node, link->peer->row.node) == VERDICT_ALLOWED);
}

static bool is_denied(const struct link *link)
{
    const struct node *node = link->node;
    return !fence_lets(node, &link->remote) ||
           (link->peer != NULL && standing_of(node, link->peer->row.node) == VERDICT_DENIED);
}

/* Whoever is connected proves anew that he belongs, by dialling again. Who has not said hello yet
 * is asked then. */
static void review(struct link *link)
{
    bool is_asked = link->secure && !link_is_session(link);
    if (link->closing)
        return;
    if (is_denied(link))
        link_fault(link, "denied", DENIED);
    else if (!is_asked && !still_belongs(link))
        link_kill(link, "who belongs has changed");
}

/* Whoever has only ever been met in plain text is no member. */
static void review_peer(struct peer *peer)
{
    enum dialect dialect = peer->row.dialect;
    bool is_plain = dialect == DIALECT_ONESHOT || dialect == DIALECT_STREAM;
    if (!node_is_closed(peer->node) || !is_plain) {
        if ((peer->turned_away || peer->refused) && peer->named)
            dialer_ask(peer);
    } else if (dialect == DIALECT_ONESHOT && peer_is_up(peer) && peer->oneshot == NULL) {
        dialer_shut(peer, ADMISSION_PLAIN_CAUSE);
    }
}

void admission_review(struct node *node)
{
    struct link *next;
    for (struct link *l = node->links; l != NULL; l = next) {
        next = l->next;
        review(l);
        if (next != NULL && next->dead) /* that has taken its peer and another dial with it */
            next = node->links;
    }
    for (size_t i = 0; i < node->peer_count; i++)
        review_peer(node->peers[i]);
    loop_again(node->loop);
}

bool node_set_group(struct node *node, const struct group *group, char **cause)
{
    if (!node->sink.keep_group(node->sink.arg, group, cause))
        return false;
    node->config.security.group = *group;
    admission_review(node);
    return true;
}

bool node_was_refused(const struct node *node, const char **which)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct peer *peer = node->peers[i];
        if (peer->named && (peer->turned_away || peer->refused)) {
            *which = peer->text;
            return true;
        }
    }
    return false;
}

/* --- turning away --- */

/* The cause as whoever is refused reads it: of itself, and no more than it has to know. */
static const char *told_outside(const char *code, const char *cause)
{
    if (strcmp(code, "closed") == 0)
        return "only members get in here, and whom they have invited";
    return strcmp(code, "denied") == 0 ? DENIED : cause;
}

/* Whom the user has named is told of each time, strangers once for each place. cause is read at
 * both ends. */
static void refuse(struct link *link, const char *code, const char *cause)
{
    struct peer *peer = link->role == SESSION_DIALER ? link->peer : NULL;
    if (peer != NULL) {
        if (!peer->turned_away)
            log_error("%s %s: refused: %s", peer->text, peer->shown, cause);
        peer->turned_away = true;
    } else if (!link->hearsay) {
        fence_tell(link->node, &link->remote, cause);
    }
    link_fault(link, code, told_outside(code, cause));
}

void admission_refuse_plain(struct link *link)
{
    fence_tell(link->node, &link->remote,
               "it speaks plain text, and the door is closed; /invite lets a node in");
    link_fault(link, "closed", "this node is for members only, and they come encrypted");
}

/* --- proofs --- */

static void bind_proof(const struct link *link, struct proof_binding *out)
{
    bool dialer = link->role == SESSION_DIALER;
    const char *theirs = channel_fingerprint(link->channel);
    span_copy(span_of(dialer ? link->node->id : theirs), out->dialer, sizeof out->dialer);
    span_copy(span_of(dialer ? theirs : link->node->id), out->listener, sizeof out->listener);
    channel_exporter(link->channel, out->exporter);
}

static void fill_dialer(const struct link *link, const struct proof_binding *binding,
                        struct hello *hello)
{
    unsigned char key[PROOF_KEY_BYTES];
    const struct group *group = node_group(link->node);
    if (joining_dials(link, key, hello->invite)) {
        proof_make(key, PROOF_INVITATION, PROOF_DIAL, binding, hello->proof);
        digest_wipe(key, sizeof key);
        return;
    }
    if (group->count > 0)
        proof_make(group->secrets[0], PROOF_GROUP, PROOF_DIAL, binding, hello->proof);
    if (group->count > 1)
        proof_make(group->secrets[1], PROOF_GROUP, PROOF_DIAL, binding, hello->former);
}

static void fill_listener(const struct link *link, const struct proof_binding *binding,
                          struct hello *hello)
{
    unsigned char key[PROOF_KEY_BYTES];
    if (inviting_key(link, key))
        proof_make(key, PROOF_INVITATION, PROOF_ANSWER, binding, hello->proof);
    else if (link->proved)
        proof_make(link->secret, PROOF_GROUP, PROOF_ANSWER, binding, hello->proof);
    digest_wipe(key, sizeof key);
}

void admission_fill_hello(const struct link *link, struct hello *hello)
{
    const struct node *node = link->node;
    struct proof_binding binding;
    if (node->config.security.key == NULL)
        return;
    hello->fleeting = node->config.security.fleeting;
    if (!link->secure) {
        hello->offers_tls = link->role == SESSION_LISTENER;
        span_copy(span_of(node->id), hello->key, sizeof hello->key);
        return;
    }
    if (node->config.security.was != NULL)
        span_copy(span_of(node->config.security.was), hello->was, sizeof hello->was);
    bind_proof(link, &binding);
    if (link->role == SESSION_DIALER)
        fill_dialer(link, &binding, hello);
    else
        fill_listener(link, &binding, hello);
}

/* Any of our secrets under any of its proofs: during a change some have only the former one. */
static bool proves_group(struct link *link, const struct hello *hello,
                         const struct proof_binding *binding)
{
    enum proof_role role = link->role == SESSION_LISTENER ? PROOF_DIAL : PROOF_ANSWER;
    const struct group *group = node_group(link->node);
    for (size_t i = 0; i < group->count; i++) {
        if (!proof_holds(group->secrets[i], PROOF_GROUP, role, binding, hello->proof) &&
            !proof_holds(group->secrets[i], PROOF_GROUP, role, binding, hello->former))
            continue;
        memcpy(link->secret, group->secrets[i], sizeof link->secret);
        link->proved = true;
        return true;
    }
    return false;
}

static bool belongs(struct link *link, const struct hello *hello, const char **cause)
{
    struct proof_binding binding;
    bind_proof(link, &binding);
    *cause = "not a member of the group, which takes an invitation";
    if (link->role == SESSION_LISTENER && hello->invite[0] != '\0')
        return inviting_admits(link, hello, &binding, cause);
    if (joining_expects(link) != NULL)
        return joining_is_answered(link, hello, &binding, cause);
    return proves_group(link, hello, &binding) || !node_is_closed(link->node) ||
           standing_of(link->node, hello->node) == VERDICT_ALLOWED;
}

/* --- the /hello --- */

static bool takes_secured(struct link *link, const struct hello *hello)
{
    const char *cause;
    if (strcmp(hello->node, channel_fingerprint(link->channel)) != 0) {
        refuse(link, "bad-node", "the id is not that of the key");
        return false;
    }
    if (strcmp(hello->node, link->node->id) == 0)
        return true; /* we ourselves, or a copy: the rendezvous knows */
    if (standing_of(link->node, hello->node) == VERDICT_DENIED) {
        refuse(link, "denied", "that key is denied here");
        return false;
    }
    if (!belongs(link, hello, &cause)) {
        refuse(link, "closed", cause);
        return false;
    }
    pins_move_over(link, hello);
    return true;
}

bool admission_dials_again(struct link *link)
{
    struct peer *peer = link->peer;
    if (link->role == SESSION_LISTENER || link->secure || link->node->config.security.tls == NULL)
        return false;
    if (peer == NULL) {
        hearsay_encrypt(link);
        return true;
    }
    if (peer->asks_plain)
        return false;
    dialer_encrypt(link);
    return true;
}

static bool takes_plain(struct link *link, const struct hello *hello)
{
    const struct node *node = link->node;
    struct address at = rendezvous_address(link, hello);
    if (hello->offers_tls && admission_dials_again(link))
        return false;
    const struct peer *known = membership_by_node(node, hello->key);
    if (known == NULL || !pins_hold(known))
        known = membership_by_address(node, &at);
    if (known == NULL || !pins_hold(known))
        return true;
    refuse(link, "tls", "that one is known by its key, and comes encrypted");
    return false;
}

bool admission_takes_hello(struct link *link, const struct hello *hello)
{
    return link->secure ? takes_secured(link, hello) : takes_plain(link, hello);
}
