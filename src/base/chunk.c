/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared bytes and the queues of references to them. One thread: the counts are plain numbers. The
 * bytes of a chunk never move, so that iovecs and spans may point into it.
 */
#include "config.h"

#include "base/chunk.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    QUEUE_FIRST = 2, /* entries of a new ring: a queue that keeps up needs no more */
    QUEUE_KEEP = 64, /* an emptied ring larger than this is given back */
};

struct chunk {
    size_t references;
    size_t used; /* bytes written */
    size_t room; /* bytes of data */
    char data[];
};

/* ---- chunks and slices */

static struct chunk *chunk_new(size_t room)
{
    struct chunk *c = alloc_resize(NULL, sizeof *c + room, 1);

    *c = (struct chunk){.references = 1, .room = room};
    return c;
}

static void chunk_release(struct chunk *c)
{
    if (c != NULL && --c->references == 0)
        free(c);
}

struct slice slice_retain(struct slice s)
{
    if (s.chunk != NULL)
        s.chunk->references++;
    return s;
}

void slice_release(struct slice s)
{
    chunk_release(s.chunk);
}

struct span slice_span(struct slice s)
{
    return s.chunk == NULL ? span_of("") : span_make(s.chunk->data + s.at, s.len);
}

/* ---- the spool */

void spool_init(struct spool *s)
{
    s->current = NULL;
}

void spool_free(struct spool *s)
{
    chunk_release(s->current);
    s->current = NULL;
}

char *spool_begin(struct spool *s, size_t max)
{
    struct chunk *c = s->current;

    if (c != NULL && c->references == 1)
        c->used = 0; /* whatever was written here has been sent: warm memory to use again */
    if (c == NULL || c->room - c->used < max) {
        chunk_release(c);
        c = s->current = chunk_new(max > CHUNK_SIZE ? max : CHUNK_SIZE);
    }
    return c->data + c->used;
}

struct slice spool_end(struct spool *s, size_t len)
{
    struct slice slice = {.chunk = s->current, .at = s->current->used, .len = len};

    assert(len <= s->current->room - s->current->used);
    s->current->used += len;
    return slice_retain(slice);
}

struct slice spool_write(struct spool *s, const struct span *parts, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *at = spool_begin(s, len);
    for (size_t i = 0; i < count; i++)
        at = span_put(at, parts[i]);
    return spool_end(s, len);
}

/* ---- the queue */

static struct slice *queue_entry(const struct queue *q, size_t number)
{
    return &q->ring[(q->first + number) & (q->room - 1)];
}

void queue_init(struct queue *q)
{
    *q = (struct queue){0};
}

void queue_clear(struct queue *q)
{
    for (size_t i = 0; i < q->count; i++)
        slice_release(*queue_entry(q, i));
    free(q->ring);
    queue_init(q);
}

static void queue_grow(struct queue *q)
{
    size_t room = q->room == 0 ? QUEUE_FIRST : 2 * q->room;
    struct slice *ring = alloc_zero(room, sizeof *ring);

    for (size_t i = 0; i < q->count; i++)
        ring[i] = *queue_entry(q, i);
    free(q->ring);
    q->ring = ring;
    q->room = room;
    q->first = 0;
}

static bool queue_merge(struct queue *q, struct slice s)
{
    if (q->count == 0)
        return false;
    struct slice *last = queue_entry(q, q->count - 1);
    if (last->chunk != s.chunk || last->at + last->len != s.at)
        return false;
    last->len += s.len;
    return true;
}

void queue_push(struct queue *q, struct slice s)
{
    q->bytes += s.len;
    if (s.len == 0 || queue_merge(q, s)) {
        slice_release(s);
        return;
    }
    if (q->count == q->room)
        queue_grow(q);
    *queue_entry(q, q->count++) = s;
}

struct slice queue_share(const struct queue *q, size_t skip, size_t max)
{
    for (size_t i = 0; i < q->count; i++) {
        struct slice s = *queue_entry(q, i);
        if (skip < s.len) {
            s.at += skip;
            s.len -= skip;
            s.len = s.len < max ? s.len : max;
            if (s.len == 0)
                break;
            return slice_retain(s);
        }
        skip -= s.len;
    }
    return (struct slice){0};
}

struct span queue_peek(const struct queue *q, size_t skip)
{
    struct slice s = queue_share(q, skip, SIZE_MAX);

    slice_release(s); /* the queue keeps its own reference */
    return slice_span(s);
}

int queue_iov(const struct queue *q, struct iovec *iov, int max)
{
    int count = 0;

    while (count < max && (size_t)count < q->count) {
        struct slice s = *queue_entry(q, (size_t)count);
        iov[count++] = (struct iovec){.iov_base = s.chunk->data + s.at, .iov_len = s.len};
    }
    return count;
}

void queue_consume(struct queue *q, size_t len)
{
    assert(len <= q->bytes);
    q->bytes -= len;
    while (len > 0) {
        struct slice *oldest = queue_entry(q, 0);
        if (len < oldest->len) {
            oldest->at += len;
            oldest->len -= len;
            return;
        }
        len -= oldest->len;
        slice_release(*oldest);
        q->first = (q->first + 1) & (q->room - 1);
        q->count--;
    }
    if (q->count == 0 && q->room > QUEUE_KEEP)
        queue_clear(q);
}

size_t queue_count_lines(const struct queue *q, size_t len)
{
    size_t lines = 0;

    for (size_t i = 0; i < q->count && len > 0; i++) {
        struct span bytes = slice_span(*queue_entry(q, i));
        bytes.len = bytes.len < len ? bytes.len : len;
        lines += span_count_lines(bytes);
        len -= bytes.len;
    }
    return lines;
}
