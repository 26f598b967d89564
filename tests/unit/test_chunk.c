/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared chunks and their queues: merging, sharing, consuming and counting. Leaks and early frees
 * are found by the sanitizer build.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/chunk.h"

static struct slice write_text(struct spool *s, const char *text)
{
    struct span part = span_of(text);

    return spool_write(s, &part, 1);
}

static void push_text(struct queue *q, struct spool *s, const char *text)
{
    queue_push(q, write_text(s, text));
}

/* Everything in the queue as one new string, by way of queue_peek. */
static char *content(const struct queue *q)
{
    char *text = calloc(q->bytes + 1, 1);

    assert_non_null(text);
    for (size_t at = 0; at < q->bytes;) {
        struct span run = queue_peek(q, at);
        assert_true(run.len > 0 && run.len <= q->bytes - at);
        memcpy(text + at, run.at, run.len);
        at += run.len;
    }
    assert_int_equal(queue_peek(q, q->bytes).len, 0);
    return text;
}

static void check_content(const struct queue *q, const char *expected)
{
    char *text = content(q);

    assert_int_equal(q->bytes, strlen(expected));
    assert_string_equal(text, expected);
    free(text);
}

static void writes_parts_one_after_the_other(void **state)
{
    struct span parts[] = {span_of("/msg "), span_make(NULL, 0), span_of("7 "), span_of("hi\n")};
    struct spool s;

    (void)state;
    spool_init(&s);
    struct slice line = spool_write(&s, parts, 4);
    assert_true(span_is(slice_span(line), "/msg 7 hi\n"));
    struct slice nothing = spool_write(&s, parts, 0);
    assert_int_equal(slice_span(nothing).len, 0);
    spool_free(&s);
    /* A slice outlives its spool. */
    assert_true(span_is(slice_span(line), "/msg 7 hi\n"));
    slice_release(line);
    slice_release(nothing);
    slice_release((struct slice){0});
    spool_free(&s);
}

static void neighbours_merge(void **state)
{
    struct spool s;
    struct queue q;

    (void)state;
    spool_init(&s);
    queue_init(&q);
    for (int i = 0; i < 100; i++)
        push_text(&q, &s, "line\n");
    assert_int_equal(q.count, 1);
    assert_int_equal(q.bytes, 500);
    assert_int_equal(queue_count_lines(&q, q.bytes), 100);
    queue_clear(&q);
    assert_int_equal(q.bytes, 0);
    spool_free(&s);
}

static void strangers_do_not_merge(void **state)
{
    struct spool s;
    struct queue a, b;

    (void)state;
    spool_init(&s);
    queue_init(&a);
    queue_init(&b);
    push_text(&a, &s, "1");
    push_text(&b, &s, "2"); /* lies between the two of a */
    push_text(&a, &s, "3");
    assert_int_equal(a.count, 2);
    check_content(&a, "13");
    check_content(&b, "2");
    queue_clear(&a);
    queue_clear(&b);
    spool_free(&s);
}

static void many_queues_share_one_line(void **state)
{
    struct spool s;
    struct queue q[10];

    (void)state;
    spool_init(&s);
    for (size_t i = 0; i < 10; i++)
        queue_init(&q[i]);
    for (int round = 0; round < 3; round++) {
        struct slice line = write_text(&s, "to all\n");
        for (size_t i = 0; i < 10; i++)
            queue_push(&q[i], slice_retain(line));
        slice_release(line);
    }
    const char *shared = queue_peek(&q[0], 0).at;
    for (size_t i = 0; i < 10; i++) {
        assert_ptr_equal(queue_peek(&q[i], 0).at, shared);
        check_content(&q[i], "to all\nto all\nto all\n");
        queue_clear(&q[i]);
    }
    spool_free(&s);
}

static void consumes_at_every_place(void **state)
{
    static const char all[] = "one\ntwo\nthree\n";

    (void)state;
    for (size_t first = 0; first < sizeof all; first++) {
        struct spool s, other;
        struct queue q;

        spool_init(&s);
        spool_init(&other);
        queue_init(&q);
        push_text(&q, &s, "one\n");
        push_text(&q, &other, "two\n");
        push_text(&q, &s, "three\n");
        queue_consume(&q, first);
        check_content(&q, all + first);
        queue_consume(&q, q.bytes);
        check_content(&q, "");
        assert_int_equal(q.count, 0);
        push_text(&q, &s, "again\n");
        check_content(&q, "again\n");
        queue_clear(&q);
        spool_free(&s);
        spool_free(&other);
    }
}

static void shares_a_part_that_outlives_the_queue(void **state)
{
    struct spool s, other;
    struct queue q;

    (void)state;
    spool_init(&s);
    spool_init(&other);
    queue_init(&q);
    push_text(&q, &s, "abcdef");
    push_text(&q, &other, "ghi");
    struct slice middle = queue_share(&q, 2, 3);
    struct slice end_of_entry = queue_share(&q, 4, 100);
    struct slice second = queue_share(&q, 6, 100);
    assert_int_equal(queue_share(&q, 9, 1).len, 0);
    assert_int_equal(queue_share(&q, 100, 1).len, 0);
    assert_int_equal(queue_share(&q, 0, 0).len, 0);
    queue_clear(&q);
    assert_int_equal(queue_share(&q, 0, 1).len, 0);
    spool_free(&s);
    spool_free(&other);
    assert_true(span_is(slice_span(middle), "cde"));
    assert_true(span_is(slice_span(end_of_entry), "ef"));
    assert_true(span_is(slice_span(second), "ghi"));
    slice_release(middle);
    slice_release(end_of_entry);
    slice_release(second);
}

static void moves_a_queue_into_another_by_sharing(void **state)
{
    struct spool s, other;
    struct queue from, to;

    (void)state;
    spool_init(&s);
    spool_init(&other);
    queue_init(&from);
    queue_init(&to);
    for (int i = 0; i < 20; i++)
        push_text(&from, i % 3 == 0 ? &other : &s, "abc\n");
    for (size_t at = 0; at < from.bytes;) {
        struct slice piece = queue_share(&from, at, 3);
        at += piece.len;
        queue_push(&to, piece);
    }
    char *expected = content(&from);
    check_content(&to, expected);
    assert_int_equal(to.count, from.count); /* the pieces have merged again */
    free(expected);
    queue_clear(&from);
    queue_clear(&to);
    spool_free(&s);
    spool_free(&other);
}

static void fills_iovecs(void **state)
{
    struct spool s, other;
    struct queue q;
    struct iovec iov[4];

    (void)state;
    spool_init(&s);
    spool_init(&other);
    queue_init(&q);
    assert_int_equal(queue_iov(&q, iov, 4), 0);
    for (int i = 0; i < 6; i++)
        push_text(&q, i % 2 == 0 ? &s : &other, i % 2 == 0 ? "ab" : "c");
    queue_consume(&q, 1);
    assert_int_equal(queue_iov(&q, iov, 0), 0);
    assert_int_equal(queue_iov(&q, iov, 4), 4);
    assert_true(span_is(span_make(iov[0].iov_base, iov[0].iov_len), "b"));
    assert_true(span_is(span_make(iov[1].iov_base, iov[1].iov_len), "c"));
    assert_true(span_is(span_make(iov[2].iov_base, iov[2].iov_len), "ab"));
    assert_true(span_is(span_make(iov[3].iov_base, iov[3].iov_len), "c"));
    queue_clear(&q);
    spool_free(&s);
    spool_free(&other);
}

static void counts_lines_up_to_a_place(void **state)
{
    static const char all[] = "a\n\nbc\nd\nno end";
    struct spool s, other;
    struct queue q;

    (void)state;
    spool_init(&s);
    spool_init(&other);
    queue_init(&q);
    push_text(&q, &s, "a\n\nb");
    push_text(&q, &other, "c\nd");
    push_text(&q, &s, "\nno end");
    check_content(&q, all);
    size_t lines = 0;
    for (size_t len = 0; len <= q.bytes; len++) {
        if (len > 0)
            lines += all[len - 1] == '\n';
        assert_int_equal(queue_count_lines(&q, len), lines);
    }
    assert_int_equal(lines, 4);
    queue_clear(&q);
    spool_free(&s);
    spool_free(&other);
}

/* The ring wraps round and grows while it is wrapped. */
static void keeps_order_while_it_grows(void **state)
{
    struct spool s[2];
    struct queue q;
    unsigned in = 0, out = 0;

    (void)state;
    spool_init(&s[0]);
    spool_init(&s[1]);
    queue_init(&q);
    for (int round = 0; round < 400; round++) {
        char text[8];
        for (int i = 0; i < 3; i++, in++) {
            snprintf(text, sizeof text, "%05u\n", in);
            push_text(&q, &s[in % 2], text);
        }
        for (int i = 0; i < 2; i++, out++) {
            snprintf(text, sizeof text, "%05u\n", out);
            assert_memory_equal(queue_peek(&q, 0).at, text, 6);
            queue_consume(&q, 6);
        }
    }
    assert_int_equal(q.bytes, (in - out) * 6);
    assert_int_equal(queue_count_lines(&q, q.bytes), in - out);
    queue_consume(&q, q.bytes);
    assert_int_equal(q.count, 0);
    queue_clear(&q);
    spool_free(&s[0]);
    spool_free(&s[1]);
}

static void bytes_never_move(void **state)
{
    static char text[1001];
    struct spool s;
    struct slice first;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    spool_init(&s);
    first = write_text(&s, "first");
    const char *at = slice_span(first).at;
    struct queue q;
    queue_init(&q);
    for (int i = 0; i < 1000; i++)
        push_text(&q, &s, text);
    assert_ptr_equal(slice_span(first).at, at);
    assert_true(span_is(slice_span(first), "first"));
    assert_int_equal(q.bytes, 1000 * 1000);
    /* A chunk holds 65 of them: a queue that falls behind costs an entry for each. */
    assert_int_equal(q.count, (1000 + 64) / 65);
    queue_clear(&q);
    slice_release(first);
    spool_free(&s);
}

static void takes_what_is_longer_than_a_chunk(void **state)
{
    static char text[3 * CHUNK_SIZE + 1];
    struct spool s;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    spool_init(&s);
    struct slice before = write_text(&s, "before");
    struct slice large = write_text(&s, text);
    struct slice after = write_text(&s, "after");
    assert_true(span_is(slice_span(before), "before"));
    assert_true(span_is(slice_span(large), text));
    assert_true(span_is(slice_span(after), "after"));
    slice_release(before);
    slice_release(large);
    slice_release(after);
    spool_free(&s);
}

static void exactly_fills_a_chunk(void **state)
{
    static char text[CHUNK_SIZE + 1];
    struct spool s;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    spool_init(&s);
    struct slice full = write_text(&s, text);
    struct slice next = write_text(&s, "next");
    assert_true(full.chunk != next.chunk);
    assert_true(span_is(slice_span(full), text));
    assert_true(span_is(slice_span(next), "next"));
    slice_release(full);
    slice_release(next);
    spool_free(&s);
}

static void a_queue_that_keeps_up_reuses_its_memory(void **state)
{
    struct spool s;
    struct queue q;

    (void)state;
    spool_init(&s);
    queue_init(&q);
    push_text(&q, &s, "line\n");
    const char *at = queue_peek(&q, 0).at;
    for (int i = 0; i < 100000; i++) {
        queue_consume(&q, q.bytes);
        push_text(&q, &s, "line\n");
        assert_ptr_equal(queue_peek(&q, 0).at, at);
        assert_int_equal(q.count, 1);
    }
    queue_clear(&q);
    spool_free(&s);
}

static void an_empty_slice_costs_no_entry(void **state)
{
    struct spool s;
    struct queue q;

    (void)state;
    spool_init(&s);
    queue_init(&q);
    push_text(&q, &s, "");
    queue_push(&q, (struct slice){0});
    assert_int_equal(q.count, 0);
    assert_int_equal(queue_peek(&q, 0).len, 0);
    assert_int_equal(queue_count_lines(&q, 0), 0);
    queue_consume(&q, 0);
    queue_clear(&q);
    spool_free(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_parts_one_after_the_other),
        cmocka_unit_test(neighbours_merge),
        cmocka_unit_test(strangers_do_not_merge),
        cmocka_unit_test(many_queues_share_one_line),
        cmocka_unit_test(consumes_at_every_place),
        cmocka_unit_test(shares_a_part_that_outlives_the_queue),
        cmocka_unit_test(moves_a_queue_into_another_by_sharing),
        cmocka_unit_test(fills_iovecs),
        cmocka_unit_test(counts_lines_up_to_a_place),
        cmocka_unit_test(keeps_order_while_it_grows),
        cmocka_unit_test(bytes_never_move),
        cmocka_unit_test(takes_what_is_longer_than_a_chunk),
        cmocka_unit_test(exactly_fills_a_chunk),
        cmocka_unit_test(a_queue_that_keeps_up_reuses_its_memory),
        cmocka_unit_test(an_empty_slice_costs_no_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
