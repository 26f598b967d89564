/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database in a private temporary folder: turns kept whole or not at all, damaged and foreign
 * files, and a writer that is killed at any moment.
 */
#include "config.h"

#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/outbox.h"
#include "store/peers.h"
#include "../lib/scratch.h"

enum { KILLS = 20, PAGE = 4096 };

static char *root;
static int log_lines;
static char last_line[1024];

static void count_line(void *arg, enum log_level level, struct span line)
{
    (void)arg;
    (void)level;
    log_lines++;
    span_copy(line, last_line, sizeof last_line);
}

static int begin(void **state)
{
    (void)state;
    root = scratch_new();
    log_lines = 0;
    log_set_sink(count_line, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    scratch_remove(root);
    return 0;
}

static char *below(const char *name)
{
    return alloc_print("%s/%s", root, name);
}

static struct database *open_good(void)
{
    char *cause = NULL;
    struct database *db = database_open(root, &cause);

    if (db == NULL)
        fail_msg("cannot be opened: %s", cause);
    return db;
}

static void expect_setting(struct database *db, const char *key, const char *value)
{
    char *found = database_get(db, key);

    if (value == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found, value);
    free(found);
}

/* Runs SQL on the file from outside, as somebody with sqlite3(1) might; its first value or "". */
static char *outside(const char *sql)
{
    char *path = below("hashflow.db");
    char *value = NULL;
    sqlite3 *handle;
    sqlite3_stmt *s;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &s, NULL), SQLITE_OK);
    if (sqlite3_step(s) == SQLITE_ROW)
        value = alloc_string((const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(handle);
    free(path);
    return value != NULL ? value : alloc_string("");
}

static void expect_outside(const char *sql, const char *value)
{
    char *found = outside(sql);

    assert_string_equal(found, value);
    free(found);
}

static void write_file(const char *name, long at, const void *bytes, size_t len)
{
    char *path = below(name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
    free(path);
}

static size_t count_files(const char *pattern)
{
    char *path = below(pattern);
    glob_t found;
    size_t count = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

    globfree(&found);
    free(path);
    return count;
}

/* ---- settings and turns */

static void keeps_settings(void **state)
{
    (void)state;
    struct database *db = open_good();

    expect_setting(db, "node", NULL);
    database_set(db, "node", "abc");
    expect_setting(db, "node", "abc");
    database_set(db, "node", "x'); DROP TABLE settings; --");
    database_set(db, "empty", "");
    database_close(db);
    db = open_good();
    expect_setting(db, "node", "x'); DROP TABLE settings; --");
    expect_setting(db, "empty", "");
    expect_setting(db, "nod", NULL);
    database_close(db);
    database_close(NULL);
    assert_int_equal(log_lines, 0);
}

static void a_turn_is_seen_when_it_is_committed(void **state)
{
    (void)state;
    struct database *db = open_good();

    assert_true(database_commit(db));
    database_set(db, "a", "1");
    database_set(db, "b", "2");
    expect_outside("SELECT count(*) FROM settings", "0");
    assert_true(database_commit(db));
    expect_outside("SELECT count(*) FROM settings", "2");
    assert_true(database_commit(db));
    database_close(db);
}

static void is_as_durable_as_it_says(void **state)
{
    (void)state;
    struct database *db = open_good();
    struct sqlite3_stmt *s = database_statement(db, "PRAGMA synchronous", false);

    assert_true(database_row(db, s));
    assert_int_equal(sqlite3_column_int(s, 0), 2);
    assert_false(database_row(db, s));
    s = database_statement(db, "PRAGMA foreign_keys", false);
    assert_true(database_row(db, s));
    assert_int_equal(sqlite3_column_int(s, 0), 1);
    sqlite3_reset(s);
    s = database_statement(db, "PRAGMA journal_mode", false);
    assert_true(database_row(db, s));
    assert_string_equal(sqlite3_column_text(s, 0), "wal");
    sqlite3_reset(s);
    database_close(db);
}

static void one_text_is_prepared_once(void **state)
{
    (void)state;
    static const char sql[] = "SELECT value FROM settings";
    struct database *db = open_good();

    assert_ptr_equal(database_statement(db, sql, false), database_statement(db, sql, false));
    database_close(db);
}

static void files_are_ours_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"hashflow.db", "hashflow.db-wal", "hashflow.db-shm"};
    mode_t former = umask(0);
    struct database *db = open_good();

    database_set(db, "a", "1");
    database_commit(db);
    umask(former);
    for (int i = 0; i < 3; i++) {
        char *path = below(names[i]);
        struct stat status;

        assert_return_code(stat(path, &status), errno);
        assert_int_equal(status.st_mode & 0777, 0600);
        free(path);
    }
    database_close(db);
}

/* ---- failures */

static void a_turn_with_a_failed_write_is_dropped_whole(void **state)
{
    (void)state;
    static const char bad[] = "INSERT INTO settings (key, value) VALUES ('b', NULL)";
    struct database *db = open_good();

    database_set(db, "a", "1");
    assert_false(database_run(db, database_statement(db, bad, true)));
    database_set(db, "c", "3");
    assert_int_equal(log_lines, 1);
    assert_false(database_commit(db));
    expect_outside("SELECT count(*) FROM settings", "0");

    assert_false(database_run(db, database_statement(db, bad, true)));
    assert_false(database_commit(db));
    assert_int_equal(log_lines, 1); /* said once … */
    database_set(db, "d", "4");
    assert_true(database_commit(db));
    expect_outside("SELECT group_concat(key) FROM settings", "d");
    assert_false(database_run(db, database_statement(db, bad, true)));
    assert_int_equal(log_lines, 2); /* … until something could be stored again */
    database_close(db);
}

static void a_statement_that_cannot_be_prepared_only_fails(void **state)
{
    (void)state;
    struct database *db = open_good();

    assert_null(database_statement(db, "SELECT nothing FROM nowhere", false));
    assert_int_equal(log_lines, 1);
    assert_false(database_row(db, NULL));
    assert_false(database_run(db, NULL));
    assert_false(database_commit(db));
    expect_setting(db, "a", NULL);
    database_close(db);
}

static void somebody_elses_lock_costs_one_turn(void **state)
{
    (void)state;
    struct database *db = open_good();
    char *path = below("hashflow.db");
    sqlite3 *other;

    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    database_set(db, "a", "1");
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    database_set(db, "too late", "for this turn");
    assert_false(database_commit(db));
    assert_int_equal(log_lines, 1);
    database_set(db, "b", "2");
    assert_true(database_commit(db));
    expect_outside("SELECT group_concat(key) FROM settings", "b");
    database_close(db);
    free(path);
}

/* The size of files is limited: what a full disk answers, SQLite hears from a write beyond it. */
static int write_until_full(void)
{
    struct rlimit small = {.rlim_cur = 200000, .rlim_max = 200000};
    char *cause;
    struct database *db = database_open(root, &cause);
    char *text = alloc_zero(20001, 1);
    char key[16];
    int kept = 0;

    if (db == NULL)
        return 255;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    memset(text, 'x', 20000);
    for (int i = 0; i < 30; i++) {
        snprintf(key, sizeof key, "%d", i);
        database_set(db, key, text);
        if (database_commit(db))
            kept++;
    }
    if (log_lines == 0 || log_lines > 30 - kept)
        return 254;
    return kept;
}

static void a_full_disk_keeps_what_was_committed(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();

    assert_return_code(child, errno);
    if (child == 0)
        _exit(write_until_full());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 1, 29);
    struct database *db = open_good();
    char *expected = alloc_print("%d", WEXITSTATUS(status));
    expect_outside("SELECT count(*) FROM settings", expected);
    free(expected);
    database_close(db);
    assert_int_equal(count_files("*corrupt*"), 0);
}

/* ---- files that are not what they should be */

static void fill_and_close(void)
{
    struct database *db = open_good();
    char key[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key number %d", i);
        database_set(db, key, "a value of some length, so that the table has several pages");
    }
    database_close(db);
}

static void expect_moved_aside(void)
{
    struct database *db = open_good();

    assert_int_equal(log_lines, 1);
    assert_int_equal(count_files("hashflow.db.corrupt-20[0-9][0-9][01][0-9][0-3][0-9]T*Z"), 1);
    assert_non_null(strstr(last_line, "hashflow.db "));
    assert_non_null(strstr(last_line, "hashflow.db.corrupt-20"));
    expect_setting(db, "key number 1", NULL);
    database_set(db, "new", "one");
    database_close(db);
    db = open_good();
    expect_setting(db, "new", "one");
    database_close(db);
    assert_int_equal(log_lines, 1);
}

static void a_file_that_is_no_database_is_moved_aside(void **state)
{
    (void)state;
    static char letter[PAGE * 3];

    memset(letter, 'z', sizeof letter);
    write_file("hashflow.db", 0, letter, sizeof letter);
    expect_moved_aside();
}

static void a_damaged_header_is_moved_aside(void **state)
{
    (void)state;
    fill_and_close();
    write_file("hashflow.db", 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    expect_moved_aside();
}

static void a_damaged_page_is_moved_aside(void **state)
{
    (void)state;
    static char noise[PAGE];

    fill_and_close();
    memset(noise, 0xa5, sizeof noise);
    write_file("hashflow.db", 5 * PAGE, noise, sizeof noise);
    expect_moved_aside();
}

static void a_cut_file_is_moved_aside(void **state)
{
    (void)state;
    char *path = below("hashflow.db");

    fill_and_close();
    assert_return_code(truncate(path, 3 * PAGE), errno);
    expect_moved_aside();
    free(path);
}

static void the_journal_goes_with_its_file(void **state)
{
    (void)state;
    write_file("hashflow.db", 0, "not a database at all, but long enough to be looked at", 54);
    write_file("hashflow.db-wal", 0, "journal", 7);
    struct database *db = open_good();
    assert_int_equal(count_files("hashflow.db.corrupt-*Z"), 1);
    assert_int_equal(count_files("hashflow.db.corrupt-*Z-wal"), 1);
    database_close(db);
}

static void an_empty_file_is_a_new_database(void **state)
{
    (void)state;
    write_file("hashflow.db", 0, "", 0);
    struct database *db = open_good();
    database_close(db);
    assert_int_equal(log_lines, 0);
    assert_int_equal(count_files("*corrupt*"), 0);
}

static void expect_refusal(const char *word)
{
    char *cause = NULL;

    assert_null(database_open(root, &cause));
    assert_non_null(cause);
    assert_non_null(strstr(cause, "hashflow.db"));
    if (strstr(cause, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", cause, word);
    free(cause);
    assert_int_equal(count_files("*corrupt*"), 0);
}

static void a_newer_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    fill_and_close();
    free(outside("PRAGMA user_version = 1000"));
    expect_refusal("version 1000");
    expect_outside("SELECT count(*) FROM settings", "1000");
    expect_outside("PRAGMA user_version", "1000");
}

static void what_cannot_be_opened_is_told(void **state)
{
    (void)state;
    char *path = below("hashflow.db");

    assert_return_code(mkdir(path, 0700), errno);
    expect_refusal(strerror(EISDIR));
    assert_return_code(rmdir(path), errno);
    assert_return_code(symlink("/nowhere", path), errno);
    expect_refusal(strerror(ELOOP));
    free(path);
}

/* ---- older versions */

static const char version_1[] =
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE peers (id INTEGER PRIMARY KEY, node TEXT NOT NULL, name TEXT NOT NULL,"
    "  dialect INTEGER NOT NULL, quiet INTEGER NOT NULL, claimed INTEGER NOT NULL,"
    "  seen INTEGER NOT NULL);"
    "CREATE TABLE addresses (peer INTEGER NOT NULL REFERENCES peers (id) ON DELETE CASCADE,"
    "  rank INTEGER NOT NULL, address TEXT NOT NULL, PRIMARY KEY (peer, rank)) WITHOUT ROWID;"
    "INSERT INTO settings VALUES ('node', 'abcdefghijklmnopqrstuvwx27');"
    "INSERT INTO settings VALUES ('name', 'ann');"
    "INSERT INTO peers VALUES (7, 'n0de', 'bob', 3, 1, 0, 1000);"
    "INSERT INTO addresses VALUES (7, 0, '10.0.0.2:7216');"
    "PRAGMA user_version = 1;";

static void make_version_1(void)
{
    char *path = below("hashflow.db");
    sqlite3 *handle;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, version_1, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    free(path);
}

static void expect_bob(void *arg, const struct peer_row *row)
{
    ++*(int *)arg;
    assert_int_equal(row->id, 7);
    assert_string_equal(row->node, "n0de");
    assert_string_equal(row->name, "bob");
    assert_true(row->quiet);
    assert_false(row->banned);
    assert_true(row->boot == 0);
    assert_int_equal(row->seen, 1000);
    assert_int_equal(row->address_count, 1);
}

static void version_1_is_taken_over(void **state)
{
    (void)state;
    static const struct outbox_run run = {
        .first = 1, .last = 1, .count = 1, .lines = {.at = "x\n", .len = 2}};
    static const int64_t bob = 7;
    struct outbox_total total;
    int count = 0;

    make_version_1();
    struct database *db = open_good();
    assert_string_equal(database_node(db), "abcdefghijklmnopqrstuvwx27");
    expect_setting(db, "name", "ann");
    peers_load(db, expect_bob, &count);
    assert_int_equal(count, 1);
    outbox_add(db, &run, &bob, 1);
    database_close(db);
    expect_outside("PRAGMA user_version", "2");
    db = open_good();
    outbox_sum(db, bob, &total);
    assert_true(total.lines == 1);
    database_close(db);
    assert_int_equal(log_lines, 0);
}

static void the_node_outlives_its_database(void **state)
{
    (void)state;
    struct database *db = open_good();
    char *node = alloc_string(database_node(db));

    database_close(db);
    write_file("hashflow.db", 0, "noise instead of a header", 25);
    db = open_good();
    assert_string_equal(database_node(db), node);
    assert_int_equal(count_files("*.corrupt-*"), 1);
    database_close(db);
    free(node);
}

static void without_an_id_nothing_is_opened(void **state)
{
    (void)state;
    char *path = below("node");
    char *cause = NULL;

    assert_return_code(mkdir(path, 0700), errno);
    assert_null(database_open(root, &cause));
    assert_non_null(strstr(cause, path));
    free(cause);
    free(path);
}

/* ---- killed at any moment */

/* Both settings are written in one turn, so they must always be equal. */
static void write_for_ever(int ready)
{
    char *cause;
    struct database *db = database_open(root, &cause);
    char text[32];

    for (unsigned i = 1; db != NULL; i++) {
        snprintf(text, sizeof text, "%u", i);
        database_set(db, "left", text);
        database_set(db, "right", text);
        if (!database_commit(db) || (i == 1 && write(ready, "!", 1) != 1))
            break;
    }
    _exit(1);
}

/* The pipe tells of the first commit; the time is counted from there. */
static void kill_after(uint64_t us)
{
    int ready[2];
    char byte;

    assert_return_code(pipe(ready), errno);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        write_for_ever(ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    for (uint64_t until = clock_now_us() + us; clock_now_us() < until;)
        ;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_killed_writer_leaves_whole_turns(void **state)
{
    (void)state;
    for (int i = 0; i < KILLS; i++) {
        kill_after(clock_random(8000));
        struct database *db = open_good();
        char *left = database_get(db, "left");
        char *right = database_get(db, "right");

        assert_non_null(left);
        assert_non_null(right);
        assert_string_equal(left, right);
        free(left);
        free(right);
        database_close(db);
        expect_outside("PRAGMA integrity_check", "ok");
    }
    assert_int_equal(log_lines, 0);
    assert_int_equal(count_files("*corrupt*"), 0);
}

/* Killed while a new database is made: what is left is no database yet, or a whole one. */
static void a_killed_beginner_leaves_what_opens(void **state)
{
    (void)state;
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();

        assert_return_code(child, errno);
        if (child == 0) {
            char *cause;
            _exit(database_open(root, &cause) == NULL);
        }
        for (uint64_t until = clock_now_us() + clock_random(4000); clock_now_us() < until;)
            ;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        database_close(open_good());
        expect_outside("PRAGMA integrity_check", "ok");
        assert_int_equal(log_lines, 0);
        char *path = below("hashflow.db");
        assert_return_code(unlink(path), errno);
        free(path);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_settings),
        TEST(a_turn_is_seen_when_it_is_committed),
        TEST(is_as_durable_as_it_says),
        TEST(one_text_is_prepared_once),
        TEST(files_are_ours_alone),
        TEST(a_turn_with_a_failed_write_is_dropped_whole),
        TEST(a_statement_that_cannot_be_prepared_only_fails),
        TEST(somebody_elses_lock_costs_one_turn),
        TEST(a_full_disk_keeps_what_was_committed),
        TEST(a_file_that_is_no_database_is_moved_aside),
        TEST(a_damaged_header_is_moved_aside),
        TEST(a_damaged_page_is_moved_aside),
        TEST(a_cut_file_is_moved_aside),
        TEST(the_journal_goes_with_its_file),
        TEST(an_empty_file_is_a_new_database),
        TEST(a_newer_version_is_refused_and_left_alone),
        TEST(what_cannot_be_opened_is_told),
        TEST(version_1_is_taken_over),
        TEST(the_node_outlives_its_database),
        TEST(without_an_id_nothing_is_opened),
        TEST(a_killed_writer_leaves_whole_turns),
        TEST(a_killed_beginner_leaves_what_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
