/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * We accept an invitation. For mesh/ alone; see node.h for how a user does.
 */
#ifndef HASHFLOW_MESH_JOINING_H
#define HASHFLOW_MESH_JOINING_H

#include "wire/invitation.h"

struct hello;
struct link;
struct node;
struct peer;
struct verb;

/* Are we about to join by an invitation of that one? Its own dials have to wait. */
bool joining_is_under_way(const struct peer *peer);

/* The key that must be there, for a link that was dialled by an invitation; else NULL. */
const char *joining_expects(const struct link *link);

/* What our /hello proves there; false on other links. The caller wipes key. */
bool joining_dials(const struct link *link, unsigned char key[PROOF_KEY_BYTES],
                   char id[INVITATION_ID]);

/* The inviter's /hello: false with *cause, a static text, if it does not prove that it is. */
bool joining_is_answered(struct link *link, const struct hello *hello,
                         const struct proof_binding *binding, const char **cause);

void joining_hear(struct link *link, const struct verb *verb); /* the group's secrets */

void joining_turn(struct node *node); /* at the end of each turn: on to the next place? */
void joining_free(struct node *node);

#endif
