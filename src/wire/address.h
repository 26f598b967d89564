/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An IP address and a port, as they are written on the wire and typed by people: 10.0.0.2:7216,
 * <10.0.0.2:7216>, [2001:db8::1]:7216 (RFC 5952 form when printed). Names of hosts are only cut
 * here, never looked up.
 */
#ifndef HASHFLOW_WIRE_ADDRESS_H
#define HASHFLOW_WIRE_ADDRESS_H

#include <netinet/in.h>

#include "base/span.h"

enum {
    ADDRESS_TEXT = 80,                /* room for any printed address and its NUL */
    ADDRESS_HOST = 256,               /* room for a host name (RFC 1035: 253) and its NUL */
    ADDRESS_PLACE = ADDRESS_HOST + 8, /* HOST:PORT, perhaps with brackets, and its NUL */
    ADDRESS_DEFAULT_PORT = 7216, /* below 32768: a redial cannot meet itself as ephemeral port */
};

struct address {
    unsigned char ip[16]; /* network order; the first 4 bytes for IPv4, the others 0 */
    uint16_t port;        /* host order */
    uint8_t family;       /* 4, 6, or 0 for no address */
    uint32_t scope;       /* interface index of a link-local IPv6 address, else 0 */
};

/* Exactly an address, bare or in angle brackets; port 1 to 65535. An IPv4-mapped IPv6 address
 * becomes IPv4. [fe80::1%3]:7216 carries a numeric scope. */
bool address_parse(struct span text, struct address *out);

void address_print(const struct address *a, char out[ADDRESS_TEXT]);

/* Bytes that are the same for equal addresses alone; the first ADDRESS_KEY_HOST of them leave out
 * the port. */
enum { ADDRESS_KEY_HOST = 16 + 4 + 1, ADDRESS_KEY = ADDRESS_KEY_HOST + 2 };
void address_key(const struct address *a, char out[ADDRESS_KEY]);

bool address_equal(const struct address *a, const struct address *b);
int address_compare(const struct address *a, const struct address *b);    /* a total order */
bool address_same_host(const struct address *a, const struct address *b); /* all but the port */
bool address_is_loopback(const struct address *a);
bool address_is_any(const struct address *a); /* 0.0.0.0 or :: */

/* false for a family that is neither AF_INET nor AF_INET6. IPv4-mapped becomes IPv4. */
bool address_from_sockaddr(const struct sockaddr_storage *from, struct address *out);
socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out);

/* "plain:" before an address asks for a connection without encryption: true if it was there; text
 * then begins behind it. */
bool address_cut_plain(struct span *text);

/*
 * What people type: HOST:PORT, [IPv6]:PORT, a bare IPv6 literal, or HOST alone for the default
 * port. Brackets are dropped. false, with *cause a static text, if it is none of these.
 */
bool address_split(struct span text, char host[ADDRESS_HOST], uint16_t *port, const char **cause);

/* The way back: HOST:PORT or [IPv6]:PORT. */
void address_join(const char *host, uint16_t port, char out[ADDRESS_PLACE]);

/* The IP literal alone, e.g. "10.0.0.2" or "::1"; false for anything else. */
bool address_parse_host(const char *host, uint16_t port, struct address *out);

#endif
