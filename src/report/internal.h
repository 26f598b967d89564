/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the styles of a report share: the report itself, the line that is being made, and what each
 * style does with each kind of news. For the files of report/ alone.
 */
#ifndef HASHFLOW_REPORT_INTERNAL_H
#define HASHFLOW_REPORT_INTERNAL_H

#include "base/buffer.h"
#include "report/report.h"

struct style;

struct report {
    struct report_config config;
    struct report_sink sink;
    const struct style *style;
    bool losses;
    struct buffer line; /* in the making */
};

struct style {
    void (*message)(struct report *r, const struct event *e);
    /* What happens to a peer: as a word of the grammar, and as a phrase for people. */
    void (*event)(struct report *r, const char *word, const char *phrase, const struct event *e);
    /* What becomes of a line that was sent. */
    void (*receipt)(struct report *r, const char *word, const struct event *e);
    void (*reply)(struct report *r, const char *command, const struct span *fields, size_t count,
                  bool plain);
};

extern const struct style style_text, style_people, style_json;

/* --- report.c --- */

enum { REPORT_ID_TEXT = 160 }; /* two numbers and a node id: at most 64 bytes */

/* NODE.EPOCH.SEQ, or "-" for a line that has no number. */
struct span report_id(const struct event_id *id, char out[REPORT_ID_TEXT]);

/* How a message was sent: "msg" or "bcast", as the commands are called. */
const char *report_kind(const struct event *message);

/* What a person sees directly before the name of a peer that speaks without encryption. */
const char *report_mark(const struct event *e);

/* --- line.c --- */

#define COLOUR_DIM   "\033[2m"
#define COLOUR_BOLD  "\033[1m"
#define COLOUR_RED   "\033[31m"
#define COLOUR_PLAIN "\033[0m"

void line_add(struct report *r, const char *text);
void line_escape(struct report *r, struct span text);
void line_colour(struct report *r, const char *code); /* nothing without colour */
void line_fill(struct report *r, const struct event *message, bool escaped); /* by the format */
void line_end(struct report *r);                                             /* writes it */

/* What each record ends with. */
struct span line_ending(const struct report *r);

#endif
