/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time and chance. Deadlines are measured on the monotonic clock only; the wall clock is for
 * showing. Chance is for jitter, identifiers and secrets, from getrandom(2).
 */
#ifndef HASHFLOW_BASE_CLOCK_H
#define HASHFLOW_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_now_us(void);  /* CLOCK_MONOTONIC, microseconds */
uint64_t clock_wall_us(void); /* microseconds since 1970, UTC */

/* An unbiased number below limit; limit is at least 1. */
uint64_t clock_random(uint64_t limit);

/* size is at most 256; good enough for secrets. */
void clock_random_bytes(void *out, size_t size);

/* size - 1 random characters of lower-case base32 (RFC 4648 alphabet, a-z2-7) and a NUL. */
void clock_random_text(char *out, size_t size);

enum { CLOCK_TEXT = sizeof "2026-01-01T00:00:00Z" };

/* Wall time in seconds as ISO 8601 in UTC, e.g. 2026-01-01T00:00:00Z. */
void clock_print(int64_t seconds, char out[CLOCK_TEXT]);

#endif
