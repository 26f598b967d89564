/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a path to an open database of this version. For the store folder only; what is opened is
 * SQLite's own handle.
 */
#ifndef HASHFLOW_STORE_OPENING_H
#define HASHFLOW_STORE_OPENING_H

#include <stdbool.h>

#include "store/ballast.h"

struct sqlite3;

/* SQLITE_OK with *handle, which sqlite3_close() takes, or another code with *cause, a new string.
 * A damaged file is moved aside, which the log says; on a full disk the ballast is thrown out. */
int opening_open(const char *path, struct ballast *ballast, struct sqlite3 **handle, char **cause);

/* Has that result come about because the disk is full? */
bool opening_is_full(struct sqlite3 *handle, int result);

#endif
