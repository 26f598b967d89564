/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the other side says that it has. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_CONFIRM_H
#define HASHFLOW_MESH_CONFIRM_H

#include <stddef.h>
#include <stdint.h>

struct node;
struct peer;
struct verb;

/* It has said so; a breach of the rules ends the connection. */
void confirm_resume(struct peer *peer, const struct verb *verb);
void confirm_ack(struct peer *peer, uint64_t seq);

void confirm_foreign(struct peer *peer); /* it has read what was sent before it was a session */
void confirm_bytes(struct peer *peer, size_t bytes); /* the first bytes of its box are delivered */

void confirm_expire(struct node *node);    /* gives up what has waited for too long, */
void confirm_watch_age(struct node *node); /* in a while, and again and again */

#endif
