/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is offered for the word at the cursor: the right kind in the right place, nothing elsewhere.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "shell/completion.h"

static const char *const peers[] = {"bob", "bert", "zo\u00e9", "10.0.0.2:7216"};
static const char *const addresses[] = {"10.0.0.2:7216", "[::1]:7216"};
static const char *const conditions[] = {"up=", "sent"};

static size_t offer(struct completion_list *out, const char *const *words, size_t count)
{
    size_t added = 0;

    for (size_t i = 0; i < count; i++)
        added += completion_add(out, span_of(words[i]));
    return added;
}

static size_t source(void *arg, enum completion_kind kind, struct span prefix,
                     struct completion_list *out)
{
    assert_ptr_equal(arg, peers);
    assert_true(span_equal(prefix, out->prefix));
    switch (kind) {
    case COMPLETE_PEER: return offer(out, peers, 4);
    case COMPLETE_ADDRESS: return offer(out, addresses, 2);
    case COMPLETE_CONDITION: return offer(out, conditions, 2);
    default: break;
    }
    fail();
    return 0;
}

/* What is offered, each with a space before it. */
static void assert_offers(const char *line, const char *wanted)
{
    struct completion_list list = {.count = 0};
    char found[4096] = "";

    completion_find(span_of(line), source, (void *)(uintptr_t)peers, &list);
    for (size_t i = 0; i < list.count; i++) {
        size_t used = strlen(found);
        snprintf(found + used, sizeof found - used, " %s", list.items[i]);
    }
    assert_string_equal(found, wanted);
    completion_clear(&list);
    assert_int_equal(list.count, 0);
}

static void test_commands(void **state)
{
    (void)state;
    assert_offers("/pe", " /peers");
    assert_offers("/p", " /peers /ping");
    assert_offers("/peers", " /peers");
    assert_offers("/nosuch", "");
    assert_offers("/help pe", " peers");
    assert_offers("/help /pe", " /peers");
    assert_offers("/help peers pe", "");
}

static void test_every_command_is_offered(void **state)
{
    struct completion_list list = {.count = 0};

    (void)state;
    completion_find(span_of("/"), source, NULL, &list);
    assert_int_equal(list.count, COMMAND_COUNT);
    completion_clear(&list);
}

static void test_peers(void **state)
{
    (void)state;
    assert_offers("/msg b", " bob bert");
    assert_offers("/msg bo", " bob");
    assert_offers("/msg  zo", " zo\u00e9");
    assert_offers("/msg ", " bob bert zo\u00e9 10.0.0.2:7216");
    assert_offers("/to 10.0.0.2:7", " 10.0.0.2:7216");
    assert_offers("/m b", " bob bert");
    assert_offers("/msg bob b", "");
    assert_offers("/msg bob ", "");
    assert_offers("/to bob b", "");
}

static void test_addresses_in_every_argument(void **state)
{
    (void)state;
    assert_offers("/connect ", " 10.0.0.2:7216 [::1]:7216");
    assert_offers("/connect x:1 [", " [::1]:7216");
    assert_offers("/connect x:1 y:2 1", " 10.0.0.2:7216");
}

static void test_conditions(void **state)
{
    (void)state;
    assert_offers("/wait u", " up=");
    assert_offers("/wait sent 1", "");
}

static void test_nothing_in_text(void **state)
{
    (void)state;
    assert_offers("", "");
    assert_offers("b", "");
    assert_offers("hello b", "");
    assert_offers("//msg b", "");
    assert_offers("//pe", "");
    assert_offers(" /pe", "");
    assert_offers("/nosuch b", "");
    assert_offers("/peers b", "");
    assert_offers("text\n/pe", "");
    assert_offers("/bcast x\n/msg b", "");
}

static void test_what_is_not_offered(void **state)
{
    struct completion_list list = {.prefix = span_of("b")};

    (void)state;
    assert_int_equal(completion_add(&list, span_of("bob")), 1);
    assert_int_equal(completion_add(&list, span_of("zoe")), 0);
    assert_int_equal(completion_add(&list, span_of("b ob")), 0);
    assert_int_equal(completion_add(&list, span_of("b\u202eob")), 0);
    assert_int_equal(completion_add(&list, span_of("b\033[31m")), 0);
    assert_int_equal(completion_add(&list, span_of("")), 0);
    assert_int_equal(list.count, 1);
    completion_clear(&list);
}

static void test_limit(void **state)
{
    struct completion_list list = {.count = 0};

    (void)state;
    for (int i = 0; i < COMPLETION_MAX + 10; i++)
        completion_add(&list, span_of("bob"));
    assert_int_equal(list.count, COMPLETION_MAX);
    completion_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_every_command_is_offered),
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_addresses_in_every_argument),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_nothing_in_text),
        cmocka_unit_test(test_what_is_not_offered),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests_name("completion", tests, NULL, NULL);
}
