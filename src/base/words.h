/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program and its arguments, written as one text: cut into words as a shell would, without
 * running one. It expands nothing and must not know what the words are for.
 */
#ifndef HASHFLOW_BASE_WORDS_H
#define HASHFLOW_BASE_WORDS_H

/*
 * Words are separated by blanks and line feeds. '...' is taken as it stands; within "..." a
 * backslash makes a double quote or a backslash plain, elsewhere it does so with any byte. The list
 * ends with NULL and is one block, words included, that the caller frees. NULL with *cause, a
 * static text, if there is no program or a word does not end.
 */
char **words_cut(const char *text, const char **cause);

#endif
