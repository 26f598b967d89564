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
    TLS_FIRST_BYTE = 0x16,    /* of every TLS connection, and of no line of text */
    TLS_RECORD_BYTES = 16384, /* the most that one record carries */
    TLS_EXPORTER_BYTES = 32,
};

struct tls_context;
struct tls;

/* Our certificate, made for this run when it is first needed and never written down. Borrows key,
 * for as long as it is there. */
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
    TLS_FAILED, /* with errno. EPROTO: tls_cause() says why, and nothing more will work; what the
                   socket could not send leaves what has come in to be read */
};

enum tls_result tls_handshake(struct tls *t);

/* One record at most, whole, so that nothing is left of which select(2) knows nothing: out has
 * room for TLS_RECORD_BYTES. With TLS_READ possibly after a record of the protocol's own. */
enum tls_result tls_read(struct tls *t, char *out, size_t *len);

/* One record at most. After TLS_READ or TLS_WRITE bytes are to begin with the same ones and to be
 * as many or more; they may have moved. */
enum tls_result tls_write(struct tls *t, struct span bytes, size_t *len);
enum tls_result tls_finish(struct tls *t); /* close_notify: we send no more */

const char *tls_cause(const struct tls *t); /* static; NULL if nothing has failed */

/* After the handshake. */
const char *tls_fingerprint(const struct tls *t);                        /* the other side's */
void tls_exporter(struct tls *t, unsigned char out[TLS_EXPORTER_BYTES]); /* RFC 9266 */

#endif
