/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hashflow process on a machine, as main builds it: a loop, a node with or without a store, a
 * stdout, and orders that come in. It starts, is killed, leaves, and starts again on what the one
 * before has stored.
 */
#ifndef HASHFLOW_TESTS_PROCESS_H
#define HASHFLOW_TESTS_PROCESS_H

#include "world.h"

enum order { ORDER_MSG, ORDER_BCAST, ORDER_CONNECT, ORDER_DISCONNECT, ORDER_LEAVE };

enum { ORDERS = 256 /* that wait to be read; more are dropped */ };

void process_begin(struct machine *m); /* for a new seed: what kind it is, and nothing stored */
void process_end(struct machine *m);

/* When it has something to do (also: to start); and doing it. */
uint64_t process_due(const struct machine *m);
void process_pass(struct machine *m);

void process_order(struct machine *m, enum order order);
void process_kill_soon(struct machine *m, uint64_t effects); /* after so many of them */
void process_stall(struct machine *m, uint64_t until);       /* it is stopped */
void process_slow_stdout(struct machine *m, uint64_t rate, uint64_t stuck_until);
void process_fail_commits(struct machine *m, uint64_t until);

/* No more faults: it starts, if it does not run, and is as quick as it can be. */
void process_mend(struct machine *m);

/* Is it connected with exactly one peer, with nothing left to print or to send? */
bool process_is_settled(const struct machine *m);
size_t process_peers_up(const struct machine *m);
const char *process_kind(const struct machine *m);

#endif
