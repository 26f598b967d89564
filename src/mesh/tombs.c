/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes that the user has forgotten: what others say of them must not bring them back. A bounded
 * list in memory, which the store keeps too. It does not know who asks, nor what a refusal is.
 */
#include "config.h"

#include "mesh/tombs.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/internal.h"
#include "store/tombstones.h"

struct tomb {
    char id[NODE_ID_TEXT];
    uint64_t boot; /* the last one known */
    bool stored;
};

static struct tomb *find(const struct node *node, const char *id)
{
    for (size_t i = 0; i < node->tomb_count; i++) {
        if (strcmp(node->tombs[i].id, id) == 0)
            return &node->tombs[i];
    }
    return NULL;
}

static void drop(struct node *node, struct tomb *tomb)
{
    size_t after = (size_t)(node->tombs + node->tomb_count - (tomb + 1));
    memmove(tomb, tomb + 1, after * sizeof *tomb);
    node->tomb_count--;
}

/* The oldest makes room, as it does in the store. */
static struct tomb *append(struct node *node, const char *id, uint64_t boot)
{
    if (node->tomb_count == TOMBSTONES_MAX)
        drop(node, node->tombs);
    node->tombs = alloc_grow(node->tombs, node->tomb_count, &node->tomb_room, sizeof *node->tombs);
    struct tomb *tomb = &node->tombs[node->tomb_count++];
    *tomb = (struct tomb){.boot = boot};
    span_copy(span_of(id), tomb->id, sizeof tomb->id);
    return tomb;
}

static void load(void *arg, const char *id, uint64_t boot)
{
    append(arg, id, boot)->stored = true;
}

void tombs_load(struct node *node)
{
    if (node->db != NULL)
        tombstones_load(node->db, load, node);
}

void tombs_add(struct node *node, const char *id, uint64_t boot)
{
    if (id[0] == '\0')
        return;
    tombs_remove(node, id);
    append(node, id, boot);
    node->dirty = true;
}

void tombs_remove(struct node *node, const char *id)
{
    struct tomb *tomb = find(node, id);
    if (tomb == NULL)
        return;
    drop(node, tomb);
    if (node->db != NULL)
        tombstones_remove(node->db, id);
    node->dirty = true;
}

bool tombs_hold(const struct node *node, const char *id, uint64_t boot)
{
    const struct tomb *tomb = find(node, id);
    return tomb != NULL && boot <= tomb->boot;
}

void tombs_write(struct node *node)
{
    for (size_t i = 0; i < node->tomb_count; i++) {
        if (!node->tombs[i].stored)
            tombstones_add(node->db, node->tombs[i].id, node->tombs[i].boot);
    }
}

void tombs_written(struct node *node)
{
    for (size_t i = 0; i < node->tomb_count; i++)
        node->tombs[i].stored = true;
}

void tombs_free(struct node *node)
{
    free(node->tombs);
}
