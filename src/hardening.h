/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What every run does for its secrets' sake, asked or not. It must not know what they are.
 */
#ifndef HASHFLOW_HARDENING_H
#define HASHFLOW_HARDENING_H

/* From here on no core is dumped, no other process of our user looks into this one, and no program
 * that we start gains rights by its set-user-ID bit. Never fails: a system that lacks one of them
 * has the others. */
void hardening_start(void);

/* After a change of the user, which takes the second of them back. */
void hardening_renew(void);

#endif
