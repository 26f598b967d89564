/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Becoming a user without root's rights, for good. It must not know what the rights are used for.
 */
#ifndef HASHFLOW_USER_H
#define HASHFLOW_USER_H

#include <stdbool.h>

/* Takes the user's id and groups, and HOME, USER and LOGNAME in the environment. Of root's rights
 * only that to listen on a port below 1024 is left until user_settle(). false with a line in the
 * log. Whoever is that user already stays it. */
bool user_become(const char *name);

/* Gives that up too. false with a line in the log. */
bool user_settle(void);

#endif
