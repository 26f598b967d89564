/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of --allow and --deny, some of which stand in files that can be read again while the
 * node runs. It does not know what they are applied to.
 */
#ifndef HASHFLOW_RULEBOOK_H
#define HASHFLOW_RULEBOOK_H

#include "wire/rules.h"

/* One --allow or --deny. */
struct rulebook_entry {
    enum verdict verdict;
    const char *whom; /* or @FILE; borrowed */
};

struct rulebook;

/* Is that WHOM or @FILE, as far as can be seen without the file? false with *cause, static. */
bool rulebook_check(const char *whom, const char **cause);

/* Copies the entries and reads their files, whose relative paths are of the present folder. NULL if
 * something is wrong: *cause is a new string that names the place. */
struct rulebook *rulebook_new(const struct rulebook_entry *entries, size_t count, char **cause);
void rulebook_free(struct rulebook *book); /* accepts NULL */

/* Borrowed until rulebook_read() succeeds. NULL if book is NULL: there are none. */
const struct rules *rulebook_rules(const struct rulebook *book);

/* The paths of its files: a new list, which the caller frees; NULL if there are none. */
const char **rulebook_files(const struct rulebook *book, size_t *count);

/* Reads the files again and gives the former rules, which the caller frees when nothing borrows
 * them any more. NULL with *cause, a new string, if something is wrong: all is as before. */
struct rules *rulebook_read(struct rulebook *book, char **cause);

#endif
