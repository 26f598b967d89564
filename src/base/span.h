/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A borrowed run of bytes, and the one lexer of the project: words separated by spaces, then the
 * rest of the line. Commands that people type and verbs that nodes speak are both cut with it.
 * A span owns nothing and need not end with NUL.
 */
#ifndef HASHFLOW_BASE_SPAN_H
#define HASHFLOW_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

static inline struct span span_make(const char *at, size_t len)
{
    return (struct span){.at = at, .len = len};
}

static inline struct span span_of(const char *text)
{
    return span_make(text, strlen(text));
}

/* What is left after the first skip bytes. */
static inline struct span span_after(struct span s, size_t skip)
{
    /* Adding even 0 to the NULL of an empty span is undefined. */
    return skip == 0 ? s : span_make(s.at + skip, s.len - skip);
}

/* Writes the bytes to at, where there is room; returns what comes behind them. */
static inline char *span_put(char *at, struct span s)
{
    if (s.len == 1) /* as many are, between words */
        *at = *s.at;
    else if (s.len > 0)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

bool span_equal(struct span a, struct span b);
bool span_is(struct span s, const char *text);
bool span_is_nocase(struct span s, const char *text); /* ASCII letters only */
bool span_starts(struct span s, const char *prefix);

/*
 * Cuts the word before the first space off *rest and drops that one space, so that what remains
 * is the rest of the line, spaces and all. Without a space the word is everything.
 */
struct span span_cut_word(struct span *rest);

/* The same for the line before the first LF. */
struct span span_cut_line(struct span *rest);

/* How many LF there are. */
size_t span_count_lines(struct span s);

/* Drops leading spaces and tabs. */
struct span span_skip_blanks(struct span s);

/* A decimal number of digits alone, no sign, that fits; false otherwise. */
bool span_number(struct span s, uint64_t *number);

/* Copies into out as a string, cut to size - 1 bytes. */
void span_copy(struct span s, char *out, size_t size);

/* A new string; the caller frees it. */
char *span_string(struct span s);

#endif
