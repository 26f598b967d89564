/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps timers in order. Each knows its own place, so that any can be taken out without a search.
 * It must not know the time.
 */
#include "config.h"

#include "net/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { HEAP_FIRST = 64 }; /* places at first */

void heap_free(struct heap *h)
{
    free(h->timers);
    *h = (struct heap){0};
}

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void put(struct heap *h, size_t place, struct timer *timer)
{
    h->timers[place] = timer;
    timer->place = place;
}

/* Finds the place of timer, beginning at a place that is free. */
static void settle(struct heap *h, size_t place, struct timer *timer)
{
    for (; place > 1 && is_before(timer, h->timers[place / 2]); place /= 2)
        put(h, place, h->timers[place / 2]);
    for (size_t child; (child = place * 2) <= h->count; place = child) {
        if (child < h->count && is_before(h->timers[child + 1], h->timers[child]))
            child++;
        if (!is_before(h->timers[child], timer))
            break;
        put(h, place, h->timers[child]);
    }
    put(h, place, timer);
}

void heap_insert(struct heap *h, struct timer *timer)
{
    if (h->count + 1 >= h->room) {
        h->room = h->room != 0 ? h->room * 2 : HEAP_FIRST;
        h->timers = alloc_resize(h->timers, h->room, sizeof(struct timer *));
    }
    settle(h, ++h->count, timer);
}

void heap_remove(struct heap *h, struct timer *timer)
{
    size_t place = timer->place;

    assert(place > 0 && place <= h->count && h->timers[place] == timer);
    timer->place = 0;
    struct timer *last = h->timers[h->count--];
    if (last != timer)
        settle(h, place, last);
}
