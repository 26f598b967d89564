/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command table: look-up by prefix, the number of words, text for the target, and that no
 * line, however odd, is taken for what it is not.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shell/command.h"

static struct order parse(const char *line)
{
    struct order order;
    char *cause = NULL;
    assert_true(command_parse(span_of(line), &order, &cause));
    assert_null(cause);
    return order;
}

static void refuse(const char *line, const char *part)
{
    struct order order;
    char *cause = NULL;
    assert_false(command_parse(span_of(line), &order, &cause));
    assert_non_null(cause);
    assert_non_null(strstr(cause, part));
    assert_null(strchr(cause, '\n'));
    free(cause);
}

static void names_find_themselves(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct command *c; (c = command_at(count)) != NULL; count++) {
        char *cause = NULL;
        assert_ptr_equal(command_find(span_of(c->name), &cause), c);
        assert_int_equal(c->id, count);
        assert_true(c->least <= c->most);
        assert_true(c->help[0] != '\0' && c->manual[0] != '\0');
        assert_int_equal(c->arguments[0] == '\0', c->most == 0);
    }
    assert_int_equal(count, COMMAND_COUNT);
}

/* Every prefix finds its command, or more than one command begins with it. */
static void every_prefix_is_found_or_ambiguous(void **state)
{
    (void)state;
    for (size_t i = 0; command_at(i) != NULL; i++) {
        const struct command *c = command_at(i);
        for (size_t len = 1; len < strlen(c->name); len++) {
            char *cause = NULL;
            size_t alike = 0;
            bool whole = false;
            for (size_t k = 0; command_at(k) != NULL; k++) {
                alike += strncmp(command_at(k)->name, c->name, len) == 0;
                whole = whole || (strlen(command_at(k)->name) == len &&
                                  strncmp(command_at(k)->name, c->name, len) == 0);
            }
            const struct command *found = command_find(span_make(c->name, len), &cause);
            if (alike == 1)
                assert_ptr_equal(found, c);
            else
                assert_int_equal(found != NULL, whole);
            assert_int_equal(cause != NULL, found == NULL);
            free(cause);
        }
    }
}

static void commands_keep_the_rest_of_the_line(void **state)
{
    (void)state;
    struct order order = parse("/msg bob  two  spaces ");
    assert_int_equal(order.kind, ORDER_COMMAND);
    assert_int_equal(order.command->id, COMMAND_msg);
    assert_true(span_is(order.arguments, "bob  two  spaces "));
    assert_int_equal(parse("/bc x").command->id, COMMAND_bcast);
    assert_int_equal(parse("/echo").command->id, COMMAND_echo);
    assert_int_equal(parse("/quit  ").command->id, COMMAND_quit);
}

static void text_is_text(void **state)
{
    (void)state;
    assert_int_equal(parse("").kind, ORDER_NOTHING);
    assert_true(span_is(parse("hello /quit").text, "hello /quit"));
    assert_true(span_is(parse("//quit").text, "/quit"));
    assert_true(span_is(parse("//").text, "/"));
    assert_true(span_is(parse(" /quit").text, " /quit"));
}

static void wrong_lines_name_the_cure(void **state)
{
    (void)state;
    refuse("/nosuch", "/help");
    refuse("/", "/help");
    refuse("/ msg bob hi", "/help");
    refuse("/msg bob", "usage: /msg PEER TEXT");
    refuse("/peers now", "usage: /peers");
    refuse("/ping", "usage: /ping PEER");
    refuse("/ban", "usage: /ban PEER");
    refuse("/outbox bob", "usage: /outbox");
    refuse("/b bob", "could be /bcast or /ban");
    refuse("/wait", "usage: /wait CONDITION [SECS]");
    refuse("/ping a b", "usage: /ping PEER");
    refuse("/p", "could be");
    refuse("/MSG bob hi", "/help");
}

/* The bytes after a span are not part of it. */
static void a_span_ends_where_it_ends(void **state)
{
    (void)state;
    struct order order;
    char *cause = NULL;
    assert_true(command_parse(span_make("/quitx", 2), &order, &cause));
    assert_int_equal(order.command->id, COMMAND_quit);
    assert_true(command_parse(span_make("/quitter", 5), &order, &cause));
    assert_int_equal(order.command->id, COMMAND_quit);
    assert_false(command_parse(span_make("/to\0x all", 9), &order, &cause));
    free(cause);
}

static void what_holds_an_invitation_is_secret(void **state)
{
    (void)state;
    assert_true(command_holds_secret(span_of("/join hashflow://a:1/b/c")));
    assert_true(command_holds_secret(span_of("/msg bob hashflow://a:1/b/c")));
    assert_true(command_holds_secret(span_of("hashflow://")));
    assert_false(command_holds_secret(span_of("/join hashflow:/")));
    assert_false(command_holds_secret(span_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_find_themselves),
        cmocka_unit_test(every_prefix_is_found_or_ambiguous),
        cmocka_unit_test(commands_keep_the_rest_of_the_line),
        cmocka_unit_test(text_is_text),
        cmocka_unit_test(wrong_lines_name_the_cure),
        cmocka_unit_test(a_span_ends_where_it_ends),
        cmocka_unit_test(what_holds_an_invitation_is_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
