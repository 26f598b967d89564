/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which descriptors are ready, for whichever implementation it is linked with. What that asks of
 * the kernel is counted on its way there.
 */
#include "config.h"

#include "net/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

#include <cmocka.h>

enum { CROWD = 200 /* pairs of sockets */ };

static struct readiness *r;
static struct ready found[FD_SETSIZE];
static int pair[2];
static int told, told_error; /* calls of epoll_ctl(2); what they fail with, 0 not */

static const struct timespec none = {0};
static const struct timespec long_enough = {.tv_sec = 10};

#ifdef __linux__
/* In place of the C library's. */
int epoll_ctl(int kernel, int change, int fd, struct epoll_event *event)
{
    told++;
    if (told_error != 0) {
        errno = told_error;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, kernel, change, fd, event);
}
#endif

static void make_pair(int *fds)
{
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), errno);
}

static int begin(void **state)
{
    (void)state;
    r = readiness_new();
    make_pair(pair);
    told = told_error = 0;
    return r == NULL;
}

static int end(void **state)
{
    (void)state;
    close(pair[0]);
    close(pair[1]);
    readiness_free(r);
    return 0;
}

/* What is found of a descriptor without waiting; how many there are in all goes to count. */
static int events_of(int fd, int *count)
{
    *count = readiness_wait(r, &none, NULL, found);
    for (int i = 0; i < *count; i++)
        if (found[i].fd == fd)
            return found[i].events;
    return 0;
}

static int events_of_one(int fd)
{
    int count, events = events_of(fd, &count);

    assert_in_range(count, 0, 1);
    return events;
}

/* ---- what is ready */

static void finds_what_is_wanted(void **state)
{
    (void)state;
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(events_of_one(pair[0]), 0);
    readiness_want(r, pair[0], LOOP_READ | LOOP_WRITE);
    assert_int_equal(events_of_one(pair[0]), LOOP_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ | LOOP_WRITE);
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ);
    readiness_want(r, pair[0], 0);
    assert_int_equal(events_of_one(pair[0]), 0);
    readiness_forget(r, pair[0]);
}

static void finds_each_once_among_others(void **state)
{
    (void)state;
    int other[2], count;

    make_pair(other);
    readiness_want(r, pair[0], LOOP_WRITE);
    readiness_want(r, other[0], LOOP_READ);
    readiness_want(r, other[1], LOOP_WRITE);
    assert_int_equal(events_of(pair[0], &count), LOOP_WRITE);
    assert_int_equal(count, 2);
    assert_int_equal(events_of(other[1], &count), LOOP_WRITE);
    readiness_forget(r, other[0]);
    readiness_forget(r, other[1]);
    close(other[0]);
    close(other[1]);
}

static void tells_a_hang_up_as_what_was_asked_for(void **state)
{
    (void)state;
    readiness_want(r, pair[0], LOOP_READ);
    close(pair[1]);
    assert_true(events_of_one(pair[0]) & LOOP_READ);
    readiness_want(r, pair[0], LOOP_READ | LOOP_WRITE);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ | LOOP_WRITE);
    readiness_want(r, pair[0], LOOP_WRITE);
    assert_true(events_of_one(pair[0]) & LOOP_WRITE);
    readiness_want(r, pair[0], 0);
    assert_int_equal(events_of_one(pair[0]), 0);
    readiness_forget(r, pair[0]);
    pair[1] = -1;
}

static void hears_of_a_pipe_without_a_reader(void **state)
{
    (void)state;
    int ends[2];

    assert_return_code(pipe2(ends, O_NONBLOCK), errno);
    readiness_want(r, ends[1], LOOP_READ);
    assert_int_equal(events_of_one(ends[1]), 0);
    close(ends[0]);
    assert_true(events_of_one(ends[1]) & LOOP_READ);
    readiness_forget(r, ends[1]);
    close(ends[1]);
}

static void a_regular_file_is_always_ready(void **state)
{
    (void)state;
    char path[] = "readiness-XXXXXX";
    int count, file = mkstemp(path);

    assert_return_code(file, errno);
    unlink(path);
    readiness_want(r, file, LOOP_READ);
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(readiness_wait(r, NULL, NULL, found), 1); /* it must not wait */
    assert_int_equal(found[0].fd, file);
    assert_int_equal(found[0].events, LOOP_READ);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of(file, &count), LOOP_READ);
    assert_int_equal(count, 2);
    assert_int_equal(events_of(pair[0], &count), LOOP_READ);
    readiness_want(r, file, 0);
    assert_int_equal(events_of(file, &count), 0);
    readiness_want(r, file, LOOP_READ | LOOP_WRITE);
    assert_int_equal(events_of(file, &count), LOOP_READ | LOOP_WRITE);
    readiness_forget(r, file);
    close(file);
    assert_int_equal(events_of(file, &count), 0);
    readiness_forget(r, pair[0]);
}

static void a_number_may_belong_to_a_file_and_then_to_a_socket(void **state)
{
    (void)state;
    char path[] = "readiness-XXXXXX";
    int file = mkstemp(path);

    assert_return_code(file, errno);
    unlink(path);
    readiness_want(r, file, LOOP_READ);
    assert_int_equal(events_of_one(file), LOOP_READ);
    readiness_forget(r, file);
    assert_int_equal(dup2(pair[0], file), file);
    readiness_want(r, file, LOOP_READ);
    assert_int_equal(events_of_one(file), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of_one(file), LOOP_READ);
    readiness_forget(r, file);
    close(file);
}

/* ---- numbers that are used again */

static void a_number_that_is_used_again_is_another(void **state)
{
    (void)state;
    int fd = pair[0];

    readiness_want(r, fd, LOOP_WRITE);
    assert_int_equal(events_of_one(fd), LOOP_WRITE);
    readiness_forget(r, fd);
    close(pair[0]);
    close(pair[1]);
    make_pair(pair);
    assert_int_equal(pair[0], fd);
    assert_int_equal(events_of_one(fd), 0);
    readiness_want(r, fd, LOOP_READ);
    assert_int_equal(events_of_one(fd), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of_one(fd), LOOP_READ);
    readiness_forget(r, fd);
}

/* As a program does that we have started, until it has closed what is not its own. */
static void what_somebody_else_has_open_is_forgotten_all_the_same(void **state)
{
    (void)state;
    int copy = dup(pair[0]);

    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ);
    readiness_forget(r, pair[0]);
    close(pair[0]);
    assert_int_equal(readiness_wait(r, &none, NULL, found), 0);
    pair[0] = copy;
}

static void two_numbers_of_one_socket_are_two(void **state)
{
    (void)state;
    int count, copy = dup(pair[0]);

    readiness_want(r, pair[0], LOOP_READ);
    readiness_want(r, copy, LOOP_WRITE);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of(copy, &count), LOOP_WRITE);
    assert_int_equal(count, 2);
    readiness_forget(r, copy);
    close(copy);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ);
    readiness_forget(r, pair[0]);
}

/* ---- what it costs */

static void what_has_changed_back_by_the_wait_is_not_told(void **state)
{
    (void)state;
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(events_of_one(pair[0]), 0);
    told = 0;
    readiness_want(r, pair[0], 0);
    readiness_want(r, pair[0], LOOP_READ | LOOP_WRITE);
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(events_of_one(pair[0]), 0);
    assert_int_equal(told, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(events_of_one(pair[0]), LOOP_READ);
    readiness_forget(r, pair[0]);
}

static void what_was_never_waited_for_is_not_told(void **state)
{
    (void)state;
    readiness_want(r, pair[0], LOOP_READ);
    readiness_forget(r, pair[0]);
    assert_int_equal(events_of_one(pair[0]), 0);
    assert_int_equal(told, 0);
}

static void an_idle_crowd_costs_no_system_calls(void **state)
{
    (void)state;
    static int crowd[CROWD][2];

    for (int i = 0; i < CROWD; i++) {
        make_pair(crowd[i]);
        readiness_want(r, crowd[i][0], LOOP_READ);
    }
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(events_of_one(pair[0]), 0);
    told = 0;
    for (int i = 0; i < 10; i++) {
        char byte;
        assert_int_equal(write(pair[1], "x", 1), 1);
        assert_int_equal(readiness_wait(r, &long_enough, NULL, found), 1);
        assert_int_equal(found[0].fd, pair[0]);
        assert_int_equal(read(pair[0], &byte, 1), 1);
    }
    assert_int_equal(told, 0);
    for (int i = 0; i < CROWD; i++) {
        readiness_forget(r, crowd[i][0]);
        close(crowd[i][0]);
        close(crowd[i][1]);
    }
    readiness_forget(r, pair[0]);
}

/* ---- the wait */

static void waits_no_longer_than_it_may(void **state)
{
    (void)state;
    const struct timespec a_moment = {.tv_nsec = 1000000};
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(readiness_wait(r, &a_moment, NULL, found), 0);
    readiness_forget(r, pair[0]);
}

static void note_nothing(int signo)
{
    (void)signo;
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    sigset_t blocked, former;

    signal(SIGUSR1, note_nothing);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, &former);
    raise(SIGUSR1);
    assert_int_equal(readiness_wait(r, NULL, &former, found), -1);
    sigprocmask(SIG_SETMASK, &former, NULL);
    signal(SIGUSR1, SIG_DFL);
}

/* Of the system's memory for such things a user has only so much. */
static void what_the_kernel_has_no_room_for_is_told_once_more(void **state)
{
    (void)state;
    readiness_want(r, pair[0], LOOP_READ);
    assert_int_equal(write(pair[1], "x", 1), 1);
    told_error = ENOSPC;
    int count = readiness_wait(r, NULL, NULL, found); /* epoll alone: it has to return */
    told_error = 0;
    if (count == 0)
        assert_int_equal(readiness_wait(r, NULL, NULL, found), 1);
    assert_int_equal(found[0].fd, pair[0]);
    readiness_forget(r, pair[0]);
}

static void says_that_there_is_no_descriptor(void **state)
{
    (void)state;
    struct rlimit former, small;

    assert_return_code(getrlimit(RLIMIT_NOFILE, &former), errno);
    small = former;
    small.rlim_cur = 0;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &small), errno);
    errno = 0;
    struct readiness *second = readiness_new();
    int error = errno;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &former), errno);
    if (second == NULL)
        assert_int_equal(error, EMFILE);
    else
        readiness_free(second); /* it needs none */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_is_wanted),
        TEST(finds_each_once_among_others),
        TEST(tells_a_hang_up_as_what_was_asked_for),
        TEST(hears_of_a_pipe_without_a_reader),
        TEST(a_regular_file_is_always_ready),
        TEST(a_number_may_belong_to_a_file_and_then_to_a_socket),
        TEST(a_number_that_is_used_again_is_another),
        TEST(what_somebody_else_has_open_is_forgotten_all_the_same),
        TEST(two_numbers_of_one_socket_are_two),
        TEST(what_has_changed_back_by_the_wait_is_not_told),
        TEST(what_was_never_waited_for_is_not_told),
        TEST(an_idle_crowd_costs_no_system_calls),
        TEST(waits_no_longer_than_it_may),
        TEST(a_signal_ends_the_wait),
        TEST(what_the_kernel_has_no_room_for_is_told_once_more),
        TEST(says_that_there_is_no_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
