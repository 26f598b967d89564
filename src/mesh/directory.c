/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Under which keys a peer stands in each index, and the look-ups. What is done with whom they find
 * is not known here.
 */
#include "config.h"

#include "mesh/directory.h"

#include <assert.h>
#include <stdlib.h>

#include "base/text.h"
#include "mesh/internal.h"
#include "mesh/peer.h"

/* index_add() or index_remove(). */
typedef void change(struct index *x, struct span key, void *item, uint64_t rank);

static void change_name(struct index *x, struct peer *peer, change *apply)
{
    size_t length;
    if (strcmp(peer->row.name, "-") == 0)
        return;
    char *look = text_look(span_of(peer->row.name), &length);
    apply(x, span_make(look, length), peer, peer->rank);
    free(look);
}

static void change_node(struct index *x, struct peer *peer, change *apply)
{
    if (peer->row.node[0] != '\0')
        apply(x, span_of(peer->row.node), peer, peer->rank);
}

static void change_addresses(struct index *x, struct peer *peer, change *apply)
{
    for (size_t i = 0; i < peer->row.address_count; i++) {
        char key[ADDRESS_KEY];
        address_key(&peer->row.addresses[i], key);
        apply(x, span_make(key, sizeof key), peer, peer->rank);
    }
}

static void change_places(struct index *x, struct peer *peer, change *apply)
{
    apply(x, span_of(peer->text), peer, peer->rank);
    if (peer->alias != NULL)
        apply(x, span_of(peer->alias), peer, peer->rank);
}

static void change_source(struct index *x, struct peer *peer, change *apply)
{
    char key[ADDRESS_KEY];
    if (!peer->row.claimed)
        return;
    address_key(&peer->source, key);
    apply(x, span_make(key, ADDRESS_KEY_HOST), peer, peer->rank);
}

static void (*const changes[])(struct index *x, struct peer *peer, change *apply) = {
    [BY_NAME] = change_name,    [BY_NODE] = change_node,     [BY_ADDRESS] = change_addresses,
    [BY_PLACE] = change_places, [BY_SOURCE] = change_source,
};

void directory_strike(struct peer *peer, enum known_by by)
{
    if (peer->rank != 0)
        changes[by](&peer->node->directory.by[by], peer, index_remove);
}

void directory_list(struct peer *peer, enum known_by by)
{
    if (peer->rank != 0)
        changes[by](&peer->node->directory.by[by], peer, index_add);
}

void directory_enter(struct peer *peer)
{
    assert(peer->rank == 0);
    peer->rank = ++peer->node->directory.entered;
    for (enum known_by by = BY_NODE; by < KNOWN_BY_COUNT; by++)
        directory_list(peer, by);
}

void directory_leave(struct peer *peer)
{
    for (enum known_by by = BY_NODE; by < KNOWN_BY_COUNT; by++)
        directory_strike(peer, by);
    peer->rank = 0;
}

/* --- looking up --- */

struct matches directory_named(const struct node *node, struct span name)
{
    size_t length;
    char *look = text_look(name, &length);
    struct matches found = index_find(&node->directory.by[BY_NAME], span_make(look, length));
    free(look);
    return found;
}

struct matches directory_known(const struct node *node, const char *id)
{
    return index_find(&node->directory.by[BY_NODE], span_of(id));
}

struct matches directory_at(const struct node *node, const struct address *a)
{
    char key[ADDRESS_KEY];
    address_key(a, key);
    return index_find(&node->directory.by[BY_ADDRESS], span_make(key, sizeof key));
}

struct matches directory_placed(const struct node *node, struct span place)
{
    return index_find(&node->directory.by[BY_PLACE], place);
}

size_t directory_claimed(const struct node *node)
{
    return node->directory.by[BY_SOURCE].count;
}

size_t directory_claimed_from(const struct node *node, const struct address *source)
{
    char key[ADDRESS_KEY];
    address_key(source, key);
    return index_find(&node->directory.by[BY_SOURCE], span_make(key, ADDRESS_KEY_HOST)).count;
}
