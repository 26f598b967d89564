/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line that is being made, in pieces or, for a message, by the user's format, until it is
 * written whole.
 */
#include "config.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/internal.h"
#include "report/stamp.h"

void line_add(struct report *r, const char *text)
{
    buffer_append(&r->line, span_of(text));
}

void line_escape(struct report *r, struct span text)
{
    text_escape(&r->line, text);
}

void line_colour(struct report *r, const char *code)
{
    if (r->config.colour)
        line_add(r, code);
}

static struct span or_dash(const char *text)
{
    return span_of(text != NULL && text[0] != '\0' ? text : "-");
}

void line_fill(struct report *r, const struct event *message, bool escaped)
{
    char id[REPORT_ID_TEXT], length[24], stamp[STAMP_TEXT], seconds[STAMP_TEXT];
    uint64_t now = clock_wall_us();
    stamp_print(now, false, stamp);
    stamp_print_unix(now, seconds);
    snprintf(length, sizeof length, "%zu", message->text.len);
    const struct span values[FORMAT_FIELDS] = {
        [FORMAT_ADDRESS] = span_of(message->address),
        [FORMAT_NAME] = span_of(message->name),
        [FORMAT_NODE] = or_dash(message->node),
        [FORMAT_KIND] = span_of(report_kind(message)),
        [FORMAT_PAYLOAD] = message->text,
        [FORMAT_LENGTH] = span_of(length),
        [FORMAT_ID] = report_id(&message->id, id),
        [FORMAT_TIME] = span_of(stamp),
        [FORMAT_UNIX] = span_of(seconds),
        [FORMAT_SECURITY] = span_of(message->plain ? "plain" : "tls"),
    };
    format_fill(r->config.format, values, escaped, &r->line);
}

struct span line_ending(const struct report *r)
{
    return r->config.nul ? span_make("", 1) : span_of("\n");
}

void line_end(struct report *r)
{
    buffer_append(&r->line, line_ending(r));
    struct span line = buffer_span(&r->line);
    r->sink.write(r->sink.arg, &line, 1);
    buffer_consume(&r->line, line.len);
}
