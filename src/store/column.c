/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may stand in a column, checked on the way out. It must not know which table it is of.
 */
#include "config.h"

#include "store/column.h"

#include <sqlite3.h>

#include "base/text.h"

struct span column_span(sqlite3_stmt *s, int column)
{
    const void *bytes = sqlite3_column_blob(s, column);

    return bytes != NULL ? span_make(bytes, (size_t)sqlite3_column_bytes(s, column)) : span_of("");
}

uint64_t column_number(sqlite3_stmt *s, int column)
{
    return (uint64_t)sqlite3_column_int64(s, column);
}

void column_bind_number(sqlite3_stmt *s, int parameter, uint64_t number)
{
    sqlite3_bind_int64(s, parameter, (sqlite3_int64)number);
}

bool column_node(sqlite3_stmt *s, int column, char out[NODE_ID_TEXT])
{
    struct span node = column_span(s, column);

    for (size_t i = 0; i < node.len; i++) {
        char c = node.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            return false;
    }
    span_copy(node, out, NODE_ID_TEXT);
    return node.len <= NODE_ID_MAX;
}

void column_word(sqlite3_stmt *s, int column, char *out, size_t size)
{
    struct span word = column_span(s, column);
    bool fit = word.len < size && text_is_one_word(word);

    span_copy(fit ? word : span_of("-"), out, size);
}

static size_t count_ends(struct span lines)
{
    size_t count = 0;

    while (lines.len > 0) {
        span_cut_line(&lines);
        count++;
    }
    return count;
}

bool column_lines(sqlite3_stmt *s, int column, size_t count, struct span *out)
{
    *out = column_span(s, column);
    if (out->len == 0 || out->len > COLUMN_LINES_MAX || out->at[out->len - 1] != '\n')
        return false;
    return count == 0 || count_ends(*out) == count;
}
