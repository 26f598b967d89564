/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether a test is not run this time. Which one that is, and why, is known to whoever runs them.
 */
#ifndef HASHFLOW_TESTS_LEFT_OUT_H
#define HASHFLOW_TESTS_LEFT_OUT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline bool left_out(const char *test)
{
    const char *name = getenv("HASHFLOW_SKIP");

    return name != NULL && strcmp(name, test) == 0;
}

#endif
