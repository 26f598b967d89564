/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What has been received: for each sender and epoch the highest number taken (its mark), and the
 * lines that are confirmed to their sender but have not left for stdout yet.
 */
#ifndef HASHFLOW_STORE_INBOX_H
#define HASHFLOW_STORE_INBOX_H

#include "base/span.h"
#include "store/database.h"

/* Marks kept, those set last. One that has gone costs repeats at worst, of lines whose
 * confirmation got lost with the connection. */
enum {
    INBOX_EPOCHS = 8,    /* of one sender */
    INBOX_MARKS = 16384, /* of all together */
};

uint64_t inbox_mark(struct database *db, const char *node, uint64_t epoch); /* 0 if there is none */
void inbox_set_mark(struct database *db, const char *node, uint64_t epoch, uint64_t seq);

/* Lines of one sender, as verbs, each ended by LF. */
struct inbox_run {
    int64_t id; /* given by inbox_add(): above all that are stored or were given */
    const char *node;
    const char *address, *name; /* as they are to be shown */
    uint64_t epoch;
    struct span lines;
};

/* Returns the id. */
int64_t inbox_add(struct database *db, const struct inbox_run *run);

/* The runs up to that id have left. */
void inbox_drop(struct database *db, int64_t upto);

/* Of that run only the last so many bytes have not left. */
void inbox_shorten(struct database *db, int64_t id, size_t left);

/* Calls each run, oldest first; borrowed. */
void inbox_load(struct database *db, void (*each)(void *arg, const struct inbox_run *run),
                void *arg);

#endif
