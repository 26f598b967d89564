/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that were typed, in readline's list and in a file that nobody else can read. One list:
 * readline has no second one.
 */
#ifndef HASHFLOW_SHELL_TYPED_H
#define HASHFLOW_SHELL_TYPED_H

enum { TYPED_MAX = 1000 }; /* lines; the oldest go first */

/* Before any line is typed. path NULL: nothing is read. */
void typed_load(const char *path);

/* Keeps the line unless it is empty, begins with a space or repeats the one before it. */
void typed_add(const char *line);

/* Appends what was added to the file, 0600, and makes it and its folders, 0700, if they are
 * missing: another node of the same person may have written to it meanwhile. -1 with errno. */
int typed_save(const char *path);

#endif
