/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A node has got a key: its marks, lines, history and tombstone go along, and nobody else's.
 */
#include "config.h"

#include "store/renaming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"
#include "store/history.h"
#include "store/inbox.h"
#include "store/tombstones.h"

static const char key[] = "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void add_history(const char *node, uint64_t seq)
{
    struct history_batch batch;
    char *cause;
    const struct history_line line = {.address = span_of("10.0.0.2:7216"),
                                      .name = span_of("bob"),
                                      .node = span_of(node),
                                      .numbered = true,
                                      .epoch = 5,
                                      .seq = seq,
                                      .text = span_of("hello")};

    assert_true(database_commit(records)); /* the history's lines are no turn's */
    assert_true(history_begin(&batch, records, &cause));
    history_add(&batch, &line);
    assert_true(history_end(&batch, &cause));
}

static int count_of(const char *table, const char *node)
{
    char *path = folder_path("hashflow.db");
    char *sql = alloc_print("SELECT count(*) FROM %s WHERE node = '%s'", table, node);
    sqlite3 *handle;
    sqlite3_stmt *s;

    assert_true(database_commit(records));
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int count = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(handle);
    free(sql);
    free(path);
    return count;
}

static void expect_counts(const char *node, int marks, int inbox, int history, int tombstones)
{
    assert_int_equal(count_of("marks", node), marks);
    assert_int_equal(count_of("inbox", node), inbox);
    assert_int_equal(count_of("history", node), history);
    assert_int_equal(count_of("tombstones", node), tombstones);
}

static void fill(const char *node, uint64_t seq)
{
    const struct inbox_run run = {.node = node,
                                  .address = "10.0.0.2:7216",
                                  .name = "bob",
                                  .epoch = 5,
                                  .lines = span_of("/msg 1 x\n")};

    add_history(node, seq);
    inbox_set_mark(records, node, 5, seq);
    inbox_add(records, &run);
    tombstones_add(records, node, 1);
}

static void everything_of_it_goes_along(void **state)
{
    (void)state;
    fill("bob", 7);
    fill("zoe", 8);
    renaming_move(records, "bob", key);
    expect_counts("bob", 0, 0, 0, 0);
    expect_counts(key, 1, 1, 1, 1);
    expect_counts("zoe", 1, 1, 1, 1);
    records_reopen();
    assert_true(inbox_mark(records, key, 5) == 7);
    assert_true(inbox_mark(records, "bob", 5) == 0);
}

static void what_the_key_has_already_counts(void **state)
{
    (void)state;
    fill("bob", 7);
    fill(key, 9);
    inbox_set_mark(records, "bob", 6, 3); /* of an epoch that the key does not have */
    add_history("bob", 9);                /* told twice */
    renaming_move(records, "bob", key);
    expect_counts("bob", 0, 0, 0, 0);
    expect_counts(key, 2, 2, 2, 1);
    assert_true(inbox_mark(records, key, 5) == 9);
    assert_true(inbox_mark(records, key, 6) == 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_of_it_goes_along),
        TEST(what_the_key_has_already_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
