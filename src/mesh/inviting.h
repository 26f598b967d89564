/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations: inviting.c gives them out and lets in whoever has one, joining.c accepts one. For
 * mesh/ alone; see node.h for what a user can do.
 */
#ifndef HASHFLOW_MESH_INVITING_H
#define HASHFLOW_MESH_INVITING_H

#include <stdbool.h>

#include "wire/invitation.h"

struct hello;
struct link;
struct node;
struct verb;

enum {
    INVITING_OPEN = 64,        /* invitations that nobody has used; more are refused */
    INVITING_KEPT = 256,       /* with those that were; then the one that ends first goes */
    INVITING_LIFE_S = 86400,   /* how long one is good */
    INVITING_AFTER_S = 604800, /* and how long it is kept after that, to tell why it is not */
};

/* --- we are invited --- */

/* The key that must be there, for a link that was dialled by an invitation; else NULL. */
const char *inviting_expects(const struct link *link);

/* What our /hello proves there; false on other links. */
bool inviting_dials(const struct link *link, unsigned char key[PROOF_KEY_BYTES],
                    char id[INVITATION_ID]);

/* The inviter's /hello: false with *cause, a static text, if it does not prove that it is. */
bool inviting_is_answered(struct link *link, const struct hello *hello,
                          const struct proof_binding *binding, const char **cause);

void inviting_hear(struct link *link, const struct verb *verb); /* the group's secrets */

void joining_turn(struct node *node); /* at the end of each turn: on to the next place? */
void joining_free(struct node *node);

/* --- we have invited --- */

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
