/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line cutter: each sample whole, byte by byte and at every split must give the same lines.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/line.h"

enum { TRACE_MAX = 512 * 1024 };

/* What came out, a line each in brackets; ! for a line that was too long. */
struct trace {
    struct line_cutter cutter;
    struct buffer out;
};

static void trace_init(struct trace *t)
{
    line_init(&t->cutter);
    buffer_init(&t->out, TRACE_MAX);
}

static void trace_free(struct trace *t)
{
    line_free(&t->cutter);
    buffer_free(&t->out);
}

static void feed(struct trace *t, struct span bytes)
{
    /* Memory of exactly this size: reading past its end is found by the sanitizer build. */
    char *exact = malloc(bytes.len == 0 ? 1 : bytes.len);
    assert_non_null(exact);
    if (bytes.len > 0)
        memcpy(exact, bytes.at, bytes.len);
    struct span input = span_make(exact, bytes.len), line;
    enum line_result result;

    while ((result = line_next(&t->cutter, &input, &line)) != LINE_NONE) {
        if (result == LINE_WHOLE) {
            assert_true(buffer_append(&t->out, span_of("[")) && buffer_append(&t->out, line) &&
                        buffer_append(&t->out, span_of("]")));
            assert_int_equal(line_partial(&t->cutter).len, 0);
        } else {
            assert_true(buffer_append(&t->out, span_of("!")));
            assert_true(input.len > 0); /* the byte that passed the bound */
            assert_int_equal(line_partial(&t->cutter).len, 0);
            break;
        }
    }
    if (result == LINE_NONE)
        assert_int_equal(input.len, 0);
    free(exact);
}

static void check_trace(struct trace *t, struct span lines, struct span partial)
{
    assert_true(span_equal(buffer_span(&t->out), lines));
    assert_true(span_equal(line_partial(&t->cutter), partial));
    trace_free(t);
}

static void check_all_ways(struct span in, struct span lines, struct span partial)
{
    struct trace t;

    trace_init(&t);
    feed(&t, in);
    check_trace(&t, lines, partial);

    trace_init(&t);
    for (size_t i = 0; i < in.len; i++)
        feed(&t, span_make(in.at + i, 1));
    check_trace(&t, lines, partial);

    for (size_t first = 0; first <= in.len; first++) {
        for (size_t second = first; second <= in.len; second++) {
            trace_init(&t);
            feed(&t, span_make(in.at, first));
            feed(&t, span_make(in.at + first, second - first));
            feed(&t, span_after(in, second));
            check_trace(&t, lines, partial);
        }
    }
}

#define ROW(in, lines, partial)                                                                    \
    {                                                                                              \
        {in, sizeof(in) - 1}, {lines, sizeof(lines) - 1},                                          \
        {                                                                                          \
            partial, sizeof(partial) - 1                                                           \
        }                                                                                          \
    }

static void cuts_at_lf_however_the_bytes_arrive(void **state)
{
    static const struct {
        struct span in, lines, partial;
    } rows[] = {
        ROW("", "", ""),
        ROW("\n", "[]", ""),
        ROW("\n\n", "[][]", ""),
        ROW("abc", "", "abc"),
        ROW("abc\n", "[abc]", ""),
        ROW("abc\r\n", "[abc]", ""),
        ROW("\r\n", "[]", ""),
        ROW("abc\r", "", "abc\r"),
        ROW("a\rb\n", "[a\rb]", ""),
        ROW("a\r\r\n", "[a\r]", ""),
        ROW("a\nb\r\nc", "[a][b]", "c"),
        ROW("a\n\nb\n\rc\n", "[a][][b][\rc]", ""),
        ROW("a\0b\n\0\n", "[a\0b][\0]", ""),
        ROW("\xff\xfe\n\x80", "[\xff\xfe]", "\x80"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_all_ways(rows[i].in, rows[i].lines, rows[i].partial);
}

static void keeps_the_cr_if_told_to(void **state)
{
    static const char in[] = "a\r\n\r\nb\r\r\nc\n";

    (void)state;
    for (size_t cut = 0; cut < sizeof in; cut++) {
        struct trace t;
        trace_init(&t);
        t.cutter.keep_cr = true;
        feed(&t, span_make(in, cut));
        feed(&t, span_make(in + cut, sizeof in - 1 - cut));
        check_trace(&t, span_of("[a\r][\r][b\r\r][c]"), span_of(""));
    }
}

static void a_whole_line_is_not_copied(void **state)
{
    static const char bytes[] = "one\ntwo\n";
    struct line_cutter c;
    struct span input = span_of(bytes), line;

    (void)state;
    line_init(&c);
    assert_int_equal(line_next(&c, &input, &line), LINE_WHOLE);
    assert_ptr_equal(line.at, bytes);
    assert_int_equal(line_next(&c, &input, &line), LINE_WHOLE);
    assert_ptr_equal(line.at, bytes + 4);
    assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
    line_free(&c);
}

static char *filled(size_t len, const char *end)
{
    char *text = malloc(len + strlen(end) + 1);

    assert_non_null(text);
    memset(text, 'x', len);
    strcpy(text + len, end);
    return text;
}

static void feed_in_pieces(struct trace *t, struct span in, size_t piece)
{
    while (in.len > 0 && (t->out.end == 0 || t->out.data[t->out.end - 1] != '!')) {
        size_t len = in.len < piece ? in.len : piece;
        feed(t, span_make(in.at, len));
        in = span_after(in, len);
    }
}

/* lf: with LF or CR LF; fits: whether len bytes before the end of the line are within the bound. */
static void check_bound(size_t len, const char *end, bool fits)
{
    static const size_t pieces[] = {1, 2, 7, 4096, 65535, 65536, 65537, 1 << 20};
    char *text = filled(len, end);

    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct trace t;
        trace_init(&t);
        feed_in_pieces(&t, span_of(text), pieces[i]);
        struct span out = buffer_span(&t.out);
        if (fits && *end != '\0') {
            assert_int_equal(out.len, len + 2);
            assert_memory_equal(out.at + 1, text, len);
        } else if (fits) {
            assert_int_equal(out.len, 0);
            assert_int_equal(line_partial(&t.cutter).len, len);
        } else {
            assert_true(span_is(out, "!"));
        }
        trace_free(&t);
    }
    free(text);
}

static void the_bound_is_exact(void **state)
{
    (void)state;
    check_bound(LINE_MAX_BYTES - 2, "\n", true);
    check_bound(LINE_MAX_BYTES - 1, "\n", true);
    check_bound(LINE_MAX_BYTES, "\n", false);
    check_bound(LINE_MAX_BYTES + 1, "\n", false);
    check_bound(LINE_MAX_BYTES - 2, "\r\n", true);
    check_bound(LINE_MAX_BYTES - 1, "\r\n", false);
    check_bound(LINE_MAX_BYTES - 1, "", true);
    check_bound(LINE_MAX_BYTES, "", false);
    check_bound(3 * LINE_MAX_BYTES, "", false);
}

static void a_source_can_go_on_after_a_long_line(void **state)
{
    static const size_t firsts[] = {0, 1, 1000, LINE_MAX_BYTES - 1};

    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        char *text = filled(LINE_MAX_BYTES + 1000, "\nnext\nlast");
        struct line_cutter c;
        struct span input = span_make(text, firsts[i]), line;

        line_init(&c);
        assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
        input = span_after(span_of(text), firsts[i]);
        assert_int_equal(line_next(&c, &input, &line), LINE_TOO_LONG);
        assert_ptr_equal(input.at, text + LINE_MAX_BYTES - 1);
        struct span part = span_make(input.at, 500);
        assert_false(line_skip(&part));
        assert_int_equal(part.len, 0);
        input = span_after(input, 500);
        assert_true(line_skip(&input));
        assert_int_equal(line_next(&c, &input, &line), LINE_WHOLE);
        assert_true(span_is(line, "next"));
        assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
        assert_true(span_is(line_partial(&c), "last"));
        line_free(&c);
        free(text);
    }
    struct span nothing = span_make(NULL, 0);
    assert_false(line_skip(&nothing));
}

static void a_partial_line_can_be_forgotten(void **state)
{
    struct line_cutter c;
    struct span input = span_of("part"), line;

    (void)state;
    line_init(&c);
    assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
    assert_true(span_is(line_partial(&c), "part"));
    line_drop_partial(&c);
    assert_int_equal(line_partial(&c).len, 0);
    input = span_of("new\n");
    assert_int_equal(line_next(&c, &input, &line), LINE_WHOLE);
    assert_true(span_is(line, "new"));
    line_drop_partial(&c);

    /* Also while a line that was put together is handed out. */
    input = span_of("be");
    assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
    input = span_of("gin\nrest");
    assert_int_equal(line_next(&c, &input, &line), LINE_WHOLE);
    assert_true(span_is(line, "begin"));
    assert_int_equal(line_partial(&c).len, 0);
    line_drop_partial(&c);
    assert_int_equal(line_next(&c, &input, &line), LINE_NONE);
    assert_true(span_is(line_partial(&c), "rest"));
    line_free(&c);
    assert_int_equal(line_partial(&c).len, 0);
    line_free(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_at_lf_however_the_bytes_arrive),
        cmocka_unit_test(keeps_the_cr_if_told_to),
        cmocka_unit_test(a_whole_line_is_not_copied),
        cmocka_unit_test(the_bound_is_exact),
        cmocka_unit_test(a_source_can_go_on_after_a_long_line),
        cmocka_unit_test(a_partial_line_can_be_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
