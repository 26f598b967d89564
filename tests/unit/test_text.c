/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may reach a terminal: every byte, every character, and every class that is dangerous, from
 * a list of its own that does not use the library's tables.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum { LAST_CHARACTER = 0x10ffff, OUT_MAX = 4096 };

/* Writes any number below 0x110000 in the form of UTF-8, also what is not a character. */
static struct span encode(uint32_t c, char out[4])
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(len == 1 ? c : lead[len] | c);
    return span_make(out, len);
}

static const char *escaped(struct span text)
{
    static char out[OUT_MAX + 1];
    struct buffer b;

    buffer_init(&b, OUT_MAX);
    assert_true(text_escape(&b, text));
    span_copy(buffer_span(&b), out, sizeof out);
    assert_int_equal(strlen(out), buffer_length(&b));
    buffer_free(&b);
    return out;
}

static void every_byte_alone(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char in = (char)byte, expected[8];
        bool kept = byte == '\t' || (byte >= 0x20 && byte < 0x7f);
        if (byte == '\\')
            snprintf(expected, sizeof expected, "\\\\");
        else if (kept)
            snprintf(expected, sizeof expected, "%c", in);
        else
            snprintf(expected, sizeof expected, "\\x%02x", byte);
        assert_string_equal(escaped(span_make(&in, 1)), expected);
    }
}

/* A byte that breaks a character does not take its neighbours with it. */
static void every_byte_between_others(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        char in[] = {'a', (char)byte, 'z'}, expected[16];
        snprintf(expected, sizeof expected, "a%sz", escaped(span_make(in + 1, 1)));
        assert_string_equal(escaped(span_make(in, 3)), expected);
    }
}

static const struct range {
    const char *what;
    uint32_t first, last;
} dangerous[] = {
    {"C1", 0x80, 0x9f},
    {"soft hyphen", 0xad, 0xad},
    {"Arabic letter mark", 0x61c, 0x61c},
    {"Hangul fillers", 0x115f, 0x1160},
    {"zero width space", 0x200b, 0x200b},
    {"directional marks", 0x200e, 0x200f},
    {"line and paragraph separators", 0x2028, 0x2029},
    {"embeddings and overrides", 0x202a, 0x202e},
    {"invisible operators and isolates", 0x2060, 0x206f},
    {"Hangul filler", 0x3164, 0x3164},
    {"noncharacters", 0xfdd0, 0xfdef},
    {"byte order mark", 0xfeff, 0xfeff},
    {"halfwidth Hangul filler", 0xffa0, 0xffa0},
    {"reserved format characters", 0xfff0, 0xfff8},
    {"interlinear annotation", 0xfff9, 0xfffb},
    {"noncharacters", 0xfffe, 0xffff},
    {"shorthand controls", 0x1bca0, 0x1bca3},
    {"musical controls", 0x1d173, 0x1d17a},
    {"noncharacters", 0x1fffe, 0x1ffff},
    {"tags", 0xe0000, 0xe0fff},
    {"noncharacters", 0x10fffe, 0x10ffff},
};

static const struct range harmless[] = {
    {"Latin", 0xa1, 0xac},
    {"Latin", 0xae, 0x24f},
    {"combining marks", 0x300, 0x36f},
    {"Greek", 0x391, 0x3a1},
    {"Arabic number signs", 0x600, 0x605},
    {"end of ayah", 0x6dd, 0x6dd},
    {"Devanagari", 0x900, 0x939},
    {"Mongolian variation selectors", 0x180b, 0x180d},
    {"joiners", 0x200c, 0x200d},
    {"punctuation", 0x2010, 0x2027},
    {"box drawing", 0x2500, 0x257f},
    {"kanji", 0x4e00, 0x4eff},
    {"Hangul", 0xac00, 0xd7a3},
    {"variation selectors", 0xfe00, 0xfe0f},
    {"replacement character", 0xfffc, 0xfffd},
    {"emoji", 0x1f600, 0x1f64f},
};

static bool is_in(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return (c & 0xfffe) == 0xfffe; /* the last two of each plane, in neither list whole */
}

static void check_range(const struct range *range, bool kept)
{
    for (uint32_t c = range->first; c <= range->last; c++) {
        char bytes[4], expected[16];
        struct span text = encode(c, bytes);
        if (kept)
            span_copy(text, expected, sizeof expected);
        else
            snprintf(expected, sizeof expected, "\\u{%x}", (unsigned)c);
        if (strcmp(escaped(text), expected) != 0)
            fail_msg("%s: U+%04X became %s", range->what, (unsigned)c, escaped(text));
    }
}

static void every_dangerous_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dangerous / sizeof dangerous[0]; i++)
        check_range(&dangerous[i], false);
    for (uint32_t plane = 0; plane <= 0x10; plane++)
        check_range(&(struct range){"noncharacters", plane << 16 | 0xfffe, plane << 16 | 0xffff},
                    false);
}

static void what_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        check_range(&harmless[i], true);
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, c);

    assert_non_null(at);
    return (int)(at - digits);
}

/* The way back, which shows that no two texts are escaped alike. */
static size_t unescape(const char *in, char *out)
{
    size_t len = 0;

    while (*in != '\0') {
        if (*in != '\\') {
            out[len++] = *in++;
        } else if (in[1] == '\\') {
            out[len++] = '\\';
            in += 2;
        } else if (in[1] == 'x') {
            out[len++] = (char)(nibble(in[2]) << 4 | nibble(in[3]));
            in += 4;
        } else {
            char *end, bytes[4];
            assert_memory_equal(in, "\\u{", 3);
            struct span c = encode((uint32_t)strtoul(in + 3, &end, 16), bytes);
            memcpy(out + len, c.at, c.len);
            len += c.len;
            assert_int_equal(*end, '}');
            in = end + 1;
        }
    }
    return len;
}

static void check_way_back(struct span text)
{
    char back[OUT_MAX];
    const char *out = escaped(text);

    assert_true(text_is_utf8(span_of(out)));
    assert_int_equal(unescape(out, back), text.len);
    assert_memory_equal(back, text.at, text.len);
}

static void every_character_comes_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= LAST_CHARACTER; c++) {
        char bytes[4];
        struct span text = encode(c, bytes);
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        const char *out = escaped(text);
        assert_int_equal(text_is_utf8(text), !surrogate);
        if (surrogate)
            assert_memory_equal(out, "\\xed\\x", 6);
        else if (is_in(c, dangerous, sizeof dangerous / sizeof dangerous[0]))
            assert_int_equal(out[0], '\\');
        check_way_back(text);
    }
}

static void any_bytes_come_back(void **state)
{
    uint32_t random = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        size_t len = (size_t)round % sizeof bytes + 1;
        for (size_t i = 0; i < len; i++) {
            random = random * 1664525 + 1013904223;
            /* Mostly bytes that begin, continue and end characters. */
            bytes[i] = (char)(random >> 30 == 0 ? random >> 16 : 0x80 | (random >> 16));
        }
        check_way_back(span_make(bytes, len));
    }
}

static void well_formed_and_not(void **state)
{
    static const struct span good[] = {
        TEXT(""),
        TEXT("a\0b"),
        TEXT("\xc2\x80"),
        TEXT("\xdf\xbf"),
        TEXT("\xe0\xa0\x80"),
        TEXT("\xed\x9f\xbf"),
        TEXT("\xee\x80\x80"),
        TEXT("\xf0\x90\x80\x80"),
        TEXT("\xf4\x8f\xbf\xbf"),
    };
    static const struct span bad[] = {
        TEXT("\x80"),
        TEXT("a\xbf"),
        TEXT("\xc0\x80"),
        TEXT("\xc1\xbf"),
        TEXT("\xc2"),
        TEXT("\xc2 "),
        TEXT("\xe0\x9f\xbf"),
        TEXT("\xe2\x82"),
        TEXT("\xed\xa0\x80"),
        TEXT("\xed\xbf\xbf"),
        TEXT("\xf0\x8f\xbf\xbf"),
        TEXT("\xf0\x9f\x98"),
        TEXT("\xf4\x90\x80\x80"),
        TEXT("\xf5\x80\x80\x80"),
        TEXT("\xff"),
        TEXT("\xc3\xa9\xfe"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_utf8(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(text_is_utf8(bad[i]));
        assert_false(text_is_one_word(bad[i]));
        assert_non_null(strstr(escaped(bad[i]), "\\x"));
        check_way_back(bad[i]);
    }
    assert_true(text_is_utf8(span_make(NULL, 0)));
}

static void one_word(void **state)
{
    static const struct span good[] = {
        TEXT("bob"),     TEXT("\\"),           TEXT("caf\u00e9"),
        TEXT("e\u0301"), TEXT("\u4f60\u597d"), TEXT("\u2764\ufe0f"),
    };
    static const struct span bad[] = {
        TEXT(""),         TEXT(" "),         TEXT("a b"),
        TEXT("a\tb"),     TEXT("a\nb"),      TEXT("a\0"),
        TEXT("a\x7f"),    TEXT("a\xc2\x85"), TEXT("a\u00a0"),
        TEXT("a\u1680"),  TEXT("a\u2003"),   TEXT("a\u3000b"),
        TEXT("a\u200bb"), TEXT("a\u200cb"),  TEXT("a\u200db"),
        TEXT("\u202ea"),  TEXT("a\u2028"),   TEXT("a\ufeff"),
        TEXT("a\u00ad"),  TEXT("\u3164"),    TEXT("a\U000e0041"),
        TEXT("a\x1b[m"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(text_is_one_word(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (text_is_one_word(bad[i]))
            fail_msg("%s is not one word", escaped(bad[i]));
    assert_false(text_is_one_word(span_make(NULL, 0)));
}

static void looks(void **state)
{
    static const struct {
        struct span a, b;
        bool same;
    } cases[] = {
        {TEXT("bob"), TEXT("bob"), true},
        {TEXT("bob"), TEXT("Bob"), false},
        {TEXT("bob"), TEXT("bob1"), false},
        {TEXT("zo\u00eb"), TEXT("zoe\u0308"), true},
        {TEXT("zo\u00eb"), TEXT("zoe"), false},
        {TEXT("bob"), TEXT("bo\u034fb"), true},
        {TEXT("bob"), TEXT("bob\ufe0f"), true},
        {TEXT("\u2764"), TEXT("\u2764\ufe0f"), true},
        {TEXT("bob"), TEXT("\uff42\uff4f\uff42"), true},
        {TEXT("a\xff"), TEXT("a\xff"), true},
        {TEXT("a\xff"), TEXT("a\xfe"), false},
        {TEXT(""), TEXT("\ufe0f"), true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(text_looks_same(cases[i].a, cases[i].b), cases[i].same);
        assert_int_equal(text_looks_same(cases[i].b, cases[i].a), cases[i].same);
        size_t length_a, length_b;
        char *a = text_look(cases[i].a, &length_a), *b = text_look(cases[i].b, &length_b);
        assert_int_equal(span_equal(span_make(a, length_a), span_make(b, length_b)), cases[i].same);
        free(a);
        free(b);
    }
}

/* The beginnings of an escaped text that end with a character or an escape. */
static void check_cut(struct span text, size_t max)
{
    const char *whole = escaped(text);
    struct buffer b;

    buffer_init(&b, max);
    bool complete = text_escape(&b, text);
    struct span part = buffer_span(&b);
    assert_int_equal(complete, strlen(whole) <= max);
    assert_memory_equal(part.at, whole, part.len);
    assert_true(part.len + 10 > max || complete); /* \u{10ffff} is the longest */
    char copy[OUT_MAX], back[OUT_MAX];
    span_copy(part, copy, sizeof copy);
    size_t len = unescape(copy, back);
    assert_true(text_is_utf8(part));
    assert_memory_equal(back, text.at, len);
    buffer_free(&b);
}

static void a_full_buffer_is_cut_at_a_character(void **state)
{
    struct span text =
        TEXT("plain caf\u00e9\u20ac\U0001f600 \x1b[0m\\ \u202e \U000e0041 \xff end \U0010ffff");

    (void)state;
    for (size_t max = 0; max <= strlen(escaped(text)) + 1; max++)
        check_cut(text, max);
}

static void appends_behind_what_is_there(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 10);
    assert_true(buffer_append(&b, TEXT("12345678")));
    assert_true(text_escape(&b, TEXT("")));
    assert_false(text_escape(&b, TEXT("\x1b")));
    assert_true(text_escape(&b, TEXT("\\")));
    assert_true(span_is(buffer_span(&b), "12345678\\\\"));
    assert_false(text_escape(&b, TEXT("a")));
    assert_true(text_escape(&b, span_make(NULL, 0)));
    buffer_consume(&b, 4);
    assert_false(text_escape(&b, TEXT("ab\u20aczz")));
    assert_true(span_is(buffer_span(&b), "5678\\\\ab"));
    buffer_free(&b);
}

static bool is_boundary(struct span text, size_t at)
{
    return at == text.len || ((unsigned char)text.at[at] & 0xc0) != 0x80;
}

static void a_prefix_splits_no_character(void **state)
{
    struct span text = TEXT("\U0001f600a\u00e9\u20ac\U0001f600z\U0001f600\u20ac\u00e9");

    (void)state;
    for (size_t max = 0; max <= text.len + 2; max++) {
        size_t prefix = text_prefix(text, max);
        assert_true(prefix <= max && prefix <= text.len);
        assert_true(is_boundary(text, prefix));
        for (size_t longer = prefix + 1; longer <= max && longer <= text.len; longer++)
            assert_false(is_boundary(text, longer));
    }
}

static void a_prefix_of_other_bytes_is_cut_anywhere(void **state)
{
    static const struct span texts[] = {
        TEXT("\x80\x80\x80\x80\x80\x80"),
        TEXT("\xf0\xf0\xf0\xf0\xf0\xf0"),
        TEXT("\xe2\x82\xe2\x82\xe2\x82"),
        TEXT("\xc0\x80\xed\xa0\x80\xff"),
        TEXT("\xf0\x9f\x98"
             "abc"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t max = 0; max <= texts[i].len; max++)
            assert_int_equal(text_prefix(texts[i], max), max);
    assert_int_equal(text_prefix(span_make(NULL, 0), 10), 0);
}

static void a_prefix_always_advances(void **state)
{
    uint32_t random = 7;

    (void)state;
    for (int round = 0; round < 100000; round++) {
        char bytes[8];
        for (size_t i = 0; i < sizeof bytes; i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = (char)(random >> 24);
        }
        assert_in_range(text_prefix(span_make(bytes, sizeof bytes), 4), 1, 4);
    }
}

static void columns(void **state)
{
    static const struct {
        struct span text;
        size_t columns;
    } rows[] = {
        {TEXT(""), 0},           {TEXT("abc"), 3},          {TEXT("caf\u00e9"), 4},
        {TEXT("e\u0301"), 1},    {TEXT("\u4f60\u597d"), 4}, {TEXT("\U0001f600"), 2},
        {TEXT("a\u200db"), 2},   {TEXT("\t"), 8},           {TEXT("ab\tc"), 9},
        {TEXT("1234567\tc"), 9}, {TEXT("12345678\tc"), 17}, {TEXT("\\x1b"), 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(text_columns(rows[i].text), rows[i].columns);
    assert_int_equal(text_columns(span_make(NULL, 0)), 0);
}

static void what_fits_in_columns(void **state)
{
    static const struct {
        struct span text;
        size_t columns, bytes;
    } rows[] = {
        {TEXT(""), 0, 0},
        {TEXT("abc"), 0, 0},
        {TEXT("abc"), 2, 2},
        {TEXT("abc"), 3, 3},
        {TEXT("abc"), 9, 3},
        {TEXT("\xc3\xab\xc3\xab"), 1, 2},
        {TEXT("\xe4\xb8\xad\xe6\x96\x87"), 3, 3}, /* two columns each */
        {TEXT("e\xcc\x81x"), 1, 3},               /* a combining mark */
        {TEXT("a\tb"), 7, 1},
        {TEXT("a\tb"), 8, 2},
        {TEXT("\xff\xfe"), 1, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(text_fitting(rows[i].text, rows[i].columns), rows[i].bytes);
}

static void check_mended(struct span text, const char *expected)
{
    struct buffer b;

    buffer_init(&b, OUT_MAX);
    assert_true(text_mend(&b, text));
    assert_true(span_is(buffer_span(&b), expected));
    assert_true(text_is_utf8(buffer_span(&b)));
    buffer_free(&b);
}

static void what_is_not_utf8_is_replaced(void **state)
{
    struct buffer b;

    (void)state;
    check_mended(TEXT(""), "");
    check_mended(TEXT("zo\xc3\xab"), "zo\xc3\xab");
    check_mended(TEXT("a\xff"), "a\uFFFD");
    check_mended(TEXT("\xffz"), "\uFFFDz");
    check_mended(TEXT("\xe4\xb8z"), "\uFFFD\uFFFDz");         /* begun and not ended */
    check_mended(TEXT("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD"); /* a surrogate */
    check_mended(TEXT("\xc0\x80"), "\uFFFD\uFFFD");           /* an overlong form */
    buffer_init(&b, 4);
    assert_false(text_mend(&b, TEXT("ab\xff")));
    buffer_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_alone),
        cmocka_unit_test(every_byte_between_others),
        cmocka_unit_test(every_dangerous_class),
        cmocka_unit_test(what_is_kept),
        cmocka_unit_test(every_character_comes_back),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(well_formed_and_not),
        cmocka_unit_test(one_word),
        cmocka_unit_test(looks),
        cmocka_unit_test(a_full_buffer_is_cut_at_a_character),
        cmocka_unit_test(appends_behind_what_is_there),
        cmocka_unit_test(a_prefix_splits_no_character),
        cmocka_unit_test(a_prefix_of_other_bytes_is_cut_anywhere),
        cmocka_unit_test(a_prefix_always_advances),
        cmocka_unit_test(columns),
        cmocka_unit_test(what_fits_in_columns),
        cmocka_unit_test(what_is_not_utf8_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
