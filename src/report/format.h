/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A format like that of printf(3) for the records of a script: read once, filled for each record.
 * Pure: it knows the letters of the fields, not where their values come from.
 *
 *   %a %n %N %k %p %l %i %t %U %s  a field: see enum format_field
 *   %-20n %020l %.10p               at least so many columns, to the left with -, filled with zeros
 *                                   with 0; at most so many columns after the point
 *   %%  \n \t \r \0 \\              a percent sign; the characters of these names
 */
#ifndef HASHFLOW_REPORT_FORMAT_H
#define HASHFLOW_REPORT_FORMAT_H

#include "base/buffer.h"

enum {
    FORMAT_MAX = 4096,      /* bytes of a format */
    FORMAT_PIECES_MAX = 64, /* fields, and runs of other characters between them */
    FORMAT_WIDTH_MAX = 1000,
};

enum format_field {
    FORMAT_ADDRESS,
    FORMAT_NAME,
    FORMAT_NODE,
    FORMAT_KIND,
    FORMAT_PAYLOAD,
    FORMAT_LENGTH,
    FORMAT_ID,
    FORMAT_TIME,
    FORMAT_UNIX,
    FORMAT_SECURITY,
    FORMAT_FIELDS,
};

struct format;

/* NULL if text is wrong: then *cause is a new string that the caller frees, with the place. */
struct format *format_new(const char *text, char **cause);
void format_free(struct format *f);

/* Appends a record. values: one for each field, borrowed. escaped: what of them a terminal could
 * obey is escaped. Returns false, with out cut, if it is full. */
bool format_fill(const struct format *f, const struct span values[FORMAT_FIELDS], bool escaped,
                 struct buffer *out);

#endif
