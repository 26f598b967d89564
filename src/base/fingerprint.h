/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a public key is written: SHA-256 of its SubjectPublicKeyInfo (RFC 5280 section 4.1) in
 * base32. It is the id of a node that proves who it is; it does not know keys.
 */
#ifndef HASHFLOW_BASE_FINGERPRINT_H
#define HASHFLOW_BASE_FINGERPRINT_H

#include "base/base32.h"
#include "base/digest.h"

enum {
    FINGERPRINT_CHARS = BASE32_CHARS(DIGEST_BYTES), /* 52 */
    FINGERPRINT_TEXT = FINGERPRINT_CHARS + 1,
    FINGERPRINT_SHORT = 16, /* characters that people are shown at least, and may type */
    FINGERPRINT_GROUPS = FINGERPRINT_SHORT + FINGERPRINT_SHORT / 4, /* with spaces and a NUL */
};

/* Is that text a whole fingerprint? Ids without a key are never one. */
bool fingerprint_is(struct span text);

/* May somebody mean it by that: its first FINGERPRINT_SHORT characters, or more of it? */
bool fingerprint_begins(const char *fingerprint, struct span beginning);

/* Its first FINGERPRINT_SHORT characters in groups of four, for people. */
void fingerprint_print(const char *fingerprint, char out[FINGERPRINT_GROUPS]);

#endif
