/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is found when the database is opened: damaged files, foreign ones, older and newer versions,
 * and what somebody left who was killed while making one.
 */
#include "config.h"

#include "store/opening.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/settings.h"
#include "base/clock.h"
#include "store/outbox.h"
#include "store/peers.h"

enum { KILLS = 20, PAGE = 4096 };

/* ---- files that are not what they should be */

static void fill_and_close(void)
{
    struct database *db = folder_open();
    char key[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key number %d", i);
        database_set(db, key, "a value of some length, so that the table has several pages");
    }
    database_close(db);
}

static void expect_moved_aside(void)
{
    struct database *db = folder_open();

    assert_int_equal(folder_log_lines, 1);
    assert_int_equal(folder_count("hashflow.db.corrupt-20[0-9][0-9][01][0-9][0-3][0-9]T*Z"), 1);
    assert_non_null(strstr(folder_last_line, "hashflow.db "));
    assert_non_null(strstr(folder_last_line, "hashflow.db.corrupt-20"));
    settings_expect(db, "key number 1", NULL);
    database_set(db, "new", "one");
    database_close(db);
    db = folder_open();
    settings_expect(db, "new", "one");
    database_close(db);
    assert_int_equal(folder_log_lines, 1);
}

static void a_file_that_is_no_database_is_moved_aside(void **state)
{
    (void)state;
    static char letter[PAGE * 3];

    memset(letter, 'z', sizeof letter);
    folder_write("hashflow.db", 0, letter, sizeof letter);
    expect_moved_aside();
}

static void a_damaged_header_is_moved_aside(void **state)
{
    (void)state;
    fill_and_close();
    folder_write("hashflow.db", 0, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    expect_moved_aside();
}

static void a_damaged_page_is_moved_aside(void **state)
{
    (void)state;
    static char noise[PAGE];

    fill_and_close();
    memset(noise, 0xa5, sizeof noise);
    folder_write("hashflow.db", 5 * PAGE, noise, sizeof noise);
    expect_moved_aside();
}

static void a_cut_file_is_moved_aside(void **state)
{
    (void)state;
    char *path = folder_path("hashflow.db");

    fill_and_close();
    assert_return_code(truncate(path, 3 * PAGE), errno);
    expect_moved_aside();
    free(path);
}

static void the_journal_goes_with_its_file(void **state)
{
    (void)state;
    folder_write("hashflow.db", 0, "not a database at all, but long enough to be looked at", 54);
    folder_write("hashflow.db-wal", 0, "journal", 7);
    struct database *db = folder_open();
    assert_int_equal(folder_count("hashflow.db.corrupt-*Z"), 1);
    assert_int_equal(folder_count("hashflow.db.corrupt-*Z-wal"), 1);
    database_close(db);
}

static void an_empty_file_is_a_new_database(void **state)
{
    (void)state;
    folder_write("hashflow.db", 0, "", 0);
    struct database *db = folder_open();
    database_close(db);
    assert_int_equal(folder_log_lines, 0);
    assert_int_equal(folder_count("*corrupt*"), 0);
}

static void expect_refusal(const char *word)
{
    char *cause = NULL;

    assert_null(database_open(folder_root, &cause));
    assert_non_null(cause);
    assert_non_null(strstr(cause, "hashflow.db"));
    if (strstr(cause, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", cause, word);
    free(cause);
    assert_int_equal(folder_count("*corrupt*"), 0);
}

static void a_newer_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    fill_and_close();
    free(settings_outside("PRAGMA user_version = 1000"));
    expect_refusal("version 1000");
    settings_expect_outside("SELECT count(*) FROM settings", "1000");
    settings_expect_outside("PRAGMA user_version", "1000");
}

static void what_cannot_be_opened_is_told(void **state)
{
    (void)state;
    char *path = folder_path("hashflow.db");

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
    char *path = folder_path("hashflow.db");
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
    struct database *db = folder_open();
    assert_string_equal(database_node(db), "abcdefghijklmnopqrstuvwx27");
    settings_expect(db, "name", "ann");
    peers_load(db, expect_bob, &count);
    assert_int_equal(count, 1);
    outbox_add(db, &run, &bob, 1);
    database_close(db);
    settings_expect_outside("PRAGMA user_version", "4");
    db = folder_open();
    outbox_sum(db, bob, 0, &total);
    assert_true(total.lines == 1);
    database_close(db);
    assert_int_equal(folder_log_lines, 0);
}

static void the_node_outlives_its_database(void **state)
{
    (void)state;
    struct database *db = folder_open();
    char *node = alloc_string(database_node(db));

    database_close(db);
    folder_write("hashflow.db", 0, "noise instead of a header", 25);
    db = folder_open();
    assert_string_equal(database_node(db), node);
    assert_int_equal(folder_count("*.corrupt-*"), 1);
    database_close(db);
    free(node);
}

static void without_an_id_nothing_is_opened(void **state)
{
    (void)state;
    char *path = folder_path("node");
    char *cause = NULL;

    assert_return_code(mkdir(path, 0700), errno);
    assert_null(database_open(folder_root, &cause));
    assert_non_null(strstr(cause, path));
    free(cause);
    free(path);
}

/* ---- killed while it is made */

/* What is left is no database yet, or a whole one. */
static void a_killed_beginner_leaves_what_opens(void **state)
{
    (void)state;
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();

        assert_return_code(child, errno);
        if (child == 0) {
            char *cause;
            _exit(database_open(folder_root, &cause) == NULL);
        }
        for (uint64_t until = clock_now_us() + clock_random(4000); clock_now_us() < until;)
            ;
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        database_close(folder_open());
        settings_expect_outside("PRAGMA integrity_check", "ok");
        assert_int_equal(folder_log_lines, 0);
        char *path = folder_path("hashflow.db");
        assert_return_code(unlink(path), errno);
        free(path);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        TEST(a_killed_beginner_leaves_what_opens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
