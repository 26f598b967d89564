/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes of one process that ask each other over loopback: what whoever answers is told and may say,
 * and how many questions there may be.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/log.h"
#include "mesh/node.h"

enum { GUARD_US = 30000000, ASKERS = 9, TAKEN = 128, LONG_US = 60000000, HEARD_MAX = 1 << 20 };

struct fixture {
    struct loop *loop;
    struct timer guard;
    struct node *bob; /* who answers */
    struct address at;
    struct node *askers[ASKERS];
    size_t asker_count;
    struct question *questions[TAKEN];
    size_t question_count;
    size_t taken[TAKEN]; /* what bob is asked */
    size_t taken_count;
    struct buffer heard; /* answers, a line each */
    bool (*holds)(void);
};

static struct fixture *f;

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("nothing more happens: %zu questions taken", f->taken_count);
}

static void look(void *arg)
{
    (void)arg;
    if (f->holds())
        loop_stop(f->loop);
}

static void run_until(bool (*holds)(void))
{
    f->holds = holds;
    loop_again(f->loop);
    loop_run(f->loop);
}

static void hear(void *arg, const struct event *event)
{
    (void)arg;
    if (event->kind == EVENT_QUESTION) {
        assert_in_range(f->taken_count, 0, TAKEN - 1);
        assert_true(span_starts(span_of(event->name), "alice"));
        assert_true(span_is(event->text, "ready?"));
        f->taken[f->taken_count++] = event->count;
    } else if (event->kind == EVENT_ANSWER) {
        assert_string_equal(event->name, "bob");
        assert_non_null(event->question);
        buffer_append(&f->heard, event->text);
        buffer_append(&f->heard, span_of("\n"));
    }
}

static void flush(void *arg)
{
    (void)arg;
}

static uint64_t no_bytes(void *arg)
{
    (void)arg;
    return 0;
}

static struct node *new_node(const char *name, bool answers, struct address *at)
{
    const struct node_sink sink = {
        .event = hear, .flush = flush, .accepted = no_bytes, .written = no_bytes, .arg = f};
    const struct node_config config = {
        .name = name, .answers = answers, .passing = true, .no_exchange = true};
    struct node *node = node_new(f->loop, NULL, &config, &sink);
    struct address any = {0};

    assert_true(address_parse_host("127.0.0.1", 0, &any));
    assert_return_code(node_listen(node, &any, at), 0);
    node_start(node);
    return node;
}

static bool are_connected(void)
{
    return node_up_count(f->bob) == f->asker_count;
}

/* One more node that has a session with bob. */
static struct node *add_asker(void)
{
    struct address unused;
    char text[ADDRESS_TEXT], *cause = NULL;
    struct node *asker = new_node("alice", false, &unused);

    f->askers[f->asker_count++] = asker;
    address_print(&f->at, text);
    assert_non_null(node_connect(asker, span_of(text), &cause));
    run_until(are_connected);
    return asker;
}

static int begin(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    buffer_init(&f->heard, HEARD_MAX);
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    loop_on_turn(f->loop, look, NULL);
    f->bob = new_node("bob", true, &f->at);
    add_asker();
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < f->question_count; i++)
        question_free(f->questions[i]);
    for (size_t i = 0; i < f->asker_count; i++)
        node_free(f->askers[i]);
    node_free(f->bob);
    timer_stop(f->loop, &f->guard);
    buffer_free(&f->heard);
    loop_free(f->loop);
    free(f);
    return 0;
}

static struct question *ask(struct node *asker)
{
    const char *cause = NULL;
    struct question *q = node_ask(asker, NULL, span_of("ready?"), LONG_US, &cause);

    assert_non_null(q);
    assert_in_range(f->question_count, 0, TAKEN - 1);
    f->questions[f->question_count++] = q;
    return q;
}

static bool are_taken(void)
{
    return f->taken_count == f->question_count;
}

static bool last_is_over(void)
{
    return question_is_over(f->questions[f->question_count - 1]);
}

static bool all_are_over(void)
{
    for (size_t i = 0; i < f->question_count; i++) {
        if (!question_is_over(f->questions[i]))
            return false;
    }
    return true;
}

static void check_missing(const struct question *q, const char *cause)
{
    struct reply_view v;

    assert_true(question_look(q, 0, &v));
    assert_int_equal(v.state, REPLY_MISSING);
    assert_string_equal(v.cause, cause);
    assert_string_equal(v.name, "bob");
    assert_false(question_look(q, 1, &v));
}

static void check_whole(const struct question *q)
{
    struct reply_view v;

    assert_true(question_look(q, 0, &v));
    assert_int_equal(v.state, REPLY_WHOLE);
}

static void check_heard(const char *lines)
{
    struct span heard = buffer_span(&f->heard);

    assert_int_equal(heard.len, strlen(lines));
    assert_memory_equal(heard.at, lines, heard.len);
}

/* ---- the answer */

static void an_answer_goes_back_line_by_line(void **state)
{
    (void)state;
    struct question *q = ask(f->askers[0]);
    run_until(are_taken);
    assert_false(question_is_over(q));
    assert_true(node_answer(f->bob, f->taken[0], span_of("yes")));
    assert_true(node_answer(f->bob, f->taken[0], span_of("")));
    assert_true(node_answer(f->bob, f->taken[0], span_of(" /quit \xff")));
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
    run_until(last_is_over);
    check_whole(q);
    check_heard("yes\n\n /quit \xff\n");
    assert_false(node_answer(f->bob, f->taken[0], span_of("more")));
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
}

static void an_answer_may_be_empty_or_fail(void **state)
{
    static const struct {
        enum answer_status status;
        const char *cause;
    } rows[] = {
        {ANSWER_FAILED, "its command failed"},
        {ANSWER_BUSY, "it is busy"},
        {ANSWER_NONE, "it takes no questions"},
        {ANSWER_CUT, "its answer is too long, or not text"},
    };

    (void)state;
    struct question *empty = ask(f->askers[0]);
    run_until(are_taken);
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
    run_until(last_is_over);
    check_whole(empty);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct question *q = ask(f->askers[0]);
        run_until(are_taken);
        node_answer_end(f->bob, f->taken[1 + i], rows[i].status);
        run_until(last_is_over);
        check_missing(q, rows[i].cause);
    }
    check_heard("");
}

/* What was said before stays said; nothing follows, and the asker knows. */
static void check_cut(struct span text)
{
    struct question *q = ask(f->askers[0]);
    run_until(are_taken);
    size_t which = f->taken[f->taken_count - 1];
    assert_true(node_answer(f->bob, which, span_of("good")));
    assert_false(node_answer(f->bob, which, text));
    assert_false(node_answer(f->bob, which, span_of("good again")));
    node_answer_end(f->bob, which, ANSWER_OK);
    run_until(last_is_over);
    check_missing(q, "its answer is too long, or not text");
}

static void what_no_line_can_carry_cuts_the_answer(void **state)
{
    static char text[MESSAGE_TEXT_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    check_cut(span_make("a\nb", 3));
    check_cut(span_make("a\0b", 3));
    check_cut(span_make(text, sizeof text));
    check_heard("good\ngood\ngood\n");
}

static void an_answer_has_a_bound(void **state)
{
    static char text[MESSAGE_TEXT_MAX];
    enum { REST = NODE_ANSWER_MAX - sizeof text - 2 };

    (void)state;
    memset(text, 'x', sizeof text);
    struct question *q = ask(f->askers[0]);
    run_until(are_taken);
    assert_true(node_answer(f->bob, f->taken[0], span_make(text, sizeof text)));
    assert_true(node_answer(f->bob, f->taken[0], span_make(text, REST)));
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
    run_until(last_is_over);
    check_whole(q);
    assert_int_equal(buffer_length(&f->heard), NODE_ANSWER_MAX);

    struct question *over = ask(f->askers[0]);
    run_until(are_taken);
    assert_true(node_answer(f->bob, f->taken[1], span_make(text, sizeof text)));
    assert_false(node_answer(f->bob, f->taken[1], span_make(text, REST + 1)));
    node_answer_end(f->bob, f->taken[1], ANSWER_OK);
    run_until(last_is_over);
    check_missing(over, "its answer is too long, or not text");
}

/* ---- bounds */

static void sixteen_questions_are_open_at_a_time(void **state)
{
    const char *cause = NULL;

    (void)state;
    for (size_t i = 0; i < NODE_QUESTIONS; i++)
        ask(f->askers[0]);
    assert_null(node_ask(f->askers[0], NULL, span_of("ready?"), LONG_US, &cause));
    assert_non_null(strstr(cause, "16 questions"));
    question_free(f->questions[--f->question_count]);
    ask(f->askers[0]);
}

static bool eight_are_taken(void)
{
    return f->taken_count == NODE_QUESTIONS_OF_PEER && last_is_over();
}

static void of_one_peer_eight_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i <= NODE_QUESTIONS_OF_PEER; i++)
        ask(f->askers[0]);
    run_until(eight_are_taken);
    check_missing(f->questions[NODE_QUESTIONS_OF_PEER], "it is busy");
    question_free(f->questions[--f->question_count]);
    node_answer_end(f->bob, f->taken[3], ANSWER_OK);
    ask(f->askers[0]);
    run_until(are_taken);
    for (size_t i = 0; i < f->taken_count; i++)
        node_answer_end(f->bob, f->taken[i], ANSWER_OK);
    run_until(all_are_over);
    for (size_t i = 0; i < f->question_count; i++)
        check_whole(f->questions[i]);
}

static bool the_rest_is_busy(void)
{
    size_t over = 0;

    for (size_t i = 0; i < f->question_count; i++)
        over += question_is_over(f->questions[i]);
    return f->taken_count == NODE_QUESTIONS_TAKEN && over == NODE_QUESTIONS_OF_PEER;
}

static void of_all_peers_sixty_four_are_taken(void **state)
{
    (void)state;
    while (f->asker_count < ASKERS)
        add_asker();
    for (size_t i = 0; i < f->asker_count * NODE_QUESTIONS_OF_PEER; i++)
        ask(f->askers[i / NODE_QUESTIONS_OF_PEER]);
    run_until(the_rest_is_busy);
    for (size_t i = 0; i < f->taken_count; i++)
        node_answer_end(f->bob, f->taken[i], ANSWER_OK);
    run_until(all_are_over);
}

/* ---- who goes */

static bool nobody_is_there(void)
{
    return node_up_count(f->bob) == 0;
}

static void whose_asker_has_gone_need_not_go_on(void **state)
{
    (void)state;
    ask(f->askers[0]);
    run_until(are_taken);
    assert_true(node_answer(f->bob, f->taken[0], span_of("yes")));
    question_free(f->questions[--f->question_count]);
    node_leave(f->askers[0]);
    run_until(nobody_is_there);
    assert_false(node_answer(f->bob, f->taken[0], span_of("yes")));
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
}

static void what_nobody_waits_for_any_more_is_ignored(void **state)
{
    (void)state;
    ask(f->askers[0]);
    run_until(are_taken);
    question_free(f->questions[0]);
    f->question_count = 0;
    assert_true(node_answer(f->bob, f->taken[0], span_of("late")));
    node_answer_end(f->bob, f->taken[0], ANSWER_FAILED);
    struct question *q = ask(f->askers[0]);
    f->taken_count = 0;
    run_until(are_taken);
    assert_true(node_answer(f->bob, f->taken[0], span_of("in time")));
    node_answer_end(f->bob, f->taken[0], ANSWER_OK);
    run_until(last_is_over);
    check_whole(q);
    check_heard("in time\n");
}

static void who_leaves_before_the_end_has_not_answered(void **state)
{
    (void)state;
    struct question *q = ask(f->askers[0]);
    run_until(are_taken);
    assert_true(node_answer(f->bob, f->taken[0], span_of("nearly")));
    node_leave(f->bob);
    run_until(last_is_over);
    check_missing(q, "it went away: left");
    check_heard("nearly\n");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
    static const struct CMUnitTest tests[] = {
        TEST(an_answer_goes_back_line_by_line),
        TEST(an_answer_may_be_empty_or_fail),
        TEST(what_no_line_can_carry_cuts_the_answer),
        TEST(an_answer_has_a_bound),
        TEST(sixteen_questions_are_open_at_a_time),
        TEST(of_one_peer_eight_are_taken),
        TEST(of_all_peers_sixty_four_are_taken),
        TEST(whose_asker_has_gone_need_not_go_on),
        TEST(what_nobody_waits_for_any_more_is_ignored),
        TEST(who_leaves_before_the_end_has_not_answered),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
