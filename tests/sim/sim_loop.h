/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the simulator adds to net/loop.h: passes one at a time, at the virtual moment it chooses.
 */
#ifndef HASHFLOW_TESTS_SIM_LOOP_H
#define HASHFLOW_TESTS_SIM_LOOP_H

#include "net/loop.h"
#include "world.h"

struct machine *loop_machine(const struct loop *loop);

/* When the loop has something to do by itself; NEVER if only an event from outside can wake it. */
uint64_t loop_due(const struct loop *loop);

/* One pass, at world.now: deliver calls the handlers of what has come in, then timers, turns and
 * tasks. Ends where the process does. */
void loop_pass(struct loop *loop, void (*deliver)(struct machine *m));

#endif
