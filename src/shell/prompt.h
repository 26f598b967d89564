/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a person's prompt says: how far what was sent has come, our name, and to whom lines go. It
 * does not know where the prompt is shown.
 */
#ifndef HASHFLOW_SHELL_PROMPT_H
#define HASHFLOW_SHELL_PROMPT_H

#include "shell/interpreter.h"

/* How far the lines that were sent have come. */
enum mark { MARK_NONE, MARK_ON_ITS_WAY, MARK_DELIVERED, MARK_COUNT };

struct prompt {
    const struct node *node;
    const struct interpreter *interpreter;
    enum mark mark;
    uint64_t sent; /* lines, when the mark was set */
    bool alone;    /* nobody was up then */
    bool lost;     /* something, since the last turn */
};

/* Borrows both. */
void prompt_init(struct prompt *p, const struct node *node, const struct interpreter *interpreter);

/* Something that was sent will not be delivered, or not in this run: the mark must not say that it
 * was. */
void prompt_lost(struct prompt *p);

/* At the end of each turn. */
void prompt_update(struct prompt *p);

/* To whom lines go: a name or an address, marked if that is a plain peer, or NULL for everyone. A
 * new string that the caller frees. */
char *prompt_target(const struct prompt *p);

/* A mark as a program reads it, "-", "." or "+"; and back, where anything else is MARK_NONE. */
const char *prompt_mark_word(enum mark mark);
enum mark prompt_mark(struct span word);

/* The prompt as it is shown; whom may be NULL. A new string that the caller frees. */
char *prompt_text(enum mark mark, const char *name, const char *whom, bool utf8);

/* Can the terminal show the signs of UTF-8? To be asked before the line editor is there, which
 * takes it for granted. */
bool prompt_has_utf8(void);

#endif
