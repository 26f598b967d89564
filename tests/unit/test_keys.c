/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keyboard buffer: bytes in with a time, bytes out. Each case is put in whole, byte by byte and
 * at every split, and must give the same.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "shell/keys.h"

#define BEGIN "\033[200~"
#define END   "\033[201~"

enum { NOW = 1000000, OUT_MAX = 1024 * 1024 };

#define TEXT(literal) span_make(literal, sizeof(literal) - 1)

struct sample {
    const char *what;
    struct span in, out; /* out: all that goes out without any time passing */
};

#define SAMPLE(what, in, out)                                                                      \
    {                                                                                              \
        what, {in, sizeof(in) - 1},                                                                \
        {                                                                                          \
            out, sizeof(out) - 1                                                                   \
        }                                                                                          \
    }

static const struct sample samples[] = {
    SAMPLE("plain text", "hello\r", "hello\r"),
    SAMPLE("control characters and NUL", "\001\000\177\t", "\001\000\177\t"),
    SAMPLE("characters of two, three and four bytes", "\u00e9\u20ac\U0001f600",
           "\u00e9\u20ac\U0001f600"),
    SAMPLE("half a character is held", "a\xe2\x82", "a"),
    SAMPLE("a broken character is dropped, what follows is not",
           "\xe2\x82"
           "a",
           "a"),
    SAMPLE("bytes that are never UTF-8",
           "a\x9b\xff\xc0\xc1\xf5"
           "b",
           "ab"),
    SAMPLE("overlong forms and surrogates",
           "\xe0\x80\x80"
           "a\xed\xa0\x80"
           "b",
           "ab"),
    SAMPLE("C1 as characters",
           "a\xc2\x9b"
           "b\xc2\x80"
           "c",
           "abc"),
    SAMPLE("bidi controls and invisible characters", "a\u202eb\u2066c\u200bd\ufefff\U000e0041g",
           "abcdfg"),
    SAMPLE("joiners and combining marks stay", "e\u0301\u200d\u200c", "e\u0301\u200d\u200c"),
    SAMPLE("a backslash stays", "\\", "\\"),
    SAMPLE("a lone ESC is held", "a\033", "a"),
    SAMPLE("an arrow key", "\033[A\033OB", "\033[A\033OB"),
    SAMPLE("half an arrow key is held", "\033[", ""),
    SAMPLE("half a function key is held", "\033[1;5", ""),
    SAMPLE("a control sequence with parameters", "\033[1;5C\033[?1 q", "\033[1;5C\033[?1 q"),
    SAMPLE("meta with a letter", "\033b", "\033b"),
    SAMPLE("meta with a character", "\033\u00e9", "\033\u00e9"),
    SAMPLE("meta with half a character is held", "\033\xc3", ""),
    SAMPLE("meta with what is not shown",
           "\033\u202e"
           "a",
           "a"),
    SAMPLE("ESC before an arrow key", "\033\033[A", "\033\033[A"),
    SAMPLE("a sequence that a control character cuts", "\033[1\r", "\033[1\r"),
    SAMPLE("a paste", BEGIN "one\rtwo\tx" END "z", BEGIN "one\rtwo\tx" END "z"),
    SAMPLE("a paste without its end is held", "a" BEGIN "one\r", "a"),
    SAMPLE("an empty paste", BEGIN END, BEGIN END),
    SAMPLE("two pastes", BEGIN "a" END BEGIN "b" END, BEGIN "a" END BEGIN "b" END),
    SAMPLE("controls in a paste", BEGIN "a\007\000\033[31mb\177" END, BEGIN "a[31mb" END),
    SAMPLE("C1 and bidi in a paste",
           BEGIN "a\xc2\x9b\u202e\x9b"
                 "b" END,
           BEGIN "ab" END),
    SAMPLE("half a character in a paste", BEGIN "a\xe2\x82" END, BEGIN "a" END),
    SAMPLE("half an end in a paste", BEGIN "a\033[20\033[201" END, BEGIN "a[20[201" END),
    SAMPLE("a begin in a paste", BEGIN "a" BEGIN "b" END, BEGIN "a[200~b" END),
    SAMPLE("an end without a paste", "a" END "b", "ab"),
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void take_all(struct keys *k, struct buffer *out)
{
    size_t ready = keys_ready(k);
    int byte;

    while ((byte = keys_take(k)) >= 0) {
        char c = (char)byte;
        assert_true(buffer_append(out, span_make(&c, 1)));
        ready--;
    }
    assert_int_equal(ready, 0);
}

static void assert_out(const struct buffer *out, struct span wanted)
{
    assert_int_equal(buffer_length(out), wanted.len);
    assert_memory_equal(buffer_span(out).at, wanted.at, wanted.len);
}

static struct keys *start(struct buffer *out)
{
    buffer_init(out, OUT_MAX);
    return keys_new();
}

static void stop(struct keys *k, struct buffer *out)
{
    keys_free(k);
    buffer_free(out);
}

static void check_split(const struct sample *s, size_t at)
{
    struct buffer out;
    struct keys *k = start(&out);

    keys_put(k, span_make(s->in.at, at), NOW);
    take_all(k, &out);
    keys_put(k, span_after(s->in, at), NOW);
    take_all(k, &out);
    assert_out(&out, s->out);
    stop(k, &out);
}

static void check_bytes(const struct sample *s)
{
    struct buffer out;
    struct keys *k = start(&out);

    for (size_t i = 0; i < s->in.len; i++) {
        keys_put(k, span_make(s->in.at + i, 1), NOW);
        take_all(k, &out);
    }
    assert_out(&out, s->out);
    stop(k, &out);
}

static void test_pieces_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        print_message("# %s\n", samples[i].what);
        for (size_t at = 0; at <= samples[i].in.len; at++)
            check_split(&samples[i], at);
        check_bytes(&samples[i]);
    }
}

/* Puts in, lets the time pass in full, and compares all that has gone out. */
static void check_expiry(struct span in, uint64_t wait, struct span wanted)
{
    struct buffer out;
    struct keys *k = start(&out);

    keys_put(k, in, NOW);
    take_all(k, &out);
    assert_int_equal(keys_due(k), NOW + wait);
    size_t before = buffer_length(&out);
    keys_expire(k, NOW + wait - 1);
    take_all(k, &out);
    assert_int_equal(buffer_length(&out), before);
    keys_expire(k, NOW + wait);
    take_all(k, &out);
    assert_out(&out, wanted);
    assert_int_equal(keys_due(k), 0);
    stop(k, &out);
}

static void test_what_is_overdue(void **state)
{
    (void)state;
    check_expiry(TEXT("a\033"), KEYS_WAIT_US, TEXT("a\033"));
    check_expiry(TEXT("\033["), KEYS_WAIT_US, TEXT("\033["));
    check_expiry(TEXT("\033[1;"), KEYS_WAIT_US, TEXT("\033[1;"));
    check_expiry(TEXT("\033\xe2\x82"), KEYS_WAIT_US, TEXT("\033"));
    check_expiry(TEXT("a\xe2\x82"), KEYS_WAIT_US, TEXT("a"));
    check_expiry(TEXT(BEGIN "one\rtwo"), KEYS_PASTE_WAIT_US, TEXT(BEGIN "one\rtwo" END));
    check_expiry(TEXT(BEGIN "one\033[20"), KEYS_PASTE_WAIT_US, TEXT(BEGIN "one" END));
    check_expiry(TEXT(BEGIN), KEYS_PASTE_WAIT_US, TEXT(BEGIN END));
}

static void test_nothing_is_due_when_nothing_is_held(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    assert_int_equal(keys_due(k), 0);
    keys_put(k, TEXT("abc"), NOW);
    assert_int_equal(keys_due(k), 0);
    keys_expire(k, NOW + KEYS_PASTE_WAIT_US);
    take_all(k, &out);
    assert_out(&out, TEXT("abc"));
    assert_int_equal(keys_take(k), -1);
    stop(k, &out);
}

static void test_each_byte_starts_the_wait_again(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, TEXT(BEGIN "a"), NOW);
    keys_put(k, TEXT("b"), NOW + KEYS_PASTE_WAIT_US - 1);
    keys_expire(k, NOW + KEYS_PASTE_WAIT_US);
    assert_int_equal(keys_ready(k), 0);
    assert_int_equal(keys_due(k), NOW + 2 * KEYS_PASTE_WAIT_US - 1);
    stop(k, &out);
}

static void test_late_end_of_a_paste_given_up(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, TEXT(BEGIN "a"), NOW);
    keys_expire(k, NOW + KEYS_PASTE_WAIT_US);
    keys_put(k, TEXT(END "x"), NOW + KEYS_PASTE_WAIT_US);
    take_all(k, &out);
    assert_out(&out, TEXT(BEGIN "a" END "x"));
    stop(k, &out);
}

static void put_long_paste(struct keys *k, size_t len)
{
    char *text = alloc_zero(1, len);

    memset(text, 'x', len);
    keys_put(k, TEXT(BEGIN), NOW);
    keys_put(k, span_make(text, len), NOW);
    keys_put(k, TEXT(END), NOW);
    free(text);
}

static void test_long_paste_is_refused_and_counted(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    put_long_paste(k, KEYS_PASTE_MAX + 1);
    put_long_paste(k, 3 * KEYS_PASTE_MAX);
    keys_put(k, TEXT("after"), NOW);
    take_all(k, &out);
    assert_out(&out, TEXT("after"));
    assert_int_equal(keys_refused(k), 4 * KEYS_PASTE_MAX + 1);
    assert_int_equal(keys_refused(k), 0);
    stop(k, &out);
}

static void test_paste_of_about_the_limit(void **state)
{
    (void)state;
    for (size_t len = KEYS_PASTE_MAX - 8; len <= KEYS_PASTE_MAX; len++) {
        struct buffer out;
        struct keys *k = start(&out);

        put_long_paste(k, len);
        take_all(k, &out);
        assert_int_equal(buffer_length(&out), 6 + len + 6);
        assert_memory_equal(buffer_span(&out).at + 6 + len, END, 6);
        assert_int_equal(keys_refused(k), 0);
        stop(k, &out);
    }
}

static void test_endless_sequence_goes_out(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, TEXT("\033["), NOW);
    for (int i = 0; i < KEYS_SEQUENCE_MAX; i++)
        keys_put(k, TEXT("1"), NOW);
    assert_int_equal(keys_ready(k), KEYS_SEQUENCE_MAX + 2);
    stop(k, &out);
}

static void test_where_a_byte_came_from(void **state)
{
    static const char in[] = "a" BEGIN "b\r" END "\r";
    static const char inside[] = "0000001111111100";
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, span_of(in), NOW);
    for (size_t i = 0; keys_ready(k) > 0; i++) {
        int byte = keys_take(k);
        if (byte == 'a' || byte == 'b' || byte == '\r')
            assert_int_equal(keys_in_paste(k), inside[i] == '1');
    }
    assert_false(keys_in_paste(k));
    stop(k, &out);
}

static void test_cancel_swallows_the_rest_of_a_paste(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, TEXT(BEGIN "one\r"), NOW);
    keys_cancel(k);
    keys_put(k, TEXT("two\r"), NOW + 10);
    take_all(k, &out);
    assert_int_equal(keys_due(k), NOW + 10 + KEYS_WAIT_US);
    keys_put(k, TEXT("three" END "x"), NOW + 20);
    take_all(k, &out);
    assert_out(&out, TEXT("x"));

    keys_put(k, TEXT(BEGIN "four\r"), NOW);
    keys_cancel(k);
    keys_expire(k, NOW + KEYS_WAIT_US);
    keys_put(k, TEXT("y" BEGIN "z" END), NOW + KEYS_WAIT_US);
    take_all(k, &out);
    assert_out(&out, TEXT("xy" BEGIN "z" END));
    stop(k, &out);
}

static void test_cancel_forgets_what_waits(void **state)
{
    struct buffer out;
    struct keys *k = start(&out);

    (void)state;
    keys_put(k, TEXT("abc" BEGIN "d" END "\033"), NOW);
    assert_int_equal(keys_take(k), 'a');
    keys_cancel(k);
    assert_int_equal(keys_ready(k), 0);
    assert_int_equal(keys_due(k), 0);
    keys_put(k, TEXT("e"), NOW);
    take_all(k, &out);
    assert_out(&out, TEXT("e"));
    stop(k, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_at_every_split),
        cmocka_unit_test(test_what_is_overdue),
        cmocka_unit_test(test_nothing_is_due_when_nothing_is_held),
        cmocka_unit_test(test_each_byte_starts_the_wait_again),
        cmocka_unit_test(test_late_end_of_a_paste_given_up),
        cmocka_unit_test(test_long_paste_is_refused_and_counted),
        cmocka_unit_test(test_paste_of_about_the_limit),
        cmocka_unit_test(test_endless_sequence_goes_out),
        cmocka_unit_test(test_where_a_byte_came_from),
        cmocka_unit_test(test_cancel_swallows_the_rest_of_a_paste),
        cmocka_unit_test(test_cancel_forgets_what_waits),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
