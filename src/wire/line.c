/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines out of a stream of bytes. It knows LF, CR and a bound, and nothing of what a line says.
 */
#include "config.h"

#include "wire/line.h"

void line_init(struct line_cutter *c)
{
    *c = (struct line_cutter){0};
    c->max = LINE_MAX_BYTES;
    buffer_init(&c->rest, LINE_MAX_BYTES);
}

void line_free(struct line_cutter *c)
{
    buffer_free(&c->rest);
    c->hand_out = false;
}

void line_drop_partial(struct line_cutter *c)
{
    buffer_consume(&c->rest, buffer_length(&c->rest));
    c->hand_out = false;
}

static struct span end_of_line(const struct line_cutter *c, struct span line)
{
    if (!c->keep_cr && line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

enum line_result line_next(struct line_cutter *c, struct span *input, struct span *line)
{
    if (c->hand_out)
        line_drop_partial(c);
    if (input->len == 0)
        return LINE_NONE;

    size_t held = buffer_length(&c->rest);
    const char *lf = memchr(input->at, '\n', input->len);
    struct span part = span_make(input->at, lf == NULL ? input->len : (size_t)(lf - input->at));
    if (held + part.len >= c->max) {
        line_drop_partial(c);
        *input = span_after(*input, c->max - 1 - held);
        return LINE_TOO_LONG;
    }
    *input = span_after(*input, part.len + (lf != NULL));
    if (lf != NULL && held == 0) {
        *line = end_of_line(c, part);
        return LINE_WHOLE;
    }
    buffer_append(&c->rest, part);
    if (lf == NULL)
        return LINE_NONE;
    *line = end_of_line(c, buffer_span(&c->rest));
    c->hand_out = true;
    return LINE_WHOLE;
}

bool line_skip(struct span *input)
{
    const char *lf = input->len == 0 ? NULL : memchr(input->at, '\n', input->len);

    *input = span_after(*input, lf == NULL ? input->len : (size_t)(lf + 1 - input->at));
    return lf != NULL;
}

struct span line_partial(const struct line_cutter *c)
{
    return c->hand_out ? span_of("") : buffer_span(&c->rest);
}
