/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows: nothing of a line stands at the beginning of a row but its own beginning.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "shell/wrap.h"

enum { OUT_MAX = 4096 };

static void check(size_t columns, const char *lines, const char *expected)
{
    struct buffer out;
    buffer_init(&out, OUT_MAX);
    assert_true(wrap_lines(&out, span_of(lines), columns));
    if (!span_is(buffer_span(&out), expected))
        fail_msg("became \"%.*s\"", (int)buffer_length(&out), buffer_span(&out).at);
    buffer_free(&out);
}

static void short_lines_stay(void **state)
{
    (void)state;
    check(10, "", "");
    check(10, "0123456789\n", "0123456789\n");
    check(10, "one\n\ntwo\n", "one\n\ntwo\n");
    check(10, "a\tb\n", "a\tb\n");
    check(10, "\033[1mtwelve\033[0m\n", "\033[1mtwelve\033[0m\n");
    check(10, "zo\u00eb 90 \u4f60\n", "zo\u00eb 90 \u4f60\n");
}

static void long_ones_go_on_behind_an_indent(void **state)
{
    (void)state;
    check(10, "0123456789a\n", "0123456789\n  a\n");
    check(10, "0123456789abcdefgh\n", "0123456789\n  abcdefgh\n");
    check(10, "0123456789abcdefghi\nx\n", "0123456789\n  abcdefgh\n  i\nx\n");
    check(10, "12:00 bob:12:01 us: no\n", "12:00 bob:\n  12:01 us\n  : no\n");
    check(10, "12345678\tb\n", "12345678\n  \tb\n");
    check(10, "123456789\u4f60\n", "123456789\n  \u4f60\n");
    check(10, "0123456789e\u0301x\n", "0123456789\n  e\u0301x\n");
}

static void colours_take_no_room_and_are_not_cut(void **state)
{
    (void)state;
    check(10, "\033[1m0123456789\033[0m\n", "\033[1m0123456789\033[0m\n");
    check(10, "\033[31m0123456789a\033[0m\n", "\033[31m0123456789\n  a\033[0m\n");
}

static void without_a_width_nothing_is_cut(void **state)
{
    (void)state;
    check(0, "0123456789a\n", "0123456789a\n");
    check(3, "0123456789a\n", "0123456789a\n");
}

static void a_full_buffer_is_said(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out, 12);
    assert_false(wrap_lines(&out, span_of("0123456789abcdef\n"), 10));
    buffer_free(&out);
}

static void four_times_the_text_is_always_enough(void **state)
{
    char tabs[64];
    (void)state;
    memset(tabs, '\t', sizeof tabs);
    for (size_t columns = 8; columns < 40; columns++) {
        struct buffer out;
        buffer_init(&out, 4 * sizeof tabs);
        assert_true(wrap_lines(&out, span_make(tabs, sizeof tabs), columns));
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lines_stay),
        cmocka_unit_test(long_ones_go_on_behind_an_indent),
        cmocka_unit_test(colours_take_no_room_and_are_not_cut),
        cmocka_unit_test(without_a_width_nothing_is_cut),
        cmocka_unit_test(a_full_buffer_is_said),
        cmocka_unit_test(four_times_the_text_is_always_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
