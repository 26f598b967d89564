/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digests: an example of FIPS 180-4 and those of RFC 4231, whole and in parts.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/digest.h"

static void check(const unsigned char digest[DIGEST_BYTES], const char *expected)
{
    char text[2 * DIGEST_BYTES + 1];

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void sha256_of_nothing_a_word_and_parts(void **state)
{
    unsigned char digest[DIGEST_BYTES];
    const struct span parts[] = {span_of("a"), span_of(""), {NULL, 0}, span_of("bc")};

    (void)state;
    digest_sha256(NULL, 0, digest);
    check(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256(parts, 4, digest);
    check(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* A shorter key is the same as one filled up with zeros (RFC 2104). */
static void hmac_as_in_the_standard(void **state)
{
    static const unsigned char jefe[DIGEST_BYTES] = "Jefe";
    unsigned char key[DIGEST_BYTES] = {0}, digest[DIGEST_BYTES];
    const struct span whole = span_of("what do ya want for nothing?");
    const struct span parts[] = {span_of("Hi "), span_of("There")};

    (void)state;
    digest_hmac(jefe, &whole, 1, digest);
    check(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0x0b, 20);
    digest_hmac(key, parts, 2, digest);
    check(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

static void a_difference_anywhere_counts(void **state)
{
    unsigned char a[DIGEST_BYTES] = {0}, b[DIGEST_BYTES] = {0};

    (void)state;
    assert_true(digest_equal(a, b));
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        b[i] = 0x80;
        assert_false(digest_equal(a, b));
        b[i] = 0;
    }
}

static void what_is_wiped_is_gone(void **state)
{
    static const unsigned char nothing[DIGEST_BYTES];
    unsigned char secret[DIGEST_BYTES];

    (void)state;
    memset(secret, 'x', sizeof secret);
    digest_wipe(secret, sizeof secret);
    assert_memory_equal(secret, nothing, sizeof nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_nothing_a_word_and_parts),
        cmocka_unit_test(hmac_as_in_the_standard),
        cmocka_unit_test(a_difference_anywhere_counts),
        cmocka_unit_test(what_is_wiped_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
