/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is decided about keys by name: the user's verdicts, in a bounded list in memory which the
 * store keeps too, and the rules; and which key the user means. It does not know who asks.
 */
#include "config.h"

#include "mesh/standing.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/admission.h"
#include "mesh/internal.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "store/verdicts.h"

enum { JUDGEMENTS_MAX = 4096 }; /* keys; more are refused, for none may be forgotten */

struct judgement {
    char fingerprint[FINGERPRINT_TEXT];
    enum verdict verdict;
    bool stored;
};

static struct judgement *find(const struct node *node, const char *fingerprint)
{
    for (size_t i = 0; i < node->judgement_count; i++) {
        if (strcmp(node->judgements[i].fingerprint, fingerprint) == 0)
            return &node->judgements[i];
    }
    return NULL;
}

static struct judgement *append(struct node *node, const char *fingerprint)
{
    node->judgements = alloc_grow(node->judgements, node->judgement_count, &node->judgement_room,
                                  sizeof *node->judgements);
    struct judgement *j = &node->judgements[node->judgement_count++];
    *j = (struct judgement){0};
    span_copy(span_of(fingerprint), j->fingerprint, sizeof j->fingerprint);
    return j;
}

static void load(void *arg, const char *fingerprint, enum verdict verdict)
{
    struct judgement *j = append(arg, fingerprint);
    j->verdict = verdict;
    j->stored = true;
}

void standing_load(struct node *node)
{
    if (node->db != NULL)
        verdicts_load(node->db, load, node);
}

void standing_free(struct node *node)
{
    free(node->judgements);
}

static enum verdict user_says(const struct node *node, const char *fingerprint)
{
    const struct judgement *j = find(node, fingerprint);
    return j != NULL ? j->verdict : VERDICT_NONE;
}

enum verdict standing_of(const struct node *node, const char *fingerprint)
{
    enum verdict user = user_says(node, fingerprint);
    enum verdict rules = rules_on_key(node->config.rules, fingerprint);
    if (user == VERDICT_DENIED || rules == VERDICT_DENIED)
        return VERDICT_DENIED;
    return user == VERDICT_ALLOWED ? user : rules;
}

void standing_write(struct node *node)
{
    for (size_t i = 0; i < node->judgement_count; i++) {
        const struct judgement *j = &node->judgements[i];
        if (!j->stored)
            verdicts_set(node->db, j->fingerprint, j->verdict);
    }
}

void standing_written(struct node *node)
{
    for (size_t i = 0; i < node->judgement_count; i++)
        node->judgements[i].stored = true;
}

/* --- orders --- */

/* Whom nobody lets in is not dialled either, nor does anything wait for it. */
static void part(struct peer *peer, bool denied)
{
    peer->row.quiet = denied;
    peer->named = peer->named && !denied;
    peer_touch(peer);
    if (denied)
        dialer_cancel(peer);
}

bool node_judge(struct node *node, const char *fingerprint, enum verdict verdict,
                const char **cause)
{
    struct judgement *j = find(node, fingerprint);
    if (j == NULL && node->judgement_count == JUDGEMENTS_MAX) {
        *cause = "4096 keys are the most that are kept";
        return false;
    }
    if (j == NULL)
        j = append(node, fingerprint);
    struct peer *peer = membership_by_node(node, fingerprint);
    bool was_denied = user_says(node, fingerprint) == VERDICT_DENIED;
    j->verdict = verdict;
    j->stored = false;
    node->dirty = true;
    if (peer != NULL && (was_denied || verdict == VERDICT_DENIED))
        part(peer, verdict == VERDICT_DENIED);
    admission_review(node);
    return true;
}

_Static_assert(JUDGEMENTS_MAX == 4096, "the complaint names it");

/* false if two keys begin so. */
static bool find_beginning(const struct node *node, struct span beginning,
                           char out[FINGERPRINT_TEXT])
{
    struct key_view v;
    out[0] = '\0';
    for (size_t i = 0; node_key_look(node, i, &v); i++) {
        if (!fingerprint_begins(v.fingerprint, beginning))
            continue;
        if (out[0] != '\0')
            return false;
        span_copy(span_of(v.fingerprint), out, FINGERPRINT_TEXT);
    }
    return true;
}

bool node_find_key(struct node *node, struct span who, char out[FINGERPRINT_TEXT], char **cause)
{
    span_copy(who, out, FINGERPRINT_TEXT);
    if (fingerprint_is(who))
        return true;
    if (!find_beginning(node, who, out)) {
        *cause = alloc_print("%.*s: more than one key begins so", (int)who.len, who.at);
        return false;
    }
    if (out[0] != '\0')
        return true;
    const struct peer *peer = node_find(node, who, cause);
    if (peer == NULL)
        return false;
    span_copy(span_of(peer->row.node), out, FINGERPRINT_TEXT);
    if (!peer_has_key(peer))
        *cause = alloc_print("%s %s: it has shown no key", peer->text, peer->shown);
    return *cause == NULL;
}

/* Peers first, then keys that the user has judged and nobody has shown. */
bool node_key_look(const struct node *node, size_t index, struct key_view *out)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct peer *peer = node->peers[i];
        if (!peer_has_key(peer) || index-- > 0)
            continue;
        *out = (struct key_view){.fingerprint = peer->row.node,
                                 .address = peer->text,
                                 .name = peer->shown,
                                 .verdict = user_says(node, peer->row.node),
                                 .seen = peer->row.seen};
        return true;
    }
    for (size_t i = 0; i < node->judgement_count; i++) {
        const struct judgement *j = &node->judgements[i];
        if (membership_by_node(node, j->fingerprint) != NULL || index-- > 0)
            continue;
        *out = (struct key_view){
            .fingerprint = j->fingerprint, .address = "-", .name = "-", .verdict = j->verdict};
        return true;
    }
    return false;
}
