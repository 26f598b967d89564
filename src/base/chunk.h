/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes that many queues share. A line is written once into a spool, which hands out a slice of a
 * reference-counted chunk; each receiver's queue holds slices. Neighbouring slices of one chunk
 * merge, so a queue that keeps up costs one entry, however many lines pass through it.
 *
 * It must not know what the bytes mean. Lines are counted by their LF where somebody asks.
 */
#ifndef HASHFLOW_BASE_CHUNK_H
#define HASHFLOW_BASE_CHUNK_H

#include <sys/uio.h>

#include "base/span.h"

enum { CHUNK_SIZE = 64 * 1024 }; /* room of an ordinary chunk, bytes */

struct chunk; /* reference-counted; lives as long as a slice or a spool refers to it */

struct slice {
    struct chunk *chunk;
    size_t at;  /* offset in the chunk */
    size_t len; /* bytes */
};

/* Where lines are written. One spool per form that lines take on the wire. */
struct spool {
    struct chunk *current; /* NULL until something is written */
};

void spool_init(struct spool *s);
void spool_free(struct spool *s);

/*
 * Writes the parts one after the other into one chunk, contiguously, and returns the slice, which
 * the caller owns one reference of: give it to queue_push or slice_release it. Longer than
 * CHUNK_SIZE is fine: such bytes get a chunk of that size.
 */
struct slice spool_write(struct spool *s, const struct span *parts, size_t count);

/* The same for who writes himself: room for at most max bytes, and how many of them were used. */
char *spool_begin(struct spool *s, size_t max);
struct slice spool_end(struct spool *s, size_t len);

struct slice slice_retain(struct slice s); /* one more reference, same bytes */
void slice_release(struct slice s);
struct span slice_span(struct slice s); /* borrowed from the slice */

/* A first-in first-out queue of slices. */
struct queue {
    struct slice *ring;
    size_t room;  /* entries allocated, a power of two or 0 */
    size_t first; /* index of the oldest entry */
    size_t count; /* entries held */
    size_t bytes; /* bytes held */
};

void queue_init(struct queue *q);
void queue_clear(struct queue *q); /* releases every slice and the ring; usable again */

/* Takes the slice's reference. Merges with the last entry when it continues the same chunk. */
void queue_push(struct queue *q, struct slice s);

/* The first unbroken run of bytes after skip bytes; len 0 when there is none. Borrowed. */
struct span queue_peek(const struct queue *q, size_t skip);

/* A slice of at most max bytes after skip bytes, within one entry; the caller owns a reference.
 * len 0 (and nothing to release) when there is nothing after skip. */
struct slice queue_share(const struct queue *q, size_t skip, size_t max);

/* Fills at most max entries of iov with what is at the front; returns how many. */
int queue_iov(const struct queue *q, struct iovec *iov, int max);

/* Drops len bytes at the front; len is at most q->bytes. */
void queue_consume(struct queue *q, size_t len);

/* How many LF are among the first len bytes. */
size_t queue_count_lines(const struct queue *q, size_t len);

#endif
