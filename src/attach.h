/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --attach: this process is not a node but a way to talk with one that runs, through its control
 * socket. attach.c finds and calls it; then attach_console.c serves a person, or attach_script.c a
 * script.
 */
#ifndef HASHFLOW_ATTACH_H
#define HASHFLOW_ATTACH_H

#include "base/buffer.h"
#include "control/caller.h"
#include "options.h"

/* Does a node run in the folder that the options mean? Says nothing. */
bool attach_is_possible(const struct options *o);

/* The exit status. */
int attach_run(const struct options *o);

/* --- for the three files --- */

struct attached {
    const struct options *options;
    char *path; /* of the state folder or the socket */
    int fd;     /* the connection, for caller_new() */
    struct loop *loop;
    struct caller *caller;
    bool ended; /* the node has said how it went, or is gone */
    int status;
    int signal; /* the one to end by, or 0 */
};

/* Makes the caller. false if it cannot; the log has said why. Borrows both. */
bool attached_begin(struct attached *a, const struct caller_handlers *handlers, void *arg);

/* Sends words and a LF. */
void attached_send(struct attached *a, const char *words);

/* What the node says to words on a connection of its own; as much as comes in so many microseconds
 * and has room. Blocks until then. */
void attached_ask(const struct attached *a, const char *words, uint64_t us, struct buffer *answer);

/* The handler of the caller's end; says why if there was no outcome. arg: the struct attached. */
void attached_end(void *arg, int status);

/* For SIGTERM and SIGHUP: ends the loop, and us when it is cleaned up. */
void attached_signalled(void *arg, int signo);

/* Both take over until it is time to leave. */
void attach_serve_script(struct attached *a);
void attach_serve_console(struct attached *a);

#endif
