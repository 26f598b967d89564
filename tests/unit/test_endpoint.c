/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listeners and dials on loopback. A place that does not answer is a listener whose backlog is
 * full: the kernel then drops what else arrives.
 */
#include "config.h"

#include "net/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/left_out.h"
#include "base/log.h"

enum { GUARD_US = 30000000, ACCEPTED = 128, FILLERS = 4, ONLY_PORT = 40000 };

struct fixture {
    struct loop *loop;
    struct timer guard;
    int accepted[ACCEPTED];
    struct address from[ACCEPTED];
    int accepted_count;
    int stop_at; /* so many accepted */
    int ended;
    int fd;
    int error;
    int log_lines;
    int silent; /* the listener that does not answer; -1 */
    int fillers[FILLERS];
};

static struct fixture *f;

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens: %d accepted, %d ended", f->accepted_count, f->ended);
}

static void count_line(void *arg, enum log_level level, struct span line)
{
    (void)arg;
    (void)line;
    if (level == LOG_ERROR)
        f->log_lines++;
}

static int begin(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    f->fd = f->silent = -1;
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    log_set_sink(count_line, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    for (int i = 0; i < f->accepted_count; i++)
        close(f->accepted[i]);
    if (f->fd >= 0)
        close(f->fd);
    if (f->silent >= 0) {
        close(f->silent);
        for (int i = 0; i < FILLERS; i++)
            close(f->fillers[i]);
    }
    timer_stop(f->loop, &f->guard);
    loop_free(f->loop);
    free(f);
    return 0;
}

static bool sends_at_once(int fd)
{
    int on = 0;
    socklen_t len = sizeof on;

    return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == 0 && on != 0;
}

static void on_accepted(void *arg, int fd, const struct address *from)
{
    assert_ptr_equal(arg, f);
    assert_in_range(f->accepted_count, 0, ACCEPTED - 1);
    f->from[f->accepted_count] = *from;
    f->accepted[f->accepted_count++] = fd;
    if (f->accepted_count == f->stop_at)
        loop_stop(f->loop);
}

static void on_ended(void *arg, int fd, int error)
{
    assert_ptr_equal(arg, f);
    assert_int_equal(fd >= 0, error == 0);
    f->ended++;
    f->fd = fd;
    f->error = error;
    loop_stop(f->loop);
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(f->loop);
}

static void run_for(uint64_t us)
{
    struct timer timer = {0};

    timer_set(f->loop, &timer, loop_now(f->loop) + us, stop, NULL);
    loop_run(f->loop);
    timer_stop(f->loop, &timer);
}

static struct address parse(const char *host, uint16_t port)
{
    struct address a = {0};

    assert_true(address_parse_host(host, port, &a));
    return a;
}

static struct listener *listen_at(const char *host, uint16_t port)
{
    struct address at = parse(host, port);

    return listener_new(f->loop, &at, on_accepted, f);
}

static struct address address_of(const struct listener *l)
{
    struct address a;

    listener_address(l, &a);
    return a;
}

/* A blocking connection from the test itself. */
static int connect_to(const struct address *to)
{
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(to, &name);
    int fd = socket(name.ss_family, SOCK_STREAM, 0);

    assert_return_code(fd, errno);
    assert_return_code(connect(fd, (struct sockaddr *)&name, len), errno);
    return fd;
}

static struct address bound_address(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    struct address a = {0};

    assert_return_code(getsockname(fd, (struct sockaddr *)&name, &len), errno);
    assert_true(address_from_sockaddr(&name, &a));
    return a;
}

/* An address where nobody listens: bound, so that nobody else takes it meanwhile. */
static struct address closed_address(int *holder)
{
    struct address any = parse("127.0.0.1", 0);
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(&any, &name);

    *holder = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(*holder, (struct sockaddr *)&name, len), errno);
    return bound_address(*holder);
}

static struct address silent_address(void)
{
    struct address at = closed_address(&f->silent);
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(&at, &name);

    assert_return_code(listen(f->silent, 0), errno);
    for (int i = 0; i < FILLERS; i++) {
        f->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(f->fillers[i], (struct sockaddr *)&name, len);
    }
    return at;
}

/* ---- listening */

static void hands_out_connections(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);

    assert_true(at.port > 0);
    int fd = connect_to(&at);
    struct address mine = bound_address(fd);
    f->stop_at = 1;
    loop_run(f->loop);
    assert_true(address_equal(&f->from[0], &mine));
    assert_true(fcntl(f->accepted[0], F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(f->accepted[0], F_GETFD) & FD_CLOEXEC);
    assert_true(sends_at_once(f->accepted[0]));
    close(fd);
    listener_free(l);
    listener_free(NULL);
}

static void a_freed_listener_lets_the_port_go(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    int fd = connect_to(&at);

    f->stop_at = 1;
    loop_run(f->loop);
    close(f->accepted[0]); /* ours first: the port is left in TIME_WAIT */
    f->accepted_count = 0;
    close(fd);
    listener_free(l);
    l = listener_new(f->loop, &at, on_accepted, f);
    assert_non_null(l);
    listener_free(l);
}

static void a_port_in_use_is_an_error(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);

    errno = 0;
    assert_null(listener_new(f->loop, &at, on_accepted, f));
    assert_int_equal(errno, EADDRINUSE);
    listener_free(l);
}

static void an_address_of_others_is_an_error(void **state)
{
    (void)state;
    errno = 0;
    assert_null(listen_at("192.0.2.1", 0));
    assert_int_equal(errno, EADDRNOTAVAIL);
}

static void both_families_share_a_port(void **state)
{
    (void)state;
    struct listener *six = NULL, *four = NULL;

    /* Somebody else may have the port in the other family: then draw again. */
    for (int draw = 0; four == NULL && draw < 100; draw++) {
        listener_free(six);
        six = listen_at("::", 0);
        if (six == NULL)
            skip(); /* a machine without IPv6 */
        four = listen_at("0.0.0.0", address_of(six).port);
    }
    assert_non_null(four);
    struct address to_six = parse("::1", address_of(six).port);
    struct address to_four = parse("127.0.0.1", address_of(six).port);
    int fd_six = connect_to(&to_six);
    int fd_four = connect_to(&to_four);
    f->stop_at = 2;
    loop_run(f->loop);
    assert_int_equal(f->from[0].family + f->from[1].family, 10);
    close(fd_six);
    close(fd_four);
    listener_free(six);
    listener_free(four);
}

static void accepts_a_bounded_number_in_a_pass(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    int fds[ENDPOINT_ACCEPTS + 10];

    for (int i = 0; i < ENDPOINT_ACCEPTS + 10; i++)
        fds[i] = connect_to(&at);
    run_for(0);
    assert_int_equal(f->accepted_count, ENDPOINT_ACCEPTS);
    f->stop_at = ENDPOINT_ACCEPTS + 10;
    loop_run(f->loop);
    for (int i = 0; i < ENDPOINT_ACCEPTS + 10; i++)
        close(fds[i]);
    listener_free(l);
}

static struct rlimit former_limit;

/* No further descriptor can be had. */
static void exhaust_descriptors(void)
{
    struct rlimit none;
    int next = dup(0);

    assert_return_code(next, errno);
    close(next);
    assert_return_code(getrlimit(RLIMIT_NOFILE, &former_limit), errno);
    none = former_limit;
    none.rlim_cur = (rlim_t)next;
    assert_return_code(setrlimit(RLIMIT_NOFILE, &none), errno);
}

static int passes;

static void count_pass(void *arg)
{
    (void)arg;
    passes++;
}

static void rests_without_descriptors_and_says_so_once(void **state)
{
    (void)state;
    if (left_out(__func__))
        skip();
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    int fd = connect_to(&at);
    int another = connect_to(&at);

    passes = 0;
    loop_on_turn(f->loop, count_pass, NULL);
    exhaust_descriptors();
    run_for(ENDPOINT_REST_US * 3 / 2); /* it has tried a second time */
    assert_return_code(setrlimit(RLIMIT_NOFILE, &former_limit), errno);
    assert_int_equal(f->accepted_count, 0);
    assert_int_equal(f->log_lines, 1);
    assert_in_range(passes, 1, 10);

    f->stop_at = 2;
    loop_run(f->loop);
    int third = connect_to(&at);
    exhaust_descriptors();
    run_for(1000);
    assert_return_code(setrlimit(RLIMIT_NOFILE, &former_limit), errno);
    assert_int_equal(f->log_lines, 2);
    listener_free(l); /* while it rests */
    close(fd);
    close(another);
    close(third);
}

/* ---- dialling */

static void start(const struct address *candidates, size_t count)
{
    dial_start(f->loop, candidates, count, NULL, 0, on_ended, f);
    assert_int_equal(f->ended, 0);
    loop_run(f->loop);
    assert_int_equal(f->ended, 1);
    run_for(1000);
    assert_int_equal(f->ended, 1);
}

static void connects(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);

    start(&at, 1);
    assert_int_equal(f->error, 0);
    assert_int_equal(f->accepted_count, 1);
    struct address mine = bound_address(f->fd);
    assert_true(address_equal(&mine, &f->from[0]));
    assert_true(fcntl(f->fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(f->fd, F_GETFD) & FD_CLOEXEC);
    assert_true(sends_at_once(f->fd));
    listener_free(l);
}

static void tells_a_refusal(void **state)
{
    (void)state;
    int holder;
    struct address at = closed_address(&holder);

    start(&at, 1);
    assert_int_equal(f->error, ECONNREFUSED);
    close(holder);
}

static void tells_what_cannot_even_begin(void **state)
{
    (void)state;
    struct address broadcast = parse("255.255.255.255", 9);

    start(&broadcast, 1);
    assert_true(f->error == ENETUNREACH || f->error == EACCES || f->error == EHOSTUNREACH);
}

static void without_candidates_it_ends_too(void **state)
{
    (void)state;
    start(NULL, 0);
    assert_int_equal(f->error, EADDRNOTAVAIL);
}

static void goes_on_after_a_refusal_at_once(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address candidates[DIAL_CANDIDATES];
    int holders[DIAL_CANDIDATES - 2];
    uint64_t before = loop_now(f->loop);

    for (int i = 0; i < DIAL_CANDIDATES - 2; i++)
        candidates[i] = closed_address(&holders[i]);
    candidates[DIAL_CANDIDATES - 2] = parse("255.255.255.255", 9);
    candidates[DIAL_CANDIDATES - 1] = address_of(l);
    dial_start(f->loop, candidates, DIAL_CANDIDATES, NULL, 0, on_ended, f);
    loop_run(f->loop);
    assert_int_equal(f->error, 0);
    assert_true(loop_now(f->loop) - before < 4 * DIAL_STAGGER_US);
    for (int i = 0; i < DIAL_CANDIDATES - 2; i++)
        close(holders[i]);
    listener_free(l);
}

static void starts_the_next_when_one_is_silent(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address candidates[] = {silent_address(), address_of(l)};
    uint64_t before = loop_now(f->loop);

    start(candidates, 2);
    assert_int_equal(f->error, 0);
    assert_true(loop_now(f->loop) - before >= DIAL_STAGGER_US);
    assert_int_equal(f->accepted_count, 1);
    listener_free(l);
}

static void a_silent_one_ends_at_the_deadline(void **state)
{
    (void)state;
    struct address at = silent_address();
    uint64_t before = loop_now(f->loop);

    start(&at, 1);
    assert_int_equal(f->error, ETIMEDOUT);
    assert_true(loop_now(f->loop) - before >= DIAL_DEADLINE_US);
}

static void a_cancelled_dial_is_never_heard_of(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    struct address silent = silent_address();

    dial_cancel(dial_start(f->loop, &at, 1, NULL, 0, on_ended, f));
    struct dial *d = dial_start(f->loop, &silent, 1, NULL, 0, on_ended, f);
    run_for(2000);
    dial_cancel(d);
    run_for(2000);
    dial_cancel(NULL);
    assert_int_equal(f->ended, 0);
    assert_int_equal(f->accepted_count, 0);
    listener_free(l);
}

static void leaves_from_the_given_address(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    struct address from[] = {parse("::1", 1), parse("127.0.0.5", address_of(l).port)};

    f->stop_at = 1;
    dial_start(f->loop, &at, 1, from, 2, on_ended, f);
    while (f->ended == 0 || f->accepted_count == 0)
        loop_run(f->loop);
    assert_int_equal(f->error, 0);
    assert_true(address_same_host(&f->from[0], &from[1]));
    listener_free(l);
}

static void a_foreign_address_to_leave_from_fails(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    struct address from = parse("192.0.2.1", 0);

    dial_start(f->loop, &at, 1, &from, 1, on_ended, f);
    loop_run(f->loop);
    assert_int_equal(f->error, EADDRNOTAVAIL);
    listener_free(l);
}

static void tells_that_descriptors_are_out(void **state)
{
    (void)state;
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);

    exhaust_descriptors();
    dial_start(f->loop, &at, 1, NULL, 0, on_ended, f);
    loop_run(f->loop);
    assert_return_code(setrlimit(RLIMIT_NOFILE, &former_limit), errno);
    assert_int_equal(f->error, EMFILE);
    listener_free(l);
}

static void tells_that_select_can_watch_no_more(void **state)
{
    (void)state;
    static int filler[FD_SETSIZE];
    struct listener *l = listen_at("127.0.0.1", 0);
    struct address at = address_of(l);
    struct rlimit limit, wide;
    int count = 0;

    assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
    wide = limit;
    wide.rlim_cur = FD_SETSIZE + 16;
    if (wide.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &wide) != 0)
        skip();
    while ((filler[count] = dup(0)) < FD_SETSIZE - 1)
        count++;
    dial_start(f->loop, &at, 1, NULL, 0, on_ended, f);
    loop_run(f->loop);
    assert_int_equal(f->error, EMFILE);
    for (int i = 0; i <= count; i++)
        close(filler[i]);
    assert_return_code(setrlimit(RLIMIT_NOFILE, &limit), errno);
    listener_free(l);
}

/* ---- a socket connected to itself: a network of our own, where there is only one port to have */

static bool enter_own_network(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    FILE *range;

    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    close(fd);
    if (!up || (range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w")) == NULL)
        return false;
    fprintf(range, "%d %d\n", ONLY_PORT, ONLY_PORT);
    return fclose(range) == 0;
}

/* The plain system calls do connect it to itself: else this shows nothing. */
static bool is_trap_set(void)
{
    struct address at = parse("127.0.0.1", ONLY_PORT);
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(&at, &name);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    bool connected = connect(fd, (struct sockaddr *)&name, len) == 0;
    close(fd);
    return connected;
}

enum { CHILD_GOOD = 0, CHILD_BAD = 1, CHILD_SKIPS = 77 };

static int dial_oneself(void)
{
    struct address at = parse("127.0.0.1", ONLY_PORT);

    if (!enter_own_network() || !is_trap_set())
        return CHILD_SKIPS;
    dial_start(f->loop, &at, 1, NULL, 0, on_ended, f);
    loop_run(f->loop);
    return f->fd == -1 && f->error == ECONNREFUSED ? CHILD_GOOD : CHILD_BAD;
}

static void a_connection_to_oneself_is_a_refusal(void **state)
{
    (void)state;
    int status;
    pid_t child = fork();

    assert_return_code(child, errno);
    if (child == 0)
        _exit(dial_oneself());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_SKIPS)
        skip(); /* no network namespace to be had here */
    assert_int_equal(WEXITSTATUS(status), CHILD_GOOD);
}

/* ---- this machine */

static void knows_the_addresses_of_this_machine(void **state)
{
    (void)state;
    struct address loopback = parse("127.0.0.1", 0);
    struct address all[64];
    size_t count = endpoint_local_addresses(all, 64);
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[i].port, 0);
        assert_true(all[i].family == 4 || all[i].family == 6);
        found |= address_equal(&all[i], &loopback);
    }
    assert_true(found);
    assert_int_equal(endpoint_local_addresses(all, 1), 1);
    assert_int_equal(endpoint_local_addresses(all, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hands_out_connections),
        TEST(a_freed_listener_lets_the_port_go),
        TEST(a_port_in_use_is_an_error),
        TEST(an_address_of_others_is_an_error),
        TEST(both_families_share_a_port),
        TEST(accepts_a_bounded_number_in_a_pass),
        TEST(rests_without_descriptors_and_says_so_once),
        TEST(connects),
        TEST(tells_a_refusal),
        TEST(tells_what_cannot_even_begin),
        TEST(without_candidates_it_ends_too),
        TEST(goes_on_after_a_refusal_at_once),
        TEST(starts_the_next_when_one_is_silent),
        TEST(a_silent_one_ends_at_the_deadline),
        TEST(a_cancelled_dial_is_never_heard_of),
        TEST(leaves_from_the_given_address),
        TEST(a_foreign_address_to_leave_from_fails),
        TEST(tells_that_descriptors_are_out),
        TEST(tells_that_select_can_watch_no_more),
        TEST(a_connection_to_oneself_is_a_refusal),
        TEST(knows_the_addresses_of_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
