/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines from standard input when it is not a terminal: a pipe, a file, a growing log. It reads no
 * further than the interpreter and the node have kept up.
 */
#ifndef HASHFLOW_SHELL_SCRIPT_H
#define HASHFLOW_SHELL_SCRIPT_H

#include "shell/interpreter.h"

struct script;

/* Borrows everything. text: each line is text, never a command. ended(arg) is called once, when
 * the input has ended and its last line has been answered. */
struct script *script_new(struct loop *loop, int fd, bool text, struct node *node,
                          struct interpreter *interpreter, void (*ended)(void *arg), void *arg);
void script_free(struct script *s);

/* At the end of each turn, after interpreter_turn(). */
void script_turn(struct script *s);

/* Is it /dev/null, from which no line will ever come? */
bool script_is_null_device(int fd);

/* STATUS_FAILED if a line could not be read; 0 otherwise. */
int script_status(const struct script *s);

#endif
