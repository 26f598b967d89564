/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process that has just been forked off lets go of: our descriptors and our signals. For the
 * other side of fork(2) alone.
 */
#ifndef HASHFLOW_NET_FORKED_H
#define HASHFLOW_NET_FORKED_H

void forked_close_from(int first); /* this descriptor and all above it */
void forked_block_signals(void);   /* all that can be */
void forked_reset_signals(void);   /* none blocked, caught or ignored: as a program expects them */

#endif
