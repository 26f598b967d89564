/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Marks, and lines on their way to stdout, in and out of the database. It must not know what a
 * line says; rows that cannot be ours are passed over.
 */
#include "config.h"

#include "store/inbox.h"

#include <sqlite3.h>

#include "store/column.h"

enum { SHOWN_TEXT = 512 }; /* an address or a name, and its NUL */

/* No count of settings comes so far; what a stranger has put in above it is as good as unset. */
static const int64_t TURN_MAX = INT64_MAX / 2;

/* ---- marks */

uint64_t inbox_mark(struct database *db, const char *node, uint64_t epoch)
{
    sqlite3_stmt *s =
        database_statement(db, "SELECT seq FROM marks WHERE node = ?1 AND epoch = ?2", false);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    column_bind_number(s, 2, epoch);
    uint64_t seq = database_row(db, s) ? column_number(s, 0) : 0;
    sqlite3_reset(s);
    return seq;
}

/* false if there is none yet. A turn that is spoiled needs none. */
static bool move_mark(struct database *db, const char *node, uint64_t epoch, uint64_t seq)
{
    sqlite3_stmt *s =
        database_statement(db,
                           "UPDATE marks SET seq = ?3,"
                           " turn = (SELECT ifnull(max(turn), 0) + 1 FROM marks WHERE turn < ?4)"
                           " WHERE node = ?1 AND epoch = ?2",
                           true);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    column_bind_number(s, 2, epoch);
    column_bind_number(s, 3, seq);
    sqlite3_bind_int64(s, 4, TURN_MAX);
    return !database_run(db, s) || sqlite3_changes(sqlite3_db_handle(s)) > 0;
}

static void new_mark(struct database *db, const char *node, uint64_t epoch, uint64_t seq)
{
    sqlite3_stmt *s =
        database_statement(db,
                           "INSERT INTO marks (node, epoch, seq, turn) VALUES (?1, ?2, ?3,"
                           " (SELECT ifnull(max(turn), 0) + 1 FROM marks WHERE turn < ?4))",
                           true);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    column_bind_number(s, 2, epoch);
    column_bind_number(s, 3, seq);
    sqlite3_bind_int64(s, 4, TURN_MAX);
    database_run(db, s);
}

static void forget_old_epochs(struct database *db, const char *node)
{
    sqlite3_stmt *s = database_statement(
        db,
        "DELETE FROM marks WHERE node = ?1 AND epoch NOT IN (SELECT epoch FROM marks"
        " WHERE node = ?1 AND turn < ?2 ORDER BY turn DESC LIMIT ?3)",
        true);

    sqlite3_bind_text(s, 1, node, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, TURN_MAX);
    sqlite3_bind_int(s, 3, INBOX_EPOCHS);
    database_run(db, s);
}

static void forget_old_marks(struct database *db)
{
    sqlite3_stmt *s = database_statement(db,
                                         "DELETE FROM marks WHERE turn <= (SELECT turn FROM marks"
                                         " WHERE turn < ?1 ORDER BY turn DESC LIMIT 1 OFFSET ?2)",
                                         true);

    sqlite3_bind_int64(s, 1, TURN_MAX);
    sqlite3_bind_int(s, 2, INBOX_MARKS);
    database_run(db, s);
}

void inbox_set_mark(struct database *db, const char *node, uint64_t epoch, uint64_t seq)
{
    if (move_mark(db, node, epoch, seq))
        return;
    new_mark(db, node, epoch, seq);
    forget_old_epochs(db, node);
    forget_old_marks(db);
}

/* ---- lines */

int64_t inbox_add(struct database *db, const struct inbox_run *run)
{
    static int64_t last;
    sqlite3_stmt *s;

    last = database_new_id(db, "SELECT max(id) FROM inbox", last);
    s = database_statement(db,
                           "INSERT INTO inbox (id, node, epoch, address, name, lines)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                           true);
    sqlite3_bind_int64(s, 1, last);
    sqlite3_bind_text(s, 2, run->node, -1, SQLITE_STATIC);
    column_bind_number(s, 3, run->epoch);
    sqlite3_bind_text(s, 4, run->address, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 5, run->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(s, 6, run->lines.at, run->lines.len, SQLITE_STATIC);
    database_run(db, s);
    return last;
}

void inbox_drop(struct database *db, int64_t upto)
{
    sqlite3_stmt *s = database_statement(db, "DELETE FROM inbox WHERE id <= ?1", true);

    sqlite3_bind_int64(s, 1, upto);
    database_run(db, s);
}

void inbox_shorten(struct database *db, int64_t id, size_t left)
{
    sqlite3_stmt *s = database_statement(db,
                                         "UPDATE inbox SET lines = substr(CAST(lines AS BLOB), -?2)"
                                         " WHERE id = ?1 AND length(CAST(lines AS BLOB)) > ?2",
                                         true);

    sqlite3_bind_int64(s, 1, id);
    sqlite3_bind_int64(s, 2, (int64_t)left);
    database_run(db, s);
}

void inbox_load(struct database *db, void (*each)(void *arg, const struct inbox_run *run),
                void *arg)
{
    sqlite3_stmt *s = database_statement(db,
                                         "SELECT id, node, address, name, epoch, lines FROM inbox"
                                         " WHERE length(lines) <= ?1 ORDER BY id",
                                         false);
    char node[NODE_ID_TEXT], address[SHOWN_TEXT], name[SHOWN_TEXT];
    struct inbox_run run = {.node = node, .address = address, .name = name};

    sqlite3_bind_int64(s, 1, COLUMN_LINES_MAX);
    while (database_row(db, s)) {
        run.id = sqlite3_column_int64(s, 0);
        column_word(s, 2, address, sizeof address);
        column_word(s, 3, name, sizeof name);
        run.epoch = column_number(s, 4);
        if (run.id > 0 && column_node(s, 1, node) && node[0] != '\0' &&
            column_lines(s, 5, 0, &run.lines))
            each(arg, &run);
    }
}
