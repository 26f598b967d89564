/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop with real descriptors, timers and signals. Every test ends by loop_stop(); a guard timer
 * fails the one that does not come to it.
 */
#include "config.h"

#include "net/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_US = 10000000, MANY_TIMERS = 1000 };

struct fixture {
    struct loop *loop;
    struct timer guard;
    char log[64]; /* one letter for each thing that happened */
    int count;
    int fds[8];
};

static struct fixture *f;

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("the loop did not stop; so far: \"%s\"", f->log);
}

static int begin(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    timer_stop(f->loop, &f->guard);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void note(char letter)
{
    size_t len = strlen(f->log);

    if (len < sizeof f->log - 1)
        f->log[len] = letter;
}

/* An argument for note_arg(). */
static void *letter(char c)
{
    static char letters[] = "abcdefghijklmnopqrstuvwxyz";

    return &letters[c - 'a'];
}

static void note_arg(void *arg)
{
    note(*(const char *)arg);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(f->loop);
}

static void make_pair(int *fds)
{
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), errno);
}

static void close_pair(int *fds)
{
    loop_unwatch(f->loop, fds[0]);
    loop_unwatch(f->loop, fds[1]);
    close(fds[0]);
    close(fds[1]);
}

/* ---- descriptors */

static void read_one(void *arg, int events)
{
    int *fds = arg;
    char byte;

    assert_int_equal(events, LOOP_READ);
    assert_int_equal(read(fds[0], &byte, 1), 1);
    note(byte);
    if (byte == '.')
        loop_stop(f->loop);
}

static void reads_until_told_to_stop(void **state)
{
    (void)state;
    make_pair(f->fds);
    assert_int_equal(loop_watch(f->loop, f->fds[0], LOOP_READ, read_one, f->fds), 0);
    assert_int_equal(write(f->fds[1], "abc.", 4), 4);
    loop_run(f->loop);
    assert_string_equal(f->log, "abc.");
    close_pair(f->fds);
}

static void note_events(void *arg, int events)
{
    (void)arg;
    note((char)('0' + events));
    loop_stop(f->loop);
}

static void tells_which_interest_came_true(void **state)
{
    (void)state;
    make_pair(f->fds);
    loop_watch(f->loop, f->fds[0], LOOP_READ | LOOP_WRITE, note_events, NULL);
    loop_run(f->loop);
    assert_int_equal(write(f->fds[1], "x", 1), 1);
    loop_run(f->loop);
    loop_watch(f->loop, f->fds[0], LOOP_READ, note_events, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "231");
    close_pair(f->fds);
}

static void keeps_a_slot_without_interest_silent(void **state)
{
    (void)state;
    static struct timer timer;

    make_pair(f->fds);
    assert_int_equal(write(f->fds[1], "x", 1), 1);
    loop_watch(f->loop, f->fds[0], 0, note_events, NULL);
    timer_set(f->loop, &timer, 0, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "");
    loop_watch(f->loop, f->fds[0], LOOP_READ, note_events, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "1");
    close_pair(f->fds);
}

/* Both ends of the pair are writable in one pass; whichever is called first silences the other. */
static void silence_other(void *arg, int events)
{
    int *other = arg;

    (void)events;
    note('a');
    loop_unwatch(f->loop, *other);
    loop_stop(f->loop);
}

static void does_not_call_what_was_unwatched_in_the_pass(void **state)
{
    (void)state;
    make_pair(f->fds);
    loop_watch(f->loop, f->fds[0], LOOP_WRITE, silence_other, &f->fds[1]);
    loop_watch(f->loop, f->fds[1], LOOP_WRITE, silence_other, &f->fds[0]);
    loop_run(f->loop);
    assert_string_equal(f->log, "a");
    close_pair(f->fds);
}

static void drop_interest_of_other(void *arg, int events)
{
    int *other = arg;

    (void)events;
    note('a');
    loop_watch(f->loop, *other, LOOP_READ, drop_interest_of_other, other);
    loop_stop(f->loop);
}

static void does_not_tell_of_an_interest_dropped_in_the_pass(void **state)
{
    (void)state;
    make_pair(f->fds);
    loop_watch(f->loop, f->fds[0], LOOP_WRITE, drop_interest_of_other, &f->fds[1]);
    loop_watch(f->loop, f->fds[1], LOOP_WRITE, drop_interest_of_other, &f->fds[0]);
    loop_run(f->loop);
    assert_string_equal(f->log, "a");
    close_pair(f->fds);
}

static void must_not_be_called(void *arg, int events)
{
    (void)arg;
    fail_msg("called with %d, readiness of the descriptor that was here before", events);
}

/* Closes the other descriptor of the pass, whose number the next socket then gets. */
static void reopen_other(void *arg, int events)
{
    int *pairs = f->fds;
    int *other = arg;

    (void)events;
    note('r');
    loop_unwatch(f->loop, *other);
    close(*other);
    make_pair(&pairs[4]);
    assert_int_equal(pairs[4], *other);
    loop_watch(f->loop, pairs[4], LOOP_READ, must_not_be_called, NULL);
    *other = -1;
    loop_stop(f->loop);
}

static void does_not_give_old_readiness_to_a_reused_number(void **state)
{
    (void)state;
    make_pair(&f->fds[0]);
    make_pair(&f->fds[2]);
    assert_int_equal(write(f->fds[1], "x", 1), 1);
    assert_int_equal(write(f->fds[3], "x", 1), 1);
    loop_watch(f->loop, f->fds[0], LOOP_READ, reopen_other, &f->fds[2]);
    loop_watch(f->loop, f->fds[2], LOOP_READ, reopen_other, &f->fds[0]);
    loop_run(f->loop);
    assert_string_equal(f->log, "r");
    loop_watch(f->loop, f->fds[4], LOOP_READ, note_events, NULL);
    for (int i = 0; i < 4; i++) {
        loop_unwatch(f->loop, f->fds[i]);
        if (f->fds[i] >= 0)
            close(f->fds[i]);
    }
    assert_int_equal(write(f->fds[5], "x", 1), 1);
    loop_run(f->loop);
    assert_string_equal(f->log, "r1");
    close_pair(&f->fds[4]);
}

static void refuses_what_select_cannot_watch(void **state)
{
    (void)state;
    errno = 0;
    assert_int_equal(loop_watch(f->loop, FD_SETSIZE, LOOP_READ, note_events, NULL), -1);
    assert_int_equal(errno, EMFILE);
    loop_unwatch(f->loop, FD_SETSIZE);
    loop_unwatch(f->loop, -1);
    loop_unwatch(f->loop, FD_SETSIZE - 1);
}

static void watches_the_highest_descriptor(void **state)
{
    (void)state;
    struct rlimit limit;
    int high = FD_SETSIZE - 1;

    assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
    if (limit.rlim_cur < FD_SETSIZE)
        high = (int)limit.rlim_cur - 1;
    make_pair(f->fds);
    assert_int_equal(dup2(f->fds[0], high), high);
    close(f->fds[0]);
    f->fds[0] = high;
    assert_int_equal(loop_watch(f->loop, high, LOOP_READ, read_one, f->fds), 0);
    assert_int_equal(write(f->fds[1], ".", 1), 1);
    loop_run(f->loop);
    assert_string_equal(f->log, ".");
    close_pair(f->fds);
}

static void knows_the_limit_of_descriptors(void **state)
{
    (void)state;
    struct rlimit former, small;

    assert_return_code(getrlimit(RLIMIT_NOFILE, &former), errno);
    small = former;
    small.rlim_cur = 77;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &small), errno);
    assert_int_equal(loop_fd_limit(), 77);
    assert_return_code(setrlimit(RLIMIT_NOFILE, &former), errno);
    assert_true(loop_fd_limit() <= FD_SETSIZE);
}

/* ---- timers */

static void fires_in_order_of_time_then_of_setting(void **state)
{
    (void)state;
    struct timer timers[5] = {{0}};
    uint64_t now = loop_now(f->loop);

    timer_set(f->loop, &timers[0], now + 3000, note_arg, letter('d'));
    timer_set(f->loop, &timers[1], now + 1000, note_arg, letter('b'));
    timer_set(f->loop, &timers[2], now + 1000, note_arg, letter('c'));
    timer_set(f->loop, &timers[3], 0, note_arg, letter('a'));
    timer_set(f->loop, &timers[4], now + 4000, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "abcd");
    assert_true(loop_now(f->loop) >= now + 4000);
    for (int i = 0; i < 5; i++)
        assert_false(timer_is_set(&timers[i]));
}

static void a_stopped_timer_does_not_fire(void **state)
{
    (void)state;
    struct timer stopped = {0}, moved = {0}, last = {0};
    uint64_t now = loop_now(f->loop);

    timer_set(f->loop, &stopped, now, note_arg, letter('x'));
    timer_set(f->loop, &moved, now, note_arg, letter('x'));
    timer_set(f->loop, &moved, now + 2000, note_arg, letter('m'));
    timer_set(f->loop, &last, now + 2000, stop, NULL);
    timer_stop(f->loop, &stopped);
    timer_stop(f->loop, &stopped);
    loop_run(f->loop);
    assert_string_equal(f->log, "m");
}

struct numbered {
    struct timer timer;
    uint64_t due;
};

static uint64_t last_due;

static void check_order(void *arg)
{
    const struct numbered *n = arg;

    assert_true(n->due >= last_due);
    assert_true(n->due <= loop_now(f->loop));
    last_due = n->due;
    f->count++;
}

static void a_heap_of_many_stays_in_order(void **state)
{
    (void)state;
    static struct numbered many[MANY_TIMERS];
    static struct timer last;
    uint64_t now = loop_now(f->loop);
    uint32_t seed = 12345;
    int stopped = 0;

    last_due = 0;
    for (int i = 0; i < MANY_TIMERS; i++) {
        seed = seed * 1664525 + 1013904223;
        many[i].due = now + (seed >> 8) % 20000;
        timer_set(f->loop, &many[i].timer, many[i].due, check_order, &many[i]);
    }
    for (int i = 0; i < MANY_TIMERS; i += 3) {
        timer_stop(f->loop, &many[i].timer);
        stopped++;
    }
    for (int i = 1; i < MANY_TIMERS; i += 3) {
        seed = seed * 1664525 + 1013904223;
        many[i].due = now + (seed >> 8) % 20000;
        timer_set(f->loop, &many[i].timer, many[i].due, check_order, &many[i]);
    }
    timer_set(f->loop, &last, now + 20000, stop, NULL);
    loop_run(f->loop);
    assert_int_equal(f->count, MANY_TIMERS - stopped);
}

static struct timer runaway, patient;

static void run_away(void *arg)
{
    (void)arg;
    note('r');
    timer_set(f->loop, &runaway, 0, run_away, NULL);
}

static void a_timer_in_the_past_waits_for_the_next_pass(void **state)
{
    (void)state;
    timer_set(f->loop, &runaway, 0, run_away, NULL);
    timer_set(f->loop, &patient, 0, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "r");
    timer_set(f->loop, &patient, 0, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "rr");
    timer_stop(f->loop, &runaway);
}

static void run_away_until_late(void *arg)
{
    const uint64_t *due = arg;

    if (loop_now(f->loop) > *due + GUARD_US)
        fail_msg("the timer that re-arms itself keeps the others from firing");
    timer_set(f->loop, &runaway, 0, run_away_until_late, arg);
}

static void a_runaway_does_not_hold_up_the_others(void **state)
{
    (void)state;
    uint64_t due = loop_now(f->loop) + 2000;

    timer_set(f->loop, &runaway, 0, run_away_until_late, &due);
    timer_set(f->loop, &patient, due, stop, NULL);
    loop_run(f->loop);
    timer_stop(f->loop, &runaway);
}

/* ---- turns, tasks, again */

static void run_task(void *arg);

static struct task task;

static void turn_one(void *arg)
{
    (void)arg;
    note('1');
    if (f->count++ == 0) {
        task_set(f->loop, &task, run_task, NULL);
        task_set(f->loop, &task, run_task, NULL);
    }
}

static void turn_two(void *arg)
{
    (void)arg;
    note('2');
}

static void run_task(void *arg)
{
    (void)arg;
    note('t');
    if (f->count < 3)
        task_set(f->loop, &task, run_task, NULL);
    else
        loop_stop(f->loop);
}

static void tasks_follow_the_turns_of_their_pass(void **state)
{
    (void)state;
    loop_on_turn(f->loop, turn_one, NULL);
    loop_on_turn(f->loop, turn_two, NULL);
    loop_again(f->loop);
    loop_run(f->loop);
    assert_string_equal(f->log, "12t12t12t");
}

static void a_stopped_task_does_not_run(void **state)
{
    (void)state;
    struct task tasks[3] = {{0}};

    task_set(f->loop, &tasks[0], note_arg, letter('a'));
    task_set(f->loop, &tasks[1], note_arg, letter('b'));
    task_set(f->loop, &tasks[2], note_arg, letter('c'));
    task_stop(&tasks[1]);
    task_stop(&tasks[1]);
    task_set(f->loop, &task, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "ac");
}

static void count_to_five(void *arg)
{
    (void)arg;
    if (++f->count == 5)
        loop_stop(f->loop);
    else
        loop_again(f->loop);
}

static void again_does_not_wait(void **state)
{
    (void)state;
    loop_on_turn(f->loop, count_to_five, NULL);
    loop_again(f->loop);
    loop_run(f->loop);
    assert_int_equal(f->count, 5);
}

static void a_stop_before_the_run_counts(void **state)
{
    (void)state;
    loop_on_turn(f->loop, turn_two, NULL);
    loop_stop(f->loop);
    loop_run(f->loop);
    assert_string_equal(f->log, "");
}

/* ---- signals */

static void caught(void *arg, int signo)
{
    note_arg(arg);
    if (signo == SIGUSR2)
        loop_stop(f->loop);
}

static void signals_wait_for_the_loop(void **state)
{
    (void)state;
    loop_on_signal(f->loop, SIGUSR1, caught, letter('u'));
    loop_on_signal(f->loop, SIGUSR2, caught, letter('x'));
    loop_on_signal(f->loop, SIGUSR2, caught, letter('v'));
    raise(SIGUSR1);
    raise(SIGUSR2);
    assert_string_equal(f->log, "");
    loop_run(f->loop);
    assert_string_equal(f->log, "uv");
}

/* The descriptor is always writable, so that no pass really waits. */
static void raise_once(void *arg, int events)
{
    (void)arg;
    (void)events;
    if (f->count++ == 0)
        raise(SIGUSR2);
    if (f->count == 1000)
        fail_msg("a busy loop does not hear signals");
}

static void a_busy_loop_hears_signals(void **state)
{
    (void)state;
    make_pair(f->fds);
    loop_on_signal(f->loop, SIGUSR2, caught, letter('v'));
    loop_watch(f->loop, f->fds[0], LOOP_WRITE, raise_once, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "v");
    assert_true(f->count <= 2);
    close_pair(f->fds);
}

static void raise_in_the_end(void *arg)
{
    (void)arg;
    if (++f->count == 100)
        raise(SIGUSR2);
    else if (f->count == 200)
        fail_msg("a loop that finds nothing and never waits does not hear signals");
    loop_again(f->loop);
}

static void a_loop_that_never_waits_hears_signals(void **state)
{
    (void)state;
    loop_on_signal(f->loop, SIGUSR2, caught, letter('v'));
    loop_on_turn(f->loop, raise_in_the_end, NULL);
    loop_again(f->loop);
    loop_run(f->loop);
    assert_string_equal(f->log, "v");
}

static void a_signal_goes_before_what_came_after_it(void **state)
{
    (void)state;
    make_pair(f->fds);
    loop_on_signal(f->loop, SIGUSR1, caught, letter('u'));
    loop_watch(f->loop, f->fds[0], LOOP_READ, read_one, f->fds);
    raise(SIGUSR1);
    assert_int_equal(write(f->fds[1], ".", 1), 1);
    loop_run(f->loop);
    assert_string_equal(f->log, "u.");
    close_pair(f->fds);
}

static volatile sig_atomic_t former_calls;

static void former_handler(int signo)
{
    (void)signo;
    former_calls++;
}

static void free_restores_dispositions_and_mask(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    sigset_t before, after;

    signal(SIGUSR1, former_handler);
    sigprocmask(SIG_BLOCK, NULL, &before);
    loop_on_signal(loop, SIGUSR1, caught, letter('x'));
    loop_free(loop);
    sigprocmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGUSR1), sigismember(&after, SIGUSR1));
    raise(SIGUSR1);
    assert_int_equal(former_calls, 1);
    assert_string_equal(f->log, "");
    signal(SIGUSR1, SIG_DFL);
}

static void read_before_the_deadline(void *arg, int events)
{
    (void)arg;
    (void)events;
    note('d');
    loop_unwatch(f->loop, f->fds[0]);
}

static void what_has_arrived_goes_before_a_deadline(void **state)
{
    (void)state;
    struct timer late = {0}, last = {0};

    make_pair(f->fds);
    assert_int_equal(write(f->fds[1], "x", 1), 1);
    loop_watch(f->loop, f->fds[0], LOOP_READ, read_before_the_deadline, NULL);
    timer_set(f->loop, &late, 0, note_arg, letter('t'));
    timer_set(f->loop, &last, 0, stop, NULL);
    loop_run(f->loop);
    assert_string_equal(f->log, "dt");
    close_pair(f->fds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_until_told_to_stop),
        TEST(tells_which_interest_came_true),
        TEST(keeps_a_slot_without_interest_silent),
        TEST(does_not_call_what_was_unwatched_in_the_pass),
        TEST(does_not_tell_of_an_interest_dropped_in_the_pass),
        TEST(does_not_give_old_readiness_to_a_reused_number),
        TEST(refuses_what_select_cannot_watch),
        TEST(watches_the_highest_descriptor),
        TEST(knows_the_limit_of_descriptors),
        TEST(fires_in_order_of_time_then_of_setting),
        TEST(a_stopped_timer_does_not_fire),
        TEST(a_heap_of_many_stays_in_order),
        TEST(a_timer_in_the_past_waits_for_the_next_pass),
        TEST(a_runaway_does_not_hold_up_the_others),
        TEST(tasks_follow_the_turns_of_their_pass),
        TEST(a_stopped_task_does_not_run),
        TEST(again_does_not_wait),
        TEST(a_stop_before_the_run_counts),
        TEST(signals_wait_for_the_loop),
        TEST(a_busy_loop_hears_signals),
        TEST(a_loop_that_never_waits_hears_signals),
        TEST(a_signal_goes_before_what_came_after_it),
        TEST(free_restores_dispositions_and_mask),
        TEST(what_has_arrived_goes_before_a_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
