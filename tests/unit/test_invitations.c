/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations in the store: they come back with who has used them, and a row that somebody else
 * has put in is none.
 */
#include "config.h"

#include "store/invitations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"

static const char user[] = "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static struct invitation_row found[4];
static size_t found_count;

static void take(void *arg, const struct invitation_row *row)
{
    assert_ptr_equal(arg, found);
    assert_in_range(found_count, 0, 3);
    found[found_count++] = *row;
}

static size_t load(void)
{
    found_count = 0;
    invitations_load(records, take, found);
    return found_count;
}

static struct invitation_row make(char letter, int64_t expires)
{
    struct invitation_row row = {.expires = expires};

    memset(row.id, letter, sizeof row.id - 1);
    memset(row.key, letter, sizeof row.key);
    row.key[1] = '\0'; /* not a text */
    return row;
}

static void expect(size_t at, const struct invitation_row *row)
{
    assert_string_equal(found[at].id, row->id);
    assert_memory_equal(found[at].key, row->key, sizeof row->key);
    assert_int_equal(found[at].expires, row->expires);
    assert_string_equal(found[at].used_by, row->used_by);
}

static void they_come_back_in_the_order_of_their_ends(void **state)
{
    (void)state;
    struct invitation_row late = make('a', 3000000000), early = make('b', 1000);

    assert_int_equal(load(), 0);
    invitations_save(records, &late);
    invitations_save(records, &early);
    records_reopen();
    assert_int_equal(load(), 2);
    expect(0, &early);
    expect(1, &late);
}

static void one_is_used_and_removed(void **state)
{
    (void)state;
    struct invitation_row row = make('a', 1000), other = make('b', 2000);

    invitations_save(records, &row);
    invitations_save(records, &other);
    span_copy(span_of(user), row.used_by, sizeof row.used_by);
    invitations_save(records, &row);
    records_reopen();
    assert_int_equal(load(), 2);
    expect(0, &row);
    expect(1, &other);
    invitations_remove(records, row.id);
    invitations_remove(records, "nothing");
    assert_int_equal(load(), 1);
    expect(0, &other);
}

static void rows_that_cannot_be_are_skipped(void **state)
{
    (void)state;
    struct invitation_row row = make('a', 1000);

    invitations_save(records, &row);
    records_tamper("INSERT INTO invitations VALUES ('short', zeroblob(32), 9, '');"
                   "INSERT INTO invitations VALUES (printf('%.26c', 'c'), zeroblob(31), 9, '');"
                   "INSERT INTO invitations VALUES (printf('%.26c', 'd'), zeroblob(32), 9, 'bob');"
                   "INSERT INTO invitations VALUES (printf('%.26c', 'E'), zeroblob(32), 9, '');");
    assert_int_equal(load(), 1);
    expect(0, &row);
    assert_int_equal(folder_log_lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(they_come_back_in_the_order_of_their_ends),
        TEST(one_is_used_and_removed),
        TEST(rows_that_cannot_be_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
