/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * News in lines: what the node tells and what commands answer, as a script reads it on stdout, as a
 * person reads it on a terminal, or in a form that somebody has chosen. It prints and says through
 * functions that it is given; it does not know where they lead, and never decides what happens.
 */
#ifndef HASHFLOW_REPORT_REPORT_H
#define HASHFLOW_REPORT_REPORT_H

#include "base/log.h"
#include "mesh/event.h"
#include "report/format.h"

struct report;

enum report_style {
    REPORT_TEXT,   /* the grammar of stdout, for scripts */
    REPORT_PEOPLE, /* time, columns, everything escaped */
    REPORT_JSON,   /* an object a line */
};

struct report_config {
    enum report_style style;
    const struct format *format; /* of messages, not with REPORT_JSON; NULL for the style's own */
    /* REPORT_JSON: the names of the fields of a command's answers, see shell/answers.h; NULL for
     * a command that has none. */
    const char *(*keys)(const char *command);
    bool events;     /* "* up ADDRESS NAME" lines as well */
    bool colour;     /* REPORT_PEOPLE */
    bool ascii;      /* REPORT_JSON: as a terminal needs it */
    bool ids;        /* REPORT_TEXT: messages as "ADDRESS NAME ID TEXT" */
    bool nul;        /* records end with NUL instead of LF; not with REPORT_PEOPLE */
    bool timestamps; /* messages begin with their time; REPORT_PEOPLE: with the date and seconds */
};

struct report_sink {
    /* One whole record, with its LF or NUL, in pieces that it borrows. */
    void (*write)(void *arg, const struct span *parts, size_t count);
    /* What is not for stdout: a diagnostic, borrowed, neither escaped nor with an LF. */
    void (*say)(void *arg, enum log_level level, const char *line);
    void *arg;
};

/* May there be colours at all, or has the user asked for none: NO_COLOR, see no-color.org? */
bool report_may_colour(void);

struct report *report_new(const struct report_config *config, const struct report_sink *sink);
void report_free(struct report *r);

void report_event(struct report *r, const struct event *event);

/* The answer to a command, "/COMMAND FIELD FIELD ...". */
void report_reply(struct report *r, const char *command, const struct span *fields, size_t count);

/* A diagnostic on a terminal, where it must not harm the typed line. Only an error is red. */
void report_diagnostic(struct report *r, enum log_level level, struct span line);

/* Has anything that was sent not been delivered, or is it kept for the next run? */
bool report_has_losses(const struct report *r);

#endif
