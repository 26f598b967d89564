/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who bears a name: peers with and without a key, without an id, and we ourselves, in every order
 * of coming and going.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mesh/internal.h"
#include "mesh/names.h"
#include "mesh/peer.h"

#define KEY(four) four "aaaabbbbccccddddeeeeffffgggghhhhiiiijjjjkkkkllla"

enum { PEERS_MAX = 8 };

struct fixture {
    struct node node;
    struct peer *peers[PEERS_MAX];
    char told[256]; /* FORMER>NAME, each with a space behind it */
};

static void hear(void *arg, const struct event *event)
{
    struct fixture *f = arg;
    assert_int_equal(event->kind, EVENT_NAME);
    size_t used = strlen(f->told);
    snprintf(f->told + used, sizeof f->told - used, "%s>%s ", event->former, event->name);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->node.peers = f->peers;
    f->node.sink = (struct node_sink){.event = hear, .arg = f};
    snprintf(f->node.name, sizeof f->node.name, "me");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->node.peer_count; i++) {
        directory_strike(f->peers[i], BY_NAME);
        directory_leave(f->peers[i]);
        free(f->peers[i]);
    }
    free(f);
    return 0;
}

/* id: empty for one that only claims its name. */
static struct peer *meet(struct fixture *f, const char *name, const char *id)
{
    static char nowhere[] = "-";
    struct peer *peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->text = nowhere;
    assert_in_range(f->node.peer_count, 0, PEERS_MAX - 1);
    peer->node = &f->node;
    peer->row.dialect = id[0] != '\0' ? DIALECT_SESSION : DIALECT_STREAM;
    snprintf(peer->row.name, sizeof peer->row.name, "%s", name);
    snprintf(peer->row.node, sizeof peer->row.node, "%s", id);
    f->peers[f->node.peer_count++] = peer;
    directory_enter(peer);
    names_join(peer);
    peer->announced = true;
    return peer;
}

static void rename_peer(struct peer *peer, const char *name)
{
    names_leave(peer);
    snprintf(peer->row.name, sizeof peer->row.name, "%s", name);
    names_join(peer);
}

static void one_alone_needs_no_suffix(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(meet(f, "bob", "b1xyz")->shown, "bob");
    assert_string_equal(meet(f, "carol", KEY("cccc"))->shown, "carol");
    assert_string_equal(meet(f, "dave", "")->shown, "dave");
    assert_string_equal(meet(f, "-", "nameless")->shown, "-");
    assert_string_equal(meet(f, "-", "")->shown, "-");
    assert_string_equal(f->told, "");
}

static void of_equals_the_first_bears_it(void **state)
{
    struct fixture *f = *state;
    struct peer *first = meet(f, "bob", KEY("abcd"));
    struct peer *second = meet(f, "bob", KEY("bcde"));
    assert_string_equal(first->shown, "bob");
    assert_string_equal(second->shown, "bob~bcde");
    assert_string_equal(f->told, "");
}

static void whoever_has_a_key_takes_it_from_whoever_has_none(void **state)
{
    struct fixture *f = *state;
    struct peer *plain = meet(f, "bob", "b1xyz");
    struct peer *keyed = meet(f, "bob", KEY("abcd"));
    assert_string_equal(keyed->shown, "bob");
    assert_string_equal(plain->shown, "bob~b1xy");
    assert_string_equal(f->told, "bob>bob~b1xy ");
}

static void nobody_takes_a_name_by_changing_his_own(void **state)
{
    struct fixture *f = *state;
    struct peer *older = meet(f, "mallory", KEY("abcd"));
    struct peer *bob = meet(f, "bob", KEY("bcde"));
    rename_peer(older, "bob");
    assert_string_equal(older->shown, "bob~abcd");
    assert_string_equal(bob->shown, "bob");
    assert_string_equal(f->told, "mallory>bob~abcd ");
}

static void a_claim_without_id_yields_to_a_key(void **state)
{
    struct fixture *f = *state;
    char claimed[PEER_SHOWN];
    struct peer *nc = meet(f, "bob", "");
    struct peer *plain = meet(f, "bob", "b1xyz");
    assert_string_equal(nc->shown, "bob");
    assert_string_equal(plain->shown, "bob");
    names_claimed(&f->node, span_of("bob"), claimed);
    assert_string_equal(claimed, "bob");
    meet(f, "bob", KEY("abcd"));
    assert_string_equal(nc->shown, "bob~plain");
    names_claimed(&f->node, span_of("bob"), claimed);
    assert_string_equal(claimed, "bob~plain");
    names_claimed(&f->node, span_of("bob~abcd"), claimed);
    assert_string_equal(claimed, "-");
}

static void nobody_bears_ours(void **state)
{
    struct fixture *f = *state;
    char claimed[PEER_SHOWN];
    struct peer *keyed = meet(f, "me", KEY("abcd"));
    struct peer *nc = meet(f, "me", "");
    assert_string_equal(keyed->shown, "me~abcd");
    assert_string_equal(nc->shown, "me~plain");
    names_claimed(&f->node, span_of("me"), claimed);
    assert_string_equal(claimed, "me~plain");
    snprintf(f->node.name, sizeof f->node.name, "other");
    names_ours(&f->node, "me");
    assert_string_equal(keyed->shown, "me");
    assert_string_equal(nc->shown, "me~plain");
    snprintf(f->node.name, sizeof f->node.name, "me");
    names_ours(&f->node, "other");
    assert_string_equal(keyed->shown, "me~abcd");
}

static void names_that_look_the_same_are_the_same(void **state)
{
    struct fixture *f = *state;
    struct peer *bob = meet(f, "bob", KEY("abcd"));
    struct peer *other = meet(f, "bo\u034fb", KEY("bcde"));
    struct peer *us = meet(f, "me\ufe0f", "");
    assert_string_equal(bob->shown, "bob");
    assert_string_equal(other->shown, "bo\u034fb~bcde");
    assert_string_equal(us->shown, "me\ufe0f~plain");
}

static void a_suffix_is_as_long_as_it_takes_and_stays(void **state)
{
    struct fixture *f = *state;
    meet(f, "bob", KEY("abcd"));
    struct peer *second = meet(f, "bob", "abcdaaz");
    struct peer *third = meet(f, "bob", "abcdzz");
    assert_string_equal(second->shown, "bob~abcdaaz");
    assert_string_equal(third->shown, "bob~abcdz");
    names_leave(second);
    assert_string_equal(third->shown, "bob~abcdz");
    assert_true(names_fit(third, span_of("bob")));
    assert_true(names_fit(third, span_of("bob~abcd")));
    assert_true(names_fit(third, span_of("bob~abcdzz")));
    assert_false(names_fit(third, span_of("bob~abcdzzz")));
    assert_false(names_fit(third, span_of("bob~abd")));
    assert_false(names_fit(third, span_of("bob~")));
    assert_false(names_fit(third, span_of("bo")));
}

static void the_next_one_bears_it_when_the_first_goes(void **state)
{
    struct fixture *f = *state;
    struct peer *first = meet(f, "bob", KEY("abcd"));
    struct peer *plain = meet(f, "bob", "b1xyz");
    struct peer *keyed = meet(f, "bob", KEY("bcde"));
    names_leave(first);
    assert_string_equal(keyed->shown, "bob");
    assert_string_equal(plain->shown, "bob~b1xy");
    names_leave(keyed);
    assert_string_equal(plain->shown, "bob");
    assert_string_equal(f->told, "bob~bcde>bob bob~b1xy>bob ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_alone_needs_no_suffix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_equals_the_first_bears_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whoever_has_a_key_takes_it_from_whoever_has_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_takes_a_name_by_changing_his_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_claim_without_id_yields_to_a_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_bears_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_look_the_same_are_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_suffix_is_as_long_as_it_takes_and_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_next_one_bears_it_when_the_first_goes, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
