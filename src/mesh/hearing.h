/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said on a connection. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_HEARING_H
#define HASHFLOW_MESH_HEARING_H

struct link;
struct session_event;

void hearing_event(void *arg, const struct session_event *event); /* arg is the link */
void hearing_end(struct link *link); /* tells how much could not be delivered */

#endif
