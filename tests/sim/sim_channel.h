/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the simulator adds to net/channel.h: when a channel has something to hear, and letting it.
 */
#ifndef HASHFLOW_TESTS_SIM_CHANNEL_H
#define HASHFLOW_TESTS_SIM_CHANNEL_H

#include "net/channel.h"

/* For a new seed: nothing is left of the one before. */
void channel_begin(void);

uint64_t channel_due(const struct channel *c);
void channel_ready(struct channel *c);

#endif
