/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines of a former run as a person sees them: whose they were, cut if they are long, and harmless.
 */
#include "config.h"

#include "report/recall.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"

static struct history_line line;

static int setup(void **state)
{
    (void)state;
    setenv("TZ", "UTC0", 1);
    line = (struct history_line){.at = 86400 + 3660,
                                 .address = span_of("10.0.0.2:7216"),
                                 .name = span_of("bob"),
                                 .text = span_of("hello")};
    return 0;
}

static void expect(bool colour, const char *expected)
{
    struct buffer out;

    buffer_init(&out, RECALL_MAX);
    recall_format(&out, &line, colour);
    assert_true(buffer_append(&out, span_make("", 1)));
    assert_string_equal(buffer_span(&out).at, expected);
    buffer_free(&out);
}

static void says_who_has_said_it(void **state)
{
    (void)state;
    expect(false, "1970-01-02 01:01 bob: hello\n");
    line.direct = true;
    expect(false, "1970-01-02 01:01 bob → you: hello\n");
    line.ours = true;
    expect(false, "1970-01-02 01:01 you → bob: hello\n");
    line.name = span_of("-");
    expect(false, "1970-01-02 01:01 you → 10.0.0.2:7216: hello\n");
    line.direct = false;
    expect(false, "1970-01-02 01:01 you: hello\n");
    line.ours = false;
    expect(false, "1970-01-02 01:01 10.0.0.2:7216: hello\n");
}

static void marks_whom_nothing_proves(void **state)
{
    (void)state;
    line.plain = true;
    expect(false, "1970-01-02 01:01 !bob: hello\n");
    line.name = span_of("-");
    line.direct = true;
    expect(false, "1970-01-02 01:01 !10.0.0.2:7216 → you: hello\n");
    line.ours = true;
    expect(false, "1970-01-02 01:01 you → !10.0.0.2:7216: hello\n");
}

static void is_dimmed(void **state)
{
    (void)state;
    expect(true, "\033[2m1970-01-02 01:01 bob: hello\033[0m\n");
}

static void nothing_reaches_the_terminal_raw(void **state)
{
    (void)state;
    line.name = span_of("b\033b");
    line.text = span_of("\033[31m\xff\\");
    expect(false, "1970-01-02 01:01 b\\x1bb: \\x1b[31m\\xff\\\\\n");
}

static void long_text_is_cut(void **state)
{
    (void)state;
    static char text[RECALL_TEXT + 2];

    memset(text, 'x', RECALL_TEXT);
    line.text = span_of(text);
    char *expected = alloc_print("1970-01-02 01:01 bob: %s\n", text);
    expect(false, expected);
    free(expected);
    text[RECALL_TEXT] = 'x';
    line.text = span_of(text);
    expected = alloc_print("1970-01-02 01:01 bob: %.*s…\n", RECALL_TEXT, text);
    expect(false, expected);
    free(expected);
    memset(text, '\xff', RECALL_TEXT + 1);
    struct buffer out;
    buffer_init(&out, RECALL_MAX);
    recall_format(&out, &line, true);
    struct span whole = buffer_span(&out);
    assert_memory_equal(whole.at + whole.len - 5, "\033[0m\n", 5);
    buffer_free(&out);
}

static void any_time_is_harmless(void **state)
{
    (void)state;
    line.at = INT64_MAX;
    expect(false, "bob: hello\n");
    line.at = INT64_MIN;
    expect(false, "bob: hello\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(says_who_has_said_it, setup),
        cmocka_unit_test_setup(marks_whom_nothing_proves, setup),
        cmocka_unit_test_setup(is_dimmed, setup),
        cmocka_unit_test_setup(nothing_reaches_the_terminal_raw, setup),
        cmocka_unit_test_setup(long_text_is_cut, setup),
        cmocka_unit_test_setup(any_time_is_harmless, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
