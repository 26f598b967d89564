/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /history and /search: what the user wants to see of what was said before. For commands.c alone.
 */
#ifndef HASHFLOW_SHELL_LOOKBACK_H
#define HASHFLOW_SHELL_LOOKBACK_H

#include "shell/commands.h"

/* Waits until what was said just now can be found too. */
void lookback_ask(struct interpreter *in, const struct command *c, struct span arguments);

/* The wait is over. */
void lookback_answer(struct interpreter *in);

#endif
