/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The style for people on a terminal: time, columns, colour if wanted, and everything that comes
 * from others escaped.
 */
#include "config.h"

#include "report/internal.h"

#include <time.h>

#include "base/text.h"

enum { NAME_FIELD = 1 /* of the answers that tell of a peer */ };

static void add_time(struct report *r)
{
    char text[32];
    struct tm parts;
    time_t now = time(NULL);
    localtime_r(&now, &parts);
    if (r->config.timestamps)
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S ", &parts);
    else
        strftime(text, sizeof text, "%H:%M ", &parts);
    line_colour(r, COLOUR_DIM);
    line_add(r, text);
    line_colour(r, COLOUR_PLAIN);
}

static void show_message(struct report *r, const struct event *e)
{
    bool unnamed = strcmp(e->name, "-") == 0;
    if (r->config.format != NULL) {
        line_fill(r, e, true);
        line_end(r);
        return;
    }
    add_time(r);
    line_colour(r, COLOUR_BOLD);
    line_add(r, report_mark(e));
    line_escape(r, span_of(unnamed ? e->address : e->name));
    line_colour(r, COLOUR_PLAIN);
    line_add(r, e->scope == SCOPE_DIRECT ? " \u2192 you: " : ": ");
    line_escape(r, e->text);
    line_end(r);
}

static void add_who(struct report *r, const struct event *e)
{
    bool unnamed = strcmp(e->name, "-") == 0;
    line_add(r, report_mark(e));
    line_escape(r, span_of(unnamed ? e->address : e->name));
    line_add(r, unnamed ? " " : " (");
    if (unnamed)
        return;
    line_escape(r, span_of(e->address));
    line_add(r, ") ");
}

static void show_event(struct report *r, const char *word, const char *phrase,
                       const struct event *e)
{
    (void)word;
    bool with_cause = e->cause != NULL && e->cause[0] != '\0';
    add_time(r);
    line_colour(r, COLOUR_DIM);
    line_add(r, "* ");
    add_who(r, e);
    line_add(r, phrase);
    if (with_cause) {
        line_add(r, ": ");
        line_escape(r, span_of(e->cause));
    }
    if (e->former != NULL) {
        line_add(r, " ");
        line_escape(r, span_of(e->former));
    }
    line_colour(r, COLOUR_PLAIN);
    line_end(r);
}

void report_diagnostic(struct report *r, enum log_level level, struct span line)
{
    bool red = level == LOG_ERROR;
    line_colour(r, red ? COLOUR_RED : "");
    buffer_append(&r->line, line); /* the log has escaped it */
    line_colour(r, red ? COLOUR_PLAIN : "");
    line_end(r);
}

/* A line of /peers says in its last field how the peer is known. */
static bool is_plain_peer(const char *command, const struct span *fields, size_t count)
{
    return strcmp(command, "peers") == 0 && count > NAME_FIELD &&
           span_is(fields[count - 1], "plain");
}

/* Columns wide enough for most; the last one is never padded. */
static void show_reply(struct report *r, const char *command, const struct span *fields,
                       size_t count)
{
    static const size_t widths[] = {21, 9, 7, 11, 6, 20};
    bool plain = is_plain_peer(command, fields, count);
    for (size_t i = 0; i < count; i++) {
        size_t before = buffer_length(&r->line);
        line_add(r, plain && i == NAME_FIELD ? "!" : "");
        line_escape(r, fields[i]);
        if (i + 1 == count)
            break;
        size_t width = text_columns(span_after(buffer_span(&r->line), before));
        size_t wanted = i < sizeof widths / sizeof widths[0] ? widths[i] : 0;
        do {
            line_add(r, " ");
            width++;
        } while (count > 2 && width <= wanted);
    }
    line_end(r);
}

/* A person sees in the prompt what becomes of a line. */
static void show_no_receipt(struct report *r, const char *word, const struct event *e)
{
    (void)r;
    (void)word;
    (void)e;
}

const struct style style_people = {
    .message = show_message,
    .event = show_event,
    .receipt = show_no_receipt,
    .reply = show_reply,
};
