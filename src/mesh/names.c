/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a peer is called here. Names are labels that anybody can take: of all peers of one name one
 * bears it, whoever has a key before those without, and the others have the beginning of their node
 * id behind it, bob~a1b2. Nobody bears ours. It is worked out when somebody comes, goes or changes.
 */
#include "config.h"

#include "mesh/names.h"

#include <stdio.h>

#include "base/text.h"
#include "mesh/directory.h"
#include "mesh/internal.h"
#include "mesh/peer.h"

enum { SUFFIX_CHARS = 4 /* of the node id, or more if those are the same */ };

#define SUFFIX_PLAIN "plain" /* of those who have no id */

static bool has_id(const struct peer *peer)
{
    return peer->row.node[0] != '\0';
}

static bool is_name(const char *name)
{
    return strcmp(name, "-") != 0;
}

/* How many characters of the ids it takes to tell the two apart. */
static size_t difference(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] != '\0' && a[same] == b[same])
        same++;
    return same < SUFFIX_CHARS ? SUFFIX_CHARS : same + 1;
}

/* A suffix that was told once stays as long as there is a clash: it may be in somebody's script. */
static void lengthen(struct peer *peer, size_t suffix)
{
    peer->suffix = peer->suffix > suffix ? peer->suffix : suffix;
}

static void show(struct peer *peer, bool bare)
{
    char former[PEER_SHOWN];
    size_t chars = peer->suffix > 0 ? peer->suffix : SUFFIX_CHARS;
    snprintf(former, sizeof former, "%s", peer->shown);
    if (bare)
        snprintf(peer->shown, sizeof peer->shown, "%s", peer->row.name);
    else if (has_id(peer))
        snprintf(peer->shown, sizeof peer->shown, "%s~%.*s", peer->row.name, (int)chars,
                 peer->row.node);
    else
        snprintf(peer->shown, sizeof peer->shown, "%s~" SUFFIX_PLAIN, peer->row.name);
    if (peer->announced && strcmp(former, peer->shown) != 0)
        peer_tell(peer->node, peer, (struct event){.kind = EVENT_NAME, .former = former});
}

/* Of two of one name, where b was met later; whoever bears it does not lose it to an equal. */
static bool goes_before(const struct peer *b, const struct peer *a)
{
    if (a == NULL || peer_has_key(a) != peer_has_key(b))
        return a == NULL || peer_has_key(b);
    return b->bears && !a->bears;
}

static bool is_ours(const struct node *node, const char *name)
{
    return text_looks_same(span_of(node->name), span_of(name));
}

static struct peer *find_bearer(const struct node *node, const char *name)
{
    struct peer *bearer = NULL;
    if (is_ours(node, name))
        return NULL;
    struct matches same = directory_named(node, span_of(name));
    for (size_t i = 0; i < same.count; i++) {
        struct peer *peer = same.at[i].item;
        if (has_id(peer) && goes_before(peer, bearer))
            bearer = peer;
    }
    return bearer;
}

/* Must whoever has no id not be shown by that name alone? */
static bool is_reserved(const struct node *node, const char *name, const struct peer *bearer)
{
    return is_ours(node, name) || (bearer != NULL && peer_has_key(bearer));
}

static void settle(struct node *node, const char *name)
{
    struct peer *bearer = find_bearer(node, name);
    bool reserved = is_reserved(node, name, bearer);
    struct matches same = directory_named(node, span_of(name));
    for (size_t i = 0; i < same.count; i++) {
        struct peer *peer = same.at[i].item;
        peer->bears = bearer != NULL && peer == bearer;
        show(peer, peer->bears || (!has_id(peer) && !reserved));
    }
}

void names_join(struct peer *peer)
{
    struct node *node = peer->node;
    if (!is_name(peer->row.name)) {
        show(peer, true);
        return;
    }
    directory_list(peer, BY_NAME);
    struct matches same = directory_named(node, span_of(peer->row.name));
    for (size_t i = 0; i < same.count && has_id(peer); i++) {
        struct peer *other = same.at[i].item;
        if (other == peer || !has_id(other))
            continue;
        size_t needed = difference(peer->row.node, other->row.node);
        lengthen(peer, needed);
        lengthen(other, needed);
    }
    settle(node, peer->row.name);
}

void names_leave(struct peer *peer)
{
    char name[NAME_TEXT];
    directory_strike(peer, BY_NAME);
    snprintf(name, sizeof name, "%s", peer->row.name);
    snprintf(peer->row.name, sizeof peer->row.name, "-");
    peer->suffix = 0;
    peer->bears = false;
    settle(peer->node, name);
}

void names_ours(struct node *node, const char *former)
{
    settle(node, former);
    settle(node, node->name);
}

void names_claimed(const struct node *node, struct span claimed, char out[PEER_SHOWN])
{
    char name[NAME_TEXT];
    name_shown(claimed, name);
    bool reserved = is_reserved(node, name, find_bearer(node, name));
    snprintf(out, PEER_SHOWN, "%s%s", name, reserved ? "~" SUFFIX_PLAIN : "");
}

struct span names_bare(struct span name)
{
    const char *sign = memchr(name.at, '~', name.len);
    return sign != NULL ? span_make(name.at, (size_t)(sign - name.at)) : name;
}

bool names_fit(const struct peer *peer, struct span name)
{
    struct span bare = names_bare(name);
    bool suffixed = bare.len < name.len;
    struct span suffix = span_after(name, suffixed ? bare.len + 1 : bare.len);
    if (!is_name(peer->row.name) || !span_is(bare, peer->row.name))
        return false;
    return !suffixed || span_is(name, peer->shown) ||
           (suffix.len >= SUFFIX_CHARS && suffix.len <= strlen(peer->row.node) &&
            memcmp(suffix.at, peer->row.node, suffix.len) == 0);
}
