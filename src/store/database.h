/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One SQLite database, hashflow.db in the state folder: opening, migrating, one transaction per
 * turn of the loop. The store folder is the only place that knows SQLite (sqlite.org/c3ref).
 * Journal mode WAL, synchronous FULL: what was committed survives a crash and a power loss.
 */
#ifndef HASHFLOW_STORE_DATABASE_H
#define HASHFLOW_STORE_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

struct sqlite3;
struct sqlite3_stmt;
struct database;

/* NULL with *cause, a new string that the caller frees. A file that is not a database, or is
 * corrupt, is moved aside with a line in the log and a new one is begun. A database of a newer
 * version is refused. */
struct database *database_open(const char *folder, char **cause);
void database_close(struct database *db); /* commits first */

/* The id of the node that the folder is of (identity.h). */
const char *database_node(const struct database *db);

/* Ends the turn's transaction, if anything was written. false if the commit or any write of the
 * turn failed: then nothing of the turn is kept; the log has said why, once until a commit succeeds
 * again. After a disk was full some room has been made (ballast.h): it is worth trying again. */
bool database_commit(struct database *db);

/* A transaction besides the turns', for what may be lost: whatever becomes of it, no turn is
 * harmed, the log says nothing, and no ballast goes. What is written in between is part of it.
 * false if it could not be, or was not kept: *cause is then a new string that the caller frees,
 * or NULL if a turn's transaction is open: later it may be possible. */
bool database_try_begin(struct database *db, char **cause);
bool database_try_commit(struct database *db, char **cause);

/* Settings: small facts by name. The caller frees what database_get returns; NULL if unset. */
char *database_get(struct database *db, const char *key);
void database_set(struct database *db, const char *key, const char *value);

/* For the store folder: a prepared statement, reset and ready to bind, owned by the database and
 * found again by the place of its text (a static string). writes begins the turn's transaction.
 * NULL if it cannot be prepared; SQLite and database_run() take that as a statement that fails. */
struct sqlite3_stmt *database_statement(struct database *db, const char *sql, bool writes);

/* Steps a statement that returns no row, resets it and forgets what was bound, so that bindings may
 * borrow. false on failure, also of an earlier write of the turn. */
bool database_run(struct database *db, struct sqlite3_stmt *statement);

/* An id for a new row: above last, which the caller has given before, perhaps in a turn whose
 * commit failed, and above what highest, the text of a SELECT, finds. */
int64_t database_new_id(struct database *db, const char *highest, int64_t last);

/* Steps a statement that returns rows: true for each, then false. A failure ends them, with a line
 * in the log. The caller resets the statement if it leaves before the end. */
bool database_row(struct database *db, struct sqlite3_stmt *statement);

#endif
