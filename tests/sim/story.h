/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What happens to the two machines in one seed, and when: lines to send, and faults.
 */
#ifndef HASHFLOW_TESTS_STORY_H
#define HASHFLOW_TESTS_STORY_H

#include <stdint.h>

void story_begin(void);
uint64_t story_length(void); /* when it is over, virtual us */

uint64_t story_due(void); /* when its next event is to happen; NEVER after the last */
void story_run(void);

/* Everything is whole again, and nothing new happens. */
void story_end(void);

#endif
