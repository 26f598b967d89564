/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tree of keys, each with a sorted list of its items. It does not know what the items are.
 */
#include "config.h"

#include "base/index.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>

#include "base/alloc.h"

struct shelf {
    struct span key; /* its own copy, which follows in the same block */
    struct indexed *items;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    struct span x = ((const struct shelf *)a)->key, y = ((const struct shelf *)b)->key;
    size_t both = x.len < y.len ? x.len : y.len;
    int order = both > 0 ? memcmp(x.at, y.at, both) : 0;
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static struct shelf *find(const struct index *x, struct span key)
{
    const struct shelf sought = {.key = key};
    struct shelf **found = tfind(&sought, &x->root, compare);
    return found != NULL ? *found : NULL;
}

struct matches index_find(const struct index *x, struct span key)
{
    const struct shelf *shelf = find(x, key);
    return shelf != NULL ? (struct matches){shelf->items, shelf->count} : (struct matches){0};
}

static struct shelf *add_shelf(struct index *x, struct span key)
{
    struct shelf *shelf = alloc_zero(1, sizeof *shelf + key.len);
    char *copy = (char *)(shelf + 1);
    if (key.len > 0)
        memcpy(copy, key.at, key.len);
    shelf->key = span_make(copy, key.len);
    alloc_present(tsearch(shelf, &x->root, compare));
    return shelf;
}

static void remove_shelf(struct index *x, struct shelf *shelf)
{
    tdelete(shelf, &x->root, compare);
    free(shelf->items);
    free(shelf);
}

/* Where the items of that rank begin, or would. */
static size_t place_of(const struct shelf *shelf, uint64_t rank)
{
    size_t from = 0, to = shelf->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (shelf->items[middle].rank < rank)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

void index_add(struct index *x, struct span key, void *item, uint64_t rank)
{
    struct shelf *shelf = find(x, key);
    if (shelf == NULL)
        shelf = add_shelf(x, key);
    size_t at = place_of(shelf, rank);
    shelf->items = alloc_resize(shelf->items, shelf->count + 1, sizeof *shelf->items);
    struct indexed *place = &shelf->items[at];
    memmove(place + 1, place, (shelf->count - at) * sizeof *place);
    *place = (struct indexed){item, rank};
    shelf->count++;
    x->count++;
}

void index_remove(struct index *x, struct span key, void *item, uint64_t rank)
{
    struct shelf *shelf = find(x, key);
    assert(shelf != NULL);
    size_t at = place_of(shelf, rank);
    while (at < shelf->count && shelf->items[at].item != item)
        at++;
    assert(at < shelf->count);
    struct indexed *place = &shelf->items[at];
    shelf->count--;
    x->count--;
    memmove(place, place + 1, (shelf->count - at) * sizeof *place);
    if (shelf->count == 0)
        remove_shelf(x, shelf);
}
