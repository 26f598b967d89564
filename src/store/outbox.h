/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What waits for peers on disk: runs of lines, each stored once, and a copy (a reference) for every
 * peer that still needs it. A run without copies goes by itself. It does not know what the lines
 * say; numbers are those of the sender's numbering, rising. All are no-ops that keep the turn
 * spoiled when the database is (see database_commit()).
 */
#ifndef HASHFLOW_STORE_OUTBOX_H
#define HASHFLOW_STORE_OUTBOX_H

#include "base/span.h"
#include "store/database.h"

/* Neighbouring lines that go to the same peers. */
struct outbox_run {
    uint64_t first, last; /* numbers of the first and the last line; first is unique */
    size_t count;         /* lines */
    int64_t at;           /* when they were taken: wall seconds */
    struct span lines;    /* each ended by LF */
};

/* peers are ids of stored rows (peers.h); count may be 0: then nothing is kept. */
void outbox_add(struct database *db, const struct outbox_run *run, const int64_t *peers,
                size_t count);

/* What a peer's copies with a line above after amount to; all 0 if there are none. bytes and lines
 * count whole runs. */
struct outbox_total {
    uint64_t lines;
    uint64_t bytes;
    uint64_t last;   /* the highest number */
    uint64_t cursor; /* as outbox_confirm() has left it */
};
void outbox_sum(struct database *db, int64_t peer, uint64_t after, struct outbox_total *out);

/* Calls each run of the peer with a line above after, in order, until bytes of them have come (at
 * least one run). The run is borrowed; its first lines may be at or below after. */
void outbox_load(struct database *db, int64_t peer, uint64_t after, size_t bytes,
                 void (*each)(void *arg, const struct outbox_run *run), void *arg);

/* The peer has all up to that number: remembers it as its cursor, and lets those copies go that
 * end there or below. */
void outbox_confirm(struct database *db, int64_t peer, uint64_t upto);

/* The highest number of the peer's runs that were taken before that wall second; 0 if none. */
uint64_t outbox_taken_before(struct database *db, int64_t peer, int64_t at);

#endif
