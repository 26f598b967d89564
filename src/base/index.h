/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is known by which key: from some bytes to the items that have them, in the order of their
 * ranks. It is a balanced tree (tsearch(3)) and not a table of hashes, so that whoever may choose
 * keys cannot make it slow: everything takes O(log n), whatever the keys are.
 */
#ifndef HASHFLOW_BASE_INDEX_H
#define HASHFLOW_BASE_INDEX_H

#include "base/span.h"

struct indexed {
    void *item; /* borrowed */
    uint64_t rank;
};

/* Begins as zero. Without items it holds no memory. */
struct index {
    void *root;
    size_t count; /* items */
};

struct matches {
    const struct indexed *at; /* borrowed until the next change */
    size_t count;
};

struct matches index_find(const struct index *x, struct span key);

/* The key is copied. An item may stand there more than once, and goes as often as it has come. */
void index_add(struct index *x, struct span key, void *item, uint64_t rank);
void index_remove(struct index *x, struct span key, void *item, uint64_t rank); /* it is there */

#endif
