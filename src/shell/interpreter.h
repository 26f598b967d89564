/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines become orders to the node, one after the other: a command is answered before the next one
 * begins. Where lines come from (options, stdin, a terminal) and where answers go is not its
 * business.
 */
#ifndef HASHFLOW_SHELL_INTERPRETER_H
#define HASHFLOW_SHELL_INTERPRETER_H

#include "mesh/node.h"
#include "shell/command.h"

enum {
    STATUS_FAILED = 1, /* a command failed */
    STATUS_USAGE = 2,
    STATUS_UNDELIVERED = 3,
    STATUS_TIMEOUT = 4, /* one that was asked for */
    STATUS_REFUSED = 5, /* somebody named refused us, or was refused because of who he is */
};

struct interpreter;

struct interpreter_handlers {
    /* An answer: the command it belongs to, and its fields, borrowed; plain as in answers.h. */
    void (*reply)(void *arg, const char *command, const struct span *fields, size_t count,
                  bool plain);
    void (*complain)(void *arg,
                     const char *text); /* a line could not be done: what, and the cure */
    void (*quit)(void *arg);            /* /quit */
    /* Where what is said is kept: *db, or NULL if nowhere. Until all that was said is there it is
     * false, and a turn comes when that has changed. May be NULL: nowhere. */
    bool (*history)(void *arg, struct database **db);
};

struct interpreter *interpreter_new(struct loop *loop, struct node *node,
                                    const struct interpreter_handlers *handlers, void *arg);
void interpreter_free(struct interpreter *in);

/* Queues a line, copied; it runs when everything before it has been answered. text: it is not a
 * command, whatever it looks like. */
void interpreter_queue(struct interpreter *in, struct span line, bool text);

/* Nothing is waited for and nothing is queued: interpreter_run() may be called. */
bool interpreter_is_idle(const struct interpreter *in);
void interpreter_run(struct interpreter *in, struct span line, bool text);
/* Texts that come together, none of them a command; borrows them. */
void interpreter_run_texts(struct interpreter *in, const struct span *texts, size_t count);

/* The node's news, all of it: an answer to what was asked here becomes a reply. */
void interpreter_event(struct interpreter *in, const struct event *event);

/* At the end of each turn: looks whether what is waited for has come true, goes on if so. */
void interpreter_turn(struct interpreter *in);

/* The name of the command whose answer is waited for; NULL if none is. */
const char *interpreter_command(const struct interpreter *in);

/* Gives up what is waited for, and what is queued. */
void interpreter_cancel(struct interpreter *in);

/* Until interpreter_set_target() succeeds text is for who, and fails. Copies who; NULL ends it. */
void interpreter_await_target(struct interpreter *in, const char *who);
bool interpreter_awaits_target(const struct interpreter *in);

/* Where text goes: PEER or "all". false with *cause, a new string that the caller frees. */
bool interpreter_set_target(struct interpreter *in, struct span who, char **cause);

/* The peer that text goes to; NULL for everyone. Borrowed until the next order or turn. */
const struct peer *interpreter_target(const struct interpreter *in);

/* How many lines of text the node has taken to send. */
uint64_t interpreter_sent(const struct interpreter *in);

/* The largest STATUS_ so far; 0 if all went well. */
int interpreter_status(const struct interpreter *in);

#endif
