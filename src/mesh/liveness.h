/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the other side of a session is still there. For mesh/ alone; only liveness.c changes a
 * pulse.
 */
#ifndef HASHFLOW_MESH_LIVENESS_H
#define HASHFLOW_MESH_LIVENESS_H

#include "net/loop.h"

struct link;

/* Whether there is life at the other end of a session. */
struct pulse {
    struct timer timer;
    uint64_t life;  /* what counts as the last sign of it; monotonic us */
    bool suspected; /* EVENT_SUSPECT was told last, not EVENT_BACK */
    bool held;      /* we read nothing */
};

void liveness_begin(struct link *link); /* it is a session now */
void liveness_end(struct link *link);
void liveness_heard(struct link *link);           /* something has come in */
void liveness_hold(struct link *link, bool held); /* it is not read, or read again */

#endif
