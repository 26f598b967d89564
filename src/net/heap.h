/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop's timers in a binary heap of their owners' structures: the first is known at once, each
 * change costs O(log n) and no memory per timer. Within net/ only; others use net/loop.h.
 */
#ifndef HASHFLOW_NET_HEAP_H
#define HASHFLOW_NET_HEAP_H

#include "net/loop.h"

struct heap {
    struct timer **timers; /* places 1 to count; 0 is unused */
    size_t room;
    size_t count;
};

void heap_free(struct heap *h);

/* Borrows the timer, whose due and order are set and stay so, until heap_remove(). */
void heap_insert(struct heap *h, struct timer *timer);
void heap_remove(struct heap *h, struct timer *timer);

/* The one that is due first, by order among equals; NULL if there is none. */
static inline struct timer *heap_first(const struct heap *h)
{
    return h->count > 0 ? h->timers[1] : NULL;
}

#endif
