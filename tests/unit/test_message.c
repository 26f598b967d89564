/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain form of a message, names, and where a long text is cut for a one-shot peer.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/message.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void check_span(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.at, expected.at, expected.len);
}

static void reads_messages(void **state)
{
    static const struct {
        struct span line;
        const char *from;
        struct span name, text;
        enum message_kind kind;
    } rows[] = {
        {TEXT("10.0.0.2:7216 bob hi there"), "10.0.0.2:7216", TEXT("bob"), TEXT("hi there"), 0},
        {TEXT("<10.0.0.2:7216> bob hi"), "10.0.0.2:7216", TEXT("bob"), TEXT("hi"), 0},
        {TEXT("[2001:DB8::1]:7216 bob hi"), "[2001:db8::1]:7216", TEXT("bob"), TEXT("hi"), 0},
        {TEXT("10.0.0.2:7216 bob "), "10.0.0.2:7216", TEXT("bob"), TEXT(""), 0},
        {TEXT("10.0.0.2:7216 bob  two "), "10.0.0.2:7216", TEXT("bob"), TEXT(" two "), 0},
        {TEXT("10.0.0.2:7216 \xff\x1b a\0b"), "10.0.0.2:7216", TEXT("\xff\x1b"), TEXT("a\0b"), 0},
        {TEXT("10.0.0.2:7216 b Connected"), "10.0.0.2:7216", TEXT("b"), TEXT("Connected"),
         MESSAGE_CONNECTED},
        {TEXT("10.0.0.2:7216 b connected"), "10.0.0.2:7216", TEXT("b"), TEXT("connected"), 0},
        {TEXT("10.0.0.2:7216 b Connected "), "10.0.0.2:7216", TEXT("b"), TEXT("Connected "), 0},
        {TEXT("10.0.0.2:7216 b exit"), "10.0.0.2:7216", TEXT("b"), TEXT("exit"), MESSAGE_EXIT},
        {TEXT("10.0.0.2:7216 b EXit"), "10.0.0.2:7216", TEXT("b"), TEXT("EXit"), MESSAGE_EXIT},
        {TEXT("10.0.0.2:7216 b exit "), "10.0.0.2:7216", TEXT("b"), TEXT("exit "), 0},
        {TEXT("10.0.0.2:7216 b exits"), "10.0.0.2:7216", TEXT("b"), TEXT("exits"), 0},
        {TEXT("10.0.0.2:7216 / /quit"), "10.0.0.2:7216", TEXT("/"), TEXT("/quit"), 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message m;
        char from[ADDRESS_TEXT];
        assert_true(message_parse(rows[i].line, &m));
        address_print(&m.from, from);
        assert_string_equal(from, rows[i].from);
        check_span(m.name, rows[i].name);
        check_span(m.text, rows[i].text);
        assert_int_equal(m.kind, rows[i].kind);
        assert_ptr_equal(m.text.at + m.text.len, rows[i].line.at + rows[i].line.len);
    }
}

static void needs_a_complete_header(void **state)
{
    static const struct span bad[] = {
        TEXT(""),
        TEXT(" "),
        TEXT("hello"),
        TEXT("hello you there"),
        TEXT("10.0.0.2:7216"),
        TEXT("10.0.0.2:7216 "),
        TEXT("10.0.0.2:7216 bob"),
        TEXT("10.0.0.2:7216  bob hi"),
        TEXT("10.0.0.2:7216\tbob\thi"),
        TEXT(" 10.0.0.2:7216 bob hi"),
        TEXT("10.0.0.2 bob hi"),
        TEXT("10.0.0.2:0 bob hi"),
        TEXT("localhost:7216 bob hi"),
        TEXT("<10.0.0.2:7216 bob hi"),
        TEXT("/msg 7 hi"),
    };
    struct message m;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(message_parse(bad[i], &m));
    assert_false(message_parse(span_make(NULL, 0), &m));
}

/* A beginning of a message parses from the space behind the name on, and not before. */
static void every_beginning(void **state)
{
    static const char line[] = "10.0.0.2:7216 bob hi there";
    struct message m;

    (void)state;
    for (size_t len = 0; len < sizeof line; len++)
        assert_int_equal(message_parse(span_make(line, len), &m), len >= 18);
}

static void formats_what_it_reads(void **state)
{
    struct address me = {.ip = {10, 0, 0, 2}, .port = 7216, .family = 4};
    struct buffer b;
    struct message m;

    (void)state;
    buffer_init(&b, 1000);
    assert_true(message_format(&b, &me, "bob", TEXT("hi  you\t")));
    check_span(buffer_span(&b), TEXT("10.0.0.2:7216 bob hi  you\t"));
    assert_true(message_parse(buffer_span(&b), &m));
    assert_true(address_equal(&m.from, &me));
    check_span(m.text, TEXT("hi  you\t"));
    assert_true(message_format(&b, &me, "bob", TEXT("")));
    check_span(buffer_span(&b), TEXT("10.0.0.2:7216 bob hi  you\t10.0.0.2:7216 bob "));
    buffer_free(&b);
}

static void formats_whole_or_not_at_all(void **state)
{
    struct address me = {.ip = {10, 0, 0, 2}, .port = 7216, .family = 4};
    struct span expected = TEXT("10.0.0.2:7216 bob hi");

    (void)state;
    for (size_t max = 0; max <= expected.len + 1; max++) {
        struct buffer b;
        buffer_init(&b, max);
        bool fits = message_format(&b, &me, "bob", TEXT("hi"));
        assert_int_equal(fits, max >= expected.len);
        check_span(buffer_span(&b), fits ? expected : TEXT(""));
        buffer_free(&b);
    }
}

/* The pieces of a text of any characters: all of it, none over the bound, none split. */
static void check_pieces(struct span text, size_t header)
{
    while (text.len > 0) {
        size_t len = message_piece(text, header);
        assert_in_range(len, 1, MESSAGE_ONESHOT_MAX - header);
        if (len < text.len) {
            assert_true(((unsigned char)text.at[len] & 0xc0) != 0x80);
            assert_true(header + len > MESSAGE_ONESHOT_MAX - 4);
        }
        text = span_after(text, len);
    }
}

static void cuts_long_texts_between_characters(void **state)
{
    static const char *const characters[] = {"x", "\u00e9", "\u20ac", "\U0001f600"};
    char text[8000];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t shift = 0; shift < 4; shift++) {
            size_t len = shift;
            memset(text, '.', shift);
            while (len + 4 <= sizeof text) {
                memcpy(text + len, characters[i], strlen(characters[i]));
                len += strlen(characters[i]);
            }
            for (size_t header = 0; header < 150; header += 7)
                check_pieces(span_make(text, len), header);
        }
    }
    assert_int_equal(message_piece(TEXT("short"), 20), 5);
    assert_int_equal(message_piece(span_make(NULL, 0), 20), 0);
    memset(text, 'x', sizeof text);
    assert_int_equal(message_piece(span_make(text, 1004), 20), 1004);
    assert_int_equal(message_piece(span_make(text, 1005), 20), 1004);
}

static void good_names(void **state)
{
    static const struct span names[] = {
        TEXT("bob"),   TEXT("a"),         TEXT("All"),        TEXT("--"),    TEXT("b/c"),
        TEXT("a:b"),   TEXT("10"),        TEXT("1.2.3.4.5"),  TEXT("You"),   TEXT("\u4f60\u597d"),
        TEXT("a:b:c"), TEXT("caf\u00e9"), TEXT("\U0001f600"), TEXT("<bob>"), TEXT("\\"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *cause = "unset";
        char shown[NAME_TEXT];
        if (!name_check(names[i], &cause))
            fail_msg("%s: %s", names[i].at, cause);
        name_shown(names[i], shown);
        check_span(span_of(shown), names[i]);
    }
}

static void bad_names(void **state)
{
    static const struct span names[] = {
        TEXT(""),          TEXT("all"),         TEXT("-"),        TEXT("a@b"),
        TEXT("@"),         TEXT("/bob"),        TEXT("a b"),      TEXT(" bob"),
        TEXT("bob\t"),     TEXT("bob\n"),       TEXT("b\0b"),     TEXT("b\x1b[m"),
        TEXT("b\x7f"),     TEXT("b\xc2\x85"),   TEXT("b\u00a0c"), TEXT("\u202ebob"),
        TEXT("b\u200bb"),  TEXT("\xff"),        TEXT("\xc3"),     TEXT("10.0.0.2"),
        TEXT("1.2.3.4:5"), TEXT("<1.2.3.4:5>"), TEXT("::1"),      TEXT("[::1]:5"),
        TEXT("host:7216"), TEXT("fe80::1%2"),   TEXT("you"),      TEXT("bob~a1b2"),
        TEXT("~"),         TEXT("!bob"),        TEXT("*"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *cause = NULL;
        char shown[NAME_TEXT];
        if (name_check(names[i], &cause))
            fail_msg("%s was taken", names[i].at);
        assert_non_null(cause);
        name_shown(names[i], shown);
        assert_string_equal(shown, "-");
    }
}

static void the_length_of_names(void **state)
{
    char name[200], shown[NAME_TEXT];
    const char *cause;

    (void)state;
    memset(name, 'n', sizeof name);
    assert_true(name_check(span_make(name, NAME_MAX_BYTES), &cause));
    name_shown(span_make(name, NAME_MAX_BYTES), shown);
    assert_int_equal(strlen(shown), NAME_MAX_BYTES);
    assert_false(name_check(span_make(name, NAME_MAX_BYTES + 1), &cause));
    name_shown(span_make(name, NAME_MAX_BYTES + 1), shown);
    assert_string_equal(shown, "-");
    name_shown(span_make(name, sizeof name), shown);
    assert_string_equal(shown, "-");
    assert_false(name_check(span_make(NULL, 0), &cause));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_messages),
        cmocka_unit_test(needs_a_complete_header),
        cmocka_unit_test(every_beginning),
        cmocka_unit_test(formats_what_it_reads),
        cmocka_unit_test(formats_whole_or_not_at_all),
        cmocka_unit_test(cuts_long_texts_between_characters),
        cmocka_unit_test(good_names),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(the_length_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
