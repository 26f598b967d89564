/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What waits for a peer, and what becomes of it. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_DELIVERY_H
#define HASHFLOW_MESH_DELIVERY_H

#include "base/span.h"
#include "wire/verb.h"

struct outbox;
struct peer;

void delivery_init(struct outbox *box);
void delivery_free(struct peer *peer);
void delivery_load(struct peer *peer);    /* what a former run has left for it */
void delivery_recount(struct peer *peer); /* what waits for a durable peer */
bool delivery_waits(const struct peer *peer);
uint64_t delivery_count(const struct peer *peer); /* lines that wait */
bool delivery_is_away(const struct peer *peer);
bool delivery_is_parting(const struct peer *peer);
bool delivery_can_be_stored(const struct peer *peer);

void delivery_make_durable(struct peer *peer); /* what waits in memory is stored from now on */
void delivery_move(struct peer *to, struct peer *from);

/* The first bytes of its box are forgotten, or given up as lost; cause is copied. */
void delivery_drop(struct outbox *box, size_t bytes);
void delivery_lose(struct peer *peer, size_t bytes, const char *cause);
void delivery_give_up(struct peer *peer, const char *cause); /* all that waits is lost */
void delivery_part(struct peer *peer, const char *cause);    /* the same, unless it is stored */

/* The peer has turned out to be this node: nothing that was for everyone is owed to it, and what
 * was for it alone is lost. */
void delivery_to_us(struct peer *peer, const char *cause);

#endif
