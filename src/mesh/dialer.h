/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When and whom to dial. For mesh/ alone. Only the dialer changes a peer's attempt, except that
 * whoever takes its link away clears that.
 */
#ifndef HASHFLOW_MESH_DIALER_H
#define HASHFLOW_MESH_DIALER_H

#include "net/endpoint.h"
#include "net/loop.h"
#include "net/resolver.h"

struct link;
struct node;
struct peer;

/* A dial: a name looked up, a connection attempted, a greeting on its way. */
struct attempt {
    struct lookup *lookup;
    struct dial *dial;
    struct link *link;
    struct timer again;
    bool coming;       /* that was put off, for it is dialling us */
    unsigned failures; /* in a row */
    uint64_t up_since; /* monotonic us */
};

void dialer_ask(struct peer *peer);       /* the user wants it, whatever was before */
void dialer_dial(struct peer *peer);      /* now, unless it is under way or needless */
void dialer_is_coming(struct peer *peer); /* it is dialling us: so we need not */
void dialer_ended(struct peer *peer, const char *cause); /* NULL: it has succeeded */
void dialer_lost(struct peer *peer);    /* its connection has gone: try again in a while */
void dialer_encrypt(struct link *link); /* hangs up, and dials the same address encrypted */
void dialer_cancel(struct peer *peer);
void dialer_shut(struct peer *peer, const char *cause); /* ended, until it speaks or is asked for */
void dialer_keep_out(struct peer *peer);                /* the same: the rules do not allow it */
void dialer_try_fenced(struct peer *peer);              /* there are other rules */
bool dialer_is_kept_out(const struct peer *peer);
void dialer_start(struct node *node); /* everyone remembered, spread over a while */

/* Where dials leave from: at most one address of each family. */
void dialer_leave_from(const struct node *node, struct address out[2], size_t *count);

#endif
