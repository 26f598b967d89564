/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values in and out of a row. What comes out of the file may have been put there by anybody, so
 * each reader says whether the value can be what it should. For the store folder only.
 */
#ifndef HASHFLOW_STORE_COLUMN_H
#define HASHFLOW_STORE_COLUMN_H

#include "base/span.h"
#include "wire/verb.h"

struct sqlite3_stmt;

enum { COLUMN_LINES_MAX = 16 << 20 }; /* bytes in one row; more is no row of ours */

/* Text or blob, borrowed until the statement steps on; empty for NULL. */
struct span column_span(struct sqlite3_stmt *s, int column);

/* All 64 bits: SQLite's integers are signed, and what is above their range is negative there. */
uint64_t column_number(struct sqlite3_stmt *s, int column);
void column_bind_number(struct sqlite3_stmt *s, int parameter, uint64_t number);

/* true if it is a node's id: at most 64 of [a-z0-9], perhaps none. */
bool column_node(struct sqlite3_stmt *s, int column, char out[NODE_ID_TEXT]);

/* A word of at most size - 1 bytes that may be shown as it is; "-" for anything else. */
void column_word(struct sqlite3_stmt *s, int column, char *out, size_t size);

/* count lines, each ended by LF. A count of 0 stands for any but none. */
bool column_lines(struct sqlite3_stmt *s, int column, size_t count, struct span *out);

#endif
