/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A queue before the terminal. O_NONBLOCK is set on an open file of our own, as the one behind
 * stdout is shared with the shell. The line editor wants a FILE, and gets one in memory.
 */
#include "config.h"

#include "shell/display.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"

enum {
    EDITOR_MAX = 256 * 1024, /* bytes that the editor may still add when lines may not */
    POLL_MS = 50,
};

struct display {
    struct loop *loop;
    void (*caught_up)(void *arg);
    void *arg;
    int fd; /* an open file of our own, or stdout if there is none to be had */
    FILE *stream;
    char *text;      /* the stream's memory; */
    size_t text_len; /* as much of it was written, after fflush(3) */
    struct buffer waiting;
    bool behind; /* the loop waits for the terminal */
    size_t lost;
    struct task flush;
};

static int open_terminal(void)
{
    const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    const char *name = ttyname(STDOUT_FILENO);
    int fd = name != NULL ? open(name, flags) : -1;

    if (fd == -1)
        fd = open("/dev/tty", flags);
    if (fd >= loop_fd_limit()) {
        close(fd);
        fd = -1;
    }
    return fd != -1 ? fd : STDOUT_FILENO;
}

struct display *display_new(struct loop *loop, void (*caught_up)(void *arg), void *arg)
{
    struct display *d = alloc_zero(1, sizeof *d);

    d->loop = loop;
    d->caught_up = caught_up;
    d->arg = arg;
    d->fd = open_terminal();
    buffer_init(&d->waiting, DISPLAY_MAX + EDITOR_MAX);
    d->stream = open_memstream(&d->text, &d->text_len);
    if (d->stream == NULL)
        abort(); /* out of memory */
    return d;
}

void display_free(struct display *d)
{
    if (d == NULL)
        return;
    task_stop(&d->flush);
    loop_unwatch(d->loop, d->fd);
    if (d->fd != STDOUT_FILENO)
        close(d->fd);
    fclose(d->stream);
    free(d->text);
    buffer_free(&d->waiting);
    free(d);
}

FILE *display_stream(struct display *d)
{
    return d->stream;
}

size_t display_waiting(const struct display *d)
{
    return buffer_length(&d->waiting);
}

size_t display_lost(struct display *d)
{
    size_t lost = d->lost;

    d->lost = 0;
    return lost;
}

/* What the editor has written joins the queue. */
static void collect(struct display *d)
{
    fflush(d->stream);
    d->lost += !buffer_append(&d->waiting, span_make(d->text, d->text_len));
    rewind(d->stream);
}

/* False if the terminal takes no more now. One that is gone takes everything. */
static bool write_some(struct display *d)
{
    struct span bytes = buffer_span(&d->waiting);
    ssize_t written = write(d->fd, bytes.at, bytes.len);

    if (written < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    buffer_consume(&d->waiting, written >= 0 ? (size_t)written : bytes.len);
    return true;
}

static void write_on(void *arg, int events)
{
    struct display *d = arg;

    (void)events;
    while (display_waiting(d) > 0 && write_some(d))
        continue;
    bool was_behind = d->behind;
    d->behind = display_waiting(d) > 0;
    if (d->behind != was_behind)
        loop_watch(d->loop, d->fd, d->behind ? LOOP_WRITE : 0, write_on, d);
    if (was_behind && !d->behind)
        d->caught_up(d->arg);
}

static void flush(void *arg)
{
    collect(arg);
    write_on(arg, LOOP_WRITE);
}

void display_flush(struct display *d)
{
    task_set(d->loop, &d->flush, flush, d);
}

void display_print(struct display *d, struct span text)
{
    collect(d);
    if (display_waiting(d) + text.len <= DISPLAY_MAX) {
        buffer_append(&d->waiting, text);
    } else {
        for (size_t i = 0; i < text.len; i++)
            d->lost += text.at[i] == '\n';
    }
    display_flush(d);
}

void display_drain(struct display *d)
{
    uint64_t deadline = clock_now_us() + DISPLAY_DRAIN_US;
    struct pollfd terminal = {.fd = d->fd, .events = POLLOUT};

    collect(d);
    while (display_waiting(d) > 0 && (write_some(d) || clock_now_us() < deadline)) {
        if (display_waiting(d) > 0)
            poll(&terminal, 1, POLL_MS);
    }
}
