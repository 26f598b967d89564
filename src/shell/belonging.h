/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands that say who belongs. For commands.c.
 */
#ifndef HASHFLOW_SHELL_BELONGING_H
#define HASHFLOW_SHELL_BELONGING_H

#include "shell/commands.h"

void belonging_group(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_invite(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_join(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_admit(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_deny(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_trust(struct interpreter *in, const struct command *c, struct span arguments);
void belonging_known(struct interpreter *in, const struct command *c, struct span arguments);

/* What /join has waited for. */
void belonging_joined(struct interpreter *in);

#endif
