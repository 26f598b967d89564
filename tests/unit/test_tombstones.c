/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tombstones: the newest are kept, in the order in which they were set.
 */
#include "config.h"

#include "store/tombstones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"

static char found[1024]; /* "NODE:BOOT " for each, as far as there is room */
static size_t found_count;

static void take(void *arg, const char *node, uint64_t boot)
{
    size_t len = strlen(found);

    assert_ptr_equal(arg, found);
    found_count++;
    snprintf(found + len, sizeof found - len, "%s:%llu ", node, (unsigned long long)boot);
}

static void load(void)
{
    found[0] = '\0';
    found_count = 0;
    tombstones_load(records, take, found);
}

static void expect(const char *expected)
{
    load();
    assert_string_equal(found, expected);
}

static void they_come_back_oldest_first(void **state)
{
    (void)state;
    expect("");
    tombstones_add(records, "zoe", 5);
    tombstones_add(records, "ann", UINT64_MAX);
    tombstones_add(records, "max", 0);
    records_reopen();
    expect("zoe:5 ann:18446744073709551615 max:0 ");
}

static void one_that_is_set_again_is_the_newest(void **state)
{
    (void)state;
    tombstones_add(records, "ann", 1);
    tombstones_add(records, "bob", 2);
    tombstones_add(records, "ann", 3);
    expect("bob:2 ann:3 ");
}

static void one_can_be_removed(void **state)
{
    (void)state;
    tombstones_add(records, "ann", 1);
    tombstones_add(records, "bob", 2);
    tombstones_remove(records, "ann");
    tombstones_remove(records, "nobody");
    assert_true(database_commit(records));
    expect("bob:2 ");
}

static void only_the_newest_are_kept(void **state)
{
    (void)state;
    char node[16];

    for (int i = 0; i < TOMBSTONES_MAX + 10; i++) {
        snprintf(node, sizeof node, "n%d", i);
        tombstones_add(records, node, 1);
        if (i == 5) /* what is removed leaves room for another */
            tombstones_remove(records, "n5");
    }
    tombstones_add(records, "n12", 1);
    load();
    assert_int_equal(found_count, TOMBSTONES_MAX);
    assert_memory_equal(found, "n10:1 n11:1 n13:1 ", 18);
    assert_int_equal(records_count("SELECT count(*) FROM tombstones"), TOMBSTONES_MAX);
}

static void rows_that_cannot_be_are_skipped(void **state)
{
    (void)state;
    tombstones_add(records, "ann", 1);
    records_tamper("INSERT INTO tombstones VALUES (100, 'UPPER', 1);"
                   "INSERT INTO tombstones VALUES (101, '', 1);"
                   "INSERT INTO tombstones VALUES (102, x'610a62', 1);"
                   "INSERT INTO tombstones VALUES (103, printf('%.65c', 'a'), 1);"
                   "INSERT INTO tombstones VALUES (9223372036854775807, 'last', 'x');");
    expect("ann:1 last:0 ");
    tombstones_add(records, "more", 7);
    assert_true(database_commit(records));
    load();
    assert_int_equal(found_count, 3);
    assert_int_equal(folder_log_lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_come_back_oldest_first),
        TEST(one_that_is_set_again_is_the_newest),
        TEST(one_can_be_removed),
        TEST(only_the_newest_are_kept),
        TEST(rows_that_cannot_be_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
