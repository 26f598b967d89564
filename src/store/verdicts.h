/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user has decided about keys, by their fingerprints. What a verdict leads to is not known
 * here.
 */
#ifndef HASHFLOW_STORE_VERDICTS_H
#define HASHFLOW_STORE_VERDICTS_H

#include "store/database.h"
#include "wire/rules.h"

/* Replaces an earlier one. */
void verdicts_set(struct database *db, const char *fingerprint, enum verdict verdict);

/* Calls each, in no order; fingerprint is borrowed. A row that makes no sense denies its key. */
void verdicts_load(struct database *db,
                   void (*each)(void *arg, const char *fingerprint, enum verdict verdict),
                   void *arg);

#endif
