/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a peer is dialled again; what becomes of that if it, or somebody who says so, dials us.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mesh/internal.h"
#include "mesh/peer.h"

enum { SOON_US = 1000000, LATE_US = 60000000, MANY = 200, MANY_US = 1000000, TIMES = 100 };

struct fixture {
    struct node node;
    struct peer peer;
    struct timer *again;
};

static void dial(void *arg)
{
    (void)arg;
    fail();
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->node.loop = loop_new();
    assert_non_null(f->node.loop);
    f->peer.node = &f->node;
    f->again = &f->peer.attempt.again;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    timer_stop(f->node.loop, f->again);
    loop_free(f->node.loop);
    free(f);
    return 0;
}

static void dial_in(struct fixture *f, uint64_t us)
{
    timer_set(f->node.loop, f->again, loop_now(f->node.loop) + us, dial, NULL);
}

static uint64_t due_in(const struct fixture *f)
{
    return f->again->due - loop_now(f->node.loop);
}

static void test_one_that_is_due_is_put_off_once(void **state)
{
    struct fixture *f = *state;
    dial_in(f, SOON_US);
    dialer_is_coming(&f->peer);
    assert_in_range(due_in(f), SOON_US + 1, LATE_US);
    dial_in(f, SOON_US);
    dialer_is_coming(&f->peer);
    assert_int_equal(due_in(f), SOON_US);
}

static void test_one_that_is_due_later_is_not_hastened(void **state)
{
    struct fixture *f = *state;
    dial_in(f, LATE_US);
    dialer_is_coming(&f->peer);
    assert_int_equal(due_in(f), LATE_US);
    dial_in(f, SOON_US);
    dialer_is_coming(&f->peer);
    assert_in_range(due_in(f), SOON_US + 1, LATE_US);
}

static void test_where_none_is_due_none_is_made(void **state)
{
    struct fixture *f = *state;
    dialer_is_coming(&f->peer);
    assert_false(timer_is_set(f->again));
}

/* The longest of many waits after a first failure. */
static uint64_t longest_wait(struct fixture *f, size_t peers)
{
    uint64_t longest = 0;
    f->node.peer_count = peers;
    f->peer.row.address_count = 1;
    for (int i = 0; i < TIMES; i++) {
        f->peer.attempt.failures = 0;
        dialer_lost(&f->peer);
        longest = due_in(f) > longest ? due_in(f) : longest;
    }
    return longest;
}

static void test_one_of_few_is_dialled_again_within_a_second(void **state)
{
    assert_in_range(longest_wait(*state, 1), 1, SOON_US + MANY_US / MANY);
}

/* That all of them wait for less than half of the limit does not happen. */
static void test_many_are_dialled_again_over_a_longer_time(void **state)
{
    assert_in_range(longest_wait(*state, MANY), SOON_US + 1, SOON_US + MANY_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_that_is_due_is_put_off_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_is_due_later_is_not_hastened, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_where_none_is_due_none_is_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_of_few_is_dialled_again_within_a_second, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_many_are_dialled_again_over_a_longer_time, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
