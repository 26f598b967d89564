/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A process's stdout: a pipe whose reader may be slow or stop for a while. It knows how long lines
 * are, not what they say.
 */
#ifndef HASHFLOW_TESTS_PRINTER_H
#define HASHFLOW_TESTS_PRINTER_H

#include "world.h"

struct printer {
    struct machine *machine;
    uint64_t accepted, written; /* bytes */
    struct printed {
        unsigned line;
        uint64_t end; /* its place in accepted */
    } * lines;        /* that have not left whole, from first on */
    size_t first, count, room;
    uint64_t stuck_until;
    uint64_t rate;     /* bytes a second; 0: all at once */
    uint64_t ready_at; /* when the pipe takes more */
};

void printer_free(struct printer *p);
void printer_add(struct printer *p, unsigned line, size_t bytes);
void printer_flush(struct printer *p);

/* When the pipe takes something that waits; NEVER. */
uint64_t printer_due(const struct printer *p);

#endif
