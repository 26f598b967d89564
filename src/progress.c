/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the node's figures five times a second and writes them over the ones before. No escape
 * sequences: blanks rub out, so that every terminal will do. Whoever else writes to that terminal
 * finds an empty line. It does not know what is sent.
 */
#include "config.h"

#include "progress.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum {
    LOOK_US = 200000, /* between two looks */
    LOOKS = 10,       /* the rate shown is that over so many */
    WIDTH = 80,       /* of a terminal that does not say */
};

struct look {
    uint64_t at; /* monotonic us */
    uint64_t acked;
};

struct progress {
    struct loop *loop;
    const struct node *node;
    bool shares; /* stdout is a terminal too */
    bool finished;
    size_t shown; /* characters in the line; 0: it is empty */
    char text[PROGRESS_TEXT];
    struct look looks[LOOKS]; /* a ring */
    size_t count;             /* of looks, all told */
    struct look begun, moved; /* when something was sent for the first time, and acked last */
    struct timer timer;
};

/* ---- figures */

/* Three digits or so. */
static void print_bytes(double bytes, char out[16])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    size_t i = 0;
    while (bytes >= 999.5 && i + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1000;
        i++;
    }
    snprintf(out, 16, "%.*f %s", i > 0 && bytes < 99.95 ? 1 : 0, bytes, units[i]);
}

void progress_print(const struct node_progress *now, double rate, char out[PROGRESS_TEXT])
{
    char sent[16], acked[16], left[16], speed[16];
    print_bytes((double)now->sent_bytes, sent);
    print_bytes((double)now->acked_bytes, acked);
    print_bytes((double)now->left_bytes, left);
    print_bytes(rate, speed);
    snprintf(out, PROGRESS_TEXT,
             "sent %" PRIu64 " lines, %s; acked %" PRIu64 ", %s; %s/s; left %" PRIu64 ", %s",
             now->sent_lines, sent, now->acked_lines, acked, speed, now->left_lines, left);
}

static double rate(const struct look *from, const struct look *to)
{
    if (to->at <= from->at)
        return 0;
    return (double)(to->acked - from->acked) * 1e6 / (double)(to->at - from->at);
}

/* Takes a look; returns the rate over the last ones. */
static double look(struct progress *p, struct node_progress *out)
{
    node_look_progress(p->node, out);
    const struct look now = {loop_now(p->loop), out->acked_bytes};
    if (out->sent_bytes == 0 || p->count == 0)
        p->begun = now;
    if (now.acked > p->moved.acked)
        p->moved = now;
    const struct look *oldest = p->count < LOOKS ? &p->looks[0] : &p->looks[p->count % LOOKS];
    double speed = rate(p->count == 0 ? &now : oldest, &now);
    p->looks[p->count++ % LOOKS] = now;
    return speed;
}

/* ---- the line */

/* One that is stopped (Ctrl-S) stops nothing. */
static bool is_writable(void)
{
    struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0;
}

/* In the background the terminal belongs to somebody else. */
static bool is_in_foreground(void)
{
    pid_t group = tcgetpgrp(STDERR_FILENO);
    return group < 0 || group == getpgrp();
}

static size_t width(void)
{
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : WIDTH;
}

/* Writes text, at most that much, over what stands there. The last column is left free: some
 * terminals begin a new row in it. */
static void draw(struct progress *p, const char *text, const char *end)
{
    char line[2 * PROGRESS_TEXT + 8];
    size_t room = width() - 1, len = strlen(text);
    len = len < room ? len : room;
    size_t blank = p->shown > len ? p->shown - len : 0;
    int total = snprintf(line, sizeof line, "\r%.*s%*s%s", (int)len, text, (int)blank, "", end);
    if (write(STDERR_FILENO, line, (size_t)total) == total)
        p->shown = len;
}

static void rub_out(struct progress *p)
{
    if (p->shown > 0 && is_writable())
        draw(p, "", "\r");
}

static void make_way(void *arg)
{
    rub_out(arg);
}

static void show(void *arg)
{
    struct progress *p = arg;
    struct node_progress now;
    char text[PROGRESS_TEXT];
    double speed = look(p, &now);
    progress_print(&now, speed, text);
    timer_set(p->loop, &p->timer, loop_now(p->loop) + LOOK_US, show, p);
    if ((p->shown > 0 && strcmp(text, p->text) == 0) || !is_in_foreground() || !is_writable())
        return;
    memcpy(p->text, text, sizeof text);
    draw(p, text, "");
}

/* ---- life */

struct progress *progress_new(struct loop *loop, const struct node *node)
{
    if (!isatty(STDERR_FILENO))
        return NULL;
    struct progress *p = alloc_zero(1, sizeof *p);
    p->loop = loop;
    p->node = node;
    p->shares = isatty(STDOUT_FILENO);
    log_set_before(make_way, p);
    timer_set(loop, &p->timer, loop_now(loop), show, p);
    return p;
}

void progress_make_way(struct progress *p)
{
    if (p != NULL && p->shares)
        rub_out(p);
}

void progress_finish(struct progress *p)
{
    struct node_progress now;
    char text[PROGRESS_TEXT];
    if (p == NULL || p->finished)
        return;
    p->finished = true;
    timer_stop(p->loop, &p->timer);
    log_set_before(NULL, NULL);
    look(p, &now);
    progress_print(&now, rate(&p->begun, &p->moved), text);
    if (is_writable())
        draw(p, text, "\n");
}

void progress_free(struct progress *p)
{
    progress_finish(p);
    free(p);
}
