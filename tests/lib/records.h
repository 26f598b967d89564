/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A database of a test's own, opened before each test and gone after it, and a stranger who
 * changes the file behind its back. To be included after cmocka.h.
 */
#ifndef HASHFLOW_TESTS_RECORDS_H
#define HASHFLOW_TESTS_RECORDS_H

#include <sqlite3.h>

#include "folder.h"

static struct database *records;

static inline void records_reopen(void)
{
    database_close(records);
    records = folder_open();
}

static inline int records_begin(void **state)
{
    folder_begin(state);
    records_reopen();
    return 0;
}

static inline int records_end(void **state)
{
    database_close(records);
    records = NULL;
    return folder_end(state);
}

/* Commits the turn, then runs SQL of the test's own on the file. */
static inline void records_tamper(const char *sql)
{
    char *path = folder_path("hashflow.db");
    sqlite3 *handle;

    assert_true(database_commit(records));
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(handle));
    sqlite3_close(handle);
    free(path);
}

/* The number that a SELECT gives; sql is a static text. */
static inline int records_count(const char *sql)
{
    struct sqlite3_stmt *s = database_statement(records, sql, false);

    assert_true(database_row(records, s));
    int count = sqlite3_column_int(s, 0);
    sqlite3_reset(s);
    return count;
}

#endif
