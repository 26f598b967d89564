/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at a terminal: what they type goes to the interpreter, what completes comes from the
 * node, and the prompt shows how far what was sent has come. It joins terminal, interpreter and
 * node, and knows none of them from inside.
 */
#ifndef HASHFLOW_SHELL_CONSOLE_H
#define HASHFLOW_SHELL_CONSOLE_H

#include "shell/completion.h"
#include "shell/interpreter.h"

struct console;

/* typed_path: the file that keeps typed lines, or NULL. text: nothing that is typed is a command.
 * quit(arg) is called when the person wants to leave. Borrows all but copies typed_path. NULL if
 * the terminal belongs to another job, which the log has said. */
struct console *console_new(struct loop *loop, struct node *node, struct interpreter *interpreter,
                            const char *typed_path, bool text, void (*quit)(void *arg), void *arg);
void console_free(struct console *c); /* gives the terminal back; accepts NULL */

/* For completion: the conditions of /wait; returns how many were added. */
size_t console_add_conditions(struct completion_list *out);

void console_print(struct console *c, struct span line); /* whole lines, escaped */

/* Something that was sent will not be delivered, or not in this run: the prompt must not say that
 * it was. */
void console_lost(struct console *c);

/* At the end of each turn: the prompt says our name, to whom lines go if not to all, and whether
 * what was sent is on its way or delivered. */
void console_turn(struct console *c);

#endif
