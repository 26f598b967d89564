/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The key that a node is known by: Ed25519 (RFC 8032), as PKCS#8 in PEM (RFC 5958, RFC 7468), the
 * form of `openssl genpkey -algorithm ed25519`. It does not know files or connections.
 */
#ifndef HASHFLOW_BASE_KEY_H
#define HASHFLOW_BASE_KEY_H

#include "base/buffer.h"
#include "base/fingerprint.h"

enum { KEY_PEM_MAX = 4096 }; /* bytes of a file that may hold one */

struct key;
struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

struct key *key_make(void); /* a new one */

/* NULL with *cause, a static text: there is none in it, or not of this kind. */
struct key *key_parse(struct span pem, const char **cause);
void key_format(const struct key *key, struct buffer *out); /* appends PEM */
void key_free(struct key *key);                             /* accepts NULL */

const char *key_fingerprint(const struct key *key); /* of its public half; borrowed */

/* For net/tls: borrowed; and the fingerprint of a key that somebody else has shown. */
struct evp_pkey_st *key_handle(const struct key *key);
void key_fingerprint_of(const struct evp_pkey_st *handle, char out[FINGERPRINT_TEXT]);

#endif
