/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One id for another in every table that has ids. It must not know why.
 */
#include "config.h"

#include "store/renaming.h"

#include <sqlite3.h>
#include <stddef.h>

/* Where a row of the new id is in the way the old one stays, and is removed. */
static const char *const steps[] = {
    "UPDATE OR IGNORE marks SET node = ?2 WHERE node = ?1",
    "DELETE FROM marks WHERE node = ?1",
    "UPDATE inbox SET node = ?2 WHERE node = ?1",
    "UPDATE OR IGNORE history SET node = ?2 WHERE node = ?1",
    "DELETE FROM history WHERE node = ?1",
    "UPDATE OR IGNORE tombstones SET node = ?2 WHERE node = ?1",
    "DELETE FROM tombstones WHERE node = ?1",
};

void renaming_move(struct database *db, const char *from, const char *to)
{
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        sqlite3_stmt *s = database_statement(db, steps[i], true);

        sqlite3_bind_text(s, 1, from, -1, SQLITE_STATIC);
        if (sqlite3_bind_parameter_count(s) > 1)
            sqlite3_bind_text(s, 2, to, -1, SQLITE_STATIC);
        database_run(db, s);
    }
}
