/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys: the one in RFC 8410 and the fingerprint that openssl(1) computes of it, made ones that come
 * back from their text, and texts that hold none of our kind.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/key.h"

#define PEM(kind, body) "-----BEGIN " kind "-----\n" body "\n-----END " kind "-----\n"
#define KNOWN           PEM("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC")

static void the_key_of_the_standard(void **state)
{
    const char *cause;
    struct key *key = key_parse(span_of(KNOWN), &cause);
    struct buffer out;

    (void)state;
    assert_non_null(key);
    assert_string_equal(key_fingerprint(key),
                        "uhurkycu4bh2zcm25hzhkezm3qd2lw6e5iwcvu5b77dobustnapq");
    assert_non_null(key_handle(key));
    buffer_init(&out, KEY_PEM_MAX);
    key_format(key, &out);
    assert_true(span_is(buffer_span(&out), KNOWN));
    buffer_free(&out);
    key_free(key);
}

static void a_made_key_comes_back_from_its_text(void **state)
{
    const char *cause;
    struct key *one = key_make();
    struct key *other = key_make();
    struct buffer out;

    (void)state;
    assert_true(fingerprint_is(span_of(key_fingerprint(one))));
    assert_string_not_equal(key_fingerprint(one), key_fingerprint(other));
    buffer_init(&out, KEY_PEM_MAX);
    key_format(one, &out);
    struct key *back = key_parse(buffer_span(&out), &cause);
    assert_non_null(back);
    assert_string_equal(key_fingerprint(back), key_fingerprint(one));
    buffer_free(&out);
    key_free(back);
    key_free(other);
    key_free(one);
    key_free(NULL);
}

static void refused(struct span pem, const char *expected)
{
    const char *cause;

    assert_null(key_parse(pem, &cause));
    assert_string_equal(cause, expected);
}

static void what_is_no_key_of_ours_is_refused(void **state)
{
    static const char none[] = "it holds no private key in PEM";
    char long_text[KEY_PEM_MAX + 1];

    (void)state;
    refused(span_of(""), none);
    refused(span_of("key\n"), none);
    refused(span_make(KNOWN, sizeof KNOWN / 2), none);
    refused(span_of(PEM("PRIVATE KEY", "")), none);
    refused(span_of(PEM("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp")), none);
    refused(
        span_of(PEM("PUBLIC KEY", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")),
        none);
    memset(long_text, '\n', sizeof long_text);
    refused(span_make(long_text, sizeof long_text - 1), none);
    refused(span_make(long_text, sizeof long_text), "it is longer than a key");
}

static void a_key_of_another_kind_is_refused(void **state)
{
    (void)state;
    refused(span_of(PEM("PRIVATE KEY",
                        "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZ/1WE6I5tzLZMHVa\n"
                        "oxAjePHwcse6hIf3j3NvSdoldDyhRANCAARnTYof9olU5JeYDKDdxM/8M6+C9we9\n"
                        "DqcFp8hGwS+hIWEKy+PajsGXtfbkijTnZRelO1K+an/u5lZilnegDUUJ")),
            "its key is of another kind than Ed25519");
}

static void nobody_is_asked_for_a_passphrase(void **state)
{
    (void)state;
    refused(span_of(PEM("ENCRYPTED PRIVATE KEY",
                        "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjDRDfUUeIMsAICCAAw\n"
                        "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFZfDnh5pqjbQDL/jqTSqJQEQG0p\n"
                        "yIaIVYUBIZlfblACyVaWHluee3weRjiSAbEOfYwvx9VrsCsrNpf2FqsX1yxxwopb\n"
                        "NCtK58AWI0Yk/tjoHJE=")),
            "its key wants a passphrase");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_of_the_standard),
        cmocka_unit_test(a_made_key_comes_back_from_its_text),
        cmocka_unit_test(what_is_no_key_of_ours_is_refused),
        cmocka_unit_test(a_key_of_another_kind_is_refused),
        cmocka_unit_test(nobody_is_asked_for_a_passphrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
