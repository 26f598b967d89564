/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Verdicts about keys: the last one counts, and what makes no sense lets nobody in.
 */
#include "config.h"

#include "store/verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"

static const char ann[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char bob[] = "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static char found[256]; /* "a1 " for each: its first letter and the verdict */

static void take(void *arg, const char *fingerprint, enum verdict verdict)
{
    size_t len = strlen(found);

    assert_ptr_equal(arg, found);
    snprintf(found + len, sizeof found - len, "%c%d ", fingerprint[0], verdict);
}

static void expect(const char *expected)
{
    found[0] = '\0';
    verdicts_load(records, take, found);
    assert_string_equal(found, expected);
}

static void the_last_one_counts(void **state)
{
    (void)state;
    expect("");
    verdicts_set(records, ann, VERDICT_ALLOWED);
    verdicts_set(records, bob, VERDICT_DENIED);
    records_reopen();
    expect("a1 b2 ");
    verdicts_set(records, ann, VERDICT_DENIED);
    expect("a2 b2 ");
}

static void what_makes_no_sense_denies(void **state)
{
    (void)state;
    verdicts_set(records, ann, VERDICT_ALLOWED);
    records_tamper("UPDATE verdicts SET verdict = 'yes';"
                   "INSERT INTO verdicts VALUES ('short', 1);"
                   "INSERT INTO verdicts VALUES ('', 1);"
                   "INSERT INTO verdicts VALUES (printf('%.52c', 'A'), 1);");
    expect("a2 ");
    records_tamper("UPDATE verdicts SET verdict = 4294967297"); /* 1 in 32 bits */
    expect("a2 ");
    assert_int_equal(folder_log_lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, records_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_last_one_counts),
        TEST(what_makes_no_sense_denies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
