/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What becomes of each line, for those who want to know. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_RECEIPTS_H
#define HASHFLOW_MESH_RECEIPTS_H

#include "mesh/event.h"

struct peer;

void receipts_line(struct peer *peer, enum event_kind kind, uint64_t seq);
void receipts_front(struct peer *peer, enum event_kind kind, size_t bytes); /* of its outbox */

/* Of lines, those whose numbers are above the one and at most the other. */
void receipts_verbs(struct peer *peer, enum event_kind kind, struct span lines, uint64_t above,
                    uint64_t upto);

/* Of what is stored for it and not confirmed, up to that number. */
void receipts_stored(struct peer *peer, enum event_kind kind, uint64_t upto);

#endif
