/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses: read, printed, compared, typed by people, taken from sockets.
 */
#include "config.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "wire/address.h"

static struct address parsed(const char *text)
{
    struct address a;

    if (!address_parse(span_of(text), &a))
        fail_msg("%s is an address", text);
    return a;
}

static const char *printed(const struct address *a)
{
    static char out[ADDRESS_TEXT];

    address_print(a, out);
    return out;
}

static void reads_and_prints(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"10.0.0.2:7216", "10.0.0.2:7216"},
        {"<10.0.0.2:7216>", "10.0.0.2:7216"},
        {"255.255.255.255:65535", "255.255.255.255:65535"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"1.2.3.4:0080", "1.2.3.4:80"},
        {"[::]:1", "[::]:1"},
        {"[::1]:7216", "[::1]:7216"},
        {"<[::1]:7216>", "[::1]:7216"},
        {"[2001:DB8:0:0:0:0:0:1]:7216", "[2001:db8::1]:7216"},
        {"[2001:0db8:0000:1:1:1:1:1]:7216", "[2001:db8:0:1:1:1:1:1]:7216"}, /* RFC 5952, 4.2.2 */
        {"[2001:0:0:1:0:0:0:1]:7216", "[2001:0:0:1::1]:7216"},              /* 4.2.3 */
        {"[2001:db8:0:0:1:0:0:1]:7216", "[2001:db8::1:0:0:1]:7216"},
        {"[::ffff:10.0.0.2]:7216", "10.0.0.2:7216"},
        {"[::FFFF:a00:2]:7216", "10.0.0.2:7216"},
        {"[fe80::1]:7216", "[fe80::1]:7216"},
        {"[fe80::1%3]:7216", "[fe80::1%3]:7216"},
        {"[febf::1%4294967295]:7216", "[febf::1%4294967295]:7216"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a = parsed(rows[i].in);
        assert_string_equal(printed(&a), rows[i].out);
        struct address again = parsed(rows[i].out);
        assert_true(address_equal(&a, &again));
    }
}

static const char *const not_addresses[] = {
    "",
    ":",
    ":7216",
    "10.0.0.2",
    "10.0.0.2:",
    "10.0.0.2:0",
    "10.0.0.2:65536",
    "10.0.0.2:99999999999999999999",
    "10.0.0.2:-1",
    "10.0.0.2:+80",
    "10.0.0.2:80x",
    "10.0.0.2: 80",
    " 10.0.0.2:80",
    "10.0.0.2:80 ",
    "10.0.0:80",
    "10.0.0.256:80",
    "10.0.0.02:80",
    "1.2.3.4.5:80",
    "255.255.255.2555:80",
    "0x7f.0.0.1:80",
    "localhost:80",
    "<10.0.0.2:80",
    "10.0.0.2:80>",
    "<>",
    "<<10.0.0.2:80>>",
    "[10.0.0.2]:80",
    "::1",
    "::1:80",
    "[::1]",
    "[::1]:",
    "[::1]80",
    "[::1:80",
    "::1]:80",
    "[]:80",
    "[[::1]]:80",
    "[::g]:80",
    "[1:2:3:4:5:6:7:8:9]:80",
    "[::1%1]:80",
    "[2080::1%1]:80",
    "[fd80::1%1]:80",
    "[fec0::1%1]:80",
    "[fe80::1%0]:80",
    "[fe80::1%]:80",
    "[fe80::1%eth0]:80",
    "[fe80::1%4294967296]:80",
    "[fe80::1%1%1]:80",
    "[2001:0db8:0000:0000:0000:0000:0000:000000000000000000000001]:80",
};

static void refuses_what_is_no_address(void **state)
{
    struct address a;

    (void)state;
    memset(&a, 0x55, sizeof a);
    struct address before = a;
    for (size_t i = 0; i < sizeof not_addresses / sizeof not_addresses[0]; i++)
        if (address_parse(span_of(not_addresses[i]), &a))
            fail_msg("%s is no address", not_addresses[i]);
    assert_false(address_parse(span_make(NULL, 0), &a));
    assert_false(address_parse(span_make("10.0.0.2\0:80", 12), &a));
    assert_false(address_parse(span_make("[::1\0]:80", 9), &a));
    assert_memory_equal(&a, &before, sizeof a);
}

/* The text is borrowed: nothing behind its end is read or counts. */
static void reads_exactly_the_span(void **state)
{
    static const char text[] = "<10.0.0.2:7216>5";

    (void)state;
    for (size_t at = 0; at < sizeof text; at++) {
        for (size_t len = 0; at + len < sizeof text; len++) {
            struct address a;
            char copy[sizeof text];
            span_copy(span_make(text + at, len), copy, sizeof copy);
            char *exact = malloc(len == 0 ? 1 : len);
            assert_non_null(exact);
            memcpy(exact, copy, len);
            bool good = address_parse(span_make(exact, len), &a);
            bool expected = (at == 0 && len == 15) || (at == 1 && len >= 10 && len <= 13) ||
                            (at == 2 && len >= 9 && len <= 12);
            assert_int_equal(good, expected);
            free(exact);
        }
    }
}

static void compares(void **state)
{
    static const char *const ascending[] = {
        "1.2.3.4:5",   "1.2.3.4:6",   "1.2.3.5:1",     "200.0.0.1:1",   "[::1]:5",
        "[::1]:65535", "[fe80::1]:1", "[fe80::1%1]:1", "[fe80::1%2]:1", "[fe80::2]:1",
    };
    enum { COUNT = sizeof ascending / sizeof ascending[0] };

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < COUNT; j++) {
            struct address a = parsed(ascending[i]), b = parsed(ascending[j]);
            int result = address_compare(&a, &b);
            assert_int_equal((result > 0) - (result < 0), (i > j) - (i < j));
            assert_int_equal(address_equal(&a, &b), i == j);
            char key_a[ADDRESS_KEY], key_b[ADDRESS_KEY];
            address_key(&a, key_a);
            address_key(&b, key_b);
            assert_int_equal(memcmp(key_a, key_b, ADDRESS_KEY) == 0, i == j);
            assert_int_equal(memcmp(key_a, key_b, ADDRESS_KEY_HOST) == 0,
                             address_same_host(&a, &b));
        }
    }
}

static void same_host(void **state)
{
    struct address a = parsed("1.2.3.4:5"), b = parsed("1.2.3.4:6"), c = parsed("1.2.3.5:5");
    struct address d = parsed("[fe80::1%1]:5"), e = parsed("[fe80::1%2]:5");

    (void)state;
    assert_true(address_same_host(&a, &b));
    assert_false(address_same_host(&a, &c));
    assert_false(address_same_host(&a, &d));
    assert_false(address_same_host(&d, &e));
}

static void kinds_of_addresses(void **state)
{
    static const struct {
        const char *text;
        bool loopback, any;
    } rows[] = {
        {"127.0.0.1:1", true, false}, {"127.255.0.9:1", true, false},
        {"[::1]:1", true, false},     {"0.0.0.0:1", false, true},
        {"[::]:1", false, true},      {"128.0.0.1:1", false, false},
        {"[::2]:1", false, false},    {"126.0.0.1:1", false, false},
        {"[7f00::]:1", false, false}, {"[::ffff:127.0.0.1]:1", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address a = parsed(rows[i].text);
        assert_int_equal(address_is_loopback(&a), rows[i].loopback);
        assert_int_equal(address_is_any(&a), rows[i].any);
    }
    struct address none = {0};
    assert_false(address_is_loopback(&none));
    assert_false(address_is_any(&none));
    assert_true(strlen(printed(&none)) > 0);
}

static void goes_through_sockaddr(void **state)
{
    static const char *const texts[] = {"10.0.0.2:7216", "[2001:db8::1]:7216", "[fe80::1%3]:1"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct address a = parsed(texts[i]), back;
        struct sockaddr_storage storage, again;
        memset(&again, 0x55, sizeof again);
        socklen_t len = address_to_sockaddr(&a, &storage);
        assert_int_equal(address_to_sockaddr(&a, &again), len);
        assert_memory_equal(&again, &storage, sizeof storage);
        assert_int_equal(len,
                         a.family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
        assert_true(address_from_sockaddr(&storage, &back));
        assert_true(address_equal(&a, &back));
    }
}

static void reads_foreign_sockaddrs(void **state)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&storage;
    struct address a;

    (void)state;
    assert_false(address_from_sockaddr(&storage, &a));
    assert_int_equal(a.family, 0);
    assert_int_equal(address_to_sockaddr(&a, &storage), 0);

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(7216);
    in6->sin6_scope_id = 5;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.2", &in6->sin6_addr), 1);
    assert_true(address_from_sockaddr(&storage, &a));
    assert_string_equal(printed(&a), "10.0.0.2:7216");
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr), 1);
    assert_true(address_from_sockaddr(&storage, &a));
    assert_int_equal(a.scope, 0); /* a scope is for link-local addresses */
    assert_int_equal(inet_pton(AF_INET6, "fe80::9", &in6->sin6_addr), 1);
    assert_true(address_from_sockaddr(&storage, &a));
    assert_int_equal(a.scope, 5);
}

static void splits_what_people_type(void **state)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {
        {"localhost:80", "localhost", 80},
        {"localhost", "localhost", 7216},
        {"a-b_c.example.org.:1", "a-b_c.example.org.", 1},
        {"10.0.0.2:80", "10.0.0.2", 80},
        {"10.0.0.2", "10.0.0.2", 7216},
        {"<10.0.0.2:80>", "10.0.0.2", 80},
        {"::1", "::1", 7216},
        {"::", "::", 7216},
        {"::1:80", "::1:80", 7216}, /* all of it is the address */
        {"[::1]", "::1", 7216},
        {"[::1]:80", "::1", 80},
        {"fe80::1%3", "fe80::1%3", 7216},
        {"[fe80::1%3]:80", "fe80::1%3", 80},
        {"4chan.org", "4chan.org", 7216},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char host[ADDRESS_HOST];
        const char *cause = "unset";
        uint16_t port = 0;
        if (!address_split(span_of(good[i].text), host, &port, &cause))
            fail_msg("%s: %s", good[i].text, cause);
        assert_string_equal(host, good[i].host);
        assert_int_equal(port, good[i].port);
    }
}

static void says_what_is_wrong_with_what_people_type(void **state)
{
    static const struct {
        const char *text, *cause;
    } bad[] = {
        {"", "host is missing"},
        {":80", "host is missing"},
        {"[]:80", "host is missing"},
        {"host:", "port"},
        {"host:0", "port"},
        {"host:65536", "port"},
        {"host:http", "port"},
        {"[::1]80", "port"},
        {"[::1]:", "port"},
        {"[host]:80", "brackets"},
        {"[10.0.0.2]:80", "brackets"},
        {"[::1", "IPv6"},
        {"1:2:3", "IPv6"},
        {"fe80::1%eth0", "IPv6"},
        {"7216", "IPv4"},
        {"10.0.0.256:80", "IPv4"},
        {"10.1", "IPv4"},
        {"a b", "letters"},
        {"bob@10.0.0.2", "letters"},
        {"caf\u00e9.example", "letters"},
        {"-p/x", "letters"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char host[ADDRESS_HOST];
        const char *cause = NULL;
        uint16_t port;
        if (address_split(span_of(bad[i].text), host, &port, &cause))
            fail_msg("%s was taken", bad[i].text);
        assert_non_null(cause);
        if (strstr(cause, bad[i].cause) == NULL)
            fail_msg("%s: %s", bad[i].text, cause);
    }
}

static void bounds_the_length_of_a_host(void **state)
{
    char text[300], host[ADDRESS_HOST];
    const char *cause;
    uint16_t port;

    (void)state;
    memset(text, 'a', sizeof text);
    assert_true(address_split(span_make(text, 253), host, &port, &cause));
    assert_int_equal(strlen(host), 253);
    assert_false(address_split(span_make(text, 254), host, &port, &cause));
    assert_false(address_split(span_make(text, 300), host, &port, &cause));
    assert_false(address_split(span_make("10.0.0.2\0", 9), host, &port, &cause));
    assert_false(address_split(span_make("a\0b", 3), host, &port, &cause));
    assert_false(address_split(span_make(NULL, 0), host, &port, &cause));
}

static void joins_what_was_split(void **state)
{
    static const char *const joined[] = {"10.0.0.2:7216", "[2001:db8::1]:1", "a.example:65535"};
    char host[ADDRESS_HOST], out[ADDRESS_PLACE];
    uint16_t port;
    const char *cause;

    (void)state;
    for (size_t i = 0; i < sizeof joined / sizeof joined[0]; i++) {
        assert_true(address_split(span_of(joined[i]), host, &port, &cause));
        address_join(host, port, out);
        assert_string_equal(out, joined[i]);
    }
    memset(host, 'a', sizeof host);
    host[ADDRESS_HOST - 1] = '\0';
    address_join(host, UINT16_MAX, out);
    assert_int_equal(strlen(out), ADDRESS_HOST - 1 + strlen(":65535"));
}

static void reads_a_literal_host(void **state)
{
    struct address a;

    (void)state;
    assert_true(address_parse_host("10.0.0.2", 5, &a));
    assert_string_equal(printed(&a), "10.0.0.2:5");
    assert_true(address_parse_host("::1", 0, &a));
    assert_string_equal(printed(&a), "[::1]:0");
    assert_true(address_parse_host("::ffff:1.2.3.4", 5, &a));
    assert_string_equal(printed(&a), "1.2.3.4:5");
    assert_true(address_parse_host("fe80::1%2", 5, &a));
    assert_string_equal(printed(&a), "[fe80::1%2]:5");
    assert_false(address_parse_host("", 5, &a));
    assert_false(address_parse_host("[::1]", 5, &a));
    assert_false(address_parse_host("10.0.0.2:5", 5, &a));
    assert_false(address_parse_host("localhost", 5, &a));
    assert_false(address_parse_host("1", 5, &a));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(reads_exactly_the_span),
        cmocka_unit_test(compares),
        cmocka_unit_test(same_host),
        cmocka_unit_test(kinds_of_addresses),
        cmocka_unit_test(goes_through_sockaddr),
        cmocka_unit_test(reads_foreign_sockaddrs),
        cmocka_unit_test(splits_what_people_type),
        cmocka_unit_test(says_what_is_wrong_with_what_people_type),
        cmocka_unit_test(bounds_the_length_of_a_host),
        cmocka_unit_test(joins_what_was_split),
        cmocka_unit_test(reads_a_literal_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
