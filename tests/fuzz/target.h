/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all targets have in common.
 */
#ifndef HASHFLOW_FUZZ_TARGET_H
#define HASHFLOW_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* One input, given by libFuzzer or by replay.c. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* assert(3) that no build leaves out. */
static inline void check(bool holds)
{
    if (!holds)
        abort();
}

#endif
