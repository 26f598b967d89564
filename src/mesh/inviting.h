/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations: inviting.c gives them out and lets in whoever has one, joining.c accepts one. For
 * mesh/ alone; what users ask for is in node.h.
 */
#ifndef HASHFLOW_MESH_INVITING_H
#define HASHFLOW_MESH_INVITING_H

#include "wire/invitation.h"
#include "wire/verb.h"

struct link;
struct node;

enum {
    INVITING_OPEN = 64,        /* invitations that nobody has used; more are refused */
    INVITING_KEPT = 256,       /* with those that were; then the one that ends first goes */
    INVITING_LIFE_S = 86400,   /* how long one is good */
    INVITING_AFTER_S = 604800, /* and how long it is kept after that, to tell why it is not */
};

/* --- the one who invites --- */

void inviting_load(struct node *node);
void inviting_free(struct node *node);
void inviting_write(struct node *node);   /* what is not stored, into the turn's transaction */
void inviting_written(struct node *node); /* the transaction has been committed */

/* A hello with an invitation has come: verifies it and burns it, in the store as well. false with
 * *cause, a static text for our own log: the other side is told nothing of it. */
bool inviting_admits(struct link *link, const struct hello *hello,
                     const struct proof_binding *binding, const char **cause);

/* The key of the answer's proof to a link that was admitted so. */
void inviting_key(const struct link *link, unsigned char key[PROOF_KEY_BYTES]);

/* After our /hello has answered: says the group's secrets. */
void inviting_welcome(struct link *link);

/* --- the one who joins --- */

/* Is this dial for an invitation? Then with the key of its proofs and its id. */
bool inviting_dials(const struct link *link, unsigned char key[PROOF_KEY_BYTES],
                    char id[INVITATION_ID]);

/* Secrets have been said: they are taken where they were asked for. */
void inviting_hear(struct link *link, const struct verb *verb);

void joining_turn(struct node *node); /* at the end of each turn: on to the next place? */
void joining_free(struct node *node);

#endif
