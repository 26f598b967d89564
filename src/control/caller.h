/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The other end of the control socket: lines to a node, and what comes back, line by line and kind
 * by kind. It does not know where the lines come from nor where they are shown.
 */
#ifndef HASHFLOW_CONTROL_CALLER_H
#define HASHFLOW_CONTROL_CALLER_H

#include "base/span.h"
#include "net/loop.h"

enum caller_kind {
    CALLER_RECORD,    /* a line of the grammar of stdout, whole */
    CALLER_SHOWN,     /* a line for people; "| " is cut off here, and the marks below likewise */
    CALLER_PROMPT,    /* "MARK NAME TARGET" */
    CALLER_COMPLAINT, /* in the last three a terminal has nothing to obey but colours */
};

struct caller;

struct caller_handlers {
    void (*line)(void *arg, enum caller_kind kind, struct span text); /* borrowed, without LF */
    /* Once: how it went; -1 if the connection has ended without a word about that. */
    void (*end)(void *arg, int status);
};

/* Takes fd; borrows the rest. NULL with errno if the loop has no room for it. */
struct caller *caller_new(struct loop *loop, int fd, const struct caller_handlers *handlers,
                          void *arg);
void caller_free(struct caller *c);

/* A terminal gets the records too: it finds nothing to obey in them, not even colours. */
void caller_shows_all(struct caller *c);

void caller_send(struct caller *c, struct span bytes);
void caller_finish(struct caller *c);          /* nothing more is sent */
void caller_hold(struct caller *c, bool hold); /* nothing is read meanwhile */
size_t caller_queued(const struct caller *c);  /* bytes that the node has not taken */

#endif
