/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said in plain lines. For mesh/ alone: the functions of hearing.c for these events.
 */
#ifndef HASHFLOW_MESH_PLAIN_H
#define HASHFLOW_MESH_PLAIN_H

#include <stdbool.h>

struct link;
struct session_event;

void plain_greeting(struct link *link, const struct session_event *event);
void plain_chat(struct link *link, const struct session_event *event);
void plain_raw(struct link *link, const struct session_event *event);
void plain_exit(struct link *link, const struct session_event *event);

/* The dialect is settled, or nothing more comes: whoever has greeted is a peer now. */
void plain_settle_greeter(struct link *link);

/* Does nobody listen to that here? */
bool plain_is_ignored(struct link *link, const struct session_event *event);

#endif
