/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines in and out of the database, and their words in an index of FTS5 (sqlite.org/fts5.html). The
 * index is in memory and made by the first search: it would cost ten times what the lines cost, for
 * each line, and few are ever searched for. Rows that cannot be ours are passed over.
 */
#include "config.h"

#include "store/history.h"

#include <sqlite3.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "store/column.h"

enum {
    SHOWN_TEXT = 512,   /* an address or a name, and its NUL */
    TEXT_MAX = 1 << 17, /* bytes in one row; more is no row of ours */
};

/* ---- in */

static int64_t last_total(struct database *db)
{
    sqlite3_stmt *s =
        database_statement(db, "SELECT total FROM history ORDER BY id DESC LIMIT 1", false);
    int64_t total = database_row(db, s) ? sqlite3_column_int64(s, 0) : 0;

    sqlite3_reset(s);
    return total >= 0 && total < INT64_MAX / 2 ? total : 0; /* what a stranger has put in */
}

bool history_begin(struct history_batch *batch, struct database *db, char **cause)
{
    if (!database_try_begin(db, cause))
        return false;
    batch->db = db;
    batch->id = database_new_id(db, "SELECT max(id) FROM history", 0) - 1;
    batch->total = last_total(db);
    return true;
}

static void bind_span(sqlite3_stmt *s, int parameter, struct span text)
{
    sqlite3_bind_text64(s, parameter, text.at, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void history_add(struct history_batch *batch, const struct history_line *line)
{
    sqlite3_stmt *s = database_statement(
        batch->db,
        "INSERT INTO history (id, at, address, name, node, ours, direct, epoch, seq, total, text)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        " ON CONFLICT (node, epoch, seq) WHERE epoch IS NOT NULL DO NOTHING",
        true);
    int64_t total = batch->total + (int64_t)line->text.len;

    sqlite3_bind_int64(s, 1, batch->id + 1);
    sqlite3_bind_int64(s, 2, line->at);
    bind_span(s, 3, line->address);
    bind_span(s, 4, line->name);
    bind_span(s, 5, line->node);
    sqlite3_bind_int(s, 6, line->ours);
    sqlite3_bind_int(s, 7, line->direct);
    if (line->numbered) {
        column_bind_number(s, 8, line->epoch);
        column_bind_number(s, 9, line->seq);
    }
    sqlite3_bind_int64(s, 10, total);
    sqlite3_bind_blob64(s, 11, line->text.at, line->text.len, SQLITE_STATIC);
    if (!database_run(batch->db, s) || sqlite3_changes(sqlite3_db_handle(s)) == 0)
        return;
    batch->id++;
    batch->total = total;
}

static void forget_oldest(const struct history_batch *batch)
{
    sqlite3_stmt *s = database_statement(batch->db, "DELETE FROM history WHERE id <= ?1", true);

    sqlite3_bind_int64(s, 1, batch->id - HISTORY_LINES);
    database_run(batch->db, s);
    s = database_statement(batch->db,
                           "DELETE FROM history WHERE id < (SELECT id FROM history"
                           " WHERE total - length(text) >= ?1 ORDER BY id LIMIT 1)",
                           true);
    sqlite3_bind_int64(s, 1, batch->total - HISTORY_BYTES);
    database_run(batch->db, s);
}

bool history_end(struct history_batch *batch, char **cause)
{
    forget_oldest(batch);
    return database_try_commit(batch->db, cause);
}

/* ---- out */

/* One line that is fit to be printed as one. */
static bool read_text(sqlite3_stmt *s, int column, struct span *out)
{
    *out = column_span(s, column);
    return out->len <= TEXT_MAX && memchr(out->at, '\n', out->len) == NULL &&
           memchr(out->at, '\0', out->len) == NULL;
}

/* The columns at, address, name, node, ours, direct, text. */
static void call_each(struct database *db, sqlite3_stmt *s,
                      void (*each)(void *arg, const struct history_line *line), void *arg)
{
    char address[SHOWN_TEXT], name[SHOWN_TEXT], node[NODE_ID_TEXT];

    while (database_row(db, s)) {
        struct history_line line = {.at = sqlite3_column_int64(s, 0)};

        column_word(s, 1, address, sizeof address);
        column_word(s, 2, name, sizeof name);
        line.address = span_of(address);
        line.name = span_of(name);
        line.node = column_node(s, 3, node) ? span_of(node) : span_of("");
        line.ours = sqlite3_column_int(s, 4) != 0;
        line.direct = sqlite3_column_int(s, 5) != 0;
        if (read_text(s, 6, &line.text))
            each(arg, &line);
    }
    if (s != NULL)
        sqlite3_clear_bindings(s);
}

void history_last(struct database *db, const struct history_peer *with, size_t count,
                  void (*each)(void *arg, const struct history_line *line), void *arg)
{
    sqlite3_stmt *s =
        database_statement(db,
                           "SELECT at, address, name, node, ours, direct, text FROM"
                           " (SELECT * FROM history WHERE ?1 IS NULL OR ((direct OR NOT ours)"
                           "   AND ((node <> '' AND node = ?1) OR (node = '' AND address = ?2)))"
                           "  ORDER BY id DESC LIMIT ?3) ORDER BY id",
                           false);

    if (with != NULL) {
        sqlite3_bind_text(s, 1, with->node, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 2, with->address, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(s, 3, (sqlite3_int64)count);
    call_each(db, s, each, arg);
}

/* ---- words */

/* Whatever a word consists of, in quotes it is one; a NUL would end the query. */
static void add_word(struct buffer *query, struct span word)
{
    buffer_append(query, span_of(" \""));
    for (size_t i = 0; i < word.len; i++) {
        struct span byte = span_make(word.at + i, 1);

        if (*byte.at == '"')
            buffer_append(query, byte);
        buffer_append(query, *byte.at == '\0' ? span_of(" ") : byte);
    }
    buffer_append(query, span_of("\""));
}

static void make_query(struct span words, struct buffer *query)
{
    buffer_init(query, 5 * words.len + 2); /* one quotation mark becomes five bytes */
    buffer_append(query, span_of("\"\"")); /* no words at all would be an error, and this is none */
    while (words.len > 0) {
        struct span word = span_cut_word(&words);
        if (word.len > 0)
            add_word(query, word);
    }
}

static bool execute(struct database *db, const char *sql, char **cause)
{
    sqlite3 *handle = sqlite3_db_handle(database_statement(db, "SELECT 1", false));

    if (sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    *cause = alloc_print("cannot search: %s", sqlite3_errmsg(handle));
    return false;
}

/* How many of the oldest lines in the index have gone: they are not found, but take up room. */
static int64_t count_gone(struct database *db)
{
    sqlite3_stmt *s = database_statement(
        db, "SELECT (SELECT min(id) FROM history) - (SELECT min(id) FROM temp.words_docsize)",
        false);
    int64_t gone = database_row(db, s) ? sqlite3_column_int64(s, 0) : 0;

    sqlite3_reset(s);
    return gone;
}

static bool bring_up_to_date(struct database *db, char **cause)
{
    static const char make[] = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5("
                               " text, content = '', tokenize = 'unicode61 remove_diacritics 2')";
    static const char empty[] = "INSERT INTO temp.words (words) VALUES ('delete-all')";
    static const char extend[] =
        "INSERT INTO temp.words (rowid, text) SELECT id, CAST(text AS TEXT) FROM history"
        " WHERE id > (SELECT ifnull(max(id), 0) FROM temp.words_docsize)";

    return execute(db, make, cause) &&
           (count_gone(db) < HISTORY_LINES || execute(db, empty, cause)) &&
           execute(db, extend, cause);
}

bool history_find(struct database *db, struct span words,
                  void (*each)(void *arg, const struct history_line *line), void *arg, char **cause)
{
    struct buffer query;

    if (!bring_up_to_date(db, cause))
        return false;
    make_query(words, &query);
    sqlite3_stmt *s =
        database_statement(db,
                           "SELECT at, address, name, node, ours, direct, history.text FROM history"
                           " WHERE id IN (SELECT rowid FROM temp.words WHERE words MATCH ?1"
                           "  ORDER BY rowid DESC LIMIT ?2) ORDER BY id",
                           false);
    bind_span(s, 1, buffer_span(&query));
    sqlite3_bind_int(s, 2, HISTORY_FOUND);
    call_each(db, s, each, arg);
    buffer_free(&query);
    return true;
}
