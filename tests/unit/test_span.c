/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lexer: words, the rest of a line, numbers and copies.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/span.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void check_equal(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    if (expected.len > 0)
        assert_memory_equal(got.at, expected.at, expected.len);
}

static void compares_bytes(void **state)
{
    (void)state;
    assert_true(span_equal(TEXT("a\0b"), TEXT("a\0b")));
    assert_false(span_equal(TEXT("a\0b"), TEXT("a\0c")));
    assert_false(span_equal(TEXT("ab"), TEXT("abc")));
    assert_true(span_equal(TEXT(""), span_make(NULL, 0)));
    assert_true(span_is(TEXT("exit"), "exit"));
    assert_false(span_is(TEXT("exit\0"), "exit"));
    assert_false(span_is(TEXT("exi"), "exit"));
    assert_true(span_is(TEXT(""), ""));
}

static void compares_without_case_in_ascii_only(void **state)
{
    (void)state;
    assert_true(span_is_nocase(TEXT("ExIt"), "exit"));
    assert_true(span_is_nocase(TEXT("exit"), "EXIT"));
    assert_false(span_is_nocase(TEXT("exits"), "exit"));
    assert_false(span_is_nocase(TEXT("\xc3\x89"), "\xc3\xa9"));
    /* @ and ` are as far from each other as capitals are from small letters. */
    assert_false(span_is_nocase(TEXT("@"), "`"));
    assert_false(span_is_nocase(TEXT("["), "{"));
}

static void finds_a_prefix(void **state)
{
    (void)state;
    assert_true(span_starts(TEXT("node=x"), "node="));
    assert_true(span_starts(TEXT("node="), "node="));
    assert_false(span_starts(TEXT("node"), "node="));
    assert_true(span_starts(TEXT("x"), ""));
    assert_true(span_starts(span_make(NULL, 0), ""));
}

static void cuts_a_word_and_leaves_the_rest(void **state)
{
    static const struct {
        struct span line, word, rest;
    } rows[] = {
        {TEXT("/msg bob  hi there "), TEXT("/msg"), TEXT("bob  hi there ")},
        {TEXT("word"), TEXT("word"), TEXT("")},
        {TEXT("word "), TEXT("word"), TEXT("")},
        {TEXT(" rest"), TEXT(""), TEXT("rest")},
        {TEXT("  "), TEXT(""), TEXT(" ")},
        {TEXT("a\tb c"), TEXT("a\tb"), TEXT("c")},
        {TEXT("a\0b c"), TEXT("a\0b"), TEXT("c")},
        {TEXT(""), TEXT(""), TEXT("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span rest = rows[i].line;
        struct span word = span_cut_word(&rest);
        check_equal(word, rows[i].word);
        check_equal(rest, rows[i].rest);
        assert_ptr_equal(rest.at + rest.len, rows[i].line.at + rows[i].line.len);
    }
    struct span none = span_make(NULL, 0);
    check_equal(span_cut_word(&none), TEXT(""));
}

static void cuts_a_line_and_leaves_the_rest(void **state)
{
    static const struct {
        struct span lines, line, rest;
    } rows[] = {
        {TEXT("/msg 1 a b\n/msg 2 c\n"), TEXT("/msg 1 a b"), TEXT("/msg 2 c\n")},
        {TEXT("one\n"), TEXT("one"), TEXT("")},
        {TEXT("no end"), TEXT("no end"), TEXT("")},
        {TEXT("\n\n"), TEXT(""), TEXT("\n")},
        {TEXT("a\r\nb"), TEXT("a\r"), TEXT("b")},
        {TEXT("a\0b\nc"), TEXT("a\0b"), TEXT("c")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span rest = rows[i].lines;
        check_equal(span_cut_line(&rest), rows[i].line);
        check_equal(rest, rows[i].rest);
    }
    struct span none = span_make(NULL, 0);
    check_equal(span_cut_line(&none), TEXT(""));
}

static void counts_line_feeds(void **state)
{
    (void)state;
    assert_int_equal(span_count_lines(span_make(NULL, 0)), 0);
    assert_int_equal(span_count_lines(TEXT("one")), 0);
    assert_int_equal(span_count_lines(TEXT("one\n")), 1);
    assert_int_equal(span_count_lines(TEXT("\n\none\0\nrest")), 3);
}

static void skips_blanks_in_front(void **state)
{
    (void)state;
    check_equal(span_skip_blanks(TEXT(" \t a b ")), TEXT("a b "));
    check_equal(span_skip_blanks(TEXT("\na")), TEXT("\na"));
    check_equal(span_skip_blanks(TEXT(" \t ")), TEXT(""));
    check_equal(span_skip_blanks(span_make(NULL, 0)), TEXT(""));
}

static void reads_numbers(void **state)
{
    static const struct {
        struct span text;
        uint64_t number;
    } good[] = {
        {TEXT("0"), 0},
        {TEXT("7"), 7},
        {TEXT("007"), 7},
        {TEXT("18446744073709551615"), UINT64_MAX},
        {TEXT("00018446744073709551615"), UINT64_MAX},
    };
    static const struct span bad[] = {
        TEXT(""),     TEXT("-1"),
        TEXT("+1"),   TEXT(" 1"),
        TEXT("1 "),   TEXT("0x1"),
        TEXT("1\0"),  TEXT("1.0"),
        TEXT("a"),    TEXT("18446744073709551616"),
        TEXT("/"),    TEXT("1:"),
        TEXT("\xb2"), TEXT("99999999999999999999999"),
    };
    uint64_t number = 0;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(span_number(good[i].text, &number));
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(span_number(bad[i], &number));
}

static void copies_with_a_bound(void **state)
{
    char out[4] = "zzz";

    (void)state;
    span_copy(TEXT("abcdef"), out, sizeof out);
    assert_string_equal(out, "abc");
    span_copy(TEXT("ab"), out, sizeof out);
    assert_string_equal(out, "ab");
    span_copy(span_make(NULL, 0), out, sizeof out);
    assert_string_equal(out, "");
    span_copy(TEXT("abc"), out, 1);
    assert_string_equal(out, "");
    out[0] = 'x';
    span_copy(TEXT("abc"), out, 0);
    assert_int_equal(out[0], 'x');
}

static void makes_strings(void **state)
{
    char *text = span_string(span_make("abcdef", 3));
    char *empty = span_string(span_make(NULL, 0));

    (void)state;
    assert_string_equal(text, "abc");
    assert_string_equal(empty, "");
    free(text);
    free(empty);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_bytes),
        cmocka_unit_test(compares_without_case_in_ascii_only),
        cmocka_unit_test(finds_a_prefix),
        cmocka_unit_test(cuts_a_word_and_leaves_the_rest),
        cmocka_unit_test(cuts_a_line_and_leaves_the_rest),
        cmocka_unit_test(counts_line_feeds),
        cmocka_unit_test(skips_blanks_in_front),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(copies_with_a_bound),
        cmocka_unit_test(makes_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
