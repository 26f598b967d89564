/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing and cutting borrowed bytes. It knows bytes and ASCII, no character sets, and no
 * command or verb.
 */
#include "config.h"

#include "base/span.h"

#include "base/alloc.h"

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool span_is(struct span s, const char *text)
{
    return span_equal(s, span_of(text));
}

/* tolower(3) follows the locale, and in some of them I is not the capital of i. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool span_is_nocase(struct span s, const char *text)
{
    if (s.len != strlen(text))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (lower(s.at[i]) != lower(text[i]))
            return false;
    return true;
}

bool span_starts(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);

    return len == 0 || (s.len >= len && memcmp(s.at, prefix, len) == 0);
}

static struct span cut(struct span *rest, char separator)
{
    struct span piece = *rest;
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);

    if (end != NULL)
        piece.len = (size_t)(end - piece.at);
    *rest = span_after(*rest, piece.len + (end != NULL));
    return piece;
}

struct span span_cut_word(struct span *rest)
{
    return cut(rest, ' ');
}

struct span span_cut_line(struct span *rest)
{
    return cut(rest, '\n');
}

struct span span_skip_blanks(struct span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = span_after(s, 1);
    return s;
}

enum { SAFE_DIGITS = 19 }; /* so many always fit */

bool span_number(struct span s, uint64_t *number)
{
    uint64_t value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (i >= SAFE_DIGITS && value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

size_t span_count_lines(struct span bytes)
{
    size_t lines = 0;

    while (bytes.len > 0) {
        const char *lf = memchr(bytes.at, '\n', bytes.len);
        if (lf == NULL)
            break;
        lines++;
        bytes = span_after(bytes, (size_t)(lf + 1 - bytes.at));
    }
    return lines;
}

void span_copy(struct span s, char *out, size_t size)
{
    if (size == 0)
        return;
    size_t len = s.len < size - 1 ? s.len : size - 1;
    if (len > 0)
        memcpy(out, s.at, len);
    out[len] = '\0';
}

char *span_string(struct span s)
{
    char *text = alloc_zero(s.len + 1, 1);

    span_copy(s, text, s.len + 1);
    return text;
}
