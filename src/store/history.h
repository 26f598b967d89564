/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was said, to be looked up later: the newest lines, ours and those of others, and a search
 * for words in them. Nothing depends on it: a failure costs the lines that were being written.
 */
#ifndef HASHFLOW_STORE_HISTORY_H
#define HASHFLOW_STORE_HISTORY_H

#include "base/span.h"
#include "store/database.h"

/* Kept; the oldest go. */
enum {
    HISTORY_LINES = 10000,
    HISTORY_BYTES = 8 << 20, /* of text */
    HISTORY_FOUND = 100,     /* the newest lines that a search gives */
};

struct history_line {
    int64_t at;                /* wall seconds */
    struct span address, name; /* of the other side; "all" and "-" for everyone */
    struct span node;          /* its id; empty unless it speaks sessions */
    bool ours;                 /* we have said it */
    bool direct;               /* to one alone */
    bool plain;                /* the other side spoke without encryption; not known of everyone */
    bool numbered;             /* by node, with these: */
    uint64_t epoch, seq;
    struct span text;
};

/* Several lines, oldest first, in a transaction of their own (see database_try_begin()). */
struct history_batch {
    struct database *db;
    int64_t id, total; /* of the last line */
};

bool history_begin(struct history_batch *batch, struct database *db, char **cause);
void history_add(struct history_batch *batch, const struct history_line *line);
bool history_end(struct history_batch *batch, char **cause); /* false: none of them is kept */

/* One side of a conversation: a node, or for lines without one an address. */
struct history_peer {
    const char *node; /* may be empty */
    const char *address;
};

/* Calls each of the newest count lines, oldest first; the line is borrowed. with: only those from
 * that peer, and those to it alone; NULL for all. */
void history_last(struct database *db, const struct history_peer *with, size_t count,
                  void (*each)(void *arg, const struct history_line *line), void *arg);

/* The same for the newest lines with all these words, separated by spaces; case and accents do not
 * matter. false with *cause, a new string that the caller frees. */
bool history_find(struct database *db, struct span words,
                  void (*each)(void *arg, const struct history_line *line), void *arg,
                  char **cause);

#endif
