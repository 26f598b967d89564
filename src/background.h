/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going into the background: a child in a session of its own does the work, and the process that
 * was started waits until the child is ready, or has ended. It does not know what the work is.
 */
#ifndef HASHFLOW_BACKGROUND_H
#define HASHFLOW_BACKGROUND_H

#include <stdbool.h>

/* Returns true in the child, whose standard input and output are /dev/null from then on; *waiting
 * is a descriptor for background_ready(). Returns false in the process that was started, when it
 * may end, with *status: 0, or that of a child that did not become ready; and false if there could
 * be no child, which the log has said. Call it before anything is opened that a child may not
 * share. */
bool background_enter(int *waiting, int *status);

/* The child is ready: goes to the folder / and lets the other process end. quiet: stderr becomes
 * /dev/null too. false if that failed, or the other process has gone; the log has said so. */
bool background_ready(int waiting, bool quiet);

#endif
