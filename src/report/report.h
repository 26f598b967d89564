/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * News in lines: what the node tells and what commands answer, as a script reads it on stdout or
 * as a person reads it on a terminal. It prints and says through functions that it is given; it does
 * not know where they lead, and never decides what happens.
 */
#ifndef HASHFLOW_REPORT_REPORT_H
#define HASHFLOW_REPORT_REPORT_H

#include "base/log.h"
#include "mesh/event.h"

struct report;

enum report_style {
    REPORT_TEXT,   /* the grammar of stdout, for scripts */
    REPORT_PEOPLE, /* time, columns, everything escaped */
};

struct report_config {
    enum report_style style;
    bool colour; /* REPORT_PEOPLE */
    bool events; /* "* up ADDRESS NAME" lines as well */
    bool ids;    /* REPORT_TEXT: messages as "ADDRESS NAME ID TEXT" */
};

struct report_sink {
    /* One whole line, with its LF, in pieces that it borrows. */
    void (*write)(void *arg, const struct span *parts, size_t count);
    /* What is not for stdout: a diagnostic, borrowed, neither escaped nor with an LF. */
    void (*say)(void *arg, enum log_level level, const char *line);
    void *arg;
};

struct report *report_new(const struct report_config *config, const struct report_sink *sink);
void report_free(struct report *r);

void report_event(struct report *r, const struct event *event);

/* The answer to a command, "/COMMAND FIELD FIELD ...". */
void report_reply(struct report *r, const char *command, const struct span *fields, size_t count);

/* A diagnostic on a terminal, where it must not harm the typed line. */
void report_diagnostic(struct report *r, struct span line);

/* Has anything that was sent not been delivered, or is it kept for the next run? */
bool report_has_losses(const struct report *r);

#endif
