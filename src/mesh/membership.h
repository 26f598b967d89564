/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is known. For mesh/ alone. Peers belong to the directory until they are removed or absorbed;
 * after that they live for those who hold them.
 */
#ifndef HASHFLOW_MESH_MEMBERSHIP_H
#define HASHFLOW_MESH_MEMBERSHIP_H

#include "wire/address.h"

struct node;
struct peer;

/* NULL if nobody is known by that; an empty id is nobody's. */
struct peer *membership_by_address(const struct node *node, const struct address *a);
struct peer *membership_by_node(const struct node *node, const char *id);

struct peer *membership_add(struct node *node, const struct address *a); /* a: NULL for none yet */
/* Whom a plain message speaks for. NULL if it is not to be remembered. */
struct peer *membership_claim(struct node *node, const struct address *a, struct span name,
                              const struct address *source);
/* Somebody new has come in and said /hello. */
struct peer *membership_newcomer(struct node *node, const struct address *source);
struct peer *membership_transient(struct node *node, const struct address *a);

void membership_absorb(struct peer *keeper, struct peer *other);
void membership_remove(struct peer *peer); /* what waits for it is given up */
void membership_turn(struct node *node);   /* frees those removed */

void membership_load(struct node *node);
void membership_write(struct node *node); /* what has changed, into the turn's transaction */
bool membership_is_own(const struct node *node, const struct address *a);

#endif
