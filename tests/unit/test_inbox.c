/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Marks and received lines: the last epochs of a sender are known, lines leave in order, and rows
 * that a stranger has put in do no harm.
 */
#include "config.h"

#include "store/inbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"

static char loaded[4096]; /* "NODE.EPOCH ADDRESS NAME LINES;" for each run, its LFs as commas */
static int64_t last_id;

static void take_run(void *arg, const struct inbox_run *run)
{
    size_t len = strlen(loaded);

    assert_ptr_equal(arg, loaded);
    assert_true(run->id > last_id);
    last_id = run->id;
    snprintf(loaded + len, sizeof loaded - len, "%s.%llu %s %s %.*s;", run->node,
             (unsigned long long)run->epoch, run->address, run->name, (int)run->lines.len,
             run->lines.at);
    for (char *at = loaded + len; *at != '\0'; at++)
        if (*at == '\n')
            *at = ',';
}

static void expect_runs(const char *expected)
{
    loaded[0] = '\0';
    last_id = 0;
    inbox_load(records, take_run, loaded);
    assert_string_equal(loaded, expected);
}

static void expect_mark(const char *node, uint64_t epoch, uint64_t seq)
{
    assert_true(inbox_mark(records, node, epoch) == seq);
}

static int64_t add(const char *node, uint64_t epoch, const char *lines)
{
    struct inbox_run run = {.node = node,
                            .address = "10.0.0.2:7216",
                            .name = "böb",
                            .epoch = epoch,
                            .lines = span_of(lines)};

    return inbox_add(records, &run);
}

/* ---- marks */

static void marks_come_back(void **state)
{
    (void)state;
    expect_mark("ann", 1, 0);
    inbox_set_mark(records, "ann", 1, 5);
    inbox_set_mark(records, "ann", UINT64_MAX, UINT64_MAX);
    inbox_set_mark(records, "bob", 1, 7);
    inbox_set_mark(records, "ann", 1, 6);
    records_reopen();
    expect_mark("ann", 1, 6);
    expect_mark("ann", UINT64_MAX, UINT64_MAX);
    expect_mark("bob", 1, 7);
    expect_mark("bob", 2, 0);
    expect_mark("an", 1, 0);
}

static void the_epochs_set_last_are_kept(void **state)
{
    (void)state;
    inbox_set_mark(records, "bob", 1, 99);
    for (uint64_t i = 1; i <= INBOX_EPOCHS; i++)
        inbox_set_mark(records, "ann", 100 - i, i);
    inbox_set_mark(records, "ann", 99, 1000);
    inbox_set_mark(records, "ann", 200, 1);
    inbox_set_mark(records, "ann", 201, 1);
    expect_mark("ann", 99, 1000);
    expect_mark("ann", 98, 0);
    expect_mark("ann", 97, 0);
    expect_mark("ann", 96, 4);
    expect_mark("ann", 200, 1);
    expect_mark("ann", 201, 1);
    expect_mark("bob", 1, 99);
    assert_int_equal(records_count("SELECT count(*) FROM marks WHERE node = 'ann'"), INBOX_EPOCHS);
}

static void the_marks_set_last_are_kept(void **state)
{
    (void)state;
    char node[16];

    for (int i = 0; i < INBOX_MARKS + 3; i++) {
        snprintf(node, sizeof node, "n%d", i);
        inbox_set_mark(records, node, 7, 1);
        if (i == 100)
            inbox_set_mark(records, "n0", 7, 2);
    }
    expect_mark("n0", 7, 2);
    expect_mark("n1", 7, 0);
    expect_mark("n3", 7, 0);
    expect_mark("n4", 7, 1);
    assert_int_equal(records_count("SELECT count(*) FROM marks"), INBOX_MARKS);
}

/* ---- lines */

static void lines_leave_in_order(void **state)
{
    (void)state;
    expect_runs("");
    int64_t first = add("bob", 9, "/msg 1 a\n/bcast 2 b\n");
    int64_t second = add("ann", UINT64_MAX, "/msg 1 c\n");
    assert_true(first > 0);
    assert_true(second > first);
    records_reopen();
    expect_runs("bob.9 10.0.0.2:7216 böb /msg 1 a,/bcast 2 b,;"
                "ann.18446744073709551615 10.0.0.2:7216 böb /msg 1 c,;");
    inbox_drop(records, first);
    expect_runs("ann.18446744073709551615 10.0.0.2:7216 böb /msg 1 c,;");
    inbox_drop(records, second);
    expect_runs("");
    assert_true(add("bob", 9, "/msg 3 d\n") > second);
}

static void a_run_can_leave_in_part(void **state)
{
    (void)state;
    int64_t first = add("bob", 9, "/msg 1 ä\n/msg 2 b\n");
    add("ann", 7, "/msg 1 c\n");
    inbox_shorten(records, first, strlen("/msg 2 b\n"));
    inbox_shorten(records, first, strlen("/msg 2 b\n")); /* a turn that is tried again */
    inbox_drop(records, first - 1);
    records_reopen();
    expect_runs("bob.9 10.0.0.2:7216 böb /msg 2 b,;ann.7 10.0.0.2:7216 böb /msg 1 c,;");
    records_tamper("UPDATE inbox SET lines = 'ää' || char(10) || 'ö' || char(10)");
    inbox_shorten(records, first, strlen("ö\n"));
    expect_runs("bob.9 10.0.0.2:7216 böb ö,;ann.7 10.0.0.2:7216 böb ää,ö,;");
}

static void a_lost_turn_never_gives_an_id_twice(void **state)
{
    (void)state;
    static const char bad[] = "INSERT INTO settings (key, value) VALUES ('x', NULL)";
    int64_t lost = add("bob", 9, "/msg 1 a\n");

    database_run(records, database_statement(records, bad, true));
    int64_t refused = add("bob", 9, "/msg 2 b\n");
    assert_true(refused > lost);
    assert_false(database_commit(records));
    assert_true(add("bob", 9, "/msg 1 a\n") > refused);
    assert_true(database_commit(records));
    expect_runs("bob.9 10.0.0.2:7216 böb /msg 1 a,;");
}

/* ---- what does not make sense is left out */

static void lines_that_cannot_be_are_skipped(void **state)
{
    (void)state;
    add("good", 1, "x\n");
    records_tamper("INSERT INTO inbox VALUES (-1, 'n', 1, 'a', 'b', 'x' || char(10));"
                   "INSERT INTO inbox VALUES (1001, '', 1, 'a', 'b', 'x' || char(10));"
                   "INSERT INTO inbox VALUES (1002, 'UPPER', 1, 'a', 'b', 'x' || char(10));"
                   "INSERT INTO inbox VALUES (1008, 'n', 1, 'a', 'b', 'x');"
                   "INSERT INTO inbox VALUES (1009, 'n', 1, 'a', 'b', '');"
                   "INSERT INTO inbox VALUES (1010, 'n', 1, 'a', 'b', 5);"
                   "INSERT INTO inbox VALUES (1011, 'n', 1, 'a', 'b', zeroblob(20000000));"
                   "INSERT INTO inbox VALUES (1012, 'n', 'x', 'a', 'b', 'x' || char(10));");
    expect_runs("good.1 10.0.0.2:7216 böb x,;n.0 a b x,;");
    assert_true(add("good", 1, "y\n") > 1012);
    assert_int_equal(folder_log_lines, 0);
}

/* They were confirmed to their sender: whoever it was, they are told. */
static void what_cannot_be_shown_is_a_dash(void **state)
{
    (void)state;
    records_tamper("INSERT INTO inbox VALUES (1, 'n', 1, '', 'two words', char(10));"
                   "INSERT INTO inbox VALUES (2, 'n', 1, x'61000a', char(27), char(10));"
                   "INSERT INTO inbox VALUES (3, 'n', 1, printf('%.512c', 'a'), x'ff', char(10));"
                   "INSERT INTO inbox VALUES (4, 'n', 1, 'host.example.net:1', 'b', char(10));");
    expect_runs("n.1 - - ,;n.1 - - ,;n.1 - - ,;n.1 host.example.net:1 b ,;");
}

static void the_highest_id_is_no_end(void **state)
{
    (void)state;
    records_tamper("INSERT INTO inbox VALUES (9223372036854775807, 'n', 1, 'a', 'b', char(10));");
    add("good", 1, "x\n");
    add("good", 1, "y\n");
    assert_true(database_commit(records));
    expect_runs("good.1 10.0.0.2:7216 böb x,;good.1 10.0.0.2:7216 böb y,;n.1 a b ,;");
}

static void marks_that_cannot_be_do_no_harm(void **state)
{
    (void)state;
    records_tamper("INSERT INTO marks VALUES ('ann', 1, 'many', 9223372036854775807);"
                   "INSERT INTO marks VALUES ('ann', 2, 5, 'x');"
                   "INSERT INTO marks VALUES ('ann', 'x', 5, 9223372036854775807);");
    expect_mark("ann", 1, 0);
    expect_mark("ann", 2, 5);
    inbox_set_mark(records, "ann", 2, 6);
    expect_mark("ann", 2, 6);
    for (uint64_t i = 10; i < 30; i++) {
        inbox_set_mark(records, "ann", i, i);
        expect_mark("ann", i, i);
    }
    assert_true(database_commit(records));
    assert_int_equal(records_count("SELECT count(*) FROM marks"), INBOX_EPOCHS);
    assert_int_equal(folder_log_lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_come_back),
        TEST(the_epochs_set_last_are_kept),
        TEST(the_marks_set_last_are_kept),
        TEST(lines_leave_in_order),
        TEST(a_run_can_leave_in_part),
        TEST(a_lost_turn_never_gives_an_id_twice),
        TEST(lines_that_cannot_be_are_skipped),
        TEST(what_cannot_be_shown_is_a_dash),
        TEST(the_highest_id_is_no_end),
        TEST(marks_that_cannot_be_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
