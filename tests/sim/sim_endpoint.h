/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the simulator adds to net/endpoint.h: when a listener has somebody to let in, and letting
 * them in.
 */
#ifndef HASHFLOW_TESTS_SIM_ENDPOINT_H
#define HASHFLOW_TESTS_SIM_ENDPOINT_H

#include "net/endpoint.h"
#include "network.h"

/* For a new seed, and for a process that is no more. */
void endpoint_forget(const struct machine *m);

void endpoint_accept(struct end *e);

#endif
