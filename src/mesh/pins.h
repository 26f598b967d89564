/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which key belongs to whom, and to which address. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_PINS_H
#define HASHFLOW_MESH_PINS_H

#include <stdbool.h>

struct address;
struct hello;
struct link;
struct peer;

/* Does a key stand behind its id, that it shows whenever it is there? */
bool pins_hold(const struct peer *peer);

/* Is it dialled encrypted at once? */
bool pins_encrypt(const struct peer *peer);

/* The other side has shown its key, and nothing is said yet: false if the link was ended. */
bool pins_take_key(struct link *link);

/* A node that has got its key since we met it. */
void pins_move_over(struct link *link, const struct hello *hello);

/* It comes in; peer is still as it was known before. */
void pins_meet(const struct link *link, const struct peer *peer, const struct hello *hello);

/* Does the one that says hello get that address? Not if it is another key's. */
bool pins_give_address(const struct link *link, const struct hello *hello,
                       const struct address *at);

#endif
