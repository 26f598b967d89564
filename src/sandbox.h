/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving up what a node does not need once it listens: files other than its own, and system calls.
 * What the kernel or this build cannot do is left out, with a note. It must not know how a node
 * works, only what it touches.
 */
#ifndef HASHFLOW_SANDBOX_H
#define HASHFLOW_SANDBOX_H

#include <stddef.h>

struct sandbox_config {
    const char *state;        /* the folder that stays ours; NULL for none */
    const char *typed;        /* a file of ours elsewhere; NULL for none */
    const char *const *again; /* files that will be read again, and others of their folders */
    size_t again_count;
};

/* For the rest of the process. Programs that were to be started must have their starter by now. */
void sandbox_enter(const struct sandbox_config *config);

/* ---- its halves: NULL, or a static text that says why it is left out */

const char *sandbox_restrict_files(const struct sandbox_config *config); /* sandbox_files.c */
const char *sandbox_restrict_calls(void);                                /* sandbox_calls.c */

#endif
