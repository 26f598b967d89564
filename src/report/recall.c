/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a recalled line looks: as a message does, but for the date, and for whom it went to if it was
 * ours.
 */
#include "config.h"

#include "report/recall.h"

#include <time.h>

#include "base/text.h"
#include "report/internal.h"

static void add(struct buffer *out, const char *text)
{
    buffer_append(out, span_of(text));
}

static void add_time(struct buffer *out, int64_t at)
{
    char text[32];
    struct tm parts;
    time_t moment = (time_t)at;
    if (localtime_r(&moment, &parts) != NULL &&
        strftime(text, sizeof text, "%Y-%m-%d %H:%M ", &parts) > 0)
        add(out, text);
}

static void add_who(struct buffer *out, const struct history_line *line)
{
    struct span who = span_is(line->name, "-") ? line->address : line->name;
    const char *mark = line->plain ? "!" : "";
    if (!line->ours) {
        add(out, mark);
        text_escape(out, who);
        add(out, line->direct ? " \u2192 you" : "");
    } else if (line->direct) {
        add(out, "you \u2192 ");
        add(out, mark);
        text_escape(out, who);
    } else {
        add(out, "you");
    }
    add(out, ": ");
}

void recall_format(struct buffer *out, const struct history_line *line, bool colour)
{
    size_t shown = text_prefix(line->text, RECALL_TEXT);
    add(out, colour ? COLOUR_DIM : "");
    add_time(out, line->at);
    add_who(out, line);
    text_escape(out, span_make(line->text.at, shown));
    add(out, shown < line->text.len ? "\u2026" : "");
    add(out, colour ? COLOUR_PLAIN : "");
    add(out, "\n");
}
