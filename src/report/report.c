/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per kind of news, in two styles: the grammar of stdout for scripts (a message
 * begins with a digit or "[", a reply with "/", an event with "*"), and lines for people.
 */
#include "config.h"

#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "wire/message.h"

enum {
    ESCAPED_MAX = 6 * (MESSAGE_TEXT_MAX + 1024), /* \x1b for each byte, and what is around it */
    PARTS_MAX = 24,
};

struct report {
    struct report_config config;
    struct report_sink sink;
    bool losses;
    struct buffer escaped;
};

struct report *report_new(const struct report_config *config, const struct report_sink *sink)
{
    struct report *r = alloc_zero(1, sizeof *r);
    r->config = *config;
    r->sink = *sink;
    buffer_init(&r->escaped, ESCAPED_MAX);
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    buffer_free(&r->escaped);
    free(r);
}

bool report_has_losses(const struct report *r)
{
    return r->losses;
}

/* --- for people --- */

static const char *colour(const struct report *r, const char *code)
{
    return r->config.colour ? code : "";
}

#define DIM   "\033[2m"
#define BOLD  "\033[1m"
#define RED   "\033[31m"
#define PLAIN "\033[0m"

static void add(struct report *r, const char *text)
{
    buffer_append(&r->escaped, span_of(text));
}

static void add_escaped(struct report *r, struct span text)
{
    text_escape(&r->escaped, text);
}

static void end_line(struct report *r)
{
    buffer_append(&r->escaped, span_of("\n"));
    struct span line = buffer_span(&r->escaped);
    r->sink.write(r->sink.arg, &line, 1);
    buffer_consume(&r->escaped, line.len);
}

static void add_time(struct report *r)
{
    char text[16];
    struct tm parts;
    time_t now = time(NULL);
    strftime(text, sizeof text, "%H:%M ", localtime_r(&now, &parts));
    add(r, colour(r, DIM));
    add(r, text);
    add(r, colour(r, PLAIN));
}

static void show_message(struct report *r, const struct event *e)
{
    bool unnamed = strcmp(e->name, "-") == 0;
    add_time(r);
    add(r, colour(r, BOLD));
    add_escaped(r, span_of(unnamed ? e->address : e->name));
    add(r, colour(r, PLAIN));
    add(r, e->scope == SCOPE_DIRECT ? " \u2192 you: " : ": ");
    add_escaped(r, e->text);
    end_line(r);
}

static void add_who(struct report *r, const struct event *e)
{
    bool unnamed = strcmp(e->name, "-") == 0;
    add_escaped(r, span_of(unnamed ? e->address : e->name));
    add(r, unnamed ? " " : " (");
    if (unnamed)
        return;
    add_escaped(r, span_of(e->address));
    add(r, ") ");
}

static void show_event(struct report *r, const char *what, const struct event *e)
{
    bool with_cause = e->cause != NULL && e->cause[0] != '\0';
    add_time(r);
    add(r, colour(r, DIM));
    add(r, "* ");
    add_who(r, e);
    add(r, what);
    if (with_cause) {
        add(r, ": ");
        add_escaped(r, span_of(e->cause));
    }
    if (e->former != NULL) {
        add(r, " ");
        add_escaped(r, span_of(e->former));
    }
    add(r, colour(r, PLAIN));
    end_line(r);
}

void report_diagnostic(struct report *r, struct span line)
{
    add(r, colour(r, RED));
    buffer_append(&r->escaped, line); /* the log has escaped it */
    add(r, colour(r, PLAIN));
    end_line(r);
}

/* Columns wide enough for most; the last one is never padded. */
static void show_reply(struct report *r, const struct span *fields, size_t count)
{
    static const size_t widths[] = {21, 9, 7, 11, 6};
    for (size_t i = 0; i < count; i++) {
        size_t before = buffer_length(&r->escaped);
        add_escaped(r, fields[i]);
        if (i + 1 == count)
            break;
        size_t width = text_columns(span_after(buffer_span(&r->escaped), before));
        size_t wanted = i < sizeof widths / sizeof widths[0] ? widths[i] : 0;
        do {
            add(r, " ");
            width++;
        } while (count > 2 && width <= wanted);
    }
    end_line(r);
}

/* --- for scripts --- */

static void print_words(struct report *r, const struct span *words, size_t count)
{
    struct span parts[2 * PARTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count && i < PARTS_MAX; i++) {
        parts[n++] = words[i];
        parts[n++] = span_of(i + 1 < count ? " " : "\n");
    }
    r->sink.write(r->sink.arg, parts, n);
}

enum { ID_TEXT = 160 }; /* two numbers and a node id: at most 64 bytes */

static struct span print_id(const struct event_id *id, char out[ID_TEXT])
{
    if (id->node == NULL)
        return span_of("-");
    snprintf(out, ID_TEXT, "%s.%llu.%llu", id->node, (unsigned long long)id->epoch,
             (unsigned long long)id->seq);
    return span_of(out);
}

/* What becomes of a line that was sent. A person sees it in the prompt. */
static void print_receipt(struct report *r, const char *what, const struct event *e)
{
    char id[ID_TEXT];
    if (!r->config.events || r->config.terminal)
        return;
    const struct span words[] = {span_of("*"), span_of(what), print_id(&e->id, id),
                                 span_of(e->address)};
    print_words(r, words, 4);
}

static void print_event(struct report *r, const char *what, const struct event *e)
{
    const struct span words[] = {span_of("*"), span_of(what), span_of(e->address),
                                 span_of(e->name)};
    print_words(r, words, 4);
}

void report_reply(struct report *r, const char *command, const struct span *fields, size_t count)
{
    if (r->config.terminal) {
        show_reply(r, fields, count);
        return;
    }
    struct span words[PARTS_MAX];
    char *name = alloc_print("/%s", command);
    size_t n = 0;
    words[n++] = span_of(name);
    for (size_t i = 0; i < count && n < PARTS_MAX; i++)
        words[n++] = fields[i];
    print_words(r, words, n);
    free(name);
}

/* --- the news --- */

static void say(struct report *r, enum log_level level, char *line)
{
    r->sink.say(r->sink.arg, level, line);
    free(line);
}

/* A person sees it where it happens; to a script the log says it besides the event. */
static void tell(struct report *r, const char *word, const char *phrase, const struct event *e)
{
    const char *more = e->former != NULL ? e->former : e->cause;
    bool has_more = more != NULL && more[0] != '\0';
    if (r->config.events && r->config.terminal) {
        show_event(r, phrase, e);
        return;
    }
    if (r->config.events)
        print_event(r, word, e);
    say(r, e->kind == EVENT_UNREACHABLE ? LOG_NOTICE : LOG_DETAIL,
        alloc_print("%s %s %s%s%s", e->address, e->name, phrase, has_more ? ": " : "",
                    has_more ? more : ""));
}

static void tell_message(struct report *r, const struct event *e)
{
    if (r->config.terminal) {
        show_message(r, e);
        return;
    }
    char id[ID_TEXT];
    struct span words[4] = {span_of(e->address), span_of(e->name)};
    size_t n = 2;
    if (r->config.ids)
        words[n++] = print_id(&e->id, id);
    words[n++] = e->text;
    print_words(r, words, n);
}

/* Whoever has said it knows it. */
static void tell_said(struct report *r, const struct event *e)
{
    (void)r;
    (void)e;
}

static void tell_up(struct report *r, const struct event *e)
{
    tell(r, "up", "is here", e);
}

static void tell_down(struct report *r, const struct event *e)
{
    tell(r, "down", "is gone", e);
}

static void tell_unreachable(struct report *r, const struct event *e)
{
    tell(r, "unreachable", "cannot be reached", e);
}

static void tell_name(struct report *r, const struct event *e)
{
    tell(r, "name", "is the new name of", e);
}

static void tell_suspect(struct report *r, const struct event *e)
{
    tell(r, "suspect", "says nothing any more", e);
}

static void tell_back(struct report *r, const struct event *e)
{
    tell(r, "back", "is back", e);
}

static void tell_queued(struct report *r, const struct event *e)
{
    print_receipt(r, "queued", e);
}

static void tell_sent(struct report *r, const struct event *e)
{
    print_receipt(r, "sent", e);
}

static void tell_delivered(struct report *r, const struct event *e)
{
    print_receipt(r, "delivered", e);
}

static void tell_lost(struct report *r, const struct event *e)
{
    print_receipt(r, "failed", e);
}

static void tell_failed(struct report *r, const struct event *e)
{
    r->losses = true;
    say(r, LOG_ERROR,
        alloc_print("%s %s: %zu line%s not delivered: %s", e->address, e->name, e->count,
                    e->count == 1 ? " was" : "s were", e->cause));
    if (r->config.terminal)
        return;
    const struct span words[] = {span_of("failed"), span_of(e->address), span_of(e->name),
                                 span_of(e->cause)};
    report_reply(r, e->scope == SCOPE_DIRECT ? "msg" : "bcast", words, 4);
}

static void tell_kept_back(struct report *r, const struct event *e)
{
    bool one = e->count == 1;
    const char *fate = e->stored ? (one ? "waits for the next run" : "wait for the next run")
                                 : (one ? "was not sent" : "were not sent");
    say(r, LOG_NOTICE,
        alloc_print("%s %s is away: %zu line%s for it %s", e->address, e->name, e->count,
                    one ? "" : "s", fate));
}

static void tell_kept(struct report *r, const struct event *e)
{
    bool one = e->count == 1;
    r->losses = true;
    say(r, LOG_ERROR,
        alloc_print("%s %s: %zu line%s not delivered and %s kept for the next run: %s", e->address,
                    e->name, e->count, one ? " was" : "s were", one ? "is" : "are", e->cause));
}

static void tell_refused(struct report *r, const struct event *e)
{
    if (e->count > 1)
        say(r, LOG_ERROR,
            alloc_print("%s %s: %s, %zu times", e->address, e->name, e->cause, e->count));
    else
        say(r, LOG_ERROR, alloc_print("%s %s: %s", e->address, e->name, e->cause));
}

void report_event(struct report *r, const struct event *event)
{
    static void (*const tell_of[])(struct report * r, const struct event *e) = {
        [EVENT_MESSAGE] = tell_message,
        [EVENT_SAID] = tell_said,
        [EVENT_UP] = tell_up,
        [EVENT_DOWN] = tell_down,
        [EVENT_UNREACHABLE] = tell_unreachable,
        [EVENT_NAME] = tell_name,
        [EVENT_SUSPECT] = tell_suspect,
        [EVENT_BACK] = tell_back,
        [EVENT_QUEUED] = tell_queued,
        [EVENT_SENT] = tell_sent,
        [EVENT_DELIVERED] = tell_delivered,
        [EVENT_LOST] = tell_lost,
        [EVENT_FAILED] = tell_failed,
        [EVENT_KEPT_BACK] = tell_kept_back,
        [EVENT_KEPT] = tell_kept,
        [EVENT_REFUSED] = tell_refused,
    };
    tell_of[event->kind](r, event);
}
