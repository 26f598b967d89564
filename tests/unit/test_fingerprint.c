/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fingerprints: which words are one, and how much of one is shown.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fingerprint.h"

#define ONE "uhurkycu4bh2zcm25hzhkezm3qd2lw6e5iwcvu5b77dobustnapq"

static void only_a_whole_one_is_one(void **state)
{
    (void)state;
    assert_true(fingerprint_is(span_of(ONE)));
    assert_false(fingerprint_is(span_of(ONE "a")));
    assert_false(fingerprint_is(span_make(ONE, FINGERPRINT_CHARS - 1)));
    assert_false(fingerprint_is(span_make(ONE, 26)));
    assert_false(fingerprint_is(span_make(ONE "\n", FINGERPRINT_TEXT)));
    assert_false(fingerprint_is(span_of("")));
    assert_false(fingerprint_is(span_of("UHURKYCU4BH2ZCM25HZHKEZM3QD2LW6E5IWCVU5B77DOBUSTNAPQ")));
    assert_false(fingerprint_is(span_of("uhurkycu4bh2zcm25hzhkezm3qd2lw6e5iwcvu5b77dobustnapr")));
}

static void its_beginning_is_long_enough_and_part_of_it(void **state)
{
    char other[FINGERPRINT_TEXT];

    (void)state;
    span_copy(span_of(ONE), other, sizeof other);
    other[FINGERPRINT_SHORT - 1] ^= 1;
    for (size_t len = 0; len <= FINGERPRINT_CHARS; len++) {
        assert_int_equal(fingerprint_begins(ONE, span_make(ONE, len)), len >= FINGERPRINT_SHORT);
        assert_false(fingerprint_begins(ONE, span_make(other, len)));
    }
    assert_false(fingerprint_begins(ONE, span_of(ONE "a")));
}

static void it_is_shown_in_groups_of_four(void **state)
{
    char out[FINGERPRINT_GROUPS];

    (void)state;
    fingerprint_print(ONE, out);
    assert_string_equal(out, "uhur kycu 4bh2 zcm2");
    assert_int_equal(strlen(out) + 1, FINGERPRINT_GROUPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_one_is_one),
        cmocka_unit_test(its_beginning_is_long_enough_and_part_of_it),
        cmocka_unit_test(it_is_shown_in_groups_of_four),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
