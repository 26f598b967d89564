/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fingerprints as text: which words are one, and how people are shown them.
 */
#include "config.h"

#include "base/fingerprint.h"

#include <assert.h>

bool fingerprint_is(struct span text)
{
    unsigned char digest[DIGEST_BYTES];

    return base32_decode(text, digest, sizeof digest);
}

void fingerprint_print(const char *fingerprint, size_t chars, char out[FINGERPRINT_GROUPS])
{
    assert(chars <= FINGERPRINT_CHARS);
    for (size_t i = 0; i < chars; i++) {
        if (i > 0 && i % 4 == 0)
            *out++ = ' ';
        *out++ = fingerprint[i];
    }
    *out = '\0';
}
