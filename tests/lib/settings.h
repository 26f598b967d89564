/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database of a folder (folder.h) as its settings show it, and as a stranger with sqlite3(1)
 * finds it. To be included after cmocka.h.
 */
#ifndef HASHFLOW_TESTS_SETTINGS_H
#define HASHFLOW_TESTS_SETTINGS_H

#include <sqlite3.h>

#include "folder.h"

/* value may be NULL: it is not set. */
static inline void settings_expect(struct database *db, const char *key, const char *value)
{
    char *found = database_get(db, key);

    if (value == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found, value);
    free(found);
}

/* Runs SQL on the file; its first value or "", a new string. */
static inline char *settings_outside(const char *sql)
{
    char *path = folder_path("hashflow.db");
    char *value = NULL;
    sqlite3 *handle;
    sqlite3_stmt *s;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &s, NULL), SQLITE_OK);
    if (sqlite3_step(s) == SQLITE_ROW)
        value = alloc_string((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(handle);
    free(path);
    return value != NULL ? value : alloc_string("");
}

static inline void settings_expect_outside(const char *sql, const char *value)
{
    char *found = settings_outside(sql);

    assert_string_equal(found, value);
    free(found);
}

#endif
