/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules: which words are taken, whom they let in, and that nothing opens what is denied.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/rules.h"

#define KEY   "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmma"
#define OTHER "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmmq"

static void add(struct rules *rules, enum verdict verdict, const char *word)
{
    const char *cause = NULL;

    if (!rules_add(rules, verdict, span_of(word), &cause))
        fail_msg("%s: %s", word, cause);
}

static struct address at(const char *host)
{
    struct address a;

    assert_true(address_parse_host(host, 7216, &a));
    return a;
}

static bool lets(const struct rules *rules, const char *host)
{
    struct address a = at(host);

    return rules_let_address(rules, &a);
}

/* Rules of one word of a kind: an allowed one lets in what a denied one keeps out. */
static bool is_meant(const char *word, const char *host)
{
    struct rules *allowing = rules_new(), *denying = rules_new();

    add(allowing, VERDICT_ALLOWED, word);
    add(denying, VERDICT_DENIED, word);
    bool meant = lets(allowing, host);
    assert_int_equal(lets(denying, host), !meant);
    rules_free(allowing);
    rules_free(denying);
    return meant;
}

static void networks(void **state)
{
    static const struct {
        const char *word, *within, *outside;
    } rows[] = {
        {"10.0.0.2", "10.0.0.2", "10.0.0.3"},
        {"10.0.0.2/32", "10.0.0.2", "10.0.0.3"},
        {"10.0.0.0/8", "10.255.255.255", "11.0.0.0"},
        {"10.0.0.0/8", "10.0.0.0", "9.255.255.255"},
        {"192.168.128.0/17", "192.168.255.1", "192.168.127.255"},
        {"172.16.0.0/12", "172.31.255.255", "172.32.0.0"},
        {"128.0.0.0/1", "255.0.0.1", "127.255.255.255"},
        {"192.0.2.254/31", "192.0.2.255", "192.0.2.253"},
        {"0.0.0.0/0", "203.0.113.9", "::1"},
        {"::/0", "fd00::9", "0.0.0.1"},
        {"::1", "::1", "::2"},
        {"fd00::/8", "fdff::1", "fe00::1"},
        {"2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"},
        {"2001:db8::8/125", "2001:db8::f", "2001:db8::10"},
        {"::ffff:10.0.0.2", "10.0.0.2", "10.0.0.3"},
        {"10.0.0.2", "::ffff:10.0.0.2", "::ffff:10.0.0.3"},
        {"fe80::/10", "fe80::1%3", "fec0::1"},
        {"fe80::1%3", "fe80::1%3", "fe80::1%4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is_meant(rows[i].word, rows[i].within))
            fail_msg("%s means %s", rows[i].word, rows[i].within);
        if (is_meant(rows[i].word, rows[i].outside))
            fail_msg("%s does not mean %s", rows[i].word, rows[i].outside);
    }
}

static void refuses(void **state)
{
    static const char *const words[] = {"",
                                        "/",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8/8",
                                        "10.0.0.0/ 8",
                                        "10.0.0.0/99999999999999999999",
                                        "10.0.0.1/8",
                                        "192.0.2.255/31",
                                        "10.0.0/8",
                                        "10",
                                        "10/8",
                                        "10.0.0.2:7216",
                                        "[::1]:7216",
                                        "[::1]",
                                        "<10.0.0.2>",
                                        "::1/129",
                                        "::1/127",
                                        ":::/8",
                                        "::ffff:10.0.0.0/104",
                                        "host.example.org",
                                        "all",
                                        "*",
                                        " 10.0.0.2",
                                        "10.0.0.2 ",
                                        "fe80::1%eth0",
                                        "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmm",
                                        KEY "a",
                                        "AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMA",
                                        "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllllmmm1"};
    struct rules *rules = rules_new();

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *cause = NULL;
        if (rules_add(rules, VERDICT_ALLOWED, span_of(words[i]), &cause) || cause == NULL)
            fail_msg("\"%s\" is refused with a cause", words[i]);
    }
    const char *cause = NULL;
    assert_false(rules_add(rules, VERDICT_ALLOWED, span_make("10.0.0.2\0", 9), &cause));
    assert_true(lets(rules, "203.0.113.9")); /* what is refused leaves no trace */
    assert_false(rules_name_keys(rules));
    rules_free(rules);
}

static void denied_stays_out(void **state)
{
    struct rules *rules = rules_new();

    (void)state;
    add(rules, VERDICT_DENIED, "10.1.0.0/16");
    add(rules, VERDICT_ALLOWED, "10.0.0.0/8");
    add(rules, VERDICT_ALLOWED, "10.1.2.3");
    assert_true(lets(rules, "10.2.0.1"));
    assert_false(lets(rules, "10.1.0.1"));
    assert_false(lets(rules, "10.1.2.3"));
    assert_false(lets(rules, "192.0.2.1"));
    assert_false(lets(rules, "::1"));
    rules_free(rules);
}

static void nobody_is_named(void **state)
{
    struct rules *rules = rules_new();

    (void)state;
    assert_true(lets(NULL, "10.0.0.2"));
    assert_true(lets(rules, "10.0.0.2"));
    assert_int_equal(rules_on_key(NULL, KEY), VERDICT_NONE);
    assert_int_equal(rules_on_key(rules, KEY), VERDICT_NONE);
    assert_false(rules_name_keys(NULL));
    assert_false(rules_name_keys(rules));
    rules_free(rules);
    rules_free(NULL);
}

static void keys(void **state)
{
    struct rules *rules = rules_new();

    (void)state;
    add(rules, VERDICT_DENIED, OTHER);
    assert_false(rules_name_keys(rules));
    assert_int_equal(rules_on_key(rules, OTHER), VERDICT_DENIED);
    assert_int_equal(rules_on_key(rules, KEY), VERDICT_NONE);
    add(rules, VERDICT_ALLOWED, KEY);
    add(rules, VERDICT_ALLOWED, OTHER);
    assert_true(rules_name_keys(rules));
    assert_int_equal(rules_on_key(rules, KEY), VERDICT_ALLOWED);
    assert_int_equal(rules_on_key(rules, OTHER), VERDICT_DENIED);
    assert_int_equal(rules_on_key(rules, "gj2l"), VERDICT_NONE);
    assert_true(lets(rules, "10.0.0.2")); /* each kind is a list of its own */
    rules_free(rules);
}

static void at_most(void **state)
{
    struct rules *rules = rules_new();
    const char *cause = NULL;

    (void)state;
    for (int i = 0; i < RULES_MAX; i++)
        add(rules, VERDICT_DENIED, i % 2 == 0 ? KEY : "10.0.0.0/8");
    assert_false(rules_add(rules, VERDICT_DENIED, span_of("192.0.2.1"), &cause));
    assert_non_null(strstr(cause, "10000"));
    assert_true(lets(rules, "192.0.2.1"));
    rules_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(refuses),
        cmocka_unit_test(denied_stays_out),
        cmocka_unit_test(nobody_is_named),
        cmocka_unit_test(keys),
        cmocka_unit_test(at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
