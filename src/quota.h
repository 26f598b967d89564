/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When the program has had enough: so many messages, so long a silence, so much time. It says that
 * the time has come; how the program then leaves is not its business.
 */
#ifndef HASHFLOW_QUOTA_H
#define HASHFLOW_QUOTA_H

#include "mesh/node.h"

struct quota_config {
    uint64_t count;      /* messages; 0: no limit, as with the other two */
    uint64_t idle_us;    /* without a message */
    uint64_t timeout_us; /* from the start of the loop */
    bool listens;        /* there is nothing to wait for but messages */
};

struct quota_handlers {
    uint64_t (*backlog)(void *arg); /* bytes that stdout has not taken: their silence is ours */
    void (*enough)(void *arg);      /* once: count or idle_us is reached */
    /* Once: the time is over. what, a static text or one that is borrowed, says what was missed,
     * as far as messages go. */
    void (*timed_out)(void *arg, const char *what);
};

/* Borrows loop and node. */
struct quota *quota_new(struct loop *loop, struct node *node, const struct quota_config *config,
                        const struct quota_handlers *handlers, void *arg);
void quota_free(struct quota *q); /* accepts NULL */

#endif
