/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the outboxes onto the connections, and what a connection's fate means for an outbox. For
 * mesh/ alone.
 */
#ifndef HASHFLOW_MESH_PUMP_H
#define HASHFLOW_MESH_PUMP_H

#include <stdbool.h>

struct node;
struct peer;

bool pump_is_full(const struct peer *peer);  /* in memory */
bool pump_is_stuck(const struct peer *peer); /* full, and nothing has moved for a while */
void pump_watch(struct peer *peer);

void pump_ready(struct peer *peer); /* pump it at the end of the turn */
void pump_turn(struct node *node);  /* pumps */
void pump_flush(struct peer *peer); /* everything onto the connection, whatever its size */

void pump_reached(struct peer *peer);   /* it is not away */
void pump_connected(struct peer *peer); /* peer->link is new: send all that waits */
void pump_disconnected(struct peer *peer, const char *cause); /* the connection has gone */
void pump_written(struct peer *peer);                         /* bytes have moved */

#endif
