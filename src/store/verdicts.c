/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts in and out of the database. It must not know what they are for.
 */
#include "config.h"

#include "store/verdicts.h"

#include <sqlite3.h>

#include "store/column.h"

void verdicts_set(struct database *db, const char *fingerprint, enum verdict verdict)
{
    sqlite3_stmt *s = database_statement(
        db, "INSERT OR REPLACE INTO verdicts (node, verdict) VALUES (?1, ?2)", true);

    sqlite3_bind_text(s, 1, fingerprint, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 2, verdict);
    database_run(db, s);
}

void verdicts_load(struct database *db,
                   void (*each)(void *arg, const char *fingerprint, enum verdict verdict),
                   void *arg)
{
    sqlite3_stmt *s = database_statement(db, "SELECT node, verdict FROM verdicts", false);
    char fingerprint[NODE_ID_TEXT];

    while (database_row(db, s)) {
        bool allowed = sqlite3_column_int64(s, 1) == VERDICT_ALLOWED;

        if (column_node(s, 0, fingerprint) && fingerprint_is(span_of(fingerprint)))
            each(arg, fingerprint, allowed ? VERDICT_ALLOWED : VERDICT_DENIED);
    }
}
