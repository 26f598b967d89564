/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Channels inside TLS: two of them in one loop, a dialer's and a listener's, over a connection on
 * loopback; or one of them and a socket that says what it likes.
 */
#include "config.h"

#include "net/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "../lib/left_out.h"

enum { GUARD_US = 20000000, MEBIBYTE = 1024 * 1024 };

struct side {
    struct channel *channel;
    int fd; /* the channel's */
    struct tls_context *context;
    struct key *key;
    char *data;
    size_t len, wanted; /* stop when so much has come */
    int secured, firsts, ends, written_calls;
    int end_error;
    unsigned char first;
    uint64_t largest_pass, this_pass; /* bytes */
    bool secure_at_first, hold_at_first, hold_at_data, close_when_finished;
};

struct fixture {
    struct loop *loop;
    struct timer guard;
    struct side dialer, listener;
    int other; /* of a channel that has no channel at its other end */
};

static struct fixture *f;

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens: %zu and %zu bytes, %d and %d ends", f->dialer.len,
             f->listener.len, f->dialer.ends, f->listener.ends);
}

static void on_first(void *arg, unsigned char byte)
{
    struct side *s = arg;

    assert_int_equal(channel_received(s->channel), 0);
    s->firsts++;
    s->first = byte;
    if (s->secure_at_first)
        channel_secure(s->channel, s->context, false);
    if (s->hold_at_first)
        channel_hold(s->channel, true);
    loop_stop(f->loop);
}

static void on_secured(void *arg)
{
    struct side *s = arg;

    assert_true(channel_is_secure(s->channel));
    assert_int_equal(s->len + (size_t)s->ends, 0);
    s->secured++;
    loop_stop(f->loop);
}

static void on_data(void *arg, struct span bytes)
{
    struct side *s = arg;

    assert_int_equal(s->ends, 0);
    s->data = realloc(s->data, s->len + bytes.len);
    memcpy(s->data + s->len, bytes.at, bytes.len);
    s->len += bytes.len;
    s->this_pass += bytes.len;
    if (s->hold_at_data)
        channel_hold(s->channel, true);
    if (s->wanted != 0 && s->len >= s->wanted)
        loop_stop(f->loop);
}

static void on_end(void *arg, int error)
{
    struct side *s = arg;

    s->ends++;
    s->end_error = error;
    loop_stop(f->loop);
}

static void on_written(void *arg)
{
    ((struct side *)arg)->written_calls++;
}

static const struct channel_handlers handlers = {
    .secured = on_secured, .data = on_data, .end = on_end, .written = on_written};
static const struct channel_handlers listener_handlers = {.first = on_first,
                                                          .secured = on_secured,
                                                          .data = on_data,
                                                          .end = on_end,
                                                          .written = on_written};

static void close_finished(struct side *s)
{
    if (s->close_when_finished && s->channel != NULL && channel_is_finished(s->channel)) {
        channel_free(s->channel);
        s->channel = NULL;
    }
}

static void end_of_pass(void *arg)
{
    (void)arg;
    if (f->listener.this_pass > f->listener.largest_pass)
        f->listener.largest_pass = f->listener.this_pass;
    f->listener.this_pass = 0;
    close_finished(&f->dialer);
    close_finished(&f->listener);
}

/* As net/endpoint makes it for a channel. */
static int fit(int fd)
{
    int on = 1;

    assert_return_code(fcntl(fd, F_SETFL, O_NONBLOCK), errno);
    assert_return_code(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), errno);
    return fd;
}

/* A connection; buffers of size bytes, or the system's if 0. */
static void make_connection(int *here, int *there, int size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    *here = socket(AF_INET, SOCK_STREAM, 0);
    if (size != 0) {
        setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        setsockopt(*here, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        setsockopt(*here, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    assert_return_code(bind(listener, (struct sockaddr *)&at, len), errno);
    assert_return_code(listen(listener, 1), errno);
    assert_return_code(getsockname(listener, (struct sockaddr *)&at, &len), errno);
    assert_return_code(connect(*here, (struct sockaddr *)&at, sizeof at), errno);
    *there = accept(listener, NULL, NULL);
    assert_return_code(*there, errno);
    close(listener);
}

static void equip(struct side *s)
{
    s->key = key_make();
    s->context = tls_context_new(s->key);
}

static void strip(struct side *s)
{
    channel_free(s->channel);
    tls_context_free(s->context);
    key_free(s->key);
    free(s->data);
}

static int begin_alone(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    f->other = -1;
    loop_on_turn(f->loop, end_of_pass, NULL);
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    equip(&f->dialer);
    equip(&f->listener);
    f->listener.secure_at_first = true;
    return 0;
}

static void connect_both(int size)
{
    make_connection(&f->dialer.fd, &f->listener.fd, size);
    f->dialer.channel = channel_new(f->loop, fit(f->dialer.fd), &handlers, &f->dialer);
    f->listener.channel =
        channel_new(f->loop, fit(f->listener.fd), &listener_handlers, &f->listener);
    channel_secure(f->dialer.channel, f->dialer.context, true);
}

static void shake_hands(void)
{
    while (f->dialer.secured == 0 || f->listener.secured == 0)
        loop_run(f->loop);
}

static int begin(void **state)
{
    begin_alone(state);
    connect_both(0);
    return 0;
}

static int begin_small(void **state)
{
    begin_alone(state);
    connect_both(8 * 1024);
    return 0;
}

/* A listener's channel, and a socket that dials it. */
static int begin_listener(void **state)
{
    int there;

    begin_alone(state);
    make_connection(&f->other, &there, 0);
    f->listener.channel = channel_new(f->loop, fit(there), &listener_handlers, &f->listener);
    return 0;
}

/* A dialer's channel, and a socket that it has reached. */
static int begin_dialer(void **state)
{
    int here;

    begin_alone(state);
    make_connection(&here, &f->other, 0);
    f->dialer.channel = channel_new(f->loop, fit(here), &handlers, &f->dialer);
    channel_secure(f->dialer.channel, f->dialer.context, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    timer_stop(f->loop, &f->guard);
    strip(&f->dialer);
    strip(&f->listener);
    loop_free(f->loop);
    if (f->other >= 0)
        close(f->other);
    free(f);
    return 0;
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(f->loop);
}

/* Lets the loop run until nothing has happened for some time. */
static void run_idle(void)
{
    struct timer later = {0};

    timer_set(f->loop, &later, loop_now(f->loop) + 20000, stop, NULL);
    while (timer_is_set(&later))
        loop_run(f->loop);
}

static void run_until(const size_t *count, size_t wanted)
{
    while (*count < wanted)
        loop_run(f->loop);
}

static void run_to_end(const struct side *s)
{
    while (s->ends == 0)
        loop_run(f->loop);
}

static void send_from_other(const char *bytes, size_t len)
{
    assert_int_equal(send(f->other, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static char *make_bytes(size_t len, uint32_t seed)
{
    char *bytes = malloc(len);

    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)((seed + (uint32_t)i) * 2654435761u >> 24);
    return bytes;
}

/* ---- the beginning */

static void both_learn_whom_they_have(void **state)
{
    unsigned char here[TLS_EXPORTER_BYTES], there[TLS_EXPORTER_BYTES];

    (void)state;
    shake_hands();
    assert_string_equal(channel_fingerprint(f->dialer.channel), key_fingerprint(f->listener.key));
    assert_string_equal(channel_fingerprint(f->listener.channel), key_fingerprint(f->dialer.key));
    channel_exporter(f->dialer.channel, here);
    channel_exporter(f->listener.channel, there);
    assert_memory_equal(here, there, sizeof here);
    run_idle();
    assert_int_equal(f->dialer.secured + f->listener.secured, 2);
    assert_int_equal(f->listener.firsts, 1);
    assert_int_equal(f->listener.first, TLS_FIRST_BYTE);
    assert_int_equal(f->dialer.ends + f->listener.ends, 0);
}

static void what_is_sent_before_waits(void **state)
{
    (void)state;
    channel_send(f->dialer.channel, span_of("early "));
    channel_flush(f->dialer.channel);
    channel_send(f->dialer.channel, span_of("bird"));
    assert_int_equal(channel_queued(f->dialer.channel), 10);
    channel_finish(f->dialer.channel);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.len, 10);
    assert_memory_equal(f->listener.data, "early bird", 10);
    assert_int_equal(f->listener.end_error, 0);
    assert_true(channel_is_finished(f->dialer.channel));
}

static void a_handshake_goes_on_while_held(void **state)
{
    (void)state;
    channel_hold(f->dialer.channel, true);
    f->listener.hold_at_first = true;
    channel_send(f->dialer.channel, span_of("hello"));
    shake_hands();
    run_idle();
    assert_int_equal(f->listener.len, 0);
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = 5);
}

static void plain_text_shows_its_first_byte_too(void **state)
{
    (void)state;
    f->listener.secure_at_first = false;
    f->listener.wanted = 5;
    send_from_other("/hell", 5);
    run_until(&f->listener.len, 5);
    send_from_other("o", 1);
    run_until(&f->listener.len, f->listener.wanted = 6);
    assert_int_equal(f->listener.firsts, 1);
    assert_int_equal(f->listener.first, '/');
    assert_memory_equal(f->listener.data, "/hello", 6);
    assert_false(channel_is_secure(f->listener.channel));
}

static void what_is_held_at_the_first_byte_stays_unread(void **state)
{
    (void)state;
    f->listener.secure_at_first = false;
    f->listener.hold_at_first = true;
    send_from_other("hello", 5);
    loop_run(f->loop);
    run_idle();
    assert_int_equal(f->listener.firsts, 1);
    assert_int_equal(f->listener.len, 0);
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = 5);
}

/* Else a connection that we have refused in plain text could still make us encrypt. */
static void who_has_spoken_is_not_shown_a_first_byte(void **state)
{
    (void)state;
    channel_send(f->listener.channel, span_of("/error\n"));
    run_idle();
    send_from_other("\x16\x03", 2);
    run_until(&f->listener.len, f->listener.wanted = 2);
    assert_int_equal(f->listener.firsts, 0);
    assert_false(channel_is_secure(f->listener.channel));
}

static void an_end_before_the_first_byte_is_an_end(void **state)
{
    (void)state;
    shutdown(f->other, SHUT_WR);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, 0);
    assert_int_equal(f->listener.firsts, 0);
}

/* ---- data */

static void much_passes_both_ways_at_once(void **state)
{
    char *down = make_bytes(MEBIBYTE, 1), *up = make_bytes(MEBIBYTE, 77);

    (void)state;
    shake_hands();
    for (size_t at = 0, len; at < MEBIBYTE; at += len) {
        len = 1 + at % 40009;
        if (len > MEBIBYTE - at)
            len = MEBIBYTE - at;
        channel_send(f->dialer.channel, span_make(down + at, len));
        channel_send(f->listener.channel, span_make(up + at, len));
    }
    f->dialer.wanted = f->listener.wanted = MEBIBYTE;
    run_until(&f->dialer.len, MEBIBYTE);
    run_until(&f->listener.len, MEBIBYTE);
    assert_memory_equal(f->listener.data, down, MEBIBYTE);
    assert_memory_equal(f->dialer.data, up, MEBIBYTE);
    run_idle();
    assert_int_equal(channel_written(f->dialer.channel), MEBIBYTE);
    assert_int_equal(channel_received(f->dialer.channel), MEBIBYTE);
    assert_int_equal(channel_queued(f->dialer.channel), 0);
    assert_in_range(f->listener.largest_pass, 1, CHANNEL_READ_MAX);
    free(down);
    free(up);
}

/* The queue grows while a record waits: what is offered again is longer and lies elsewhere. */
static void a_write_is_repeated_with_more(void **state)
{
    char *bytes = make_bytes(MEBIBYTE, 5);
    size_t at = 0;

    (void)state;
    shake_hands();
    channel_hold(f->listener.channel, true);
    for (size_t len = 1; at + len < MEBIBYTE / 2; at += len, len = 1 + at % 3001) {
        channel_send(f->dialer.channel, span_make(bytes + at, len));
        channel_flush(f->dialer.channel);
        loop_again(f->loop);
        loop_stop(f->loop);
        loop_run(f->loop);
    }
    channel_send(f->dialer.channel, span_make(bytes + at, MEBIBYTE - at));
    assert_true(channel_queued(f->dialer.channel) > 0);
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = MEBIBYTE);
    assert_memory_equal(f->listener.data, bytes, MEBIBYTE);
    free(bytes);
}

/* How many TLS records wait at a socket. */
static size_t count_records(int fd)
{
    static unsigned char bytes[2 * CHANNEL_READ_MAX];
    ssize_t len = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    size_t records = 0;

    for (ssize_t at = 0; at < len; records++)
        at += 5 + ((ssize_t)bytes[at + 3] << 8 | bytes[at + 4]);
    return records;
}

static void short_lines_share_records(void **state)
{
    char line[64];

    (void)state;
    memset(line, 'x', sizeof line);
    shake_hands();
    channel_hold(f->listener.channel, true);
    for (int i = 0; i < 1000; i++)
        channel_send(f->dialer.channel, span_make(line, sizeof line));
    run_idle();
    assert_int_equal(channel_queued(f->dialer.channel), 0);
    assert_int_equal(count_records(f->listener.fd), 4);
}

static void a_held_channel_reads_nothing(void **state)
{
    (void)state;
    f->listener.hold_at_data = true;
    channel_send(f->dialer.channel, span_of("a"));
    shake_hands();
    run_idle();
    channel_send(f->dialer.channel, span_of("b"));
    channel_finish(f->dialer.channel);
    run_idle();
    assert_int_equal(f->listener.len, 1);
    assert_int_equal(f->listener.ends, 0);
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = 2);
    f->listener.hold_at_data = false;
    channel_hold(f->listener.channel, false);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, 0);
}

/* All of it lies in the kernel before it is read: nothing of it may stay inside. */
static void what_is_here_needs_nothing_more_to_come(void **state)
{
    char *bytes = make_bytes(3 * CHANNEL_READ_MAX, 9);

    (void)state;
    shake_hands();
    channel_hold(f->listener.channel, true);
    for (size_t at = 0; at < 3 * CHANNEL_READ_MAX; at += 1024) {
        channel_send(f->dialer.channel, span_make(bytes + at, 1024));
        if (at % 7168 == 0)
            channel_flush(f->dialer.channel);
    }
    run_idle();
    assert_int_equal(channel_queued(f->dialer.channel), 0);
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = 3 * CHANNEL_READ_MAX);
    assert_memory_equal(f->listener.data, bytes, 3 * CHANNEL_READ_MAX);
    assert_in_range(f->listener.largest_pass, 1, CHANNEL_READ_MAX);
    free(bytes);
}

static void many_small_records_take_many_passes(void **state)
{
    (void)state;
    shake_hands();
    channel_hold(f->listener.channel, true);
    for (int i = 0; i < 1000; i++) {
        channel_send(f->dialer.channel, span_of("x"));
        channel_flush(f->dialer.channel);
    }
    run_idle();
    channel_hold(f->listener.channel, false);
    run_until(&f->listener.len, f->listener.wanted = 1000);
    run_idle();
    assert_in_range(f->listener.largest_pass, 1, 64);
}

static int passes;

static void count_pass(void *arg)
{
    (void)arg;
    passes++;
}

static void waiting_costs_no_passes(void **state)
{
    char *bytes = make_bytes(MEBIBYTE, 3);

    (void)state;
    shake_hands();
    channel_hold(f->listener.channel, true);
    channel_send(f->dialer.channel, span_make(bytes, MEBIBYTE));
    run_idle();
    passes = 0;
    loop_on_turn(f->loop, count_pass, NULL);
    run_idle();
    assert_in_range(passes, 1, 20);
    assert_true(channel_queued(f->dialer.channel) > 0);
    free(bytes);
}

/* ---- the end */

static void half_closed_is_half_open(void **state)
{
    char *bytes = make_bytes(MEBIBYTE, 4);

    (void)state;
    channel_finish(f->dialer.channel);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, 0);
    channel_send(f->listener.channel, span_make(bytes, MEBIBYTE));
    channel_finish(f->listener.channel);
    run_to_end(&f->dialer);
    assert_int_equal(f->dialer.len, MEBIBYTE);
    assert_memory_equal(f->dialer.data, bytes, MEBIBYTE);
    assert_int_equal(f->dialer.end_error, 0);
    run_idle();
    assert_int_equal(f->dialer.ends + f->listener.ends, 2);
    free(bytes);
}

/* The dialer reads nothing before it closes: had the listener said anything, all would be lost. */
static void nothing_is_lost_by_closing(void **state)
{
    enum { BYTES = 200 * 1000 };
    char *bytes = make_bytes(BYTES, 6);

    for (int i = 0; i < 60; i++) {
        begin(state);
        f->dialer.close_when_finished = true;
        channel_send(f->dialer.channel, span_make(bytes, BYTES));
        channel_finish(f->dialer.channel);
        run_to_end(&f->listener);
        assert_int_equal(f->listener.end_error, 0);
        assert_int_equal(f->listener.len, BYTES);
        assert_memory_equal(f->listener.data, bytes, BYTES);
        end(state);
    }
    free(bytes);
}

static void a_closed_channel_has_ended(void **state)
{
    (void)state;
    shake_hands();
    channel_send(f->dialer.channel, span_of("bye"));
    channel_flush(f->dialer.channel);
    channel_free(f->dialer.channel);
    f->dialer.channel = NULL;
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, 0);
    assert_int_equal(f->listener.len, 3);
}

/* As whoever sits in between would, or a process that is killed. */
static void a_cut_is_not_an_end(void **state)
{
    (void)state;
    channel_send(f->dialer.channel, span_of("half a sen"));
    shake_hands();
    run_until(&f->listener.len, f->listener.wanted = 10);
    shutdown(f->dialer.fd, SHUT_WR);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, EPROTO);
    assert_string_equal(channel_failure(f->listener.channel, EPROTO),
                        "it broke off without saying that it ends");
    run_idle();
    assert_int_equal(f->listener.ends, 1);
}

static void what_is_queued_when_closed_is_missed(void **state)
{
    char *bytes = make_bytes(MEBIBYTE, 8);

    (void)state;
    shake_hands();
    channel_hold(f->listener.channel, true);
    channel_send(f->dialer.channel, span_make(bytes, MEBIBYTE));
    run_idle();
    channel_free(f->dialer.channel);
    f->dialer.channel = NULL;
    channel_hold(f->listener.channel, false);
    run_to_end(&f->listener);
    assert_true(f->listener.len < MEBIBYTE);
    assert_int_equal(f->listener.end_error, EPROTO);
    free(bytes);
}

static void what_came_before_a_failed_send_is_read_first(void **state)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)state;
    shake_hands();
    channel_hold(f->dialer.channel, true);
    channel_send(f->listener.channel, span_of("my last words"));
    channel_flush(f->listener.channel);
    setsockopt(f->listener.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    channel_free(f->listener.channel);
    f->listener.channel = NULL;
    channel_send(f->dialer.channel, span_of("fails"));
    run_idle();
    channel_hold(f->dialer.channel, false);
    run_to_end(&f->dialer);
    assert_int_equal(f->dialer.len, 13);
    assert_true(f->dialer.end_error == EPIPE || f->dialer.end_error == ECONNRESET);
}

/* ---- what others say */

static void garbage_ends_a_handshake(void **state)
{
    (void)state;
    send_from_other("\x16\x03\x01\x00\x05hello, all of you", 21);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, EPROTO);
    assert_string_not_equal(channel_failure(f->listener.channel, EPROTO), strerror(EPROTO));
    assert_int_equal(f->listener.secured, 0);
    run_idle();
    assert_int_equal(f->listener.ends, 1);
}

static void text_ends_a_dialers_handshake(void **state)
{
    (void)state;
    send_from_other("127.0.0.1:7216 bob Connected\n", 29);
    run_to_end(&f->dialer);
    assert_int_equal(f->dialer.end_error, EPROTO);
    assert_string_equal(channel_failure(f->dialer.channel, EPROTO), "it does not speak TLS");
}

static void hanging_up_ends_a_handshake(void **state)
{
    (void)state;
    send_from_other("\x16\x03\x01", 3);
    shutdown(f->other, SHUT_WR);
    run_to_end(&f->listener);
    assert_int_equal(f->listener.end_error, EPROTO);
    assert_string_equal(channel_failure(f->listener.channel, EPROTO),
                        "it broke off in the middle of the handshake");
}

static void a_reset_ends_a_handshake_by_its_name(void **state)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    (void)state;
    run_idle();
    setsockopt(f->other, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(f->other);
    f->other = -1;
    run_to_end(&f->dialer);
    assert_int_equal(f->dialer.end_error, ECONNRESET);
    assert_string_equal(channel_failure(f->dialer.channel, ECONNRESET), strerror(ECONNRESET));
}

static void silence_costs_no_passes(void **state)
{
    (void)state;
    send_from_other("\x16\x03", 2);
    run_idle();
    passes = 0;
    loop_on_turn(f->loop, count_pass, NULL);
    run_idle();
    assert_in_range(passes, 1, 20);
    assert_int_equal(f->listener.ends, 0);
}

/* Whoever is let in may say what the protocol allows, as often as it likes. */
struct flood {
    SSL_CTX *context;
    SSL *ssl;
    struct side victim;
    uint64_t updates;
};

static void pour(void *arg)
{
    struct flood *flood = arg;

    for (int i = 0; i < 1000; i++) {
        if (SSL_is_init_finished(flood->ssl))
            SSL_key_update(flood->ssl, SSL_KEY_UPDATE_REQUESTED);
        if (SSL_do_handshake(flood->ssl) != 1)
            break;
        flood->updates++;
    }
}

static int trust_anybody(int good, X509_STORE_CTX *shown)
{
    (void)good, (void)shown;
    return 1;
}

static void begin_flood(struct flood *flood)
{
    X509 *certificate = X509_new();

    make_connection(&f->other, &flood->victim.fd, 0);
    fcntl(f->other, F_SETFL, O_NONBLOCK);
    equip(&flood->victim);
    flood->victim.secure_at_first = true;
    flood->victim.channel =
        channel_new(f->loop, fit(flood->victim.fd), &listener_handlers, &flood->victim);
    flood->context = SSL_CTX_new(TLS_method());
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 0);
    X509_set_pubkey(certificate, key_handle(f->dialer.key));
    X509_sign(certificate, key_handle(f->dialer.key), NULL);
    SSL_CTX_use_certificate(flood->context, certificate);
    SSL_CTX_use_PrivateKey(flood->context, key_handle(f->dialer.key));
    SSL_CTX_set_verify(flood->context, SSL_VERIFY_PEER, trust_anybody);
    SSL_CTX_set_alpn_protos(flood->context, (const unsigned char *)"\012hashflow/1", 11);
    X509_free(certificate);
    flood->ssl = SSL_new(flood->context);
    SSL_set_fd(flood->ssl, f->other);
    SSL_set_connect_state(flood->ssl);
    SSL_do_handshake(flood->ssl);
    loop_on_turn(f->loop, pour, flood);
}

static void a_flood_holds_up_nobody_else(void **state)
{
    struct flood flood = {0};

    (void)state;
    if (left_out(__func__))
        skip();
    char *bytes = make_bytes(MEBIBYTE, 2);
    shake_hands();
    begin_flood(&flood);
    while (flood.victim.secured == 0)
        loop_run(f->loop);
    uint64_t start = loop_now(f->loop);
    channel_send(f->dialer.channel, span_make(bytes, MEBIBYTE));
    run_until(&f->listener.len, f->listener.wanted = MEBIBYTE);
    assert_in_range(loop_now(f->loop) - start, 0, 1000000);
    assert_int_equal(flood.victim.ends, 0);
    assert_true(flood.updates > 100);
    SSL_free(flood.ssl);
    SSL_CTX_free(flood.context);
    strip(&flood.victim);
    free(bytes);
}

#define TEST(name)          cmocka_unit_test_setup_teardown(name, begin, end)
#define TEST_SMALL(name)    cmocka_unit_test_setup_teardown(name, begin_small, end)
#define TEST_LISTENER(name) cmocka_unit_test_setup_teardown(name, begin_listener, end)
#define TEST_DIALER(name)   cmocka_unit_test_setup_teardown(name, begin_dialer, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_learn_whom_they_have),
        TEST(what_is_sent_before_waits),
        TEST(a_handshake_goes_on_while_held),
        TEST_LISTENER(plain_text_shows_its_first_byte_too),
        TEST_LISTENER(what_is_held_at_the_first_byte_stays_unread),
        TEST_LISTENER(who_has_spoken_is_not_shown_a_first_byte),
        TEST_LISTENER(an_end_before_the_first_byte_is_an_end),
        TEST(much_passes_both_ways_at_once),
        TEST_SMALL(much_passes_both_ways_at_once),
        TEST_SMALL(a_write_is_repeated_with_more),
        TEST(short_lines_share_records),
        TEST(a_held_channel_reads_nothing),
        TEST(what_is_here_needs_nothing_more_to_come),
        TEST(many_small_records_take_many_passes),
        TEST_SMALL(waiting_costs_no_passes),
        TEST(half_closed_is_half_open),
        cmocka_unit_test(nothing_is_lost_by_closing),
        TEST(a_closed_channel_has_ended),
        TEST(a_cut_is_not_an_end),
        TEST_SMALL(what_is_queued_when_closed_is_missed),
        TEST(what_came_before_a_failed_send_is_read_first),
        TEST_LISTENER(garbage_ends_a_handshake),
        TEST_DIALER(text_ends_a_dialers_handshake),
        TEST_LISTENER(hanging_up_ends_a_handshake),
        TEST_DIALER(a_reset_ends_a_handshake_by_its_name),
        TEST_LISTENER(silence_costs_no_passes),
        TEST(a_flood_holds_up_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
