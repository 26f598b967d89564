/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client of the control socket has said and nobody has run yet: bytes in, lines out, one at
 * a time. Pure; of what the lines mean it knows /cancel alone.
 */
#ifndef HASHFLOW_CONTROL_INTAKE_H
#define HASHFLOW_CONTROL_INTAKE_H

#include "base/buffer.h"

enum { INTAKE_MAX = 256 * 1024 /* bytes; its owner reads no more than there is room for */ };

struct intake {
    struct buffer bytes; /* from the beginning of a line on */
    size_t taken;        /* of them, by the line that was handed out */
    bool skipping;       /* they begin with the rest of a line that was too long */
    bool ended;          /* no more comes */
};

enum intake_result {
    INTAKE_NONE,     /* no whole line yet */
    INTAKE_LINE,     /* without LF and CR; borrowed until intake_done() */
    INTAKE_TOO_LONG, /* of LINE_MAX_BYTES or more; see wire/line.h */
};

void intake_init(struct intake *in);
void intake_free(struct intake *in);

/* Takes bytes, for which there must be room. true if a line of them is /cancel, which is obeyed
 * ahead of its turn: it is dropped, and all that came before it. */
bool intake_add(struct intake *in, struct span bytes);

/* No more comes: what is left is a line, with or without a LF. */
void intake_end(struct intake *in);
void intake_drop(struct intake *in); /* the same, and what is left does not count */

/* What is next, until intake_done() has been called for it. */
enum intake_result intake_next(struct intake *in, struct span *line);
void intake_done(struct intake *in);

/* Is the line that has begun too long already? Then that much of it is dropped; said once. */
bool intake_overruns(struct intake *in);

bool intake_is_empty(const struct intake *in);
size_t intake_room(const struct intake *in); /* bytes */

#endif
