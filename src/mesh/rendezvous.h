/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two nodes have met. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_RENDEZVOUS_H
#define HASHFLOW_MESH_RENDEZVOUS_H

#include "wire/address.h"

struct hello;
struct link;
struct peer;

/* Where the node at the other end listens, as seen from here. */
struct address rendezvous_address(const struct link *link, const struct hello *hello);

/* The other side of an encrypted connection has shown its key, and nothing is said yet: true if we
 * have a better one to it, and this one was ended. Once we have said /hello it replaces the
 * other. */
bool rendezvous_is_needless(struct link *link);

/* Decides about a /hello: the peer it belongs to, with the connection taken as its own; or NULL,
 * and the connection has been refused. */
struct peer *rendezvous_meet(struct link *link, const struct hello *hello);

/* A plain conversation begins on link. */
void rendezvous_stream(struct link *link, struct peer *peer);

#endif
