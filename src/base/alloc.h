/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that is always there: every function returns a block or ends the program with one line
 * on stderr and status 1. Callers never check for NULL. Blocks are released with free(3).
 */
#ifndef HASHFLOW_BASE_ALLOC_H
#define HASHFLOW_BASE_ALLOC_H

#include <stddef.h>

/* count * size zeroed bytes; an overflowing product counts as out of memory. */
void *alloc_zero(size_t count, size_t size);

/* Takes the block, returns one of count * size bytes with the old content, as realloc(3). */
void *alloc_resize(void *block, size_t count, size_t size);

/* The same for a list of count items that is to take one more: *room is how many fit, doubled when
 * that is not enough. */
void *alloc_grow(void *list, size_t count, size_t *room, size_t size);

char *alloc_string(const char *text);

/* The block that a library has returned, unless that is NULL for want of memory. */
void *alloc_present(void *block);

char *alloc_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
