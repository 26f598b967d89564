/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes on their way to the terminal. A terminal may take them slowly or not at all, and whoever
 * waits for it in write(2) does nothing else: here they wait, in a queue with an end. It does not
 * know what the bytes draw.
 */
#ifndef HASHFLOW_SHELL_DISPLAY_H
#define HASHFLOW_SHELL_DISPLAY_H

#include <stdio.h>

#include "base/span.h"
#include "net/loop.h"

enum {
    DISPLAY_MAX = 4 * 1024 * 1024, /* bytes that wait; lines beyond are not shown, and counted */
    DISPLAY_DRAIN_US = 500000,     /* the time that a terminal has for the last bytes */
};

struct display;

/* For the terminal on stdout. caught_up(arg): it has taken everything after it had not. */
struct display *display_new(struct loop *loop, void (*caught_up)(void *arg), void *arg);
void display_free(struct display *d); /* what waits is lost; accepts NULL */

/* Where the line editor writes; never blocks. Call display_flush() when it has written. */
FILE *display_stream(struct display *d);

/* Whole lines, in order with what was written to the stream. They leave at the end of the turn. */
void display_print(struct display *d, struct span text);

void display_flush(struct display *d); /* at the end of the turn, once */
void display_drain(struct display *d); /* now, with a deadline: before we stop or end */

size_t display_waiting(const struct display *d); /* bytes that the terminal has not taken */
size_t display_lost(struct display *d);          /* lines not shown since the last call */

#endif
