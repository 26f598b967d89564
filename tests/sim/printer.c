/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes what it can when it is asked to, and tells the ledger of each line that has left whole. It
 * must not know why anybody waits for that.
 */
#include "config.h"

#include "printer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ledger.h"

enum { PIPE_BYTES = 4096 /* that a slow reader takes at a time */ };

void printer_free(struct printer *p)
{
    free(p->lines);
    *p = (struct printer){.machine = p->machine};
}

void printer_add(struct printer *p, unsigned line, size_t bytes)
{
    if (p->count == p->room) {
        p->room = p->room != 0 ? 2 * p->room : 64;
        p->lines = alloc_resize(p->lines, p->room, sizeof *p->lines);
    }
    p->accepted += bytes;
    p->lines[p->count++] = (struct printed){.line = line, .end = p->accepted};
}

static void tell_printed(struct printer *p)
{
    while (p->first < p->count && p->lines[p->first].end <= p->written)
        ledger_printed(p->machine, p->lines[p->first++].line);
    if (p->first == p->count)
        p->first = p->count = 0;
}

void printer_flush(struct printer *p)
{
    while (p->written < p->accepted && printer_due(p) <= world.now && world_effect()) {
        uint64_t len = p->lines[p->first].end - p->written;
        if (p->rate != 0) {
            len = len < PIPE_BYTES ? len : PIPE_BYTES;
            p->ready_at = world.now + len * SECOND / p->rate;
        }
        p->written += len;
        trace("stdout takes %llu bytes, %llu wait", (unsigned long long)len,
              (unsigned long long)(p->accepted - p->written));
        tell_printed(p);
    }
}

uint64_t printer_due(const struct printer *p)
{
    if (p->written == p->accepted)
        return NEVER;
    return p->stuck_until > p->ready_at ? p->stuck_until : p->ready_at;
}
