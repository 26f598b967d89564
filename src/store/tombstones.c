/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tombstones in and out of the database, in the order in which they were set. It must not know
 * what they keep away.
 */
#include "config.h"

#include "store/tombstones.h"

#include <sqlite3.h>

#include "store/column.h"

static void forget_oldest(struct database *db)
{
    sqlite3_stmt *s =
        database_statement(db,
                           "DELETE FROM tombstones WHERE id <="
                           " (SELECT id FROM tombstones ORDER BY id DESC LIMIT 1 OFFSET ?1)",
                           true);

    sqlite3_bind_int(s, 1, TOMBSTONES_MAX);
    database_run(db, s);
}

/* One that is set again becomes the newest. */
void tombstones_add(struct database *db, const char *node, uint64_t boot)
{
    sqlite3_stmt *s = database_statement(
        db, "INSERT OR REPLACE INTO tombstones (node, boot) VALUES (?1, ?2)", true);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    column_bind_number(s, 2, boot);
    database_run(db, s);
    forget_oldest(db);
}

void tombstones_remove(struct database *db, const char *node)
{
    sqlite3_stmt *s = database_statement(db, "DELETE FROM tombstones WHERE node = ?1", true);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    database_run(db, s);
}

void tombstones_load(struct database *db, void (*each)(void *arg, const char *node, uint64_t boot),
                     void *arg)
{
    sqlite3_stmt *s = database_statement(
        db,
        "SELECT node, boot FROM (SELECT id, node, boot FROM tombstones ORDER BY id DESC LIMIT ?1)"
        " ORDER BY id",
        false);
    char node[NODE_ID_TEXT];

    sqlite3_bind_int(s, 1, TOMBSTONES_MAX);
    while (database_row(db, s))
        if (column_node(s, 0, node) && node[0] != '\0')
            each(arg, node, column_number(s, 1));
}
