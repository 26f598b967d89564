/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The peer directory on disk: every peer met, as rows. It neither dials nor decides; mesh does.
 */
#ifndef HASHFLOW_STORE_PEERS_H
#define HASHFLOW_STORE_PEERS_H

#include "store/database.h"
#include "wire/address.h"
#include "wire/verb.h"

enum { PEER_ADDRESSES = 8 }; /* kept per peer, the most recently useful first */

struct peer_row {
    int64_t id;              /* 0 for a row that is not stored yet */
    char node[NODE_ID_TEXT]; /* empty unless it has said /hello */
    char name[NAME_TEXT];    /* "-" if unknown */
    int dialect;             /* enum dialect */
    bool quiet;              /* not to be dialled until asked: the user has disconnected it */
    bool claimed;            /* known only from a claim in a plain message */
    bool fleeting;           /* its id is of one run of it, and nothing to hold it to */
    bool banned;             /* never to be let in again */
    uint64_t boot;           /* the last one it has said; 0 if none */
    int64_t seen;            /* wall seconds; 0 never */
    struct address addresses[PEER_ADDRESSES];
    size_t address_count;
};

/* Calls each row, oldest first; the row is borrowed. Rows that do not make sense are skipped. */
void peers_load(struct database *db, void (*each)(void *arg, const struct peer_row *row),
                void *arg);

/* Inserts or replaces; sets row->id when it was 0. */
void peers_save(struct database *db, struct peer_row *row);
void peers_delete(struct database *db, int64_t id);

#endif
