/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's end of the control socket: it listens in the state folder, lets in whoever may command
 * this node, and hands everyone the news and their turns. What they say is the business of
 * client.h.
 */
#ifndef HASHFLOW_CONTROL_CONTROL_H
#define HASHFLOW_CONTROL_CONTROL_H

#include "control/client.h"

enum { CONTROL_CLIENTS = 32 }; /* at a time; whoever comes after that is told so and closed */

struct control;

/* folder: the state folder, whose lock we hold; borrowed, like the rest. NULL if there can be no
 * socket there: the log has said why, and the node does without. */
struct control *control_new(const char *folder, const struct client_config *config);

/* Tells everyone that the node has left, and removes the socket. Accepts NULL, as those below. */
void control_free(struct control *c);

void control_event(struct control *c, const struct event *event);

/* At the end of each turn, before the node's; open: orders are still taken. */
void control_turn(struct control *c, bool open);

#endif
