/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes back over the control socket: the kinds of lines, cut anywhere, the end in each of its
 * forms, and that nothing which is to be shown can move a cursor.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "control/caller.h"

struct scene {
    struct loop *loop;
    struct caller *caller;
    int node;
    struct buffer heard; /* "KIND:TEXT\n" for each line, and "end STATUS\n" */
};

static void take_line(void *arg, enum caller_kind kind, struct span text)
{
    struct scene *s = arg;

    buffer_print(&s->heard, "%d:", (int)kind);
    buffer_append(&s->heard, text);
    buffer_append(&s->heard, span_of("\n"));
}

static void take_end(void *arg, int status)
{
    struct scene *s = arg;

    buffer_print(&s->heard, "end %d\n", status);
    loop_stop(s->loop);
}

static void begin(struct scene *s)
{
    static const struct caller_handlers handlers = {.line = take_line, .end = take_end};
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    buffer_init(&s->heard, 1 << 20);
    s->loop = loop_new();
    s->node = ends[1];
    s->caller = caller_new(s->loop, ends[0], &handlers, s);
    assert_non_null(s->caller);
}

static void say(struct scene *s, struct span bytes)
{
    assert_int_equal(send(s->node, bytes.at, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static void stop(void *arg)
{
    struct scene *s = arg;

    loop_stop(s->loop);
}

/* One pass, so that what was said so far is read on its own. */
static void take_in(struct scene *s)
{
    struct timer now = {0};

    timer_set(s->loop, &now, 0, stop, s);
    loop_run(s->loop);
    timer_stop(s->loop, &now);
}

static void end(struct scene *s)
{
    caller_free(s->caller);
    loop_free(s->loop);
    buffer_free(&s->heard);
    close(s->node);
}

static void assert_heard(struct scene *s, const char *expected)
{
    char *heard = span_string(buffer_span(&s->heard));

    assert_string_equal(heard, expected);
    free(heard);
}

static const char talk[] = "/echo x\n127.0.0.1:1 - ! no\n\n| shown\n> + alice bob\n! wrong\n|\n"
                           "/detach x\n/detach 3\nnever\n";
static const char meaning[] = "0:/echo x\n0:127.0.0.1:1 - ! no\n0:\n1:shown\n2:+ alice bob\n"
                              "3:wrong\n0:|\n0:/detach x\nend 3\n";

static void test_every_split(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof talk; at++) {
        struct scene s;
        begin(&s);
        say(&s, span_make(talk, at));
        take_in(&s);
        say(&s, span_make(talk + at, sizeof talk - 1 - at));
        close(s.node);
        s.node = -1;
        take_in(&s);
        take_in(&s);
        assert_heard(&s, meaning);
        end(&s);
    }
}

static void test_end_without_a_word(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    say(&s, span_of("/echo x\n/detach 0"));
    take_in(&s);
    shutdown(s.node, SHUT_WR);
    take_in(&s);
    assert_heard(&s, "0:/echo x\nend -1\n");
    end(&s);
}

static void test_a_line_without_end(void **state)
{
    static char many[65536];
    struct scene s;

    (void)state;
    memset(many, 'x', sizeof many);
    begin(&s);
    for (int i = 0; i < 17; i++) {
        say(&s, span_make(many, sizeof many));
        take_in(&s);
    }
    assert_heard(&s, "end -1\n");
    end(&s);
}

static void assert_shown(const char *said, const char *expected)
{
    struct scene s;
    char line[256], meant[256];

    snprintf(line, sizeof line, "| %s\n! %s\n", said, said);
    snprintf(meant, sizeof meant, "1:%s\n3:%s\n", expected, expected);
    begin(&s);
    say(&s, span_of(line));
    take_in(&s);
    assert_heard(&s, meant);
    end(&s);
}

static void test_nothing_to_obey(void **state)
{
    (void)state;
    assert_shown("plain \\x1b \u00e9 \u6f22", "plain \\x1b \u00e9 \u6f22");
    assert_shown("\033[2mdim\033[0m \033[1;31mred", "\033[2mdim\033[0m \033[1;31mred");
    assert_shown("\033[2J\033]0;title\007\tx\r", "\\x1b[2J\\x1b]0;title\\x07\tx\\x0d");
    assert_shown("\033[31", "\\x1b[31");
    assert_shown("\033[31\033[0m", "\\x1b[31\033[0m");
    assert_shown("\033", "\\x1b");
    assert_shown("\177\xc2\x9b"
                 "2J\xc2\xa0",
                 "\\x7f\\u{9b}2J\xc2\xa0");
    assert_shown("\xc2", "\\xc2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),
        cmocka_unit_test(test_end_without_a_word),
        cmocka_unit_test(test_a_line_without_end),
        cmocka_unit_test(test_nothing_to_obey),
    };
    return cmocka_run_group_tests_name("the caller's end of the control socket", tests, NULL, NULL);
}
