/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyboard and the screen of a person: a line being typed, and lines that appear above it.
 * Only terminal.c knows readline; where that was not there at build time, terminal_possible() is
 * false and the program reads plain lines. One terminal at a time: readline has one state.
 *
 * It takes stdin and stdout, both blocking: their flags are shared with the shell.
 */
#ifndef HASHFLOW_SHELL_TERMINAL_H
#define HASHFLOW_SHELL_TERMINAL_H

#include "net/loop.h"
#include "shell/completion.h"

struct terminal;

/* None of them may free the terminal: they stop the loop, and it is freed after that. */
struct terminal_handlers {
    /* A line without its LF, borrowed. pasted: it came out of a paste, from whose second line on
     * nothing is a command. */
    void (*line)(void *arg, struct span line, bool pasted);

    /* Any Ctrl-C: whatever is being waited for is given up. The typed line is cleared after it. */
    void (*cancel)(void *arg);

    /* A second Ctrl-C with nothing typed in between, or one after end: asks to quit. */
    void (*interrupt)(void *arg);

    /* Once: Ctrl-D on an empty line, or the terminal is gone. No lines come after it; printing is
     * still possible, and the terminal has its former settings. */
    void (*end)(void *arg);

    completion_source *complete;
};

/* stdin and stdout are terminals, TERM is neither empty nor dumb, and readline is there. */
bool terminal_possible(void);

/*
 * Waits for the foreground (a job in the background stops until fg), prepares the terminal, takes
 * SIGINT, SIGQUIT, SIGTSTP, SIGCONT and SIGWINCH from the loop. typed_path: where lines are kept
 * from one run to the next, its folders being made as needed; NULL keeps none. Borrows loop and
 * handlers. NULL if the foreground cannot be had, as by an orphan in the background; the log has
 * said so.
 */
struct terminal *terminal_new(struct loop *loop, const char *typed_path,
                              const struct terminal_handlers *handlers, void *arg);

/* Clears the typed line, gives the terminal its former settings, writes what was typed. To be
 * called when the loop has ended: the signals stay taken. Accepts NULL. */
void terminal_free(struct terminal *t);

/* What stands before the typed line, e.g. "alice> "; copied. May change while a line is typed, and
 * costs nothing if it is what it was. */
void terminal_prompt(struct terminal *t, const char *prompt);

/* Whole lines with their LF, escaped already (base/text.h). They appear above the typed line at the
 * end of the turn; the line itself comes back a few milliseconds later or when a key is pressed. */
void terminal_print(struct terminal *t, struct span text);

/* Clears the typed line and gives the terminal its former settings, if they are not back already:
 * for an exit that does not come past terminal_free(). Also done by exit(3). Not for use in a
 * signal handler. */
void terminal_restore(void);

#endif
