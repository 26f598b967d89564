/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is let in. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_DOOR_H
#define HASHFLOW_MESH_DOOR_H

#include <stdbool.h>

struct address;
struct hello;
struct link;
struct node;
struct peer;
struct verb;

#define DOOR_BANNED "you are banned here" /* what it hears that is let in no more */

void door_accepted(void *arg, int fd, const struct address *from); /* takes fd; arg is the node */

/* One more from there is about to have a slot of those who have not proved yet who they are. */
void door_make_room(struct node *node, const struct address *from);

/* Has the node that says hello been turned away? known is who that is, or NULL. */
bool door_refuses(struct link *link, const struct hello *hello, struct peer *known);

/* It has our own node id, and is not this very run. */
void door_refuses_copy(struct link *link, const struct address *at);

/* Is what comes from that address in plain lines to be dropped? */
bool door_bars(struct link *link, const struct address *from, bool is_message);

/* It has said /error: true if that means that it does not let us in. */
bool door_is_shut(struct link *link, const struct verb *verb);

#endif
