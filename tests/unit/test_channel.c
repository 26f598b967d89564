/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Channels over TCP connections on loopback. The other end of each is a plain socket that the test
 * itself reads and writes.
 */
#include "config.h"

#include "net/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_US = 20000000, BIG = 8 * 1024 * 1024, SMALL_BUFFER = 16 * 1024 };

struct fixture {
    struct loop *loop;
    struct timer guard;
    struct channel *channel;
    int other; /* the far end, blocking */
    char *data;
    size_t len;
    size_t wanted; /* stop when so much has come */
    size_t largest;
    int ends;
    int end_errors[4];
    int written_calls;
    uint64_t written; /* at the last call */
    bool hold_at_data;
    bool stop_when_written;
};

static struct fixture *f;

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens: %zu bytes, %d ends", f->len, f->ends);
}

static void on_data(void *arg, struct span bytes)
{
    assert_ptr_equal(arg, f);
    assert_int_equal(f->ends, 0);
    f->data = realloc(f->data, f->len + bytes.len);
    memcpy(f->data + f->len, bytes.at, bytes.len);
    f->len += bytes.len;
    if (bytes.len > f->largest)
        f->largest = bytes.len;
    if (f->hold_at_data)
        channel_hold(f->channel, true);
    if (f->wanted != 0 && f->len >= f->wanted)
        loop_stop(f->loop);
}

static void on_end(void *arg, int error)
{
    assert_ptr_equal(arg, f);
    assert_in_range(f->ends, 0, 3);
    f->end_errors[f->ends++] = error;
    loop_stop(f->loop);
}

static void on_written(void *arg)
{
    assert_ptr_equal(arg, f);
    assert_true(channel_written(f->channel) > f->written);
    f->written = channel_written(f->channel);
    f->written_calls++;
    if (f->stop_when_written && channel_queued(f->channel) == 0)
        loop_stop(f->loop);
}

static const struct channel_handlers handlers = {
    .data = on_data, .end = on_end, .written = on_written};

static int listen_on_loopback(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_return_code(bind(fd, (struct sockaddr *)at, sizeof *at), errno);
    assert_return_code(listen(fd, 1), errno);
    assert_return_code(getsockname(fd, (struct sockaddr *)at, &len), errno);
    return fd;
}

/* As accept4(2) and socket(2) make it for a channel. */
static int nonblocking(int fd)
{
    assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
    return fd;
}

/* A connection; buffers of size bytes, or the system's if 0. */
static void make_connection(int *here, int *there, int size)
{
    struct sockaddr_in at;
    int listener = listen_on_loopback(&at);

    *here = socket(AF_INET, SOCK_STREAM, 0);
    if (size != 0) {
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(*here, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    assert_return_code(connect(*here, (struct sockaddr *)&at, sizeof at), errno);
    *there = accept(listener, NULL, NULL);
    assert_return_code(*there, errno);
    close(listener);
}

static int begin_sized(int size)
{
    int fd;

    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    make_connection(&fd, &f->other, size);
    f->channel = channel_new(f->loop, nonblocking(fd), &handlers, f);
    assert_non_null(f->channel);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_sized(0);
}

static int begin_small(void **state)
{
    (void)state;
    return begin_sized(SMALL_BUFFER);
}

static int end(void **state)
{
    (void)state;
    channel_free(f->channel);
    if (f->other >= 0)
        close(f->other);
    timer_stop(f->loop, &f->guard);
    loop_free(f->loop);
    free(f->data);
    free(f);
    return 0;
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(f->loop);
}

/* A pass that does not wait. */
static void run_once(void)
{
    struct timer now = {0};

    timer_set(f->loop, &now, 0, stop, NULL);
    loop_run(f->loop);
}

static void expect_from_channel(const char *text)
{
    char got[256];
    size_t len = strlen(text);

    assert_true(len < sizeof got);
    assert_int_equal(recv(f->other, got, len, MSG_WAITALL), (ssize_t)len);
    assert_memory_equal(got, text, len);
}

static bool other_has_input(void)
{
    struct pollfd p = {.fd = f->other, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void send_from_other(const char *text)
{
    assert_int_equal(send(f->other, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void reset_other(void)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(f->other, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(f->other);
    f->other = -1;
}

/* ---- in */

static void hands_out_what_arrives(void **state)
{
    (void)state;
    f->wanted = 5;
    send_from_other("hello");
    loop_run(f->loop);
    assert_memory_equal(f->data, "hello", 5);
    assert_int_equal(channel_received(f->channel), 5);
    assert_int_equal(f->ends, 0);
}

static void tells_a_clean_end_once(void **state)
{
    (void)state;
    send_from_other("bye");
    shutdown(f->other, SHUT_WR);
    loop_run(f->loop);
    assert_int_equal(f->len, 3);
    run_once();
    run_once();
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end_errors[0], 0);
}

static void tells_a_reset_once(void **state)
{
    (void)state;
    reset_other();
    loop_run(f->loop);
    run_once();
    channel_send(f->channel, span_of("into the void"));
    run_once();
    run_once();
    assert_int_equal(f->ends, 1);
    assert_int_equal(f->end_errors[0], ECONNRESET);
}

static void reads_a_bounded_amount_in_a_pass(void **state)
{
    (void)state;
    static char big[4 * CHANNEL_READ_MAX];
    size_t sent = 0;

    fcntl(f->other, F_SETFL, O_NONBLOCK);
    for (ssize_t len; sent < sizeof big; sent += (size_t)len)
        if ((len = send(f->other, big, sizeof big - sent, 0)) <= 0)
            break;
    assert_true(sent > CHANNEL_READ_MAX);
    run_once();
    assert_in_range(f->len, 1, CHANNEL_READ_MAX);
    f->wanted = sent;
    loop_run(f->loop);
    assert_int_equal(f->len, sent);
    assert_in_range(f->largest, 1, CHANNEL_READ_MAX);
}

static void a_held_channel_reads_nothing(void **state)
{
    (void)state;
    f->hold_at_data = true;
    f->wanted = 1;
    send_from_other("a");
    loop_run(f->loop);
    send_from_other("b");
    shutdown(f->other, SHUT_WR);
    run_once();
    assert_int_equal(f->len, 1);
    assert_int_equal(f->ends, 0);
    f->hold_at_data = false;
    f->wanted = 0;
    channel_hold(f->channel, false);
    loop_run(f->loop);
    assert_memory_equal(f->data, "ab", 2);
    assert_int_equal(f->ends, 1);
}

/* ---- out */

static void sends_at_the_end_of_the_pass(void **state)
{
    (void)state;
    f->stop_when_written = true;
    channel_send(f->channel, span_of("one "));
    channel_send(f->channel, span_of("two"));
    assert_int_equal(channel_queued(f->channel), 7);
    assert_false(other_has_input());
    loop_run(f->loop);
    expect_from_channel("one two");
    assert_int_equal(channel_queued(f->channel), 0);
    assert_int_equal(channel_written(f->channel), 7);
    assert_int_equal(f->written_calls, 1);
}

static struct task before_sending;

static void note_queued(void *arg)
{
    *(size_t *)arg = channel_queued(f->channel);
}

static void send_in_turn(void *arg)
{
    if (channel_written(f->channel) == 0 && channel_queued(f->channel) == 0) {
        task_set(f->loop, &before_sending, note_queued, arg);
        channel_send(f->channel, span_of("late"));
    }
}

static void what_a_turn_sends_leaves_in_the_same_pass(void **state)
{
    (void)state;
    size_t queued = 0;

    f->stop_when_written = true;
    loop_on_turn(f->loop, send_in_turn, &queued);
    loop_again(f->loop);
    loop_run(f->loop);
    assert_int_equal(queued, 4);
    expect_from_channel("late");
}

static int turns;

static void count_turn(void *arg)
{
    (void)arg;
    turns++;
}

static void turns_follow_the_news_of_a_write(void **state)
{
    (void)state;
    struct timer later = {0};

    turns = 0;
    loop_on_turn(f->loop, count_turn, NULL);
    channel_send(f->channel, span_of("x"));
    timer_set(f->loop, &later, loop_now(f->loop) + GUARD_US / 2, give_up, NULL);
    f->stop_when_written = true;
    loop_run(f->loop);
    assert_int_equal(turns, 1);
    f->stop_when_written = false;
    loop_on_turn(f->loop, stop, NULL);
    loop_run(f->loop); /* would wait for later, and fail, had the write not asked for a turn */
    assert_int_equal(turns, 2);
    timer_stop(f->loop, &later);
}

static void flush_writes_now_and_tells_later(void **state)
{
    (void)state;
    channel_send(f->channel, span_of("now"));
    channel_flush(f->channel);
    assert_int_equal(channel_written(f->channel), 3);
    assert_int_equal(f->written_calls, 0);
    expect_from_channel("now");
    run_once();
    assert_int_equal(f->written_calls, 1);
}

static void sends_slices_that_others_hold_too(void **state)
{
    (void)state;
    struct spool spool;
    struct span text = span_of("shared");

    spool_init(&spool);
    struct slice slice = spool_write(&spool, &text, 1);
    channel_send_slice(f->channel, slice_retain(slice));
    channel_send_slice(f->channel, slice_retain(slice));
    f->stop_when_written = true;
    loop_run(f->loop);
    expect_from_channel("sharedshared");
    slice_release(slice);
    spool_free(&spool);
}

/* Bytes that do not repeat at any distance that matters. */
static char pattern(size_t at)
{
    return (char)((uint32_t)at * 2654435761u >> 24);
}

static void check_pattern(const char *bytes, size_t len, size_t at)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != pattern(at + i))
            fail_msg("byte %zu is wrong", at + i);
}

static char *make_pattern(void)
{
    char *bytes = malloc(BIG);

    for (size_t i = 0; i < BIG; i++)
        bytes[i] = pattern(i);
    return bytes;
}

static struct timer drain_timer;

static void drain_some(void *arg)
{
    static char bytes[100000];
    ssize_t len = recv(f->other, bytes, sizeof bytes, MSG_DONTWAIT);

    if (len > 0) {
        check_pattern(bytes, (size_t)len, *(size_t *)arg);
        *(size_t *)arg += (size_t)len;
    }
    if (*(size_t *)arg == BIG)
        loop_stop(f->loop);
    else
        timer_set(f->loop, &drain_timer, loop_now(f->loop) + 200, drain_some, arg);
}

static void much_leaves_in_parts_and_in_order(void **state)
{
    (void)state;
    char *bytes = make_pattern();
    size_t taken = 0;

    for (size_t at = 0, len; at < BIG; at += len) {
        len = 1 + at % 70001;
        if (len > BIG - at)
            len = BIG - at;
        channel_send(f->channel, span_make(bytes + at, len));
    }
    drain_some(&taken);
    loop_run(f->loop);
    timer_stop(f->loop, &drain_timer);
    assert_int_equal(taken, BIG);
    assert_int_equal(channel_queued(f->channel), 0);
    assert_int_equal(channel_written(f->channel), BIG);
    assert_true(f->written_calls > 1);
    free(bytes);
}

static void a_full_socket_costs_no_passes(void **state)
{
    (void)state;
    char *bytes = make_pattern();
    struct timer later = {0};

    channel_send(f->channel, span_make(bytes, BIG));
    run_once();
    run_once();
    run_once();
    turns = 0;
    loop_on_turn(f->loop, count_turn, NULL);
    timer_set(f->loop, &later, loop_now(f->loop) + 50000, stop, NULL);
    loop_run(f->loop);
    assert_in_range(turns, 1, 20);
    assert_true(channel_queued(f->channel) > 0);
    assert_int_equal(channel_queued(f->channel) + channel_written(f->channel), BIG);
    free(bytes);
}

static void an_idle_channel_costs_no_passes(void **state)
{
    (void)state;
    struct timer later = {0};

    channel_send(f->channel, span_of("x"));
    run_once();
    run_once();
    turns = 0;
    loop_on_turn(f->loop, count_turn, NULL);
    timer_set(f->loop, &later, loop_now(f->loop) + 50000, stop, NULL);
    loop_run(f->loop);
    assert_in_range(turns, 1, 20);
}

/* ---- the end of sending */

static void finishes_after_the_queue(void **state)
{
    (void)state;
    char byte;

    channel_send(f->channel, span_of("last"));
    channel_finish(f->channel);
    assert_false(channel_is_finished(f->channel));
    f->stop_when_written = true;
    loop_run(f->loop);
    assert_true(channel_is_finished(f->channel));
    expect_from_channel("last");
    assert_int_equal(recv(f->other, &byte, 1, 0), 0);
    f->wanted = 6;
    send_from_other("answer");
    loop_run(f->loop);
    assert_int_equal(f->len, 6);
}

static void what_is_sent_after_the_finish_is_dropped(void **state)
{
    (void)state;
    char got[16];

    channel_send(f->channel, span_of("last"));
    channel_finish(f->channel);
    channel_send(f->channel, span_of("later"));
    run_once();
    channel_send(f->channel, span_of("much later"));
    run_once();
    assert_int_equal(channel_queued(f->channel), 0);
    assert_int_equal(channel_written(f->channel), 4);
    assert_int_equal(recv(f->other, got, sizeof got, MSG_WAITALL), 4);
    assert_int_equal(f->ends, 0);
}

static void finishes_only_when_all_is_out(void **state)
{
    (void)state;
    char *bytes = make_pattern();
    size_t taken = 0;
    char byte;

    channel_send(f->channel, span_make(bytes, BIG));
    channel_finish(f->channel);
    run_once();
    assert_false(channel_is_finished(f->channel));
    drain_some(&taken);
    loop_run(f->loop);
    timer_stop(f->loop, &drain_timer);
    run_once();
    assert_true(channel_is_finished(f->channel));
    assert_int_equal(recv(f->other, &byte, 1, 0), 0);
    free(bytes);
}

static void counts_what_is_not_acknowledged(void **state)
{
    (void)state;
    char *bytes = make_pattern();

    assert_int_equal(channel_unacknowledged(f->channel), 0);
    channel_send(f->channel, span_make(bytes, BIG));
    run_once();
    run_once();
    assert_true(channel_unacknowledged(f->channel) > 0);
    assert_true((uint64_t)channel_unacknowledged(f->channel) <= channel_written(f->channel));
    free(bytes);
}

/* The other side has closed with our bytes unread: they are answered with a reset. */
static void a_failed_send_after_a_clean_end_is_told_too(void **state)
{
    (void)state;
    shutdown(f->other, SHUT_WR);
    loop_run(f->loop);
    assert_int_equal(f->ends, 1);
    close(f->other);
    f->other = -1;
    channel_send(f->channel, span_of("anybody?"));
    run_once();
    channel_send(f->channel, span_of("anybody?"));
    while (f->ends < 2)
        loop_run(f->loop);
    channel_send(f->channel, span_of("anybody?"));
    run_once();
    run_once();
    assert_int_equal(f->ends, 2);
    assert_int_equal(f->end_errors[0], 0);
    assert_true(f->end_errors[1] == EPIPE || f->end_errors[1] == ECONNRESET);
}

static void what_came_before_a_reset_is_read_first(void **state)
{
    (void)state;
    channel_hold(f->channel, true);
    send_from_other("my last words");
    reset_other();
    channel_send(f->channel, span_of("fails"));
    run_once();
    assert_int_equal(f->ends, 0);
    channel_hold(f->channel, false);
    while (f->ends == 0)
        loop_run(f->loop);
    run_once();
    assert_int_equal(f->len, 13);
    assert_memory_equal(f->data, "my last words", 13);
    assert_int_equal(f->ends, 1);
    assert_true(f->end_errors[0] == EPIPE || f->end_errors[0] == ECONNRESET);
}

/* ---- what is known of it, and its beginning */

static void knows_both_addresses(void **state)
{
    (void)state;
    struct address local, remote;
    struct sockaddr_in name;
    socklen_t len = sizeof name;

    assert_return_code(getsockname(f->other, (struct sockaddr *)&name, &len), errno);
    channel_remote(f->channel, &remote);
    assert_int_equal(remote.family, 4);
    assert_int_equal(remote.port, ntohs(name.sin_port));
    assert_true(address_is_loopback(&remote));
    len = sizeof name;
    assert_return_code(getpeername(f->other, (struct sockaddr *)&name, &len), errno);
    channel_local(f->channel, &local);
    assert_int_equal(local.port, ntohs(name.sin_port));
    reset_other();
    loop_run(f->loop);
    channel_remote(f->channel, &remote);
    assert_int_equal(remote.family, 0);
}

static void has_no_address_and_closes_its_socket(void **state)
{
    (void)state;
    int pair[2];

    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
    struct channel *c = channel_new(f->loop, nonblocking(pair[0]), &handlers, f);
    assert_non_null(c);
    struct address none;
    channel_remote(c, &none);
    assert_int_equal(none.family, 0);
    channel_send(c, span_of("lost"));
    channel_free(c);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    char byte;
    assert_int_equal(read(pair[1], &byte, 1), 0);
    close(pair[1]);
    channel_free(NULL);
}

static void refuses_a_descriptor_that_select_cannot_watch(void **state)
{
    (void)state;
    struct rlimit limit, wide;
    int pair[2];

    assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
    wide = limit;
    wide.rlim_cur = FD_SETSIZE + 16;
    if (wide.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &wide) != 0)
        skip();
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
    assert_int_equal(dup2(pair[0], FD_SETSIZE), FD_SETSIZE);
    errno = 0;
    assert_null(channel_new(f->loop, FD_SETSIZE, &handlers, f));
    assert_int_equal(errno, EMFILE);
    assert_int_equal(fcntl(FD_SETSIZE, F_GETFD), -1);
    close(pair[0]);
    close(pair[1]);
    setrlimit(RLIMIT_NOFILE, &limit);
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, begin, end)
#define TEST_SMALL(name) cmocka_unit_test_setup_teardown(name, begin_small, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hands_out_what_arrives),
        TEST(tells_a_clean_end_once),
        TEST(tells_a_reset_once),
        TEST(reads_a_bounded_amount_in_a_pass),
        TEST(a_held_channel_reads_nothing),
        TEST(sends_at_the_end_of_the_pass),
        TEST(what_a_turn_sends_leaves_in_the_same_pass),
        TEST(turns_follow_the_news_of_a_write),
        TEST(flush_writes_now_and_tells_later),
        TEST(sends_slices_that_others_hold_too),
        TEST(much_leaves_in_parts_and_in_order),
        TEST_SMALL(much_leaves_in_parts_and_in_order),
        TEST_SMALL(a_full_socket_costs_no_passes),
        TEST(an_idle_channel_costs_no_passes),
        TEST(finishes_after_the_queue),
        TEST(what_is_sent_after_the_finish_is_dropped),
        TEST_SMALL(finishes_only_when_all_is_out),
        TEST_SMALL(counts_what_is_not_acknowledged),
        TEST(a_failed_send_after_a_clean_end_is_told_too),
        TEST(what_came_before_a_reset_is_read_first),
        TEST(knows_both_addresses),
        TEST(has_no_address_and_closes_its_socket),
        TEST(refuses_a_descriptor_that_select_cannot_watch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
