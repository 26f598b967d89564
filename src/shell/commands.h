/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What commands do, and the interpreter that they are given to work on. For interpreter.c and
 * those who carry out its commands.
 */
#ifndef HASHFLOW_SHELL_COMMANDS_H
#define HASHFLOW_SHELL_COMMANDS_H

#include "shell/answers.h"
#include "shell/interpreter.h"
#include "shell/waiting.h"

struct queued;

struct interpreter {
    struct loop *loop;
    struct node *node;
    struct answers answers; /* its arg is also that of complain and quit */
    void (*complain)(void *arg, const char *text);
    void (*quit)(void *arg);
    bool (*history)(void *arg, struct database **db);
    struct peer *target; /* NULL: all */
    char *awaited;       /* who is to be the target and is not known; or NULL */
    bool has_quit;       /* nothing is run any more */
    int status;
    uint64_t sent; /* lines that the node has taken */
    struct queued *first, **last;
    struct waiting waiting; /* what the present command waits for */
};

void commands_run(struct interpreter *in, const struct order *order);

/* What the command waited for has come true, or has not in time. */
void commands_answer(struct interpreter *in, enum waiting_result result);

/* Says and frees cause, and raises the status; never lowers it. */
void commands_complain(struct interpreter *in, int status, char *cause);

/* The same for a command that has failed; the second one takes cause, the third one names peer. */
void commands_fail(struct interpreter *in, const struct command *c, const char *cause);
void commands_fail_with(struct interpreter *in, const struct command *c, char *cause);
void commands_fail_for(struct interpreter *in, const struct command *c, const struct peer *peer,
                       const char *cause);

#endif
