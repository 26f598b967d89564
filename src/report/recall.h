/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line of a former run, for a person: dimmed, so that nobody takes it for something new, and
 * escaped.
 */
#ifndef HASHFLOW_REPORT_RECALL_H
#define HASHFLOW_REPORT_RECALL_H

#include "base/buffer.h"
#include "store/history.h"

enum {
    RECALL_TEXT = 1000, /* bytes of a text; what is longer is cut */
    RECALL_MAX = 16384, /* bytes of a line, more than there can be */
};

/* Appends the line with its LF. Without colour it is not dimmed. */
void recall_format(struct buffer *out, const struct history_line *line, bool colour);

#endif
