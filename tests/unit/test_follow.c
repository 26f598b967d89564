/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of /follow: each alone, together, and which do not fit.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/follow.h"

static void assert_means(const char *words, unsigned expected)
{
    unsigned follow = 12345;
    char *cause;

    assert_true(follow_parse(span_of(words), &follow, &cause));
    assert_null(cause);
    assert_int_equal(follow, expected);
}

static void assert_wrong(const char *words, const char *expected)
{
    unsigned follow = 12345;
    char *cause;

    assert_false(follow_parse(span_of(words), &follow, &cause));
    assert_non_null(strstr(cause, expected));
    assert_int_equal(follow, 12345);
    free(cause);
}

static void test_words(void **state)
{
    (void)state;
    assert_means("none", 0);
    assert_means("messages", FOLLOW_MESSAGES);
    assert_means("  messages  ids ", FOLLOW_MESSAGES | FOLLOW_IDS);
    assert_means("events messages events", FOLLOW_MESSAGES | FOLLOW_EVENTS);
    assert_means("messages times", FOLLOW_MESSAGES | FOLLOW_TIMES);
    assert_means("json ascii events", FOLLOW_JSON | FOLLOW_ASCII | FOLLOW_EVENTS);
    assert_means("people colour", FOLLOW_PEOPLE | FOLLOW_COLOUR);
    assert_means("console", FOLLOW_MESSAGES | FOLLOW_EVENTS | FOLLOW_PEOPLE | FOLLOW_PROMPT);
}

static void test_wrong_words(void **state)
{
    (void)state;
    assert_wrong("", "say what");
    assert_wrong("   ", "say what");
    assert_wrong("message", "message: no such");
    assert_wrong("Messages", "Messages: no such");
    assert_wrong("messages everything", "everything: no such");
    assert_wrong("json ids", "has the ids");
    assert_wrong("times json", "has the times");
    assert_wrong("console json", "not for people");
    assert_wrong("ascii", "for json");
    assert_wrong("messages colour", "colour is for people");
    assert_wrong("console ids", "not shown ids");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_wrong_words),
    };
    return cmocka_run_group_tests_name("the words of /follow", tests, NULL, NULL);
}
