/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per kind of news: what of it is printed, in the style that was chosen, and what is
 * said in words. How a style looks is the business of its own file.
 */
#include "config.h"

#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "report/internal.h"
#include "wire/message.h"

/* \x1b for each byte and what is around it, as often as a format can ask for it. */
enum { RECORD_MAX = FORMAT_PIECES_MAX * 6 * (MESSAGE_TEXT_MAX + FORMAT_MAX) };

struct report *report_new(const struct report_config *config, const struct report_sink *sink)
{
    static const struct style *const styles[] = {
        [REPORT_TEXT] = &style_text,
        [REPORT_PEOPLE] = &style_people,
        [REPORT_JSON] = &style_json,
    };
    struct report *r = alloc_zero(1, sizeof *r);
    r->config = *config;
    r->sink = *sink;
    r->style = styles[config->style];
    buffer_init(&r->line, RECORD_MAX);
    return r;
}

void report_free(struct report *r)
{
    if (r == NULL)
        return;
    buffer_free(&r->line);
    free(r);
}

bool report_may_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return no_colour == NULL || no_colour[0] == '\0';
}

bool report_has_losses(const struct report *r)
{
    return r->losses;
}

void report_reply(struct report *r, const char *command, const struct span *fields, size_t count,
                  bool plain)
{
    r->style->reply(r, command, fields, count, plain);
}

struct span report_id(const struct event_id *id, char out[REPORT_ID_TEXT])
{
    if (id->node == NULL)
        return span_of("-");
    snprintf(out, REPORT_ID_TEXT, "%s.%llu.%llu", id->node, (unsigned long long)id->epoch,
             (unsigned long long)id->seq);
    return span_of(out);
}

const char *report_kind(const struct event *message)
{
    return message->scope == SCOPE_DIRECT ? "msg" : "bcast";
}

const char *report_mark(const struct event *e)
{
    return e->plain ? "!" : "";
}

/* --- the news --- */

static const char *mark(const struct report *r, const struct event *e)
{
    return r->config.style == REPORT_PEOPLE ? report_mark(e) : "";
}

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
    if (r->config.events)
        r->style->event(r, word, phrase, e);
    if (r->config.events && r->config.style == REPORT_PEOPLE)
        return;
    say(r, e->kind == EVENT_UNREACHABLE ? LOG_NOTICE : LOG_DETAIL,
        alloc_print("%s %s %s%s%s", e->address, e->name, phrase, has_more ? ": " : "",
                    has_more ? more : ""));
}

static void tell_receipt(struct report *r, const char *word, const struct event *e)
{
    if (r->config.events)
        r->style->receipt(r, word, e);
}

static void tell_message(struct report *r, const struct event *e)
{
    r->style->message(r, e);
}

/* Whoever has said it knows it. */
static void tell_said(struct report *r, const struct event *e)
{
    (void)r;
    (void)e;
}

/* An answer is a reply for the one who has asked, and a question is for whoever answers. */
static void tell_elsewhere(struct report *r, const struct event *e)
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
    tell_receipt(r, "queued", e);
}

static void tell_sent(struct report *r, const struct event *e)
{
    tell_receipt(r, "sent", e);
}

static void tell_delivered(struct report *r, const struct event *e)
{
    tell_receipt(r, "delivered", e);
}

static void tell_lost(struct report *r, const struct event *e)
{
    tell_receipt(r, "failed", e);
}

static void tell_failed(struct report *r, const struct event *e)
{
    r->losses = true;
    say(r, LOG_ERROR,
        alloc_print("%s %s%s: %zu line%s not delivered: %s", e->address, mark(r, e), e->name,
                    e->count, e->count == 1 ? " was" : "s were", e->cause));
    if (r->config.style == REPORT_PEOPLE)
        return;
    const struct span words[] = {span_of("failed"), span_of(e->address), span_of(e->name),
                                 span_of(e->cause)};
    report_reply(r, report_kind(e), words, 4, e->plain);
}

static void tell_kept_back(struct report *r, const struct event *e)
{
    bool one = e->count == 1;
    const char *fate = e->stored ? (one ? "waits for the next run" : "wait for the next run")
                                 : (one ? "was not sent" : "were not sent");
    say(r, LOG_NOTICE,
        alloc_print("%s %s%s is away: %zu line%s for it %s", e->address, mark(r, e), e->name,
                    e->count, one ? "" : "s", fate));
}

static void tell_kept(struct report *r, const struct event *e)
{
    bool one = e->count == 1;
    r->losses = true;
    say(r, LOG_ERROR,
        alloc_print("%s %s%s: %zu line%s not delivered and %s kept for the next run: %s",
                    e->address, mark(r, e), e->name, e->count, one ? " was" : "s were",
                    one ? "is" : "are", e->cause));
}

static void tell_refused(struct report *r, const struct event *e)
{
    if (e->count > 1)
        say(r, LOG_ERROR,
            alloc_print("%s %s%s: %s, %zu times", e->address, mark(r, e), e->name, e->cause,
                        e->count));
    else
        say(r, LOG_ERROR, alloc_print("%s %s%s: %s", e->address, mark(r, e), e->name, e->cause));
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
        [EVENT_QUESTION] = tell_elsewhere,
        [EVENT_ANSWER] = tell_elsewhere,
    };
    tell_of[event->kind](r, event);
}
