/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder of a test's own, and its end with all that is in it. To be included after cmocka.h.
 */
#ifndef HASHFLOW_TESTS_SCRATCH_H
#define HASHFLOW_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

/* A new folder; its path goes to scratch_remove(). */
static inline char *scratch_new(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = alloc_print("%s/hashflow-test-XXXXXX", parent != NULL ? parent : "/tmp");

    assert_non_null(mkdtemp(path));
    return path;
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int type,
                                     struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* Takes the path. */
static inline void scratch_remove(char *path)
{
    nftw(path, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* For tests that need no more than one: setup and teardown. */
static char *scratch_root;

static inline int scratch_begin(void **state)
{
    (void)state;
    scratch_root = scratch_new();
    return 0;
}

static inline int scratch_end(void **state)
{
    (void)state;
    scratch_remove(scratch_root);
    return 0;
}

#endif
