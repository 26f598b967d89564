/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A moment as text: ISO 8601 in local time with its zone, or seconds since 1970.
 */
#ifndef HASHFLOW_REPORT_STAMP_H
#define HASHFLOW_REPORT_STAMP_H

#include <stdbool.h>
#include <stdint.h>

enum { STAMP_TEXT = 64 };

/* us: microseconds since 1970. 2026-01-01T12:00:00+01:00, or with 12:00:00.123 for millis. */
void stamp_print(uint64_t us, bool millis, char out[STAMP_TEXT]);

/* 1767265200.123456 */
void stamp_print_unix(uint64_t us, char out[STAMP_TEXT]);

#endif
