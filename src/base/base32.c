/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Five bytes become eight characters. Read back, a text is taken only in the form in which it is
 * written here, so that two texts are never the same bytes.
 */
#include "config.h"

#include "base/base32.h"

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void base32_encode(const unsigned char *bytes, size_t len, char *out)
{
    unsigned bits = 0;
    unsigned held = 0; /* how many bits wait for more */

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xfff;
        for (held += 8; held >= 5; held -= 5)
            *out++ = alphabet[bits >> (held - 5) & 31];
    }
    if (held > 0)
        *out++ = alphabet[bits << (5 - held) & 31];
    *out = '\0';
}

/* -1 if it is no character of the alphabet. */
static int value_of(char c)
{
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool base32_decode(struct span text, unsigned char *out, size_t len)
{
    unsigned bits = 0;
    unsigned held = 0;

    if (text.len != BASE32_CHARS(len))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int value = value_of(text.at[i]);
        if (value < 0)
            return false;
        bits = (bits << 5 | (unsigned)value) & 0xfff;
        held += 5;
        if (held >= 8) {
            held -= 8;
            *out++ = (unsigned char)(bits >> held);
        }
    }
    return (bits & ((1U << held) - 1)) == 0;
}
