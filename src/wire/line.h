/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts a stream of bytes into lines. Pure: bytes in, lines out. A line that arrives whole is never
 * copied. A CR before the LF is not part of the line, unless the cutter is told to keep it. A line
 * is never cut into two.
 */
#ifndef HASHFLOW_WIRE_LINE_H
#define HASHFLOW_WIRE_LINE_H

#include "base/buffer.h"

enum { LINE_MAX_BYTES = 65536 }; /* with its LF */

struct line_cutter {
    struct buffer rest; /* the beginning of a line that has not ended yet */
    size_t max;         /* bytes of a line with its LF; LINE_MAX_BYTES at first, or less */
    bool keep_cr;       /* a CR before the LF belongs to the line; false at first */
    bool hand_out;      /* rest holds a line that was handed out: drop it at the next call */
};

enum line_result {
    LINE_NONE, /* no whole line yet; the bytes are kept */
    LINE_WHOLE,
    LINE_TOO_LONG, /* over max: nothing is handed out; see line_skip */
};

void line_init(struct line_cutter *c);
void line_free(struct line_cutter *c);

/*
 * Takes bytes from the front of *input until a line is whole. The line, without LF and CR, is
 * borrowed until the next call or until the input's memory goes. After LINE_TOO_LONG the cutter
 * is empty and *input begins where the bound was passed.
 */
enum line_result line_next(struct line_cutter *c, struct span *input, struct span *line);

/* For a source that goes on after LINE_TOO_LONG: drops bytes through the next LF; true once it
 * has been found. */
bool line_skip(struct span *input);

/* What has arrived of a line that has not ended; borrowed. */
struct span line_partial(const struct line_cutter *c);

/* Forgets the partial line. */
void line_drop_partial(struct line_cutter *c);

#endif
