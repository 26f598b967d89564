/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A character at a time, so that it is known in which column each stands. It must not know who has
 * said what.
 */
#include "config.h"

#include "shell/wrap.h"

#include "base/text.h"

enum { ESCAPE = 033, LEAST_COLUMNS = 8 /* else there is no room beside the indent */ };

static const char new_row[] = "\n  ";
_Static_assert(sizeof new_row - 2 == WRAP_INDENT, "all but its LF and its NUL");

/* Colours: ESC [ ... m */
static size_t sequence_length(struct span text)
{
    const char *end = text.at[0] == ESCAPE ? memchr(text.at, 'm', text.len) : NULL;
    return end != NULL ? (size_t)(end - text.at) + 1 : 0;
}

/* *column moves by what is at the front; a new row begins if that has no room left. */
static bool append_step(struct buffer *out, struct span *line, size_t columns, size_t *column)
{
    size_t next = *column;
    size_t len = text_step(*line, &next);
    bool done = true;
    if (next > columns) {
        next = WRAP_INDENT;
        len = text_step(*line, &next);
        done = buffer_append(out, span_of(new_row));
    }
    *column = next;
    done = done && buffer_append(out, span_make(line->at, len));
    *line = span_after(*line, len);
    return done;
}

static bool wrap_line(struct buffer *out, struct span line, size_t columns)
{
    size_t column = 0;
    bool done = true;
    while (line.len > 0 && done) {
        size_t colour = sequence_length(line);
        if (colour == 0) {
            done = append_step(out, &line, columns, &column);
            continue;
        }
        done = buffer_append(out, span_make(line.at, colour));
        line = span_after(line, colour);
    }
    return done;
}

bool wrap_lines(struct buffer *out, struct span lines, size_t columns)
{
    bool done = true;
    while (lines.len > 0 && done) {
        const char *lf = memchr(lines.at, '\n', lines.len);
        struct span line = span_make(lines.at, lf != NULL ? (size_t)(lf - lines.at) : lines.len);
        bool fits = line.len <= columns && memchr(line.at, '\t', line.len) == NULL;
        if (fits || columns < LEAST_COLUMNS)
            done = buffer_append(out, line);
        else
            done = wrap_line(out, line, columns);
        done = done && (lf == NULL || buffer_append(out, span_of("\n")));
        lines = span_after(lines, line.len + (lf != NULL));
    }
    return done;
}
