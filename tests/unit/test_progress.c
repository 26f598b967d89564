/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The figures of --progress, as they are printed.
 */
#include "config.h"

#include "progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(const struct node_progress *now, double rate, const char *expected)
{
    char text[PROGRESS_TEXT];
    progress_print(now, rate, text);
    assert_string_equal(text, expected);
}

static void prints_each_figure(void **state)
{
    (void)state;
    expect(&(struct node_progress){0}, 0, "sent 0 lines, 0 B; acked 0, 0 B; 0 B/s; left 0, 0 B");
    expect(&(struct node_progress){.sent_lines = 12,
                                   .sent_bytes = 1234,
                                   .acked_lines = 10,
                                   .acked_bytes = 1000,
                                   .left_lines = 3,
                                   .left_bytes = 345},
           56.7, "sent 12 lines, 1.2 kB; acked 10, 1.0 kB; 57 B/s; left 3, 345 B");
}

static void units_fit_the_size(void **state)
{
    (void)state;
    static const struct {
        double rate;
        const char *text;
    } rows[] = {
        {999.4, "999 B/s"},   {999.5, "1.0 kB/s"},  {99949, "99.9 kB/s"},    {99951, "100 kB/s"},
        {999499, "999 kB/s"}, {999500, "1.0 MB/s"}, {123456789, "123 MB/s"}, {2.5e12, "2.5 TB/s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[PROGRESS_TEXT];
        progress_print(&(struct node_progress){0}, rows[i].rate, text);
        assert_non_null(strstr(text, rows[i].text));
    }
}

static void the_largest_figures_fit(void **state)
{
    (void)state;
    struct node_progress most;
    memset(&most, 0xff, sizeof most);
    expect(&most, 1.8e19,
           "sent 18446744073709551615 lines, 18447 PB; acked 18446744073709551615, 18447 PB; "
           "18000 PB/s; left 18446744073709551615, 18447 PB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_each_figure),
        cmocka_unit_test(units_fit_the_size),
        cmocka_unit_test(the_largest_figures_fit),
    };
    return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
