/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Delivery to those who take one message a connection. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_ONESHOT_H
#define HASHFLOW_MESH_ONESHOT_H

struct peer;

void oneshot_pump(struct peer *peer);
void oneshot_cancel(struct peer *peer);
void oneshot_interrupt(struct peer *peer); /* the same, but lets an exit through */
void oneshot_exit(struct peer *peer);      /* the text that says we leave */

#endif
