/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Items by key: those of one key in the order of their ranks, however they came; keys that are
 * parts of each other; and a thousand of them, compared with a plain list.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/index.h"

enum { ITEMS = 1000, KEYS = 37 };

/* expected: the items of that key, which are letters. */
static void check(const struct index *x, struct span key, const char *expected)
{
    struct matches found = index_find(x, key);
    assert_int_equal(found.count, strlen(expected));
    for (size_t i = 0; i < found.count; i++)
        assert_int_equal(*(const char *)found.at[i].item, expected[i]);
}

static char letters[] = "abcdef";

static void nothing_is_found_in_an_empty_one(void **state)
{
    struct index x = {0};
    (void)state;
    check(&x, span_of("bob"), "");
    check(&x, span_of(""), "");
}

static void items_of_a_key_stand_by_rank(void **state)
{
    struct index x = {0};
    struct span bob = span_of("bob");
    (void)state;
    index_add(&x, bob, &letters[2], 3);
    index_add(&x, bob, &letters[0], 1);
    index_add(&x, bob, &letters[3], 4);
    index_add(&x, bob, &letters[1], 2);
    check(&x, bob, "abcd");
    assert_int_equal(x.count, 4);
    index_remove(&x, bob, &letters[1], 2);
    check(&x, bob, "acd");
    index_remove(&x, bob, &letters[0], 1);
    index_remove(&x, bob, &letters[3], 4);
    check(&x, bob, "c");
    index_remove(&x, bob, &letters[2], 3);
    check(&x, bob, "");
    assert_null(x.root);
}

static void of_equal_rank_the_right_one_goes(void **state)
{
    struct index x = {0};
    (void)state;
    for (size_t i = 0; i < 3; i++)
        index_add(&x, span_of("bob"), &letters[i], 7);
    index_remove(&x, span_of("bob"), &letters[1], 7);
    assert_int_equal(index_find(&x, span_of("bob")).count, 2);
    index_remove(&x, span_of("bob"), &letters[0], 7);
    check(&x, span_of("bob"), "c");
    index_remove(&x, span_of("bob"), &letters[2], 7);
    assert_null(x.root);
}

static void an_item_goes_as_often_as_it_came(void **state)
{
    struct index x = {0};
    (void)state;
    index_add(&x, span_of("here"), letters, 1);
    index_add(&x, span_of("here"), letters, 1);
    check(&x, span_of("here"), "aa");
    index_remove(&x, span_of("here"), letters, 1);
    check(&x, span_of("here"), "a");
    index_remove(&x, span_of("here"), letters, 1);
    assert_int_equal(x.count, 0);
    assert_null(x.root);
}

static void keys_are_bytes_of_any_length(void **state)
{
    static const struct span keys[] = {
        {"", 0}, {"a", 1}, {"a\0", 2}, {"a\0b", 3}, {"\xff", 1}, {"\xff\xff", 2},
    };
    enum { COUNT = sizeof keys / sizeof keys[0] };
    struct index x = {0};
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        index_add(&x, keys[i], &letters[i], 1);
    for (size_t i = 0; i < COUNT; i++)
        check(&x, keys[i], (const char[]){letters[i], '\0'});
    for (size_t i = 0; i < COUNT; i++)
        index_remove(&x, keys[i], &letters[i], 1);
    assert_null(x.root);
}

static void a_key_is_copied(void **state)
{
    struct index x = {0};
    char key[] = "bob";
    (void)state;
    index_add(&x, span_of(key), letters, 1);
    key[0] = 'r';
    check(&x, span_of("bob"), "a");
    check(&x, span_of(key), "");
    index_remove(&x, span_of("bob"), letters, 1);
}

/* Each item has the key of its number's remainder, and its number for a rank. */
static struct span key_of(size_t number, char room[8])
{
    snprintf(room, 8, "k%zu", number % KEYS);
    return span_of(room);
}

static void check_all(const struct index *x, const bool *there, char *items)
{
    for (size_t key = 0; key < KEYS; key++) {
        char room[8];
        size_t seen = 0;
        struct matches found = index_find(x, key_of(key, room));
        for (size_t i = key; i < ITEMS; i += KEYS) {
            if (!there[i])
                continue;
            assert_true(seen < found.count);
            assert_ptr_equal(found.at[seen++].item, &items[i]);
        }
        assert_int_equal(seen, found.count);
    }
}

static void it_is_what_a_list_would_be(void **state)
{
    static char items[ITEMS];
    bool there[ITEMS] = {false};
    struct index x = {0};
    char room[8];
    (void)state;
    srand(7216);
    for (size_t n = 0; n < 10 * ITEMS; n++) {
        size_t i = (size_t)rand() % ITEMS;
        (there[i] ? index_remove : index_add)(&x, key_of(i, room), &items[i], i);
        there[i] = !there[i];
        if (n % 100 == 0)
            check_all(&x, there, items);
    }
    for (size_t i = 0; i < ITEMS; i++) {
        if (there[i])
            index_remove(&x, key_of(i, room), &items[i], i);
    }
    assert_int_equal(x.count, 0);
    assert_null(x.root);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_an_empty_one),
        cmocka_unit_test(items_of_a_key_stand_by_rank),
        cmocka_unit_test(of_equal_rank_the_right_one_goes),
        cmocka_unit_test(an_item_goes_as_often_as_it_came),
        cmocka_unit_test(keys_are_bytes_of_any_length),
        cmocka_unit_test(a_key_is_copied),
        cmocka_unit_test(it_is_what_a_list_would_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
