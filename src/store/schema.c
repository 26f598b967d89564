/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables as SQL, one step for each version. It must not know what asks for the rows. Numbers
 * of 64 bits without a sign (epochs, boots, seqs of others) are kept in SQLite's signed integers,
 * bit for bit; the numbers of our own lines stay below 2^63 and can be compared.
 */
#include "config.h"

#include "store/schema.h"

#include <sqlite3.h>

#include "base/alloc.h"

/* Step n leads from version n to version n + 1. What has been published is never changed. */
static const char *const steps[] = {
    "BEGIN IMMEDIATE;"
    "CREATE TABLE settings ("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE peers ("
    "  id INTEGER PRIMARY KEY,"
    "  node TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  dialect INTEGER NOT NULL,"
    "  quiet INTEGER NOT NULL,"
    "  claimed INTEGER NOT NULL,"
    "  seen INTEGER NOT NULL"
    ");"
    "CREATE TABLE addresses ("
    "  peer INTEGER NOT NULL REFERENCES peers (id) ON DELETE CASCADE,"
    "  rank INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  PRIMARY KEY (peer, rank)"
    ") WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;",

    /* A run is stored once, however many peers it waits for; it goes with its last copy. */
    "BEGIN IMMEDIATE;"
    "ALTER TABLE peers ADD COLUMN banned INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE peers ADD COLUMN boot INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE runs ("
    "  id INTEGER PRIMARY KEY," /* the number of its first line */
    "  last INTEGER NOT NULL,"
    "  count INTEGER NOT NULL,"
    "  at INTEGER NOT NULL,"
    "  lines BLOB NOT NULL"
    ");"
    "CREATE TABLE copies ("
    "  peer INTEGER NOT NULL REFERENCES peers (id) ON DELETE CASCADE,"
    "  run INTEGER NOT NULL REFERENCES runs (id),"
    "  last INTEGER NOT NULL,"
    "  count INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  PRIMARY KEY (peer, run)"
    ") WITHOUT ROWID;"
    "CREATE INDEX copies_by_run ON copies (run);"
    "CREATE TRIGGER run_without_copies AFTER DELETE ON copies"
    "  WHEN NOT EXISTS (SELECT 1 FROM copies WHERE run = old.run)"
    "  BEGIN DELETE FROM runs WHERE id = old.run; END;"
    "CREATE TABLE cursors ("
    "  peer INTEGER PRIMARY KEY REFERENCES peers (id) ON DELETE CASCADE,"
    "  seq INTEGER NOT NULL"
    ");"
    "CREATE TABLE marks ("
    "  node TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  seq INTEGER NOT NULL,"
    "  turn INTEGER NOT NULL," /* rises with each setting of a mark */
    "  PRIMARY KEY (node, epoch)"
    ") WITHOUT ROWID;"
    "CREATE INDEX marks_by_turn ON marks (turn);"
    "CREATE TABLE inbox ("
    "  id INTEGER PRIMARY KEY,"
    "  node TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  lines BLOB NOT NULL"
    ");"
    "CREATE TABLE tombstones ("
    "  id INTEGER PRIMARY KEY,"
    "  node TEXT NOT NULL UNIQUE,"
    "  boot INTEGER NOT NULL"
    ");"
    "PRAGMA user_version = 2;"
    "COMMIT;",

    /* A received line is there once, also if it was told twice. */
    "BEGIN IMMEDIATE;"
    "CREATE TABLE history ("
    "  id INTEGER PRIMARY KEY,"
    "  at INTEGER NOT NULL,"
    "  address TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  node TEXT NOT NULL," /* the other one's */
    "  ours INTEGER NOT NULL,"
    "  direct INTEGER NOT NULL,"
    "  epoch INTEGER," /* with seq and node: which line; NULL if it has no number */
    "  seq INTEGER,"
    "  total INTEGER NOT NULL," /* bytes of text up to here */
    "  text BLOB NOT NULL"
    ");"
    "CREATE UNIQUE INDEX history_by_number ON history (node, epoch, seq)"
    "  WHERE epoch IS NOT NULL;"
    "PRAGMA user_version = 3;"
    "COMMIT;",

    /* What was said before was said without encryption. An invitation's token is not here; key is
     * what it is turned into. */
    "BEGIN IMMEDIATE;"
    "ALTER TABLE peers ADD COLUMN fleeting INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE history ADD COLUMN plain INTEGER NOT NULL DEFAULT 0;"
    "UPDATE history SET plain = 1 WHERE direct OR NOT ours;"
    "CREATE TABLE verdicts ("
    "  node TEXT PRIMARY KEY,"
    "  verdict INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE invitations ("
    "  id TEXT PRIMARY KEY,"
    "  key BLOB NOT NULL,"
    "  expires INTEGER NOT NULL,"
    "  used_by TEXT NOT NULL"
    ") WITHOUT ROWID;"
    "PRAGMA user_version = 4;"
    "COMMIT;",
};

enum { VERSION = sizeof steps / sizeof steps[0] };

static int read_version(sqlite3 *handle, long long *version)
{
    sqlite3_stmt *s;
    int result = sqlite3_prepare_v2(handle, "PRAGMA user_version", -1, &s, NULL);

    *version = 0;
    if (result != SQLITE_OK)
        return result;
    if (sqlite3_step(s) == SQLITE_ROW)
        *version = sqlite3_column_int64(s, 0);
    return sqlite3_finalize(s); /* what the step has come to */
}

int schema_migrate(sqlite3 *handle, char **cause)
{
    long long version;
    int result = read_version(handle, &version);

    if (result == SQLITE_OK && (version < 0 || version > VERSION)) {
        *cause = alloc_print("it is of version %lld, made by a newer hashflow; this one knows %d",
                             version, (int)VERSION);
        return SQLITE_ERROR;
    }
    while (result == SQLITE_OK && version < VERSION)
        result = sqlite3_exec(handle, steps[version++], NULL, NULL, NULL);
    return result;
}
