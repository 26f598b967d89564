/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes the place of terminal.c where readline is missing: there is no terminal, lines are read as
 * they come.
 */
#include "config.h"

#include "shell/terminal.h"

bool terminal_possible(void)
{
    return false;
}

struct terminal *terminal_new(struct loop *loop, const char *typed_path,
                              const struct terminal_handlers *handlers, void *arg)
{
    (void)loop;
    (void)typed_path;
    (void)handlers;
    (void)arg;
    return NULL;
}

void terminal_free(struct terminal *t)
{
    (void)t;
}

void terminal_prompt(struct terminal *t, const char *prompt)
{
    (void)t;
    (void)prompt;
}

void terminal_print(struct terminal *t, struct span text)
{
    (void)t;
    (void)text;
}

void terminal_restore(void)
{
}
