/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program and its arguments in one text: every kind of quote, and what does not end.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/words.h"

/* expected: the words, each with a | behind it. */
static void check(const char *text, const char *expected)
{
    char got[256] = "";
    const char *cause;
    char **words = words_cut(text, &cause);
    assert_non_null(words);
    for (char **word = words; *word != NULL; word++) {
        strcat(got, *word);
        strcat(got, "|");
    }
    assert_string_equal(got, expected);
    free(words);
}

static void check_refused(const char *text, const char *expected)
{
    const char *cause = NULL;
    assert_null(words_cut(text, &cause));
    assert_string_equal(cause, expected);
}

static void cuts_at_blanks(void **state)
{
    (void)state;
    check("a", "a|");
    check("a b", "a|b|");
    check(" \t a\nb\t c ", "a|b|c|");
    check("a b c d e f g", "a|b|c|d|e|f|g|");
}

static void takes_quotes_off(void **state)
{
    (void)state;
    check("sh -c 'echo \"$HOME\" | cat'", "sh|-c|echo \"$HOME\" | cat|");
    check("'a  b' \"c\td\"", "a  b|c\td|");
    check("a'b'\"c\"d", "abcd|");
    check("x '' \"\"", "x|||");
    check("'\\' \"it's\"", "\\|it's|");
    check("\"a \\\" b \\\\ c \\n \\$\"", "a \" b \\ c \\n \\$|");
}

static void a_backslash_makes_plain(void **state)
{
    (void)state;
    check("a\\ b \\'c\\' \\\\ \\\"", "a b|'c'|\\|\"|");
    check("\\a\\\nb", "a\nb|");
}

static void expands_nothing(void **state)
{
    (void)state;
    check("$HOME ~ * `x` #c a;b >f &", "$HOME|~|*|`x`|#c|a;b|>f|&|");
}

static void refuses_what_does_not_end(void **state)
{
    (void)state;
    check_refused("", "there is no program in it");
    check_refused(" \t\n", "there is no program in it");
    check_refused("'' a", "there is no program in it");
    check_refused("a 'b", "a ' is never closed");
    check_refused("a \"b", "a \" is never closed");
    check_refused("a \"b\\", "a \" is never closed");
    check_refused("a \"b\\\"", "a \" is never closed");
    check_refused("a b\\", "there is nothing behind the last backslash");
    check_refused("'", "a ' is never closed");
}

/* Every text of up to six of the bytes that mean something: the sanitizer watches the bounds. */
static void stays_within_its_block(void **state)
{
    static const char bytes[] = "a '\"\\";
    char text[7] = "";
    const char *cause;
    (void)state;
    for (unsigned n = 0; n < 5 * 5 * 5 * 5 * 5 * 5; n++) {
        unsigned rest = n;
        for (int i = 0; i < 6; i++, rest /= 5)
            text[i] = bytes[rest % 5];
        for (int i = 0; i < 6; i++)
            free(words_cut(text + i, &cause));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_at_blanks),
        cmocka_unit_test(takes_quotes_off),
        cmocka_unit_test(a_backslash_makes_plain),
        cmocka_unit_test(expands_nothing),
        cmocka_unit_test(refuses_what_does_not_end),
        cmocka_unit_test(stays_within_its_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
