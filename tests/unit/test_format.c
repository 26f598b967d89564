/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats: each field, each layout, each escape; what is refused and where; the bounds.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "report/format.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum { OUT_MAX = 256 * 1024 };

static const struct span values[FORMAT_FIELDS] = {
    [FORMAT_ADDRESS] = {"10.0.0.1:7216", 13},
    [FORMAT_NAME] = {"zo\xc3\xab", 4},
    [FORMAT_NODE] = {"node", 4},
    [FORMAT_KIND] = {"msg", 3},
    [FORMAT_PAYLOAD] = {"hello\tyou", 9},
    [FORMAT_LENGTH] = {"9", 1},
    [FORMAT_ID] = {"node.1.2", 8},
    [FORMAT_TIME] = {"2026-01-01T12:00:00+01:00", 25},
    [FORMAT_UNIX] = {"1767265200.123456", 17},
    [FORMAT_SECURITY] = {"tls", 3},
};

static void check_with(const char *text, const struct span *with, bool escaped,
                       struct span expected)
{
    struct buffer b;
    char *cause = NULL;
    struct format *f = format_new(text, &cause);

    assert_non_null(f);
    assert_null(cause);
    buffer_init(&b, OUT_MAX);
    assert_true(format_fill(f, with, escaped, &b));
    if (!span_equal(buffer_span(&b), expected))
        fail_msg("%s became \"%.*s\"", text, (int)buffer_length(&b), buffer_span(&b).at);
    buffer_free(&b);
    format_free(f);
}

static void check(const char *text, struct span expected)
{
    check_with(text, values, false, expected);
}

static void each_field(void **state)
{
    (void)state;
    check("%a", TEXT("10.0.0.1:7216"));
    check("%n", TEXT("zo\xc3\xab"));
    check("%N", TEXT("node"));
    check("%k", TEXT("msg"));
    check("%p", TEXT("hello\tyou"));
    check("%l", TEXT("9"));
    check("%i", TEXT("node.1.2"));
    check("%t", TEXT("2026-01-01T12:00:00+01:00"));
    check("%U", TEXT("1767265200.123456"));
    check("%s", TEXT("tls"));
}

static void plain_characters_and_escapes(void **state)
{
    (void)state;
    check("", TEXT(""));
    check("plain \xc3\xab \xff", TEXT("plain \xc3\xab \xff"));
    check("%%p", TEXT("%p"));
    check("\\n\\t\\r\\0\\\\n", TEXT("\n\t\r\0\\n"));
    check("<%k> %n%n\\n%%", TEXT("<msg> zo\xc3\xabzo\xc3\xab\n%"));
    check("%%%k%%", TEXT("%msg%"));
}

static void widths(void **state)
{
    (void)state;
    check("%5k|", TEXT("  msg|"));
    check("%-5k|", TEXT("msg  |"));
    check("%05l", TEXT("00009"));
    check("%2k", TEXT("msg"));
    check("%0k|%-k|%0l", TEXT("msg|msg|9"));
    check("%5n|", TEXT("  zo\xc3\xab|"));
    check("%-10n|", TEXT("zo\xc3\xab       |"));
}

static void precisions(void **state)
{
    (void)state;
    check("%.2n", TEXT("zo"));
    check("%.3n", TEXT("zo\xc3\xab"));
    check("%.0n|", TEXT("|"));
    check("%.10U", TEXT("1767265200"));
    check("%6.2k|", TEXT("    ms|"));
    check("%-6.2k|", TEXT("ms    |"));
    check("%05.1l", TEXT("00009"));
    check("%.6p|", TEXT("hello|")); /* a TAB takes more than is left */
    check("%.8p|", TEXT("hello\t|"));
}

static void columns_are_those_of_a_terminal(void **state)
{
    struct span wide[FORMAT_FIELDS];
    (void)state;
    memcpy(wide, values, sizeof wide);
    wide[FORMAT_NAME] = TEXT("\xe4\xb8\xad\xe6\x96\x87"); /* two characters, two columns each */
    check_with("%5n|", wide, false, TEXT(" \xe4\xb8\xad\xe6\x96\x87|"));
    check_with("%-5.3n|", wide, false, TEXT("\xe4\xb8\xad   |"));
    wide[FORMAT_NAME] = TEXT("e\xcc\x81t\xcc\x81"); /* combining marks stay with their letter */
    check_with("%.1n|", wide, false, TEXT("e\xcc\x81|"));
    check_with("%4n|", wide, false, TEXT("  e\xcc\x81t\xcc\x81|"));
    wide[FORMAT_NAME] = TEXT("\xff\xfe\xfd");
    check_with("%.2n|%4n|", wide, false, TEXT("\xff\xfe| \xff\xfe\xfd|"));
}

static void fields_are_escaped_for_a_terminal(void **state)
{
    struct span hostile[FORMAT_FIELDS];
    (void)state;
    memcpy(hostile, values, sizeof hostile);
    hostile[FORMAT_PAYLOAD] = TEXT("\033[2J\\\xff");
    check_with("\\t%p\\n", hostile, true, TEXT("\t\\x1b[2J\\\\\\xff\n"));
    check_with("%14p|", hostile, true, TEXT(" \\x1b[2J\\\\\\xff|"));
}

struct wrong {
    const char *text;
    const char *place;
};

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    static const struct wrong rows[] = {
        {"%", "byte 1: "},
        {"a%", "byte 2: "},
        {"%q", "byte 1: "},
        {"%a%x", "byte 3: "},
        {"%5", "byte 1: "},
        {"%-", "byte 1: "},
        {"%-05l", NULL},
        {"%0-5l", "byte 1: "},
        {"%--5l", "byte 1: "},
        {"%5%", "byte 1: "},
        {"%.n", "byte 1: "},
        {"%.", "byte 1: "},
        {"%5.n", "byte 1: "},
        {"%1000n", NULL},
        {"%1001n", "byte 1: "},
        {"%.1000n", NULL},
        {"%.1001n", "byte 1: "},
        {"%99999999999999999999n", "byte 1: "},
        {"\\", "byte 1: "},
        {"\\x", "byte 1: "},
        {"%p\\e", "byte 3: "},
        {"% n", "byte 1: "},
        {"%+n", "byte 1: "},
        {"%\xff", "byte 1: "},
        {"\xc3\xab%q", "byte 3: "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *cause = NULL;
        struct format *f = format_new(rows[i].text, &cause);
        if (rows[i].place == NULL) {
            assert_non_null(f);
            assert_null(cause);
        } else if (f != NULL || !span_starts(span_of(cause), rows[i].place)) {
            fail_msg("%s: %s", rows[i].text, f != NULL ? "was taken" : cause);
        }
        free(cause);
        format_free(f);
    }
}

static bool is_taken(const char *text)
{
    char *cause = NULL;
    struct format *f = format_new(text, &cause);
    bool taken = f != NULL;
    assert_true(taken == (cause == NULL));
    free(cause);
    format_free(f);
    return taken;
}

static void bounds(void **state)
{
    static char text[FORMAT_MAX + 2];
    (void)state;
    memset(text, 'x', FORMAT_MAX);
    assert_true(is_taken(text));
    check(text, span_make(text, FORMAT_MAX));
    text[FORMAT_MAX] = 'x';
    assert_false(is_taken(text));
    memset(text, 0, sizeof text);
    for (size_t i = 0; i < FORMAT_PIECES_MAX; i++)
        strcat(text, "%k");
    assert_true(is_taken(text));
    assert_false(is_taken(strcat(text, "%k")));
    text[2 * FORMAT_PIECES_MAX] = '\0';
    assert_false(is_taken(strcat(text, " ")));
}

static void a_full_buffer_is_told(void **state)
{
    char *cause;
    struct buffer b;
    (void)state;
    static const char *const formats[] = {"12345678%k", "%9k", "%-9k", "%k%a"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct format *f = format_new(formats[i], &cause);
        buffer_init(&b, 8);
        assert_false(format_fill(f, values, false, &b));
        assert_true(buffer_length(&b) <= 8);
        buffer_free(&b);
        format_free(f);
    }
    format_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field),
        cmocka_unit_test(plain_characters_and_escapes),
        cmocka_unit_test(widths),
        cmocka_unit_test(precisions),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(fields_are_escaped_for_a_terminal),
        cmocka_unit_test(what_is_wrong_is_refused_with_its_place),
        cmocka_unit_test(bounds),
        cmocka_unit_test(a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
