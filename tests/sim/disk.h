/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machines' disks: a database in memory under the name of each machine's file, which lives on
 * when the process that had it open does not. It knows SQLite, and nothing of what is stored.
 */
#ifndef HASHFLOW_TESTS_DISK_H
#define HASHFLOW_TESTS_DISK_H

#include "store/database.h"
#include "world.h"

/* Once: false if this SQLite has no databases in memory that connections can share. */
bool disks_open(void);
void disks_close(void);

void disk_begin(const struct machine *m); /* empty, for a new seed */
void disk_end(const struct machine *m);

/* The machine's database as a process opens it; may_commit is asked before each commit. */
struct database *disk_database(const struct machine *m, bool (*may_commit)(void *arg), void *arg);

#endif
