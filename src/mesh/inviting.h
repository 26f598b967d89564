/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations that we give out, and those who come with one. For mesh/ alone; see node.h for what a
 * user can do.
 */
#ifndef HASHFLOW_MESH_INVITING_H
#define HASHFLOW_MESH_INVITING_H

#include <stdbool.h>

#include "wire/invitation.h"

struct hello;
struct link;
struct node;

enum {
    INVITING_OPEN = 64,        /* invitations that nobody has used; more are refused */
    INVITING_KEPT = 256,       /* with those that were; then the one that ends first goes */
    INVITING_LIFE_S = 86400,   /* how long one is good */
    INVITING_AFTER_S = 604800, /* and how long it is kept after that, to tell why it is not */
};

void inviting_load(struct node *node);
void inviting_free(struct node *node);
void inviting_write(struct node *node);   /* what is not stored, into the turn's transaction */
void inviting_written(struct node *node); /* the transaction has been committed */

/* A hello with invite= has come: verifies and burns. false with *cause, a static text that tells
 * the other side no more than that; our own log has the rest. */
bool inviting_admits(struct link *link, const struct hello *hello,
                     const struct proof_binding *binding, const char **cause);

/* The key of the invitation that the other side was admitted by; false if it was by none. */
bool inviting_key(const struct link *link, unsigned char key[PROOF_KEY_BYTES]);

void inviting_welcome(struct link *link); /* after our /hello: says the group's secrets */

#endif
