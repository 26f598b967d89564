/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A node that was known by one id has proved to be called by another: what is kept of it goes
 * along.
 */
#ifndef HASHFLOW_STORE_RENAMING_H
#define HASHFLOW_STORE_RENAMING_H

#include "store/database.h"

/* Marks, lines that have not left yet, the history and tombstones. What is there of the new id
 * already is newer and counts. A row of the directory is the owner's of that (peers_save()). */
void renaming_move(struct database *db, const char *from, const char *to);

#endif
