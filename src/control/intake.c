/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A buffer, and where in it the next line ends.
 */
#include "config.h"

#include "control/intake.h"

#include "wire/line.h"

void intake_init(struct intake *in)
{
    *in = (struct intake){.taken = 0};
    buffer_init(&in->bytes, INTAKE_MAX);
}

void intake_free(struct intake *in)
{
    buffer_free(&in->bytes);
}

bool intake_is_empty(const struct intake *in)
{
    return buffer_length(&in->bytes) == 0;
}

size_t intake_room(const struct intake *in)
{
    return INTAKE_MAX - buffer_length(&in->bytes);
}

static void drop(struct intake *in, size_t bytes)
{
    buffer_consume(&in->bytes, bytes);
    in->taken = 0;
}

/* Cuts a line off *rest, without LF and CR. false if there is none: then *rest is what it was. */
static bool cut_line(const struct intake *in, struct span *rest, struct span *line)
{
    bool whole = rest->len > 0 && (in->ended || memchr(rest->at, '\n', rest->len) != NULL);
    if (!whole)
        return false;
    *line = span_cut_line(rest);
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

/* How many bytes the last /cancel and all before it are; 0 if there is none. */
static size_t find_cancel(const struct intake *in)
{
    struct span line, all = buffer_span(&in->bytes), rest = all;
    size_t found = 0;
    while (cut_line(in, &rest, &line)) {
        if (span_is(line, "/cancel"))
            found = all.len - rest.len;
    }
    return found;
}

bool intake_add(struct intake *in, struct span bytes)
{
    buffer_append(&in->bytes, bytes);
    size_t cancelled = find_cancel(in);
    if (cancelled == 0)
        return false;
    drop(in, cancelled);
    in->skipping = false;
    return true;
}

void intake_end(struct intake *in)
{
    in->ended = true;
}

void intake_drop(struct intake *in)
{
    in->ended = true;
    drop(in, buffer_length(&in->bytes));
}

enum intake_result intake_next(struct intake *in, struct span *line)
{
    struct span rest = buffer_span(&in->bytes);
    while (cut_line(in, &rest, line)) {
        in->taken = buffer_length(&in->bytes) - rest.len;
        if (!in->skipping)
            return line->len < LINE_MAX_BYTES ? INTAKE_LINE : INTAKE_TOO_LONG;
        intake_done(in);
        rest = buffer_span(&in->bytes);
    }
    return INTAKE_NONE;
}

void intake_done(struct intake *in)
{
    in->skipping = false;
    drop(in, in->taken);
}

bool intake_overruns(struct intake *in)
{
    struct span line, rest = buffer_span(&in->bytes);
    if (in->ended || rest.len < LINE_MAX_BYTES || cut_line(in, &rest, &line))
        return false;
    bool known = in->skipping;
    in->skipping = true;
    drop(in, rest.len);
    return !known;
}
