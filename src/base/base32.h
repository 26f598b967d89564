/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes as text that can be read out and typed: base32 of RFC 4648 section 6, in lower case and
 * without padding.
 */
#ifndef HASHFLOW_BASE_BASE32_H
#define HASHFLOW_BASE_BASE32_H

#include <stdbool.h>

#include "base/span.h"

#define BASE32_CHARS(bytes) ((8 * (bytes) + 4) / 5)
#define BASE32_TEXT(bytes)  (BASE32_CHARS(bytes) + 1)

void base32_encode(const unsigned char *bytes, size_t len, char *out); /* BASE32_TEXT(len), NUL */

/* true if text is what base32_encode() makes of len bytes, which are then in out. */
bool base32_decode(struct span text, unsigned char *out, size_t len);

#endif
