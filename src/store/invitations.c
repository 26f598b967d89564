/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations in and out of the database. It must not know when one counts.
 */
#include "config.h"

#include "store/invitations.h"

#include <sqlite3.h>

#include "store/column.h"

void invitations_save(struct database *db, const struct invitation_row *row)
{
    sqlite3_stmt *s =
        database_statement(db,
                           "INSERT OR REPLACE INTO invitations (id, key, expires, used_by)"
                           " VALUES (?1, ?2, ?3, ?4)",
                           true);

    sqlite3_bind_text(s, 1, row->id, -1, SQLITE_STATIC);
    sqlite3_bind_blob(s, 2, row->key, sizeof row->key, SQLITE_STATIC);
    sqlite3_bind_int64(s, 3, row->expires);
    sqlite3_bind_text(s, 4, row->used_by, -1, SQLITE_STATIC);
    database_run(db, s);
}

void invitations_remove(struct database *db, const char *id)
{
    sqlite3_stmt *s = database_statement(db, "DELETE FROM invitations WHERE id = ?1", true);

    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    database_run(db, s);
}

static bool read_row(sqlite3_stmt *s, struct invitation_row *row)
{
    char id[NODE_ID_TEXT], user[NODE_ID_TEXT];
    struct span key = column_span(s, 1);

    *row = (struct invitation_row){.expires = sqlite3_column_int64(s, 2)};
    if (!column_node(s, 0, id) || strlen(id) != INVITATION_ID - 1 || key.len != sizeof row->key ||
        !column_node(s, 3, user) || (user[0] != '\0' && !fingerprint_is(span_of(user))))
        return false;
    memcpy(row->key, key.at, key.len);
    span_copy(span_of(id), row->id, sizeof row->id);
    span_copy(span_of(user), row->used_by, sizeof row->used_by);
    return true;
}

void invitations_load(struct database *db,
                      void (*each)(void *arg, const struct invitation_row *row), void *arg)
{
    sqlite3_stmt *s = database_statement(
        db, "SELECT id, key, expires, used_by FROM invitations ORDER BY expires", false);
    struct invitation_row row;

    while (database_row(db, s))
        if (read_row(s, &row))
            each(arg, &row);
}
