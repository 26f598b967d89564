/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3 (RFC 8446) over a connected socket that does not block, by OpenSSL 3. Both sides show a
 * certificate whose only meaning is its key: whoever is there is known by that key's fingerprint,
 * and whether that is somebody is for others to say. Only a word of the other side inside shows a
 * dialer that its own certificate was taken.
 */
#ifndef HASHFLOW_NET_TLS_H
#define HASHFLOW_NET_TLS_H

#include "base/key.h"

enum {
    TLS_FIRST_BYTE = 0x16, /* of every TLS connection, and of no line of text */
    TLS_EXPORTER_BYTES = 32,
};

struct tls_context;
struct tls;

/* Our certificate, made for this run and never written down. Keeps no reference to key. */
struct tls_context *tls_context_new(const struct key *key);
void tls_context_free(struct tls_context *context); /* after its last struct tls; accepts NULL */

/* Borrows fd. */
struct tls *tls_new(struct tls_context *context, int fd, bool dialer);
void tls_free(struct tls *t); /* says nothing to the other side; accepts NULL */

enum tls_result {
    TLS_DONE,
    TLS_READ,   /* again when the socket is readable, */
    TLS_WRITE,  /* or writable */
    TLS_ENDED,  /* the other side has finished sending, and said so (close_notify) */
    TLS_FAILED, /* tls_cause() says why; nothing more will work */
};

enum tls_result tls_handshake(struct tls *t);

/* At most size bytes; *len is how many. With TLS_READ possibly after some bytes of the protocol's
 * own: one call reads at most one record. */
enum tls_result tls_read(struct tls *t, char *out, size_t size, size_t *len);
bool tls_pending(const struct tls *t); /* bytes are here of which select(2) knows nothing */

/* What was not taken need not be offered again in the same place or length, but nothing else. */
enum tls_result tls_write(struct tls *t, struct span bytes, size_t *len);
enum tls_result tls_finish(struct tls *t); /* close_notify: we send no more */

const char *tls_cause(const struct tls *t); /* static or borrowed text */

/* After the handshake. */
const char *tls_fingerprint(const struct tls *t);                         /* the other side's */
void tls_exporter(struct tls *t, unsigned char out[TLS_EXPORTER_BYTES]); /* RFC 9266 */

#endif
