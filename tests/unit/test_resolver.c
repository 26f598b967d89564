/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of hosts, against a name server of the test's own: the program enters a network of its own,
 * where /etc/resolv.conf and /etc/hosts are the test's files and 127.0.0.1:53 is a socket in the
 * same loop. Where that is not allowed, only what needs no name server is tested.
 */
#include "config.h"

#include "net/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

enum {
    GUARD_US = 30000000,
    MOST_CALLS = 16,
    MOST_FOUND = 32,
    DNS_HEADER = 12,
    DNS_MESSAGE = 2048,
    TYPE_A = 1,
    TYPE_AAAA = 28,
    MANY = 40, /* addresses of many.test: more than a datagram of 512 bytes holds */
};

struct call {
    char label;
    struct address found[MOST_FOUND];
    size_t count;
    char cause[128];
};

struct fixture {
    struct loop *loop;
    struct timer guard;
    struct resolver *resolver;
    struct call calls[MOST_CALLS];
    int call_count;
    int stop_at; /* so many calls */
    int udp, tcp, stream;
    int queries;
    int queries_to_stop_at;
};

static struct fixture *f;
static bool own_network;

/* ---- the name server */

static const struct record {
    const char *name;
    const char *address;
} records[] = {
    {"four.test", "192.0.2.4"},  {"six.test", "2001:db8::6"}, {"both.test", "2001:db8::1"},
    {"both.test", "192.0.2.1"},  {"both.test", "192.0.2.2"},  {"both.test", "2001:db8::2"},
    {"both.test", "192.0.2.3"},  {"twice.test", "192.0.2.9"}, {"twice.test", "192.0.2.9"},
    {"twice.test", "192.0.2.9"}, {"empty.test", NULL},
};

struct answer {
    unsigned char bytes[DNS_MESSAGE];
    size_t len;
    unsigned count;
};

static void add_record(struct answer *a, int type, const void *ip)
{
    size_t size = type == TYPE_A ? 4 : 16;
    const unsigned char head[] = {0xc0, DNS_HEADER, 0, (unsigned char)type, 0, 1, 0, 0,
                                  0,    60,         0, (unsigned char)size};

    memcpy(a->bytes + a->len, head, sizeof head);
    memcpy(a->bytes + a->len + sizeof head, ip, size);
    a->len += sizeof head + size;
    a->count++;
}

/* Cuts the name out of the question and returns its type. */
static int read_question(const unsigned char *query, char name[256], size_t *end)
{
    size_t at = DNS_HEADER;
    size_t len = 0;

    for (; query[at] != 0; at += query[at] + 1u) {
        memcpy(name + len, query + at + 1, query[at]);
        len += query[at];
        name[len++] = '.';
    }
    name[len > 0 ? len - 1 : 0] = '\0';
    *end = at + 5;
    return query[at + 1] << 8 | query[at + 2];
}

static bool add_known(struct answer *a, const char *name, int type)
{
    unsigned char ip[16] = {192, 0, 2};
    bool known = strcasecmp(name, "many.test") == 0;

    for (int i = 0; known && type == TYPE_A && i < MANY; i++) {
        ip[3] = (unsigned char)i;
        add_record(a, TYPE_A, ip);
    }
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        if (strcasecmp(name, records[i].name) != 0)
            continue;
        known = true;
        if (records[i].address != NULL &&
            inet_pton(type == TYPE_A ? AF_INET : AF_INET6, records[i].address, ip) == 1)
            add_record(a, type, ip);
    }
    return known;
}

/* false for a name that this server says nothing about. */
static bool make_answer(const unsigned char *query, bool datagram, struct answer *a)
{
    char name[256];
    size_t end;
    int type = read_question(query, name, &end);
    int code = 0;

    if (strcasecmp(name, "silent.test") == 0)
        return false;
    memcpy(a->bytes, query, end);
    a->len = end;
    if (!add_known(a, name, type))
        code = 3; /* no such name */
    a->bytes[2] = 0x81;
    a->bytes[3] = (unsigned char)(0x80 | code);
    if (datagram && a->len > 512) {
        a->bytes[2] |= 2; /* ask again over a stream */
        a->len = end;
        a->count = 0;
    }
    memset(a->bytes + 4, 0, DNS_HEADER - 4);
    a->bytes[5] = 1;
    a->bytes[7] = (unsigned char)a->count;
    return true;
}

static void serve_datagram(void *arg, int events)
{
    unsigned char query[DNS_MESSAGE] = {0};
    struct answer a = {.count = 0};
    struct sockaddr_in from;
    socklen_t len = sizeof from;

    (void)arg;
    (void)events;
    if (recvfrom(f->udp, query, sizeof query, 0, (struct sockaddr *)&from, &len) < DNS_HEADER)
        return;
    if (make_answer(query, true, &a))
        sendto(f->udp, a.bytes, a.len, 0, (struct sockaddr *)&from, len);
    if (++f->queries == f->queries_to_stop_at)
        loop_stop(f->loop);
}

static void serve_stream(void *arg, int events)
{
    unsigned char query[DNS_MESSAGE] = {0};
    struct answer a = {.count = 0};

    (void)arg;
    (void)events;
    if (recv(f->stream, query, sizeof query, 0) > 2 + DNS_HEADER &&
        make_answer(query + 2, false, &a)) {
        unsigned char size[2] = {(unsigned char)(a.len >> 8), (unsigned char)a.len};

        send(f->stream, size, 2, MSG_NOSIGNAL);
        send(f->stream, a.bytes, a.len, MSG_NOSIGNAL);
    }
    loop_unwatch(f->loop, f->stream);
}

static void serve_connection(void *arg, int events)
{
    (void)arg;
    (void)events;
    f->stream = accept(f->tcp, NULL, NULL);
    loop_watch(f->loop, f->stream, LOOP_READ, serve_stream, NULL);
}

static int open_server_socket(int type)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type, 0);
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_return_code(bind(fd, (struct sockaddr *)&at, sizeof at), errno);
    return fd;
}

static void begin_server(void)
{
    f->udp = open_server_socket(SOCK_DGRAM);
    f->tcp = open_server_socket(SOCK_STREAM);
    assert_return_code(listen(f->tcp, 4), errno);
    loop_watch(f->loop, f->udp, LOOP_READ, serve_datagram, NULL);
    loop_watch(f->loop, f->tcp, LOOP_READ, serve_connection, NULL);
}

static void close_watched(int fd)
{
    if (fd < 0)
        return;
    loop_unwatch(f->loop, fd);
    close(fd);
}

/* ---- the network that it lives in */

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    if (file != NULL) {
        fputs(text, file);
        fclose(file);
    }
}

static bool bring_loopback_up(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;

    close(fd);
    return up;
}

/* The files are written before: in a user namespace without a mapping nothing can be. */
static bool enter_own_network(const char *folder)
{
    char *resolv = alloc_print("%s/resolv.conf", folder);
    char *hosts = alloc_print("%s/hosts", folder);
    int spaces = CLONE_NEWNET | CLONE_NEWNS;

    write_text(resolv, "nameserver 127.0.0.1\n");
    write_text(hosts, "127.0.0.1 localhost\n::1 localhost\n192.0.2.77 written.test\n");
    bool entered = (unshare(spaces) == 0 || unshare(CLONE_NEWUSER | spaces) == 0) &&
                   bring_loopback_up() &&
                   mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount(resolv, "/etc/resolv.conf", "none", MS_BIND, NULL) == 0 &&
                   mount(hosts, "/etc/hosts", "none", MS_BIND, NULL) == 0;
    unlink(resolv);
    unlink(hosts);
    free(resolv);
    free(hosts);
    return entered;
}

/* ---- the fixture */

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens: %d calls, %d queries", f->call_count, f->queries);
}

static int begin(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    f->resolver = resolver_new(f->loop);
    assert_non_null(f->resolver);
    f->udp = f->tcp = f->stream = -1;
    if (own_network)
        begin_server();
    return 0;
}

static int end(void **state)
{
    (void)state;
    resolver_free(f->resolver);
    close_watched(f->udp);
    close_watched(f->tcp);
    close_watched(f->stream);
    timer_stop(f->loop, &f->guard);
    loop_free(f->loop);
    free(f);
    return 0;
}

static void on_ended(void *arg, const struct address *addresses, size_t count, const char *cause)
{
    struct call *call = &f->calls[f->call_count++];

    assert_in_range(f->call_count, 1, MOST_CALLS);
    assert_in_range(count, 0, MOST_FOUND);
    assert_int_equal(count == 0, cause != NULL);
    call->label = *(const char *)arg;
    call->count = count;
    for (size_t i = 0; i < count; i++)
        call->found[i] = addresses[i];
    if (cause != NULL)
        span_copy(span_of(cause), call->cause, sizeof call->cause);
    if (f->call_count == f->stop_at)
        loop_stop(f->loop);
}

static struct lookup *begin_lookup(const char *host, int family, char label)
{
    static char labels[] = "abcdefghijklmnopqrstuvwxyz";
    int before = f->call_count;
    struct lookup *l =
        resolver_lookup(f->resolver, host, 7216, family, on_ended, &labels[label - 'a']);

    assert_int_equal(f->call_count, before);
    return l;
}

static struct call *look_up(const char *host, int family)
{
    begin_lookup(host, family, 'a');
    f->stop_at = f->call_count + 1;
    loop_run(f->loop);
    return &f->calls[f->call_count - 1];
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

static void expect(const struct call *call, const char *text)
{
    char found[MOST_FOUND * ADDRESS_TEXT] = "";

    for (size_t i = 0; i < call->count; i++) {
        char one[ADDRESS_TEXT];

        address_print(&call->found[i], one);
        strcat(strcat(found, i > 0 ? " " : ""), one);
    }
    assert_string_equal(found, text);
}

/* ---- names that need no name server */

static void knows_this_machine(void **state)
{
    (void)state;
    struct call *call = look_up("localhost", 4);

    expect(call, "127.0.0.1:7216");
}

static void never_calls_after_the_end(void **state)
{
    (void)state;
    begin_lookup("localhost", 4, 'a');
    resolver_free(f->resolver);
    f->resolver = resolver_new(f->loop);
    run_for(1000);
    assert_int_equal(f->call_count, 0);
    resolver_free(NULL);
}

static void a_found_name_can_still_be_cancelled(void **state)
{
    (void)state;
    lookup_cancel(begin_lookup("localhost", 4, 'a'));
    lookup_cancel(NULL);
    run_for(1000);
    assert_int_equal(f->call_count, 0);
}

static void what_is_no_name_is_told(void **state)
{
    (void)state;
    char label[80] = "";

    memset(label, 'x', 70); /* RFC 1035: a label has at most 63 */
    struct call *call = look_up(label, 0);
    assert_int_equal(call->count, 0);
}

/* ---- names that do */

static void reads_the_hosts_file(void **state)
{
    (void)state;
    expect(look_up("written.test", 0), "192.0.2.77:7216");
    expect(look_up("localhost", 6), "[::1]:7216");
    expect(look_up("localhost", 0), "[::1]:7216 127.0.0.1:7216");
    assert_int_equal(f->queries, 0);
}

static void asks_for_the_family_wanted(void **state)
{
    (void)state;
    expect(look_up("four.test", 4), "192.0.2.4:7216");
    assert_int_equal(f->queries, 1);
    expect(look_up("six.test", 6), "[2001:db8::6]:7216");
    assert_int_equal(f->queries, 2);
    expect(look_up("four.test", 0), "192.0.2.4:7216");
    expect(look_up("six.test", 0), "[2001:db8::6]:7216");
    expect(look_up("twice.test", 4), "192.0.2.9:7216");
}

static void interleaves_the_families(void **state)
{
    (void)state;
    const struct call *call = look_up("both.test", 0);

    assert_int_equal(call->count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(call->found[i].family, i == 0 || i == 2 ? 6 : 4);
}

static void asks_again_over_a_stream(void **state)
{
    (void)state;
    const struct call *call = look_up("many.test", 4);

    assert_int_equal(call->count, 16);
    assert_true(f->stream >= 0);
}

static void tells_why_there_is_nothing(void **state)
{
    (void)state;
    assert_string_equal(look_up("nosuch.test", 0)->cause, "no such host");
    assert_non_null(strstr(look_up("empty.test", 4)->cause, "no address"));
    assert_non_null(strstr(look_up("four.test", 6)->cause, "no address"));
    close_watched(f->udp);
    f->udp = -1;
    assert_string_not_equal(look_up("four.test", 4)->cause, "");
}

static void many_at_a_time_do_not_mix(void **state)
{
    (void)state;
    begin_lookup("silent.test", 0, 's');
    begin_lookup("four.test", 4, 'f');
    begin_lookup("nosuch.test", 4, 'n');
    begin_lookup("localhost", 4, 'l');
    f->stop_at = 3;
    loop_run(f->loop);
    for (int i = 0; i < 3; i++) {
        if (f->calls[i].label == 'f')
            expect(&f->calls[i], "192.0.2.4:7216");
        else if (f->calls[i].label == 'l')
            expect(&f->calls[i], "127.0.0.1:7216");
        else
            assert_int_equal(f->calls[i].label, 'n');
    }
}

static void a_cancelled_one_does_not_harm_the_others(void **state)
{
    (void)state;
    struct lookup *first = begin_lookup("silent.test", 4, 'x');
    begin_lookup("four.test", 4, 'f');
    struct lookup *last = begin_lookup("both.test", 4, 'x');
    lookup_cancel(first);
    lookup_cancel(last);
    f->stop_at = 1;
    loop_run(f->loop);
    assert_int_equal(f->calls[0].label, 'f');
    run_for(1000);
    assert_int_equal(f->call_count, 1);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 64; fd++) {
        int copy = dup(fd);

        if (copy >= 0) {
            close(copy);
            count++;
        }
    }
    return count;
}

static void nothing_stays_open_between_lookups(void **state)
{
    (void)state;
    int before = count_descriptors();

    look_up("four.test", 0);
    assert_int_equal(count_descriptors(), before);
    f->queries = 0;
    f->queries_to_stop_at = 1;
    struct lookup *l = begin_lookup("silent.test", 4, 'x');
    loop_run(f->loop);
    assert_true(count_descriptors() > before);
    lookup_cancel(l);
    assert_int_equal(count_descriptors(), before);
}

static void a_silent_name_server_is_given_up(void **state)
{
    (void)state;
    uint64_t before = loop_now(f->loop);

    assert_string_equal(look_up("silent.test", 4)->cause, "the name server did not answer");
    assert_in_range(loop_now(f->loop) - before, RESOLVER_DEADLINE_US / 2,
                    RESOLVER_DEADLINE_US + 2000000);
    assert_true(f->queries > 1);
    expect(look_up("four.test", 4), "192.0.2.4:7216");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const char *folder = getenv("TMPDIR");
    const struct CMUnitTest alone[] = {
        TEST(knows_this_machine),
        TEST(never_calls_after_the_end),
        TEST(a_found_name_can_still_be_cancelled),
        TEST(what_is_no_name_is_told),
    };
    const struct CMUnitTest served[] = {
        TEST(knows_this_machine),
        TEST(never_calls_after_the_end),
        TEST(a_found_name_can_still_be_cancelled),
        TEST(what_is_no_name_is_told),
        TEST(reads_the_hosts_file),
        TEST(asks_for_the_family_wanted),
        TEST(interleaves_the_families),
        TEST(asks_again_over_a_stream),
        TEST(tells_why_there_is_nothing),
        TEST(many_at_a_time_do_not_mix),
        TEST(a_cancelled_one_does_not_harm_the_others),
        TEST(nothing_stays_open_between_lookups),
        TEST(a_silent_name_server_is_given_up),
    };
    char *own = alloc_print("%s/hashflow-resolver-XXXXXX", folder != NULL ? folder : "/tmp");

    own_network = mkdtemp(own) != NULL && enter_own_network(own);
    rmdir(own);
    free(own);
    if (own_network)
        return cmocka_run_group_tests(served, NULL, NULL);
    printf("# no network of our own to be had here: nothing is asked of a name server\n");
    return cmocka_run_group_tests(alone, NULL, NULL);
}
