/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line being typed, drawn by readline, and what is printed above it. Keys come from a struct
 * keys, so that readline never waits. One editor at a time: readline has one state.
 */
#ifndef HASHFLOW_SHELL_EDITOR_H
#define HASHFLOW_SHELL_EDITOR_H

#include "net/loop.h"
#include "shell/completion.h"
#include "shell/keys.h"

struct editor;

struct editor_handlers {
    /* Enter was pressed, or NULL: Ctrl-D on an empty line. Borrowed; pasted LFs are in it. It may
     * print and close the editor, but not free it. */
    void (*line)(void *arg, const char *line);
    completion_source *complete;
};

/* Prepares the terminal on stdin and stdout, in the foreground. Borrows all. */
struct editor *editor_new(struct loop *loop, struct keys *keys,
                          const struct editor_handlers *handlers, void *arg);
void editor_free(struct editor *e); /* closes it */

/* Edits with the keys that are ready. */
void editor_take_keys(struct editor *e);

void editor_prompt(struct editor *e, const char *prompt); /* copies */
void editor_print(struct editor *e, struct span text);    /* whole lines, harmless ones */

void editor_clear_line(struct editor *e); /* as Ctrl-C does: shows ^C, begins a new line */
void editor_resize(struct editor *e);     /* the screen has another size now */

/* The former settings for the time that we are stopped; then ours again, on a screen on which
 * anything may have happened. */
void editor_suspend(struct editor *e);
void editor_resume(struct editor *e);

/* Nothing is typed any more: the line disappears, the terminal gets its former settings. What is
 * printed from now on is all there is. Once is enough. */
void editor_close(struct editor *e);

/* The same for the editor there is, if any, on the way out of the program; also at exit(3). */
void editor_restore(void);

#endif
