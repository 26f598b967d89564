/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104) with it, by OpenSSL's libcrypto. It does not know what
 * is digested.
 */
#ifndef HASHFLOW_BASE_DIGEST_H
#define HASHFLOW_BASE_DIGEST_H

#include <stdbool.h>

#include "base/span.h"

enum { DIGEST_BYTES = 32 };

/* Of the parts, one behind the other. */
void digest_sha256(const struct span *parts, size_t count, unsigned char out[DIGEST_BYTES]);
void digest_hmac(const unsigned char key[DIGEST_BYTES], const struct span *parts, size_t count,
                 unsigned char out[DIGEST_BYTES]);

/* Takes as long whatever differs. */
bool digest_equal(const unsigned char a[DIGEST_BYTES], const unsigned char b[DIGEST_BYTES]);

/* Overwrites what was secret; the compiler cannot leave it out. */
void digest_wipe(void *bytes, size_t len);

#endif
