/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said on a connection. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_HEARING_H
#define HASHFLOW_MESH_HEARING_H

#include "mesh/event.h"

struct link;
struct node;
struct session_event;

void hearing_event(void *arg, const struct session_event *event); /* arg is the link */
void hearing_end(struct link *link); /* tells how much could not be delivered */

/* A message, from whomever: counted, and told as EVENT_MESSAGE. */
void hearing_tell_message(struct node *node, struct event event);

#endif
