/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One client of the control socket: its lines become orders to the node, one after the other, and
 * it gets the answers, what it follows, and at the end how it went. It knows nothing of the other
 * clients, nor of the node's own input and output.
 */
#ifndef HASHFLOW_CONTROL_CLIENT_H
#define HASHFLOW_CONTROL_CLIENT_H

#include "mesh/node.h"

enum {
    /* Bytes that it has not taken; of what it says control/intake.h has the limit. */
    CLIENT_ANSWERS_MAX = 64 * 1024,      /* then no more orders are run */
    CLIENT_OUTPUT_MAX = 4 * 1024 * 1024, /* then it is closed */
};

struct client;

struct client_config {
    struct loop *loop;
    struct node *node;
    uint64_t drain_us; /* how long the end of a client waits for deliveries */
    bool (*history)(void *arg, struct database **db); /* as for an interpreter */
    void (*quit)(void *arg);                          /* /quit: the node is to leave */
    void *arg;
};

/* Takes fd, a connected socket; NULL, with fd closed, if the loop has no room for it. */
struct client *client_new(const struct client_config *config, int fd);
void client_free(struct client *c); /* closes at once; what it has not taken is lost */

void client_event(struct client *c, const struct event *event);

/* At the end of each turn, before the node's; open: orders are still taken. */
void client_turn(struct client *c, bool open);

/* It has closed, or is closed: to be freed. */
bool client_is_done(const struct client *c);

/* The node has left: tells it, as far as it listens. */
void client_dismiss(struct client *c);

#endif
