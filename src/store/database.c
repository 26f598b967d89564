/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens the database, and keeps the turn's transaction and the prepared statements. It must not
 * know what the rows mean. Values are bound, never written into SQL.
 */
#include "config.h"

#include "store/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/schema.h"

enum {
    DATABASE_BUSY_MS = 250,   /* for somebody who looks in with sqlite3(1); the loop stands still */
    DATABASE_STATEMENTS = 64, /* more is a bug: their texts are few and fixed */
};

struct prepared {
    const char *sql;
    sqlite3_stmt *statement;
};

struct database {
    sqlite3 *handle;
    char *path;
    struct prepared statements[DATABASE_STATEMENTS];
    size_t statement_count;
    bool begun;      /* the turn's transaction is open */
    bool spoiled;    /* a write of this turn has failed: none of it will be kept */
    bool complained; /* since the last commit that succeeded */
};

static const char settle[] = "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             "PRAGMA foreign_keys = ON;"
                             "PRAGMA temp_store = MEMORY;";

/* The first column, as a new string. A database that was tampered with may have NULL anywhere. */
static char *first_column(sqlite3_stmt *statement)
{
    const unsigned char *text = sqlite3_column_text(statement, 0);

    return alloc_string(text != NULL ? (const char *)text : "");
}

/* ---- opening: each step returns an SQLite result code, and the handle knows its text */

/* The first column of the first row; NULL without one. */
static int query(sqlite3 *handle, const char *sql, char **value)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(handle, sql, -1, &statement, NULL);

    *value = NULL;
    if (result != SQLITE_OK)
        return result;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *value = first_column(statement);
    return sqlite3_finalize(statement); /* what the step has come to */
}

static int check_pages(sqlite3 *handle)
{
    char *verdict;
    int result = query(handle, "PRAGMA quick_check(1)", &verdict);

    if (result == SQLITE_OK && (verdict == NULL || strcmp(verdict, "ok") != 0))
        result = SQLITE_CORRUPT;
    free(verdict);
    return result;
}

/* SQLite would give the file the umask's mode; what it puts beside the file takes the file's. */
static int make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -1;
    int result = fchmod(fd, 0600);
    close(fd);
    return result;
}

/* SQLITE_OK with *handle, or another code with *cause. */
static int open_file(const char *path, sqlite3 **handle, char **cause)
{
    *handle = NULL;
    *cause = NULL;
    if (make_private(path) != 0) {
        *cause = alloc_print("%s", strerror(errno));
        return SQLITE_CANTOPEN;
    }
    int result = sqlite3_open_v2(path, handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(*handle, DATABASE_BUSY_MS);
    if (result == SQLITE_OK)
        result = sqlite3_exec(*handle, settle, NULL, NULL, NULL);
    if (result == SQLITE_OK)
        result = check_pages(*handle);
    if (result == SQLITE_OK)
        result = schema_migrate(*handle, cause);
    if (result == SQLITE_OK)
        return SQLITE_OK;
    if (*cause == NULL)
        *cause = alloc_string(sqlite3_errstr(result));
    /* Whatever it is, it stays as it was found. */
    if (*handle != NULL)
        sqlite3_db_config(*handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(*handle);
    *handle = NULL;
    return result;
}

/* ---- a damaged file */

static char *aside_name(const char *path)
{
    char time[CLOCK_TEXT];
    char stamp[CLOCK_TEXT];
    size_t len = 0;

    clock_print((int64_t)(clock_wall_us() / 1000000), time);
    for (const char *at = time; *at != '\0'; at++)
        if (*at != '-' && *at != ':')
            stamp[len++] = *at;
    stamp[len] = '\0';
    return alloc_print("%s.corrupt-%s", path, stamp);
}

static int move_one(const char *from, const char *to, const char *suffix)
{
    char *old = alloc_print("%s%s", from, suffix);
    char *new = alloc_print("%s%s", to, suffix);
    int result = rename(old, new);

    free(old);
    free(new);
    return result;
}

/* The main file goes last: until it has gone, the next start finds the damage again. */
static bool move_aside(const char *path, const char *why)
{
    char *aside = aside_name(path);
    bool moved;

    move_one(path, aside, "-wal");
    move_one(path, aside, "-shm");
    moved = move_one(path, aside, "") == 0;
    if (moved)
        log_error("%s is damaged (%s): moved to %s, and a new one begun", path, why, aside);
    free(aside);
    return moved;
}

struct database *database_open(const char *folder, char **cause)
{
    char *path = alloc_print("%s/hashflow.db", folder);
    sqlite3 *handle;
    char *why;
    int result = open_file(path, &handle, &why);

    if ((result == SQLITE_NOTADB || result == SQLITE_CORRUPT) && move_aside(path, why)) {
        free(why);
        result = open_file(path, &handle, &why);
    }
    if (result != SQLITE_OK) {
        *cause = alloc_print("%s: %s", path, why);
        free(why);
        free(path);
        return NULL;
    }
    struct database *db = alloc_zero(1, sizeof *db);
    db->handle = handle;
    db->path = path;
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
    free(db->path);
    free(db);
}

/* ---- the turn's transaction */

static void complain(struct database *db)
{
    if (!db->complained)
        log_error("cannot use %s: %s", db->path, sqlite3_errmsg(db->handle));
    db->complained = true;
}

static void spoil(struct database *db)
{
    complain(db);
    db->spoiled = true;
}

static bool execute(struct database *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

bool database_commit(struct database *db)
{
    if (db->begun && !db->spoiled && !execute(db, "COMMIT"))
        spoil(db);
    /* After some errors SQLite has rolled back by itself. */
    if (db->spoiled && !sqlite3_get_autocommit(db->handle))
        execute(db, "ROLLBACK");
    bool kept = !db->spoiled;
    if (db->begun && kept)
        db->complained = false;
    db->begun = db->spoiled = false;
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
    sqlite3_stmt *s = database_statement(db, highest, false);
    int64_t found = database_row(db, s) ? sqlite3_column_int64(s, 0) : 0;

    sqlite3_reset(s);
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
