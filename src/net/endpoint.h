/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Getting connected sockets: listeners, and dials. It hands out descriptors and knows nothing of
 * what is said on them.
 */
#ifndef HASHFLOW_NET_ENDPOINT_H
#define HASHFLOW_NET_ENDPOINT_H

#include "net/loop.h"
#include "wire/address.h"

enum {
    ENDPOINT_ACCEPTS = 64,       /* per pass and listener */
    ENDPOINT_REST_US = 1000000,  /* a listener out of descriptors rests so long */
    DIAL_DEADLINE_US = 10000000, /* a whole dial */
    DIAL_STAGGER_US = 250000,    /* between attempts, RFC 8305 section 5 */
    DIAL_CANDIDATES = 8,         /* addresses tried in one dial */
};

struct listener;

/* accepted(arg, fd, from) takes fd. NULL with errno if the address cannot be listened on. Port 0
 * takes a free one. IPv6 listeners are IPv6 only. Out of descriptors (EMFILE, ENFILE): the
 * listener rests, and says so once in the log until it has accepted again. */
struct listener *listener_new(struct loop *loop, const struct address *at,
                              void (*accepted)(void *arg, int fd, const struct address *from),
                              void *arg);
void listener_free(struct listener *l);
void listener_address(const struct listener *l, struct address *out);

struct dial;

/*
 * Connects to the first of the candidates that answers, starting the next one after
 * DIAL_STAGGER_US or when the one before has failed. from: local addresses to leave from, by
 * family (at most one of each; port ignored), or NULL. ended(arg, fd, error): fd is taken by the
 * owner, or -1 with an errno; it is called exactly once, never inside dial_start(), and the dial
 * frees itself after it. A connection of a socket to itself counts as ECONNREFUSED.
 */
struct dial *dial_start(struct loop *loop, const struct address *candidates, size_t count,
                        const struct address *from, size_t from_count,
                        void (*ended)(void *arg, int fd, int error), void *arg);

/* Without calling ended. Accepts NULL. */
void dial_cancel(struct dial *d);

/* Every address of this machine's interfaces that is up, port 0; returns how many were written. */
size_t endpoint_local_addresses(struct address *out, size_t max);

#endif
