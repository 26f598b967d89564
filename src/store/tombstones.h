/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes that the user has removed: hearsay must not bring them back. Only the newest
 * TOMBSTONES_MAX are kept.
 */
#ifndef HASHFLOW_STORE_TOMBSTONES_H
#define HASHFLOW_STORE_TOMBSTONES_H

#include "store/database.h"

enum { TOMBSTONES_MAX = 4096 };

void tombstones_add(struct database *db, const char *node, uint64_t boot);
void tombstones_remove(struct database *db, const char *node);

/* Calls each, oldest first; node is borrowed. */
void tombstones_load(struct database *db, void (*each)(void *arg, const char *node, uint64_t boot),
                     void *arg);

#endif
