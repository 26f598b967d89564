/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base32: the examples of RFC 4648, every byte at each place of a group, and texts that nothing is
 * written as.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base32.h"

enum { MOST = 8 };

static void check(const char *bytes, const char *expected)
{
    char text[BASE32_TEXT(MOST)];
    unsigned char back[MOST];
    size_t len = strlen(bytes);

    base32_encode((const unsigned char *)bytes, len, text);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), BASE32_CHARS(len));
    assert_true(base32_decode(span_of(text), back, len));
    assert_memory_equal(back, bytes, len);
}

static void the_examples_of_the_standard(void **state)
{
    (void)state;
    check("", "");
    check("f", "my");
    check("fo", "mzxq");
    check("foo", "mzxw6");
    check("foob", "mzxw6yq");
    check("fooba", "mzxw6ytb");
    check("foobar", "mzxw6ytboi");
}

static void every_byte_at_each_place_comes_back(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < MOST; place++) {
            unsigned char bytes[MOST] = {1, 2, 3, 4, 5, 6, 7, 255};
            unsigned char back[MOST];
            char text[BASE32_TEXT(MOST)];
            bytes[place] = (unsigned char)byte;
            base32_encode(bytes, place + 1, text);
            assert_true(base32_decode(span_of(text), back, place + 1));
            assert_memory_equal(back, bytes, place + 1);
        }
    }
}

static void no_other_text_is_taken(void **state)
{
    static const char *const wrong[] = {
        "",         "mzxw6yt",  "mzxw6ytba",   /* too short, too long */
        "MZXW6YTB", "mzxw6yt=", "mzxw6yt1",    /* no such characters */
        "mzxw6yt ", "mzxw6yt8", "mzxw6yt\x80", /* */
    };
    unsigned char out[5];

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(base32_decode(span_of(wrong[i]), out, sizeof out));
    assert_false(base32_decode(span_make("mzxw6yt\0", 8), out, sizeof out));
}

static void bits_that_are_left_over_are_nought(void **state)
{
    unsigned char out[1];

    (void)state;
    assert_true(base32_decode(span_of("my"), out, sizeof out));
    assert_false(base32_decode(span_of("mz"), out, sizeof out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard),
        cmocka_unit_test(every_byte_at_each_place_comes_back),
        cmocka_unit_test(no_other_text_is_taken),
        cmocka_unit_test(bits_that_are_left_over_are_nought),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
