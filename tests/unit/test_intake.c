/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines of a client until they are run: whole and in pieces of every size, too long ones, and a
 * /cancel that is obeyed ahead of its turn.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/intake.h"
#include "wire/line.h"

static char xs[LINE_MAX_BYTES];

static int begin(void **state)
{
    static struct intake in;
    memset(xs, 'x', sizeof xs);
    intake_init(&in);
    *state = &in;
    return 0;
}

static int end(void **state)
{
    intake_free(*state);
    return 0;
}

static bool add(struct intake *in, const char *text)
{
    return intake_add(in, span_of(text));
}

static void assert_next(struct intake *in, const char *expected)
{
    struct span line;
    assert_int_equal(intake_next(in, &line), INTAKE_LINE);
    assert_int_equal(line.len, strlen(expected));
    assert_memory_equal(line.at, expected, line.len);
    intake_done(in);
}

static void assert_nothing(struct intake *in)
{
    struct span line;
    assert_int_equal(intake_next(in, &line), INTAKE_NONE);
    assert_false(intake_overruns(in));
}

static void lines_come_out_as_they_went_in(void **state)
{
    static const char text[] = "one\r\n\ntwo \n/detach\n";
    struct intake *in = *state;
    for (size_t split = 0; split < sizeof text; split++) {
        assert_false(intake_add(in, span_make(text, split)));
        assert_false(add(in, text + split));
        assert_next(in, "one");
        assert_next(in, "");
        assert_next(in, "two ");
        assert_false(intake_is_empty(in));
        assert_next(in, "/detach");
        assert_nothing(in);
        assert_true(intake_is_empty(in));
    }
}

static void a_line_stays_until_it_is_done(void **state)
{
    struct intake *in = *state;
    struct span line;
    add(in, "one\ntwo\n");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(intake_next(in, &line), INTAKE_LINE);
        assert_true(span_is(line, "one"));
    }
    intake_done(in);
    assert_next(in, "two");
}

static void the_rest_is_a_line_when_no_more_comes(void **state)
{
    struct intake *in = *state;
    add(in, "one\nrest");
    assert_next(in, "one");
    assert_nothing(in);
    intake_end(in);
    assert_next(in, "rest");
    assert_nothing(in);
}

static void what_is_dropped_is_no_line(void **state)
{
    struct intake *in = *state;
    struct span line;
    add(in, "/detach\nmore\nrest");
    assert_int_equal(intake_next(in, &line), INTAKE_LINE);
    intake_drop(in);
    intake_done(in);
    assert_nothing(in);
    assert_true(intake_is_empty(in) && in->ended);
}

static void cancel_takes_along_what_came_before(void **state)
{
    struct intake *in = *state;
    assert_true(add(in, "one\ntwo\n/cancel\r\nthree\n/can"));
    assert_next(in, "three");
    assert_true(add(in, "cel\nfour\n"));
    assert_next(in, "four");
    assert_false(add(in, "/cancelled\n/cancel"));
    assert_next(in, "/cancelled");
    assert_nothing(in);
}

static void the_longest_line_is_one_and_a_longer_one_is_said_once(void **state)
{
    struct intake *in = *state;
    struct span line;
    intake_add(in, span_make(xs, LINE_MAX_BYTES - 1));
    add(in, "\n");
    assert_int_equal(intake_next(in, &line), INTAKE_LINE);
    assert_int_equal(line.len, LINE_MAX_BYTES - 1);
    intake_done(in);
    intake_add(in, span_make(xs, LINE_MAX_BYTES));
    add(in, "\nnext\n");
    assert_int_equal(intake_next(in, &line), INTAKE_TOO_LONG);
    intake_done(in);
    assert_next(in, "next");
    assert_nothing(in);
}

static void a_line_that_goes_on_for_ever_takes_no_room(void **state)
{
    struct intake *in = *state;
    for (int i = 0; i < 4; i++) {
        intake_add(in, span_make(xs, LINE_MAX_BYTES));
        assert_int_equal(intake_overruns(in), i == 0);
        assert_int_equal(intake_room(in), INTAKE_MAX);
    }
    add(in, "the end of it\nnext\n");
    assert_next(in, "next");
    assert_nothing(in);
}

static void cancel_is_heard_behind_a_line_that_is_too_long(void **state)
{
    struct intake *in = *state;
    intake_add(in, span_make(xs, LINE_MAX_BYTES));
    assert_true(intake_overruns(in));
    assert_true(add(in, "rest\n/cancel\nnext\n"));
    assert_next(in, "next");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_out_as_they_went_in, begin, end),
        cmocka_unit_test_setup_teardown(a_line_stays_until_it_is_done, begin, end),
        cmocka_unit_test_setup_teardown(the_rest_is_a_line_when_no_more_comes, begin, end),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_no_line, begin, end),
        cmocka_unit_test_setup_teardown(cancel_takes_along_what_came_before, begin, end),
        cmocka_unit_test_setup_teardown(the_longest_line_is_one_and_a_longer_one_is_said_once,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_goes_on_for_ever_takes_no_room, begin, end),
        cmocka_unit_test_setup_teardown(cancel_is_heard_behind_a_line_that_is_too_long, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
