/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs and copies in and out of the database. It must not know what a line says or whether a peer
 * is there. Rows that cannot be ours are passed over: their copies go when the peer has confirmed
 * what comes behind them.
 */
#include "config.h"

#include "store/outbox.h"

#include <sqlite3.h>

#include "store/column.h"

enum { COUNT_MAX = COLUMN_LINES_MAX }; /* lines in a run: no line is shorter than its LF */

/* Above this no number is ours. */
static int64_t bounded(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

/* ---- into the database */

static void add_run(struct database *db, const struct outbox_run *run)
{
    sqlite3_stmt *s = database_statement(
        db, "INSERT INTO runs (id, last, count, at, lines) VALUES (?1, ?2, ?3, ?4, ?5)", true);

    column_bind_number(s, 1, run->first);
    column_bind_number(s, 2, run->last);
    column_bind_number(s, 3, run->count);
    sqlite3_bind_int64(s, 4, run->at);
    sqlite3_bind_blob64(s, 5, run->lines.at, run->lines.len, SQLITE_STATIC);
    database_run(db, s);
}

static void add_copy(struct database *db, const struct outbox_run *run, int64_t peer)
{
    sqlite3_stmt *s = database_statement(
        db, "INSERT INTO copies (peer, run, last, count, bytes) VALUES (?1, ?2, ?3, ?4, ?5)", true);

    sqlite3_bind_int64(s, 1, peer);
    column_bind_number(s, 2, run->first);
    column_bind_number(s, 3, run->last);
    column_bind_number(s, 4, run->count);
    column_bind_number(s, 5, run->lines.len);
    database_run(db, s);
}

void outbox_add(struct database *db, const struct outbox_run *run, const int64_t *peers,
                size_t count)
{
    if (count == 0)
        return;
    add_run(db, run);
    for (size_t i = 0; i < count; i++)
        add_copy(db, run, peers[i]);
}

void outbox_confirm(struct database *db, int64_t peer, uint64_t upto)
{
    sqlite3_stmt *s = database_statement(db,
                                         "INSERT INTO cursors (peer, seq) VALUES (?1, ?2)"
                                         " ON CONFLICT (peer) DO UPDATE SET seq = excluded.seq",
                                         true);

    sqlite3_bind_int64(s, 1, peer);
    column_bind_number(s, 2, upto);
    database_run(db, s);
    s = database_statement(db, "DELETE FROM copies WHERE peer = ?1 AND run <= ?2 AND last <= ?2",
                           true);
    sqlite3_bind_int64(s, 1, peer);
    sqlite3_bind_int64(s, 2, bounded(upto));
    database_run(db, s);
}

/* ---- out of the database */

static uint64_t read_cursor(struct database *db, int64_t peer)
{
    sqlite3_stmt *s = database_statement(db, "SELECT seq FROM cursors WHERE peer = ?1", false);

    sqlite3_bind_int64(s, 1, peer);
    uint64_t cursor = database_row(db, s) ? column_number(s, 0) : 0;
    sqlite3_reset(s);
    return cursor;
}

void outbox_sum(struct database *db, int64_t peer, uint64_t after, struct outbox_total *out)
{
    /* sum() fails on an overflow; what is left in has no means to cause one. */
    sqlite3_stmt *s = database_statement(db,
                                         "SELECT sum(count), sum(bytes), max(last) FROM copies"
                                         " WHERE peer = ?1 AND run > 0 AND last >= run"
                                         " AND count BETWEEN 1 AND ?2 AND bytes BETWEEN 1 AND ?3"
                                         " AND last > ?4",
                                         false);

    *out = (struct outbox_total){0};
    sqlite3_bind_int64(s, 1, peer);
    sqlite3_bind_int64(s, 2, COUNT_MAX);
    sqlite3_bind_int64(s, 3, COLUMN_LINES_MAX);
    sqlite3_bind_int64(s, 4, bounded(after));
    if (database_row(db, s)) {
        out->lines = column_number(s, 0);
        out->bytes = column_number(s, 1);
        out->last = column_number(s, 2);
    }
    sqlite3_reset(s);
    out->cursor = read_cursor(db, peer);
}

/* false if it cannot be a run, or does not come behind number after. */
static bool read_run(sqlite3_stmt *s, uint64_t after, struct outbox_run *run)
{
    int64_t count = sqlite3_column_int64(s, 2);

    run->first = column_number(s, 0);
    run->last = column_number(s, 1);
    run->at = sqlite3_column_int64(s, 3);
    if (run->first <= after || run->last < run->first || run->last > INT64_MAX)
        return false;
    if (count <= 0 || (uint64_t)count - 1 > run->last - run->first)
        return false;
    run->count = (size_t)count;
    return column_lines(s, 4, run->count, &run->lines);
}

/* The run that has number after begins at or below it, and none between the two begins later.
 * What a copy says of its run must be true: outbox_sum() counts on it. */
static sqlite3_stmt *select_runs(struct database *db, int64_t peer, uint64_t after)
{
    sqlite3_stmt *s = database_statement(
        db,
        "SELECT r.id, r.last, r.count, r.at, r.lines FROM copies AS c CROSS JOIN runs AS r"
        " WHERE c.peer = ?1 AND c.last > ?2 AND r.id = c.run AND length(r.lines) <= ?3"
        " AND r.last = c.last AND r.count = c.count AND length(r.lines) = c.bytes"
        " AND c.run >= ifnull((SELECT max(run) FROM copies WHERE peer = ?1 AND run <= ?2), 0)"
        " ORDER BY c.run",
        false);

    sqlite3_bind_int64(s, 1, peer);
    sqlite3_bind_int64(s, 2, bounded(after));
    sqlite3_bind_int64(s, 3, COLUMN_LINES_MAX);
    return s;
}

void outbox_load(struct database *db, int64_t peer, uint64_t after, size_t bytes,
                 void (*each)(void *arg, const struct outbox_run *run), void *arg)
{
    sqlite3_stmt *s = select_runs(db, peer, after);
    uint64_t reached = 0;
    size_t sum = 0;
    struct outbox_run run;

    while ((sum == 0 || sum < bytes) && database_row(db, s)) {
        if (!read_run(s, reached, &run) || run.last <= after)
            continue;
        reached = run.last;
        sum += run.lines.len;
        each(arg, &run);
    }
    sqlite3_reset(s);
}

uint64_t outbox_taken_before(struct database *db, int64_t peer, int64_t at)
{
    sqlite3_stmt *s = database_statement(db,
                                         "SELECT r.at, c.last FROM copies AS c CROSS JOIN runs AS r"
                                         " WHERE c.peer = ?1 AND c.run > 0 AND r.id = c.run"
                                         " ORDER BY c.run",
                                         false);
    uint64_t last = 0;

    sqlite3_bind_int64(s, 1, peer);
    while (database_row(db, s) && sqlite3_column_int64(s, 0) < at)
        if (column_number(s, 1) <= INT64_MAX)
            last = column_number(s, 1);
    sqlite3_reset(s);
    return last;
}
