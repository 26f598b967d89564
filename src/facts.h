/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a program is told about an event: fields in its environment, the text on its standard
 * input. It must not know which programs there are, nor when they run.
 */
#ifndef HASHFLOW_FACTS_H
#define HASHFLOW_FACTS_H

#include "mesh/event.h"

enum { FACTS_MAX = 10 }; /* fields of one event */

struct facts {
    char *fields[FACTS_MAX + 1]; /* HASHFLOW_...=VALUE; NULL behind the last one */
    char *text;                  /* with its LF; NULL if the event has none */
    size_t length;               /* of the text */
    size_t bytes;                /* that all of it takes */
};

/* Copies what it needs of the event. kind: what programs know it as. */
void facts_take(struct facts *facts, const char *kind, const struct event *event);
void facts_drop(struct facts *facts);

#define FACTS_PREFIX "HASHFLOW_" /* of all fields */

/* What every program gets: some of our environment, and one more variable, or NULL. Borrows the
 * values; the caller frees the list. */
char **facts_environment(char *more);

#endif
