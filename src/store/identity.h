/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's id, in a file of its own in the state folder: it outlives a database that is lost.
 */
#ifndef HASHFLOW_STORE_IDENTITY_H
#define HASHFLOW_STORE_IDENTITY_H

#include <stdbool.h>

enum { IDENTITY_TEXT = 26 + 1 }; /* 128 bits in base32, and a NUL */

void identity_make(char out[IDENTITY_TEXT]);

/* The id in the folder's file "node", a new string. Where the file is missing or holds no id it is
 * written first: with former, or with a new id if former is NULL or none. NULL if it cannot be
 * written; *cause is then a new string. */
char *identity_load(const char *folder, const char *former, char **cause);

/* Has the folder such a file already? */
bool identity_is_kept(const char *folder);

#endif
