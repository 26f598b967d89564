/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moments as text, in zones before and behind UTC, some of them not by whole hours.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "report/stamp.h"

static const uint64_t noon = 1767268800123456; /* 2026-01-01T12:00:00.123456Z */

static void check(const char *zone, uint64_t us, bool millis, const char *expected)
{
    char out[STAMP_TEXT];
    setenv("TZ", zone, 1);
    tzset();
    stamp_print(us, millis, out);
    assert_string_equal(out, expected);
}

static void zones(void **state)
{
    (void)state;
    check("UTC0", noon, false, "2026-01-01T12:00:00+00:00");
    check("XXX-1", noon, false, "2026-01-01T13:00:00+01:00");
    check("XXX3:30", noon, false, "2026-01-01T08:30:00-03:30");
    check("XXX-12:45", noon, false, "2026-01-02T00:45:00+12:45");
    check("XXX12", noon, true, "2026-01-01T00:00:00.123-12:00");
}

static void fractions(void **state)
{
    (void)state;
    check("UTC0", 0, true, "1970-01-01T00:00:00.000+00:00");
    check("UTC0", 999999, true, "1970-01-01T00:00:00.999+00:00");
    check("UTC0", 999999, false, "1970-01-01T00:00:00+00:00");
    check("UTC0", 1000, true, "1970-01-01T00:00:00.001+00:00");
}

static void unix_time(void **state)
{
    char out[STAMP_TEXT];
    (void)state;
    stamp_print_unix(noon, out);
    assert_string_equal(out, "1767268800.123456");
    stamp_print_unix(42, out);
    assert_string_equal(out, "0.000042");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones),
        cmocka_unit_test(fractions),
        cmocka_unit_test(unix_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
