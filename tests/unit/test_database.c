/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database in a private temporary folder: turns kept whole or not at all, and a writer that is
 * killed at any moment.
 */
#include "config.h"

#include "store/database.h"

#include <errno.h>
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

#include "../lib/settings.h"
#include "base/clock.h"

enum { KILLS = 20 };

/* ---- settings and turns */

static void keeps_settings(void **state)
{
    (void)state;
    struct database *db = folder_open();

    settings_expect(db, "node", NULL);
    database_set(db, "node", "abc");
    settings_expect(db, "node", "abc");
    database_set(db, "node", "x'); DROP TABLE settings; --");
    database_set(db, "empty", "");
    database_close(db);
    db = folder_open();
    settings_expect(db, "node", "x'); DROP TABLE settings; --");
    settings_expect(db, "empty", "");
    settings_expect(db, "nod", NULL);
    database_close(db);
    database_close(NULL);
    assert_int_equal(folder_log_lines, 0);
}

static void a_turn_is_seen_when_it_is_committed(void **state)
{
    (void)state;
    struct database *db = folder_open();

    assert_true(database_commit(db));
    database_set(db, "a", "1");
    database_set(db, "b", "2");
    settings_expect_outside("SELECT count(*) FROM settings", "0");
    assert_true(database_commit(db));
    settings_expect_outside("SELECT count(*) FROM settings", "2");
    assert_true(database_commit(db));
    database_close(db);
}

static void is_as_durable_as_it_says(void **state)
{
    (void)state;
    struct database *db = folder_open();
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
    struct database *db = folder_open();

    assert_ptr_equal(database_statement(db, sql, false), database_statement(db, sql, false));
    database_close(db);
}

static void files_are_ours_alone(void **state)
{
    (void)state;
    static const char *const names[] = {"hashflow.db", "hashflow.db-wal", "hashflow.db-shm"};
    mode_t former = umask(0);
    struct database *db = folder_open();

    database_set(db, "a", "1");
    database_commit(db);
    umask(former);
    for (int i = 0; i < 3; i++) {
        char *path = folder_path(names[i]);
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
    struct database *db = folder_open();

    database_set(db, "a", "1");
    assert_false(database_run(db, database_statement(db, bad, true)));
    database_set(db, "c", "3");
    assert_int_equal(folder_log_lines, 1);
    assert_false(database_commit(db));
    settings_expect_outside("SELECT count(*) FROM settings", "0");

    assert_false(database_run(db, database_statement(db, bad, true)));
    assert_false(database_commit(db));
    assert_int_equal(folder_log_lines, 1); /* said once … */
    database_set(db, "d", "4");
    assert_true(database_commit(db));
    settings_expect_outside("SELECT group_concat(key) FROM settings", "d");
    assert_false(database_run(db, database_statement(db, bad, true)));
    assert_int_equal(folder_log_lines, 2); /* … until something could be stored again */
    database_close(db);
}

static void a_statement_that_cannot_be_prepared_only_fails(void **state)
{
    (void)state;
    struct database *db = folder_open();

    assert_null(database_statement(db, "SELECT nothing FROM nowhere", false));
    assert_int_equal(folder_log_lines, 1);
    assert_false(database_row(db, NULL));
    assert_false(database_run(db, NULL));
    assert_false(database_commit(db));
    settings_expect(db, "a", NULL);
    database_close(db);
}

static void somebody_elses_lock_costs_one_turn(void **state)
{
    (void)state;
    struct database *db = folder_open();
    char *path = folder_path("hashflow.db");
    sqlite3 *other;

    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    database_set(db, "a", "1");
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    database_set(db, "too late", "for this turn");
    assert_false(database_commit(db));
    assert_int_equal(folder_log_lines, 1);
    database_set(db, "b", "2");
    assert_true(database_commit(db));
    settings_expect_outside("SELECT group_concat(key) FROM settings", "b");
    database_close(db);
    free(path);
}

/* The size of files is limited: what a full disk answers, SQLite hears from a write beyond it. */
static int write_until_full(void)
{
    struct rlimit small = {.rlim_cur = 200000, .rlim_max = 200000};
    char *cause;
    struct database *db = database_open(folder_root, &cause);
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
    if (folder_log_lines == 0 || folder_log_lines > 30 - kept)
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
    struct database *db = folder_open();
    char *expected = alloc_print("%d", WEXITSTATUS(status));
    settings_expect_outside("SELECT count(*) FROM settings", expected);
    free(expected);
    database_close(db);
    assert_int_equal(folder_count("*corrupt*"), 0);
}

/* ---- killed at any moment */

/* Both settings are written in one turn, so they must always be equal. */
static void write_for_ever(int ready)
{
    char *cause;
    struct database *db = database_open(folder_root, &cause);
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
        struct database *db = folder_open();
        char *left = database_get(db, "left");
        char *right = database_get(db, "right");

        assert_non_null(left);
        assert_non_null(right);
        assert_string_equal(left, right);
        free(left);
        free(right);
        database_close(db);
        settings_expect_outside("PRAGMA integrity_check", "ok");
    }
    assert_int_equal(folder_log_lines, 0);
    assert_int_equal(folder_count("*corrupt*"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

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
        TEST(a_killed_writer_leaves_whole_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
