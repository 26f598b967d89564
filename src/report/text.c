/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The style for scripts: one line a record, whose first character says what it is: a digit or "[" a
 * message, "/" a reply, "*" an event. The bytes of a text are passed on as they came.
 */
#include "config.h"

#include "report/internal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "report/stamp.h"

enum { PARTS_MAX = 24 };

static void print_words(struct report *r, const struct span *words, size_t count)
{
    struct span parts[2 * PARTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count && i < PARTS_MAX; i++) {
        parts[n++] = words[i];
        parts[n++] = i + 1 < count ? span_of(" ") : line_ending(r);
    }
    r->sink.write(r->sink.arg, parts, n);
}

static void print_message(struct report *r, const struct event *e)
{
    char id[REPORT_ID_TEXT], stamp[STAMP_TEXT];
    struct span words[5];
    size_t n = 0;
    if (r->config.format != NULL) {
        line_fill(r, e, false);
        line_end(r);
        return;
    }
    if (r->config.timestamps) {
        stamp_print(clock_wall_us(), true, stamp);
        words[n++] = span_of(stamp);
    }
    words[n++] = span_of(e->address);
    words[n++] = span_of(e->name);
    if (r->config.ids)
        words[n++] = report_id(&e->id, id);
    words[n++] = e->text;
    print_words(r, words, n);
}

static void print_receipt(struct report *r, const char *word, const struct event *e)
{
    char id[REPORT_ID_TEXT];
    const struct span words[] = {span_of("*"), span_of(word), report_id(&e->id, id),
                                 span_of(e->address)};
    print_words(r, words, 4);
}

static void print_event(struct report *r, const char *word, const char *phrase,
                        const struct event *e)
{
    (void)phrase;
    const struct span words[] = {span_of("*"), span_of(word), span_of(e->address),
                                 span_of(e->name)};
    print_words(r, words, 4);
}

static void print_reply(struct report *r, const char *command, const struct span *fields,
                        size_t count, bool plain)
{
    (void)plain; /* scripts read these fields one by one */
    struct span words[PARTS_MAX];
    char *name = alloc_print("/%s", command);
    size_t n = 0;
    words[n++] = span_of(name);
    for (size_t i = 0; i < count && n < PARTS_MAX; i++)
        words[n++] = fields[i];
    print_words(r, words, n);
    free(name);
}

const struct style style_text = {
    .message = print_message,
    .event = print_event,
    .receipt = print_receipt,
    .reply = print_reply,
};
