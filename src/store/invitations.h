/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations that were given out: not their tokens, but what shows that somebody has one. A used
 * one stays for a while, with who has used it.
 */
#ifndef HASHFLOW_STORE_INVITATIONS_H
#define HASHFLOW_STORE_INVITATIONS_H

#include "store/database.h"
#include "wire/invitation.h"

struct invitation_row {
    char id[INVITATION_ID];
    unsigned char key[PROOF_KEY_BYTES];
    int64_t expires;                /* wall seconds */
    char used_by[FINGERPRINT_TEXT]; /* whose; empty: nobody has used it yet */
};

/* Inserts or replaces. */
void invitations_save(struct database *db, const struct invitation_row *row);
void invitations_remove(struct database *db, const char *id);

/* Calls each, that which expires first before the others; the row is borrowed. Rows that do not
 * make sense are skipped: whoever has such an invitation does not get in. */
void invitations_load(struct database *db,
                      void (*each)(void *arg, const struct invitation_row *row), void *arg);

#endif
