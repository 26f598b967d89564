/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows of the peer directory in and out of the database. It must not judge a peer: it only leaves
 * out what cannot be one.
 */
#include "config.h"

#include "store/peers.h"

#include <sqlite3.h>

#include "store/column.h"
#include "wire/session.h"

/* ---- out of the database */

static void load_addresses(struct database *db, struct peer_row *row)
{
    sqlite3_stmt *s = database_statement(
        db, "SELECT address FROM addresses WHERE peer = ?1 ORDER BY rank", false);

    sqlite3_bind_int64(s, 1, row->id);
    while (row->address_count < PEER_ADDRESSES && database_row(db, s))
        if (address_parse(column_span(s, 0), &row->addresses[row->address_count]))
            row->address_count++;
    sqlite3_reset(s);
}

/* false if the row cannot be a peer. */
static bool read_row(struct database *db, sqlite3_stmt *s, struct peer_row *row)
{
    *row = (struct peer_row){
        .id = sqlite3_column_int64(s, 0),
        .dialect = sqlite3_column_int(s, 3),
        .quiet = sqlite3_column_int(s, 4) != 0,
        .claimed = sqlite3_column_int(s, 5) != 0,
        .seen = sqlite3_column_int64(s, 6),
        .banned = sqlite3_column_int(s, 7) != 0,
        .boot = column_number(s, 8),
        .fleeting = sqlite3_column_int(s, 9) != 0,
    };
    if (!column_node(s, 1, row->node) || row->id <= 0 || row->seen < 0 ||
        row->dialect < DIALECT_UNKNOWN || row->dialect > DIALECT_SESSION)
        return false;
    name_shown(column_span(s, 2), row->name);
    load_addresses(db, row);
    return row->address_count > 0 || row->node[0] != '\0';
}

void peers_load(struct database *db, void (*each)(void *arg, const struct peer_row *row), void *arg)
{
    sqlite3_stmt *s = database_statement(
        db,
        "SELECT id, node, name, dialect, quiet, claimed, seen, banned, boot, fleeting FROM peers"
        " ORDER BY id",
        false);
    struct peer_row row;

    while (database_row(db, s))
        if (read_row(db, s, &row))
            each(arg, &row);
}

/* ---- into the database */

static void save_row(struct database *db, const struct peer_row *row)
{
    sqlite3_stmt *s = database_statement(
        db,
        "INSERT INTO peers (id, node, name, dialect, quiet, claimed, seen, banned, boot,"
        " fleeting) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (id) DO UPDATE SET node = excluded.node, name = excluded.name,"
        " dialect = excluded.dialect, quiet = excluded.quiet, claimed = excluded.claimed,"
        " seen = excluded.seen, banned = excluded.banned, boot = excluded.boot,"
        " fleeting = excluded.fleeting",
        true);

    sqlite3_bind_int64(s, 1, row->id);
    sqlite3_bind_text(s, 2, row->node, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 3, row->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(s, 4, row->dialect);
    sqlite3_bind_int(s, 5, row->quiet);
    sqlite3_bind_int(s, 6, row->claimed);
    sqlite3_bind_int64(s, 7, row->seen);
    sqlite3_bind_int(s, 8, row->banned);
    column_bind_number(s, 9, row->boot);
    sqlite3_bind_int(s, 10, row->fleeting);
    database_run(db, s);
}

static void save_address(struct database *db, int64_t peer, int rank, const struct address *a)
{
    char text[ADDRESS_TEXT];
    sqlite3_stmt *s = database_statement(
        db, "INSERT INTO addresses (peer, rank, address) VALUES (?1, ?2, ?3)", true);

    address_print(a, text);
    sqlite3_bind_int64(s, 1, peer);
    sqlite3_bind_int(s, 2, rank);
    sqlite3_bind_text(s, 3, text, -1, SQLITE_STATIC);
    database_run(db, s);
}

static void run_with_id(struct database *db, const char *sql, int64_t id)
{
    sqlite3_stmt *s = database_statement(db, sql, true);

    sqlite3_bind_int64(s, 1, id);
    database_run(db, s);
}

void peers_save(struct database *db, struct peer_row *row)
{
    static int64_t last;

    if (row->id == 0)
        row->id = last = database_new_id(db, "SELECT max(id) FROM peers", last);
    save_row(db, row);
    run_with_id(db, "DELETE FROM addresses WHERE peer = ?1", row->id);
    for (size_t i = 0; i < row->address_count && i < PEER_ADDRESSES; i++)
        save_address(db, row->id, (int)i, &row->addresses[i]);
}

void peers_delete(struct database *db, int64_t id)
{
    run_with_id(db, "DELETE FROM peers WHERE id = ?1", id);
}
