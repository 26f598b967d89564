/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations as text: good ones come back the same, what is not whole is refused with a word on
 * what is wrong, and what is derived from a token is what another program derives.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/invitation.h"

#define KEY   "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
#define TOKEN "aebagbafaydqqcikbmga2dqpca"
#define TAIL  "/" KEY "/" TOKEN
#define PLAIN "hashflow://10.0.0.2:7216" TAIL

static void check_text(const struct invitation *invitation, const char *expected)
{
    struct buffer b;

    buffer_init(&b, INVITATION_LINE - 1);
    invitation_format(&b, invitation);
    if (!span_is(buffer_span(&b), expected))
        fail_msg("%.*s", (int)buffer_length(&b), buffer_span(&b).at);
    buffer_free(&b);
}

static void good_invitations(void **state)
{
    static const struct {
        const char *text;
        size_t places;
        const char *comes_back;
    } rows[] = {
        {PLAIN, 1, PLAIN},
        {" \t" PLAIN "\r\n", 1, PLAIN},
        {"hashflow://gate.example.org:80" TAIL, 1, "hashflow://gate.example.org:80" TAIL},
        {"hashflow://gate" TAIL, 1, "hashflow://gate:7216" TAIL},
        {"hashflow://fd00::2" TAIL, 1, "hashflow://[fd00::2]:7216" TAIL},
        {"hashflow://[fd00::2]:9,10.0.0.2" TAIL, 2, "hashflow://[fd00::2]:9,10.0.0.2:7216" TAIL},
        {"hashflow://[fe80::1%2]:9" TAIL, 1, "hashflow://[fe80::1%2]:9" TAIL},
        {"hashflow://a,b,c,d,e,f,g,h:1" TAIL, 8,
         "hashflow://a:7216,b:7216,c:7216,d:7216,e:7216,f:7216,g:7216,h:1" TAIL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct invitation invitation;
        const char *cause = NULL;
        if (!invitation_parse(span_of(rows[i].text), &invitation, &cause))
            fail_msg("%s: %s", rows[i].text, cause);
        assert_int_equal(invitation.place_count, rows[i].places);
        assert_string_equal(invitation.fingerprint, KEY);
        assert_string_equal(invitation.token, TOKEN);
        check_text(&invitation, rows[i].comes_back);
    }
}

static void bad_invitations(void **state)
{
    static const struct {
        const char *text, *cause;
    } rows[] = {
        {"", "begins"},
        {"hashflow:", "begins"},
        {"https://10.0.0.2:7216" TAIL, "begins"},
        {"HASHFLOW://10.0.0.2:7216" TAIL, "begins"},
        {"hashflow://", "host is missing"},
        {"hashflow://" TAIL, "host is missing"},
        {"hashflow://a," TAIL, "host is missing"},
        {"hashflow://,a" TAIL, "host is missing"},
        {"hashflow://a,b,c,d,e,f,g,h,i" TAIL, "at most 8"},
        {"hashflow://a:0" TAIL, "port"},
        {"hashflow://a:65536" TAIL, "port"},
        {"hashflow://a b" TAIL, "host name"},
        {"hashflow://1.2.3" TAIL, "IPv4"},
        {"hashflow://bob@a" TAIL, "host name"},
        {"hashflow://$(id)" TAIL, "host name"},
        {"hashflow://a", "fingerprint"},
        {"hashflow://a/" TOKEN, "fingerprint"},
        {"hashflow://a//" TOKEN, "fingerprint"},
        {"hashflow://a/x" KEY "/" TOKEN, "fingerprint"},
        {"hashflow://a/" KEY, "the end"},
        {"hashflow://a/" KEY "/", "the end"},
        {"hashflow://a/" KEY "/aebagbafaydqqcikbmga2dqpc", "the end"},
        {"hashflow://a/" KEY "/aebagbafaydqqcikbmga2dqpcb", "the end"},
        {"hashflow://a" TAIL "a", "the end"},
        {"hashflow://a" TAIL "/", "the end"},
        {"hashflow://a" TAIL " more", "the end"},
        {"hashflow://a" TAIL "\n" PLAIN, "the end"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct invitation invitation;
        const char *cause = NULL;
        if (invitation_parse(span_of(rows[i].text), &invitation, &cause))
            fail_msg("%s was taken", rows[i].text);
        if (strstr(cause, rows[i].cause) == NULL)
            fail_msg("%s: %s", rows[i].text, cause);
    }
    struct invitation invitation;
    const char *cause = NULL;
    assert_false(invitation_parse(span_make(NULL, 0), &invitation, &cause));
    assert_false(invitation_parse(span_make(PLAIN "\0", sizeof PLAIN), &invitation, &cause));
}

static void every_beginning_is_refused(void **state)
{
    struct invitation invitation;
    const char *cause;

    (void)state;
    for (size_t len = 0; len < sizeof PLAIN - 1; len++)
        assert_false(invitation_parse(span_make(PLAIN, len), &invitation, &cause));
    assert_true(invitation_parse(span_of(PLAIN), &invitation, &cause));
}

static void the_longest_invitation(void **state)
{
    struct invitation longest = {
        .place_count = INVITATION_ADDRESSES, .fingerprint = KEY, .token = TOKEN};
    struct invitation back;
    const char *cause = "none";
    struct buffer b;

    (void)state;
    for (int i = 0; i < INVITATION_ADDRESSES; i++) {
        memset(longest.places[i], 'h', 253);
        strcpy(longest.places[i] + 253, ":65535");
    }
    buffer_init(&b, INVITATION_LINE - 1);
    invitation_format(&b, &longest);
    if (!invitation_parse(buffer_span(&b), &back, &cause))
        fail_msg("%s", cause);
    assert_memory_equal(longest.places, back.places, sizeof back.places);
    buffer_free(&b);
}

static void what_is_kept_of_a_token(void **state)
{
    static const unsigned char expected[PROOF_KEY_BYTES] = {
        0x5d, 0xfb, 0xab, 0xee, 0xdf, 0x31, 0x8b, 0xf3, 0x3c, 0x09, 0x27,
        0xc4, 0x3d, 0x76, 0x30, 0xf5, 0x1b, 0x82, 0xf3, 0x51, 0x74, 0x03,
        0x01, 0x35, 0x4f, 0xa3, 0xd7, 0xfc, 0x51, 0xf0, 0x13, 0x2e,
    };
    unsigned char key[PROOF_KEY_BYTES];
    char id[INVITATION_ID];

    (void)state;
    invitation_key(TOKEN, key);
    assert_memory_equal(key, expected, sizeof key);
    invitation_id(key, id);
    assert_string_equal(id, "jkfxqajcgw5757xvicn4wvyczm");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_invitations),           cmocka_unit_test(bad_invitations),
        cmocka_unit_test(every_beginning_is_refused), cmocka_unit_test(the_longest_invitation),
        cmocka_unit_test(what_is_kept_of_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
