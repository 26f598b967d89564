/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines that go out: /msg, /bcast, and texts without a command. For commands.c and interpreter.c.
 */
#ifndef HASHFLOW_SHELL_SAYING_H
#define HASHFLOW_SHELL_SAYING_H

#include "shell/commands.h"

void saying_msg(struct interpreter *in, const struct command *c, struct span arguments);
void saying_bcast(struct interpreter *in, const struct command *c, struct span arguments);

/* For the target, in their order; borrows them. One that cannot go is complained of, and the others
 * go all the same. */
void saying_texts(struct interpreter *in, const struct span *texts, size_t count);

#endif
