/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can stand where the cursor is. Pure: it knows the command table, asks its caller for peers
 * and the like, and does not know the line editor.
 */
#ifndef HASHFLOW_SHELL_COMPLETION_H
#define HASHFLOW_SHELL_COMPLETION_H

#include "base/span.h"
#include "shell/command.h"

enum { COMPLETION_MAX = 1000 }; /* candidates; more are not offered */

struct completion_list {
    struct span prefix; /* what every item begins with; borrowed from the line */
    char **items;       /* strings that the list owns */
    size_t count, room;
};

/* Puts candidates of a kind into out with completion_add(); returns how many it added. Candidates
 * of the kind COMPLETE_COMMAND are not asked for. */
typedef size_t completion_source(void *arg, enum completion_kind kind, struct span prefix,
                                 struct completion_list *out);

/* Copies the candidate if it begins with the prefix and is one word in which nothing is hidden;
 * otherwise it could not be typed, or would not be what it looks like. 1 if added, else 0. */
size_t completion_add(struct completion_list *list, struct span candidate);

/* line: what stands before the cursor. Fills out, which is empty before, with what the word at its
 * end can become; release it with completion_clear(). */
void completion_find(struct span line, completion_source *source, void *arg,
                     struct completion_list *out);

void completion_clear(struct completion_list *list);

#endif
