/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs and their copies: each line stored once, every peer's copies kept until it has confirmed
 * them, and rows that a stranger has put in passed over.
 */
#include "config.h"

#include "store/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"
#include "store/peers.h"

enum { ALL = 1 << 30, MOST_RUNS = 64 };

static char loaded[4096]; /* "FIRST-LAST*COUNT@AT:LINES " for each run, its LFs as commas */
static size_t loaded_runs;

static void take_run(void *arg, const struct outbox_run *run)
{
    size_t len = strlen(loaded);

    assert_ptr_equal(arg, loaded);
    assert_true(loaded_runs++ < MOST_RUNS);
    snprintf(loaded + len, sizeof loaded - len, "%llu-%llu*%zu@%lld:%.*s ",
             (unsigned long long)run->first, (unsigned long long)run->last, run->count,
             (long long)run->at, (int)run->lines.len, run->lines.at);
    for (char *at = loaded + len; *at != '\0'; at++)
        if (*at == '\n')
            *at = ',';
}

static void expect_runs(int64_t peer, uint64_t after, size_t bytes, const char *expected)
{
    loaded[0] = '\0';
    loaded_runs = 0;
    outbox_load(records, peer, after, bytes, take_run, loaded);
    assert_string_equal(loaded, expected);
}

static void expect_total_above(uint64_t after, int64_t peer, uint64_t lines, uint64_t bytes,
                               uint64_t last, uint64_t cursor)
{
    struct outbox_total total;

    outbox_sum(records, peer, after, &total);
    assert_true(total.lines == lines);
    assert_true(total.bytes == bytes);
    assert_true(total.last == last);
    assert_true(total.cursor == cursor);
}

static void expect_total(int64_t peer, uint64_t lines, uint64_t bytes, uint64_t last,
                         uint64_t cursor)
{
    expect_total_above(0, peer, lines, bytes, last, cursor);
}

static int64_t save_peer(int64_t id)
{
    struct peer_row row = {.id = id, .node = "node", .name = "-"};

    peers_save(records, &row);
    return row.id;
}

static int64_t new_peer(void)
{
    return save_peer(0);
}

/* Lines of two bytes, numbered without a gap. */
static void add(uint64_t first, size_t count, int64_t at, const int64_t *peers, size_t peer_count)
{
    static const char lines[] = "a\nb\nc\nd\ne\nf\ng\nh\n";
    struct outbox_run run = {.first = first,
                             .last = first + count - 1,
                             .count = count,
                             .at = at,
                             .lines = span_make(lines, 2 * count)};

    assert_true(2 * count < sizeof lines);
    outbox_add(records, &run, peers, peer_count);
}

/* ---- what is added comes back */

static void a_run_comes_back(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    expect_total(bob, 0, 0, 0, 0);
    expect_runs(bob, 0, ALL, "");
    add(7, 3, 1000, &bob, 1);
    records_reopen();
    expect_runs(bob, 0, ALL, "7-9*3@1000:a,b,c, ");
    expect_total(bob, 3, 6, 9, 0);
    assert_int_equal(folder_log_lines, 0);
}

static void any_byte_comes_back(void **state)
{
    (void)state;
    char lines[257];
    int64_t bob = new_peer();
    struct outbox_run run = {.first = 1, .last = 2, .count = 2, .lines = span_make(lines, 257)};

    for (int i = 0; i < 256; i++)
        lines[i] = (char)i;
    lines[256] = '\n';
    outbox_add(records, &run, &bob, 1);
    expect_total(bob, 2, 257, 2, 0);
    assert_int_equal(records_count("SELECT length(lines) FROM runs"), 257);
    loaded_runs = 0;
    outbox_load(records, bob, 0, ALL, take_run, loaded);
    assert_int_equal(loaded_runs, 1);
}

static void lines_with_gaps_are_a_run(void **state)
{
    (void)state;
    int64_t bob = new_peer();
    struct outbox_run run = {
        .first = 3, .last = 900, .count = 2, .at = 5, .lines = span_of("x\ny\n")};

    outbox_add(records, &run, &bob, 1);
    expect_runs(bob, 3, ALL, "3-900*2@5:x,y, ");
    expect_runs(bob, 899, ALL, "3-900*2@5:x,y, ");
    expect_runs(bob, 900, ALL, "");
}

static void for_nobody_nothing_is_kept(void **state)
{
    (void)state;
    add(1, 1, 0, NULL, 0);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 0);
}

static void loading_goes_on_behind_a_number(void **state)
{
    (void)state;
    int64_t bob = new_peer(), eve = new_peer();
    int64_t both[] = {bob, eve};

    add(1, 2, 1, both, 2);
    add(3, 1, 2, &eve, 1);
    add(4, 3, 3, both, 2);
    add(9, 1, 4, &bob, 1);
    expect_runs(bob, 0, ALL, "1-2*2@1:a,b, 4-6*3@3:a,b,c, 9-9*1@4:a, ");
    expect_runs(eve, 0, ALL, "1-2*2@1:a,b, 3-3*1@2:a, 4-6*3@3:a,b,c, ");
    expect_runs(bob, 1, ALL, "1-2*2@1:a,b, 4-6*3@3:a,b,c, 9-9*1@4:a, ");
    expect_runs(bob, 2, ALL, "4-6*3@3:a,b,c, 9-9*1@4:a, ");
    expect_runs(bob, 3, ALL, "4-6*3@3:a,b,c, 9-9*1@4:a, ");
    expect_runs(bob, 5, ALL, "4-6*3@3:a,b,c, 9-9*1@4:a, ");
    expect_runs(bob, 6, ALL, "9-9*1@4:a, ");
    expect_runs(bob, 9, ALL, "");
    expect_runs(bob, UINT64_MAX, ALL, "");
    expect_runs(999, 0, ALL, "");
    expect_total_above(5, bob, 4, 8, 9, 0);
    expect_total_above(6, bob, 1, 2, 9, 0);
    expect_total_above(9, bob, 0, 0, 0, 0);
    expect_total_above(UINT64_MAX, bob, 0, 0, 0, 0);
}

static void loading_stops_when_it_has_enough(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    add(1, 2, 1, &bob, 1);
    add(3, 2, 1, &bob, 1);
    add(5, 2, 1, &bob, 1);
    expect_runs(bob, 0, 0, "1-2*2@1:a,b, ");
    expect_runs(bob, 0, 4, "1-2*2@1:a,b, ");
    expect_runs(bob, 0, 5, "1-2*2@1:a,b, 3-4*2@1:a,b, ");
    expect_runs(bob, 2, 8, "3-4*2@1:a,b, 5-6*2@1:a,b, ");
}

/* ---- what is confirmed goes */

static void a_run_goes_with_its_last_copy(void **state)
{
    (void)state;
    int64_t bob = new_peer(), eve = new_peer();
    int64_t both[] = {bob, eve};

    add(1, 4, 1, both, 2);
    add(5, 4, 2, both, 2);
    outbox_confirm(records, bob, 6);
    expect_runs(bob, 6, ALL, "5-8*4@2:a,b,c,d, ");
    expect_total(bob, 4, 8, 8, 6);
    expect_total(eve, 8, 16, 8, 0);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 2);
    outbox_confirm(records, eve, 4);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 1);
    outbox_confirm(records, bob, 8);
    outbox_confirm(records, eve, 8);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 0);
    records_reopen();
    expect_total(bob, 0, 0, 0, 8);
    expect_total(eve, 0, 0, 0, 8);
}

static void confirming_more_than_there_is_takes_all(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    add(1, 1, 1, &bob, 1);
    add(2, 1, 1, &bob, 1);
    outbox_confirm(records, bob, UINT64_MAX);
    expect_total(bob, 0, 0, 0, UINT64_MAX);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 0);
}

static void a_peer_takes_its_copies_along(void **state)
{
    (void)state;
    int64_t bob = new_peer(), eve = new_peer();
    int64_t both[] = {bob, eve};

    add(1, 1, 1, both, 2);
    add(2, 1, 1, &bob, 1);
    outbox_confirm(records, bob, 0);
    peers_delete(records, bob);
    expect_total(bob, 0, 0, 0, 0);
    expect_runs(eve, 0, ALL, "1-1*1@1:a, ");
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 1);
    assert_int_equal(records_count("SELECT count(*) FROM cursors"), 0);
    peers_delete(records, eve);
    assert_int_equal(records_count("SELECT count(*) FROM runs"), 0);
}

static void what_is_old_is_found(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    assert_true(outbox_taken_before(records, bob, INT64_MAX) == 0);
    add(1, 2, 100, &bob, 1);
    add(3, 2, 200, &bob, 1);
    add(5, 2, 300, &bob, 1);
    assert_true(outbox_taken_before(records, bob, 100) == 0);
    assert_true(outbox_taken_before(records, bob, 101) == 2);
    assert_true(outbox_taken_before(records, bob, 300) == 4);
    assert_true(outbox_taken_before(records, bob, INT64_MAX) == 6);
    assert_true(outbox_taken_before(records, bob + 1, INT64_MAX) == 0);
}

/* A clock that was put back: nothing behind it is younger than what is not old yet. */
static void what_is_not_old_protects_what_comes_behind(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    add(1, 1, 100, &bob, 1);
    add(2, 1, 900, &bob, 1);
    add(3, 1, 100, &bob, 1);
    assert_true(outbox_taken_before(records, bob, 500) == 1);
    assert_true(outbox_taken_before(records, bob, 901) == 3);
}

/* ---- turns */

static void a_lost_turn_leaves_nothing(void **state)
{
    (void)state;
    int64_t bob = new_peer();
    int64_t nobody = bob + 1;

    add(1, 1, 1, &bob, 1);
    assert_true(database_commit(records));
    outbox_confirm(records, bob, 1);
    add(2, 1, 1, &bob, 1);
    add(3, 1, 1, &nobody, 1);
    assert_int_equal(folder_log_lines, 1);
    add(4, 1, 1, &bob, 1);
    outbox_confirm(records, bob, 4);
    assert_false(database_commit(records));
    expect_runs(bob, 0, ALL, "1-1*1@1:a, ");
    expect_total(bob, 1, 2, 1, 0);
    add(2, 1, 1, &bob, 1);
    assert_true(database_commit(records));
    expect_runs(bob, 0, ALL, "1-1*1@1:a, 2-2*1@1:a, ");
}

static void a_number_is_given_once(void **state)
{
    (void)state;
    int64_t bob = new_peer(), eve = new_peer();

    add(1, 1, 1, &bob, 1);
    assert_true(database_commit(records));
    add(1, 2, 2, &eve, 1);
    assert_false(database_commit(records));
    expect_runs(bob, 0, ALL, "1-1*1@1:a, ");
    expect_runs(eve, 0, ALL, "");
}

/* ---- what does not make sense is left out */

static void runs_that_cannot_be_are_passed_over(void **state)
{
    (void)state;
    int64_t bob = save_peer(1);

    add(10, 1, 1, &bob, 1);
    add(500, 1, 1, &bob, 1);
    records_tamper("PRAGMA foreign_keys = OFF;"
                   "INSERT INTO runs VALUES (-5, 20, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (0, 20, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (21, 20, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (31, 31, 2, 1, 'x' || char(10) || char(10));"
                   "INSERT INTO runs VALUES (41, 41, 0, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (51, 51, -1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (61, 62, 2, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (71, 71, 1, 1, 'x');"
                   "INSERT INTO runs VALUES (81, 81, 1, 1, '');"
                   "INSERT INTO runs VALUES (91, 91, 'many', 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (101, -1, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (111, 120, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (115, 121, 1, 1, 'inside' || char(10));"
                   "INSERT INTO runs VALUES (131, 131, 1, 1, 17);"
                   "INSERT INTO runs VALUES (141, 141, 1, 1, zeroblob(20000000));"
                   "INSERT INTO runs VALUES (151, 151, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (161, 161, 1, 1, 'x' || char(10));"
                   "INSERT INTO runs VALUES (171, 171, 1, 1, 'x' || char(10));"
                   "INSERT INTO copies SELECT 1, id, last, count, length(lines) FROM runs"
                   "  WHERE id NOT IN (10, 500);"
                   "UPDATE copies SET last = 152 WHERE run = 151;"
                   "UPDATE copies SET count = 2 WHERE run = 161;"
                   "UPDATE copies SET bytes = 1 WHERE run = 171;"
                   "INSERT INTO copies VALUES (1, 499, 499, 1, 2);");
    expect_runs(bob, 0, ALL, "10-10*1@1:a, 111-120*1@1:x, 500-500*1@1:a, ");
    expect_runs(bob, 131, ALL, "500-500*1@1:a, ");
    assert_int_equal(folder_log_lines, 0);
}

static void sums_that_cannot_be_are_passed_over(void **state)
{
    (void)state;
    int64_t bob = save_peer(1);

    add(10, 2, 7, &bob, 1);
    records_tamper("PRAGMA foreign_keys = OFF;"
                   "INSERT INTO copies VALUES (1, 21, 21, 9223372036854775807, 1);"
                   "INSERT INTO copies VALUES (1, 22, 22, 1, 9223372036854775807);"
                   "INSERT INTO copies VALUES (1, 23, 22, 1, 1);"
                   "INSERT INTO copies VALUES (1, 24, 24, -1, 1);"
                   "INSERT INTO copies VALUES (1, 25, 25, 1, 0);"
                   "INSERT INTO copies VALUES (1, 26, 'late', 'few', 'small');"
                   "INSERT INTO copies VALUES (1, -9223372036854775808, 9, 1, 1);");
    expect_total(bob, 2, 4, 11, 0);
    assert_true(outbox_taken_before(records, bob, 100) == 11);
    assert_int_equal(folder_log_lines, 0);
}

static void an_outbox_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    int64_t bob = new_peer();

    records_tamper("DROP TABLE copies");
    expect_runs(bob, 0, ALL, "");
    expect_total(bob, 0, 0, 0, 0);
    outbox_confirm(records, bob, 1);
    assert_false(database_commit(records));
    assert_int_equal(folder_log_lines, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_comes_back),
        TEST(any_byte_comes_back),
        TEST(lines_with_gaps_are_a_run),
        TEST(for_nobody_nothing_is_kept),
        TEST(loading_goes_on_behind_a_number),
        TEST(loading_stops_when_it_has_enough),
        TEST(a_run_goes_with_its_last_copy),
        TEST(confirming_more_than_there_is_takes_all),
        TEST(a_peer_takes_its_copies_along),
        TEST(what_is_old_is_found),
        TEST(what_is_not_old_protects_what_comes_behind),
        TEST(a_lost_turn_leaves_nothing),
        TEST(a_number_is_given_once),
        TEST(runs_that_cannot_be_are_passed_over),
        TEST(sums_that_cannot_be_are_passed_over),
        TEST(an_outbox_that_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
