/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the turn's transaction, the prepared statements and the settings, and copes with a full
 * disk. It must not know what the rows mean. Values are bound, never written into SQL.
 */
#include "config.h"

#include "store/database.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/ballast.h"
#include "store/identity.h"
#include "store/opening.h"

enum { DATABASE_STATEMENTS = 96 }; /* more is a bug: their texts are few and fixed */

struct prepared {
    const char *sql;
    sqlite3_stmt *statement;
};

struct database {
    sqlite3 *handle;
    char *path;
    char *node;
    struct ballast *ballast;
    int64_t page_bytes;
    struct prepared statements[DATABASE_STATEMENTS];
    size_t statement_count;
    bool begun;      /* a transaction is open: the turn's, … */
    bool trying;     /* … or one that may fail … */
    char *failure;   /* … and why it has; or NULL */
    bool spoiled;    /* a write of it has failed: none of it will be kept */
    bool full;       /* so it has failed because the disk is full */
    bool complained; /* since the last commit that succeeded … */
    bool told_full;  /* … and of a full disk */
};

/* The first column, as a new string. A database that was tampered with may have NULL anywhere. */
static char *first_column(sqlite3_stmt *statement)
{
    const unsigned char *text = sqlite3_column_text(statement, 0);

    return alloc_string(text != NULL ? (const char *)text : "");
}

static int64_t read_number(struct database *db, const char *sql)
{
    sqlite3_stmt *s = database_statement(db, sql, false);
    int64_t number = database_row(db, s) ? sqlite3_column_int64(s, 0) : 0;

    sqlite3_reset(s);
    return number;
}

struct database *database_open(const char *folder, char **cause)
{
    struct database *db = alloc_zero(1, sizeof *db);
    char *why;

    db->path = alloc_print("%s/hashflow.db", folder);
    db->ballast = ballast_new(folder);
    if (opening_open(db->path, db->ballast, &db->handle, &why) != SQLITE_OK) {
        *cause = alloc_print("%s: %s", db->path, why);
        free(why);
        database_close(db);
        return NULL;
    }
    char *former = database_get(db, "node"); /* where version 1 kept it */
    db->node = identity_load(folder, former, cause);
    free(former);
    if (db->node == NULL) {
        database_close(db);
        return NULL;
    }
    db->page_bytes = read_number(db, "PRAGMA page_size");
    ballast_keep(db->ballast, clock_now_us());
    return db;
}

void database_close(struct database *db)
{
    if (db == NULL)
        return;
    database_commit(db);
    for (size_t i = 0; i < db->statement_count; i++)
        sqlite3_finalize(db->statements[i].statement);
    sqlite3_close(db->handle);
    ballast_free(db->ballast);
    free(db->node);
    free(db->path);
    free(db);
}

const char *database_node(const struct database *db)
{
    return db->node;
}

/* ---- the turn's transaction */

static bool fail_quietly(struct database *db, const char *why)
{
    if (db->trying && db->failure == NULL)
        db->failure = alloc_string(why);
    return db->trying;
}

static void complain(struct database *db)
{
    if (fail_quietly(db, sqlite3_errmsg(db->handle)))
        return;
    if (!db->complained)
        log_error("cannot use %s: %s", db->path, sqlite3_errmsg(db->handle));
    db->complained = true;
}

static void spoil_full(struct database *db)
{
    db->spoiled = true;
    if (fail_quietly(db, "the disk is full"))
        return;
    if (!db->told_full)
        log_error("cannot store in %s: the disk is full; cure: free some space there", db->path);
    db->told_full = db->full = true;
}

static void spoil(struct database *db)
{
    if (opening_is_full(db->handle, sqlite3_extended_errcode(db->handle))) {
        spoil_full(db);
    } else {
        complain(db);
        db->spoiled = true;
    }
}

static bool execute(struct database *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* The file gets its room before the commit, so that the journal can always be emptied into it and
 * used again: then rows can be let go even if not a byte is left on the disk. */
static bool reserve(struct database *db)
{
    sqlite3_int64 bytes = read_number(db, "PRAGMA page_count") * db->page_bytes;

    int result = sqlite3_file_control(db->handle, NULL, SQLITE_FCNTL_SIZE_HINT, &bytes);
    return result == SQLITE_OK || result == SQLITE_NOTFOUND; /* not every kind of file knows it */
}

static void finish(struct database *db)
{
    if (!reserve(db))
        spoil_full(db);
    else if (!execute(db, "COMMIT"))
        spoil(db);
}

/* The journal keeps its size: what it has of the disk is there for the turns to come. */
static void make_room(struct database *db)
{
    ballast_drop(db->ballast, clock_now_us());
    sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

static void end_transaction(struct database *db)
{
    if (db->begun && !db->spoiled)
        finish(db);
    /* After some errors SQLite has rolled back by itself. */
    if (db->spoiled && !sqlite3_get_autocommit(db->handle))
        execute(db, "ROLLBACK");
}

bool database_commit(struct database *db)
{
    assert(!db->trying);
    end_transaction(db);
    if (db->full)
        make_room(db);
    bool kept = !db->spoiled;
    if (db->begun && kept) {
        db->complained = db->told_full = false;
        ballast_keep(db->ballast, clock_now_us());
    }
    db->begun = db->spoiled = db->full = false;
    return kept;
}

/* ---- a transaction that may fail */

bool database_try_begin(struct database *db, char **cause)
{
    *cause = NULL;
    if (db->begun || db->spoiled)
        return false;
    if (db->told_full || !ballast_is_kept(db->ballast))
        *cause = alloc_string("the disk is full, or nearly so");
    else if (!execute(db, "BEGIN IMMEDIATE"))
        *cause = alloc_string(sqlite3_errmsg(db->handle));
    db->begun = db->trying = *cause == NULL;
    return db->begun;
}

bool database_try_commit(struct database *db, char **cause)
{
    assert(db->trying);
    end_transaction(db);
    bool kept = !db->spoiled;
    if (kept)
        free(db->failure); /* of a read */
    *cause = kept ? NULL : db->failure;
    db->failure = NULL;
    db->begun = db->spoiled = db->trying = false;
    return kept;
}

/* ---- statements */

static sqlite3_stmt *prepare(struct database *db, const char *sql)
{
    sqlite3_stmt *statement;

    for (size_t i = 0; i < db->statement_count; i++)
        if (db->statements[i].sql == sql)
            return db->statements[i].statement;
    assert(db->statement_count < DATABASE_STATEMENTS);
    if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
        SQLITE_OK)
        return NULL;
    db->statements[db->statement_count++] = (struct prepared){.sql = sql, .statement = statement};
    return statement;
}

struct sqlite3_stmt *database_statement(struct database *db, const char *sql, bool writes)
{
    if (writes && !db->begun && !db->spoiled) {
        db->begun = execute(db, "BEGIN IMMEDIATE");
        if (!db->begun)
            spoil(db);
    }
    sqlite3_stmt *statement = prepare(db, sql);
    if (statement == NULL)
        complain(db);
    sqlite3_reset(statement);
    return statement;
}

bool database_run(struct database *db, struct sqlite3_stmt *statement)
{
    if (!db->spoiled && sqlite3_step(statement) != SQLITE_DONE)
        spoil(db);
    sqlite3_reset(statement);
    if (statement != NULL)
        sqlite3_clear_bindings(statement);
    return !db->spoiled;
}

bool database_row(struct database *db, struct sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        complain(db);
    sqlite3_reset(statement);
    return false;
}

int64_t database_new_id(struct database *db, const char *highest, int64_t last)
{
    int64_t found = read_number(db, highest);

    /* Only a stranger can have put in one so high; SQLite refuses the row if it is taken. */
    if (found > last && found < INT64_MAX)
        last = found;
    return last + 1;
}

/* ---- settings */

char *database_get(struct database *db, const char *key)
{
    sqlite3_stmt *s = database_statement(db, "SELECT value FROM settings WHERE key = ?1", false);
    char *value = NULL;

    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (database_row(db, s))
        value = first_column(s);
    sqlite3_reset(s);
    return value;
}

void database_set(struct database *db, const char *key, const char *value)
{
    sqlite3_stmt *s = database_statement(
        db, "INSERT OR REPLACE INTO settings (key, value) VALUES (?1, ?2)", true);

    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, value, -1, SQLITE_STATIC);
    database_run(db, s);
}
