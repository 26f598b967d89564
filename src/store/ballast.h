/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file that takes up room on the disk, to be thrown out when the disk is full: what lets rows go
 * needs some room itself.
 */
#ifndef HASHFLOW_STORE_BALLAST_H
#define HASHFLOW_STORE_BALLAST_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BALLAST_BYTES = 1 << 20,
    BALLAST_RETRY_US = 10 * 1000000, /* after it was thrown out, or could not be made */
};

struct ballast;

/* For a file "ballast" in that folder; nothing is made yet. */
struct ballast *ballast_new(const char *folder);
void ballast_free(struct ballast *b); /* the file stays */

/* Makes the file if it is missing, the disk has room for it and a little more, and it is time to
 * try; now is clock_now_us(). Failing is no error. */
void ballast_keep(struct ballast *b, uint64_t now);

/* Is the whole file there, as far as is known? Without it the disk is short of room. */
bool ballast_is_kept(const struct ballast *b);

/* Removes the file; false if there was none. */
bool ballast_drop(struct ballast *b, uint64_t now);

#endif
