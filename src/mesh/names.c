/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a peer is called here: its own name, and behind it the beginning of its node id as soon as
 * another node bears the same one, bob~a1b2. Names are labels that anybody can take; this one tells
 * two apart. It is worked out when somebody comes, goes or changes, never for a message.
 */
#include "config.h"

#include "mesh/names.h"

#include <stdio.h>

#include "mesh/internal.h"
#include "mesh/peer.h"

enum { SUFFIX_CHARS = 4 /* of the node id, or more if those are the same */ };

/* Without a name, or without a node id, there is nothing to tell apart or to do it with. */
static bool takes_part(const struct peer *peer)
{
    return peer->row.node[0] != '\0' && strcmp(peer->row.name, "-") != 0;
}

static bool clash(const struct peer *a, const struct peer *b)
{
    return a != b && takes_part(a) && takes_part(b) && strcmp(a->row.name, b->row.name) == 0;
}

/* How many characters of the ids it takes to tell the two apart. */
static size_t difference(const char *a, const char *b)
{
    size_t same = 0;
    while (a[same] != '\0' && a[same] == b[same])
        same++;
    return same < SUFFIX_CHARS ? SUFFIX_CHARS : same + 1;
}

static void show(struct peer *peer, size_t suffix)
{
    char former[PEER_SHOWN];
    snprintf(former, sizeof former, "%s", peer->shown);
    peer->suffix = suffix;
    snprintf(peer->shown, sizeof peer->shown, "%s%s%.*s", peer->row.name, suffix > 0 ? "~" : "",
             (int)suffix, peer->row.node);
    if (peer->announced && strcmp(former, peer->shown) != 0)
        peer_tell(peer->node, peer, (struct event){.kind = EVENT_NAME, .former = former});
}

/* A suffix that was told once stays as long as there is a clash: it may be in somebody's script. */
static size_t longer(const struct peer *peer, size_t suffix)
{
    return peer->suffix > suffix ? peer->suffix : suffix;
}

void names_join(struct peer *peer)
{
    const struct node *node = peer->node;
    size_t suffix = 0;
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *other = node->peers[i];
        if (!clash(peer, other))
            continue;
        size_t needed = difference(peer->row.node, other->row.node);
        suffix = needed > suffix ? needed : suffix;
        if (longer(other, needed) != other->suffix)
            show(other, needed);
    }
    show(peer, suffix);
}

void names_leave(struct peer *peer)
{
    const struct node *node = peer->node;
    struct peer *last = NULL;
    size_t others = 0;
    for (size_t i = 0; i < node->peer_count; i++) {
        if (clash(peer, node->peers[i])) {
            last = node->peers[i];
            others++;
        }
    }
    peer->suffix = 0;
    if (others == 1)
        show(last, 0);
}
