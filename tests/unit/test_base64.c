/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64: the examples of RFC 4648, every byte at each place of a group, and a full buffer.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"

static void check(struct span bytes, const char *expected)
{
    struct buffer b;
    buffer_init(&b, 64);
    assert_true(base64_append(&b, bytes));
    assert_true(span_is(buffer_span(&b), expected));
    buffer_free(&b);
}

static void the_examples_of_the_standard(void **state)
{
    (void)state;
    check(span_of(""), "");
    check(span_of("f"), "Zg==");
    check(span_of("fo"), "Zm8=");
    check(span_of("foo"), "Zm9v");
    check(span_of("foob"), "Zm9vYg==");
    check(span_of("fooba"), "Zm9vYmE=");
    check(span_of("foobar"), "Zm9vYmFy");
}

static void bytes_that_are_no_text(void **state)
{
    (void)state;
    check(span_make("\xff\xff\xff", 3), "////");
    check(span_make("\0\0\0\0", 4), "AAAAAA==");
    check(span_make("\xfb\xef\xbe", 3), "++++");
}

static unsigned value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a' + 26);
    return c >= '0' && c <= '9' ? (unsigned)(c - '0' + 52) : c == '+' ? 62 : 63;
}

static void every_byte_at_each_place_comes_back(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 3; place++) {
            char bytes[3] = "abc";
            struct buffer b;
            bytes[place] = (char)byte;
            buffer_init(&b, 4);
            assert_true(base64_append(&b, span_make(bytes, 3)));
            unsigned bits = 0;
            for (size_t i = 0; i < 4; i++)
                bits = bits << 6 | value_of(buffer_span(&b).at[i]);
            for (size_t i = 0; i < 3; i++)
                assert_int_equal(bits >> (16 - 8 * i) & 0xff, (unsigned char)bytes[i]);
            buffer_free(&b);
        }
    }
}

static void a_full_buffer_is_told(void **state)
{
    struct buffer b;
    (void)state;
    buffer_init(&b, 7);
    assert_false(base64_append(&b, span_of("foobar")));
    assert_true(span_is(buffer_span(&b), "Zm9v"));
    buffer_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_standard),
        cmocka_unit_test(bytes_that_are_no_text),
        cmocka_unit_test(every_byte_at_each_place_comes_back),
        cmocka_unit_test(a_full_buffer_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
