/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics, a line each. What is worth saying is decided by the callers; where it is shown, by
 * the sink. What is set here belongs to the whole program; those are its only globals.
 */
#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

enum {
    LOG_TEXT = 2048,         /* bytes of one diagnostic; longer ones are cut */
    LOG_LINE = PIPE_BUF - 1, /* bytes of a line but its LF, escapes and prefix included */
};

static enum log_level log_most = LOG_NOTICE;
static void (*log_sink)(void *arg, enum log_level level, struct span line) = log_to_stderr;
static void *log_arg;

static void (*log_before)(void *arg);
static void *log_before_arg;

static size_t log_left_out;

static bool is_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

static void write_line(struct span line)
{
    char bytes[LOG_LINE + 1];

    memcpy(bytes, line.at, line.len);
    bytes[line.len] = '\n';
    if (write(STDERR_FILENO, bytes, line.len + 1) < 0)
        return; /* there is no third place to complain at */
}

/* One write(2) for a line, so that two programs on one stderr do not mix theirs. A line fits into
 * what a writable pipe takes at once (PIPE_BUF); a stderr that nobody reads stops nothing. */
void log_to_stderr(void *arg, enum log_level level, struct span line)
{
    char words[64];

    (void)arg;
    (void)level;
    if (!is_writable(STDERR_FILENO)) {
        log_left_out++;
        return;
    }
    if (log_before != NULL)
        log_before(log_before_arg);
    if (log_left_out > 0) {
        snprintf(words, sizeof words, "hashflow: %zu lines were left out here", log_left_out);
        log_left_out = 0;
        write_line(span_of(words));
    }
    if (is_writable(STDERR_FILENO))
        write_line(line);
    else
        log_left_out++;
}

void log_set_level(enum log_level most)
{
    log_most = most;
}

void log_set_sink(void (*sink)(void *arg, enum log_level level, struct span line), void *arg)
{
    log_sink = sink == NULL ? log_to_stderr : sink;
    log_arg = arg;
}

void log_set_before(void (*before)(void *arg), void *arg)
{
    log_before = before;
    log_before_arg = arg;
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *format, va_list list)
{
    char text[LOG_TEXT + 4]; /* room to see whether the cut would split a character */
    struct buffer line;
    int saved = errno;

    if (level != LOG_ERROR && level > log_most)
        return;
    int len = vsnprintf(text, sizeof text, format, list);
    if (len < 0)
        return;
    struct span whole = span_make(text, strlen(text));
    whole.len = text_prefix(whole, LOG_TEXT);
    buffer_init(&line, LOG_LINE);
    buffer_append(&line, span_of("hashflow: "));
    text_escape(&line, whole);
    log_sink(log_arg, level, buffer_span(&line));
    buffer_free(&line);
    errno = saved;
}

void log_error(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    log_line(LOG_ERROR, format, list);
    va_end(list);
}

void log_notice(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    log_line(LOG_NOTICE, format, list);
    va_end(list);
}

void log_detail(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    log_line(LOG_DETAIL, format, list);
    va_end(list);
}
