/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fingerprints as text: which words are one, and how people are shown them.
 */
#include "config.h"

#include "base/fingerprint.h"

bool fingerprint_is(struct span text)
{
    unsigned char digest[DIGEST_BYTES];

    return base32_decode(text, digest, sizeof digest);
}

bool fingerprint_begins(const char *fingerprint, struct span beginning)
{
    return beginning.len >= FINGERPRINT_SHORT && beginning.len <= strlen(fingerprint) &&
           memcmp(fingerprint, beginning.at, beginning.len) == 0;
}

void fingerprint_print(const char *fingerprint, char out[FINGERPRINT_GROUPS])
{
    for (size_t i = 0; i < FINGERPRINT_SHORT; i++) {
        if (i > 0 && i % 4 == 0)
            *out++ = ' ';
        *out++ = fingerprint[i];
    }
    *out = '\0';
}
