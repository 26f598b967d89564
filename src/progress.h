/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far sending has come, on a stderr that is a terminal: one line that is written anew. It only
 * shows what the node has counted.
 */
#ifndef HASHFLOW_PROGRESS_H
#define HASHFLOW_PROGRESS_H

#include "mesh/node.h"

enum { PROGRESS_TEXT = 160 };

struct progress;

/* Borrows loop and node. NULL if stderr is no terminal; the others accept that. */
struct progress *progress_new(struct loop *loop, const struct node *node);
void progress_free(struct progress *p); /* finishes first */

/* Something is about to be written to stdout, which may be the same terminal. */
void progress_make_way(struct progress *p);

/* The last figures stay, with a LF; nothing follows. */
void progress_finish(struct progress *p);

/* "sent 12 lines, 340 B; acked 10, 290 B; 1.5 kB/s; left 2, 50 B". rate in bytes a second. */
void progress_print(const struct node_progress *now, double rate, char out[PROGRESS_TEXT]);

#endif
