/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bounded buffer, above all at its maximum: what would pass it changes nothing.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void check_holds(const struct buffer *b, const char *expected)
{
    assert_int_equal(buffer_length(b), strlen(expected));
    assert_memory_equal(buffer_span(b).at, expected, strlen(expected));
}

static void is_empty_at_first(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 10);
    assert_int_equal(buffer_length(&b), 0);
    assert_int_equal(buffer_span(&b).len, 0);
    assert_non_null(buffer_span(&b).at);
    assert_true(buffer_append(&b, span_make(NULL, 0)));
    buffer_consume(&b, 0);
    assert_int_equal(buffer_length(&b), 0);
    buffer_free(&b);
}

static void refuses_whole_what_passes_the_maximum(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 10);
    assert_false(buffer_append(&b, TEXT("01234567890")));
    check_holds(&b, "");
    assert_true(buffer_append(&b, TEXT("01234567")));
    assert_false(buffer_append(&b, TEXT("abc")));
    check_holds(&b, "01234567");
    assert_true(buffer_append(&b, TEXT("89")));
    check_holds(&b, "0123456789");
    assert_false(buffer_append(&b, TEXT("x")));
    assert_true(buffer_append(&b, TEXT("")));
    buffer_consume(&b, 1);
    assert_true(buffer_append(&b, TEXT("x")));
    assert_false(buffer_append(&b, TEXT("y")));
    check_holds(&b, "123456789x");
    buffer_free(&b);
}

static void prints_within_the_same_bound(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 10);
    assert_true(buffer_print(&b, "%s", ""));
    check_holds(&b, "");
    assert_true(buffer_print(&b, "%d-%s", 12, "ab"));
    check_holds(&b, "12-ab");
    assert_false(buffer_print(&b, "%s", "123456"));
    check_holds(&b, "12-ab");
    assert_true(buffer_print(&b, "%s", "12345"));
    check_holds(&b, "12-ab12345");
    assert_false(buffer_print(&b, "x"));
    check_holds(&b, "12-ab12345");
    buffer_free(&b);
}

static void prints_at_every_fill(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 1000);
    for (unsigned i = 0; i < 500; i++)
        assert_true(buffer_print(&b, "%02u", i % 100));
    assert_false(buffer_print(&b, "x"));
    for (unsigned i = 0; i < 500; i++) {
        char expected[8];
        snprintf(expected, sizeof expected, "%02u", i % 100);
        assert_memory_equal(buffer_span(&b).at + 2 * i, expected, 2);
    }
    buffer_free(&b);
}

/* The bytes go round and round at every fill: what comes out is what went in, in order. */
static void is_a_queue(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 33; step++) {
        struct buffer b;
        unsigned char next_in = 0, next_out = 0;

        buffer_init(&b, 97);
        for (int round = 0; round < 1000; round++) {
            char bytes[33];
            for (size_t i = 0; i < step; i++)
                bytes[i] = (char)(unsigned char)(next_in + i);
            if (buffer_append(&b, span_make(bytes, step)))
                next_in = (unsigned char)(next_in + step);
            else
                assert_true(buffer_length(&b) + step > 97);
            size_t len = (size_t)round * 7 % (buffer_length(&b) + 1);
            for (size_t i = 0; i < len; i++)
                assert_int_equal((unsigned char)buffer_span(&b).at[i], next_out++);
            buffer_consume(&b, len);
        }
        buffer_free(&b);
    }
}

static void stays_small_however_much_passes(void **state)
{
    static const char bytes[1000];
    struct buffer b;

    (void)state;
    buffer_init(&b, 64 * 1024);
    for (int i = 0; i < 60; i++)
        assert_true(buffer_append(&b, span_make(bytes, sizeof bytes)));
    for (int i = 0; i < 10000; i++) {
        buffer_consume(&b, sizeof bytes);
        assert_true(buffer_append(&b, span_make(bytes, sizeof bytes)));
    }
    assert_true(b.room <= 2 * b.max);
    buffer_consume(&b, buffer_length(&b));
    assert_true(b.room < 60 * sizeof bytes);
    assert_true(buffer_append(&b, TEXT("again")));
    check_holds(&b, "again");
    buffer_free(&b);
    assert_int_equal(buffer_length(&b), 0);
    assert_true(buffer_append(&b, TEXT("and again")));
    check_holds(&b, "and again");
    buffer_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_empty_at_first),
        cmocka_unit_test(refuses_whole_what_passes_the_maximum),
        cmocka_unit_test(prints_within_the_same_bound),
        cmocka_unit_test(prints_at_every_fill),
        cmocka_unit_test(is_a_queue),
        cmocka_unit_test(stays_small_however_much_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
