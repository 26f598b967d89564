/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The secrets of a group in their file: each in base32 on a line of its own, the present one first.
 */
#ifndef HASHFLOW_STORE_GROUP_FILE_H
#define HASHFLOW_STORE_GROUP_FILE_H

#include "wire/proof.h"

/* Whose door it is depends on it, so a file that is empty or wrong in any way is refused: false
 * with *cause, a new string. One that is missing is no group, unless needed: then it is refused as
 * well. The caller wipes *out. */
bool group_file_read(const char *path, bool needed, struct group *out, char **cause);

/* Whole and on the disk, or false with *cause. No group takes the file away. */
bool group_file_write(const char *path, const struct group *group, char **cause);

#endif
