/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing queue of bytes with a hard maximum: append at the end, consume at the front.
 * What would pass the maximum is refused whole and changes nothing.
 */
#ifndef HASHFLOW_BASE_BUFFER_H
#define HASHFLOW_BASE_BUFFER_H

#include "base/span.h"

struct buffer {
    char *data;
    size_t start; /* first byte not consumed */
    size_t end;   /* one past the last byte */
    size_t room;  /* allocated */
    size_t max;   /* most bytes held at a time */
};

void buffer_init(struct buffer *b, size_t max);
void buffer_free(struct buffer *b); /* releases the memory; the buffer is empty and usable again */

static inline size_t buffer_length(const struct buffer *b)
{
    return b->end - b->start;
}

/* The bytes held; valid until the next call that changes the buffer. */
static inline struct span buffer_span(const struct buffer *b)
{
    return span_make(b->data + b->start, b->end - b->start);
}

bool buffer_append(struct buffer *b, struct span bytes);
bool buffer_print(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops len bytes at the front; len is at most buffer_length(). An emptied large buffer shrinks. */
void buffer_consume(struct buffer *b, size_t len);

#endif
