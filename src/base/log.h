/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics: one line each, "hashflow: " before it, escaped so that nothing in it moves a
 * cursor or forges a second line. Where they go is a sink that main may set; stderr at first.
 */
#ifndef HASHFLOW_BASE_LOG_H
#define HASHFLOW_BASE_LOG_H

#include "base/span.h"

enum log_level { LOG_ERROR, LOG_NOTICE, LOG_DETAIL };

/* Errors always pass; notices unless -q; details with -v. */
void log_set_level(enum log_level most);

/* The sink gets each line without its LF; it borrows the line. NULL goes back to stderr. */
void log_set_sink(void (*sink)(void *arg, enum log_level level, struct span line), void *arg);

/* The sink at first: a write(2) to stderr, which is left out as long as stderr takes nothing. */
void log_to_stderr(void *arg, enum log_level level, struct span line);
/* Called before each line that goes to stderr: something else may stand there. NULL: nothing. */
void log_set_before(void (*before)(void *arg), void *arg);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
