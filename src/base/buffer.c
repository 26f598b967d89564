/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growing queue of bytes with a hard maximum. It does not know what the bytes are.
 */
#include "config.h"

#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    BUFFER_FIRST = 64,       /* smallest allocation, bytes */
    BUFFER_KEEP = 16 * 1024, /* an emptied buffer larger than this gives its memory back */
};

/* What data points to while nothing is allocated, so that a span of it is never NULL. */
static char nothing[1];

void buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){.data = nothing, .max = max};
}

void buffer_free(struct buffer *b)
{
    if (b->room > 0)
        free(b->data);
    buffer_init(b, b->max);
}

/*
 * Makes room for len bytes behind the end. Bytes are moved only when at least as many have been
 * consumed, and the room doubles, so that each byte is moved a small number of times.
 */
static void make_room(struct buffer *b, size_t len)
{
    size_t held = buffer_length(b);

    if (b->room - b->end >= len)
        return;
    if (b->start > 0) {
        bool enough = b->start >= held && b->room - held >= len;
        memmove(b->data, b->data + b->start, held);
        b->start = 0;
        b->end = held;
        if (enough)
            return;
    }
    size_t room = 2 * (held + len);
    room = room < BUFFER_FIRST ? BUFFER_FIRST : room;
    b->data = alloc_resize(b->room > 0 ? b->data : NULL, room, 1);
    b->room = room;
}

bool buffer_append(struct buffer *b, struct span bytes)
{
    if (bytes.len > b->max - buffer_length(b))
        return false;
    if (bytes.len == 0)
        return true;
    make_room(b, bytes.len);
    memcpy(b->data + b->end, bytes.at, bytes.len);
    b->end += bytes.len;
    return true;
}

bool buffer_print(struct buffer *b, const char *format, ...)
{
    va_list list, again;

    va_start(list, format);
    va_copy(again, list);
    size_t spare = b->room - b->end;
    int len = vsnprintf(b->data + b->end, spare, format, list);
    bool fits = len >= 0 && (size_t)len <= b->max - buffer_length(b);
    if (fits && (size_t)len >= spare) {
        make_room(b, (size_t)len + 1); /* and the NUL, which does not count */
        vsnprintf(b->data + b->end, b->room - b->end, format, again);
    }
    if (fits)
        b->end += (size_t)len;
    va_end(again);
    va_end(list);
    return fits;
}

void buffer_consume(struct buffer *b, size_t len)
{
    assert(len <= buffer_length(b));
    b->start += len;
    if (b->start < b->end)
        return;
    if (b->room > BUFFER_KEEP)
        buffer_free(b);
    else
        b->start = b->end = 0;
}
