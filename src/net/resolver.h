/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of hosts to addresses, in the loop, by c-ares; the only module that knows that library.
 * Literals never come here: address_parse_host() bypasses it.
 */
#ifndef HASHFLOW_NET_RESOLVER_H
#define HASHFLOW_NET_RESOLVER_H

#include "net/loop.h"
#include "wire/address.h"

enum { RESOLVER_DEADLINE_US = 10000000 };

struct resolver;
struct lookup;

/* NULL with a line in the log if c-ares cannot start. c-ares is set up at the first lookup. */
struct resolver *resolver_new(struct loop *loop);
void resolver_free(struct resolver *r); /* pending lookups end without being called */

/*
 * family is 4, 6 or 0 for both. ended(arg, addresses, count, cause): count 0 comes with cause, a
 * static text. Families are interleaved, IPv6 first (RFC 8305 section 4). Called exactly once,
 * never inside resolver_lookup(); the lookup frees itself after it.
 */
struct lookup *resolver_lookup(struct resolver *r, const char *host, uint16_t port, int family,
                               void (*ended)(void *arg, const struct address *addresses,
                                             size_t count, const char *cause),
                               void *arg);
void lookup_cancel(struct lookup *l); /* without calling ended; accepts NULL */

#endif
