/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a file of rules, each line allowed or denied in turn, and then asked about. Whatever
 * else is allowed, who is denied stays out, and what is refused changes nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "wire/rules.h"

/* The address that a network is written with, which lies in it. */
static bool first_address(struct span word, struct address *out)
{
    char host[ADDRESS_TEXT];
    const char *slash = word.len == 0 ? NULL : memchr(word.at, '/', word.len);
    struct span literal = slash == NULL ? word : span_make(word.at, (size_t)(slash - word.at));

    span_copy(literal, host, sizeof host);
    return strlen(host) == literal.len && address_parse_host(host, 7216, out);
}

static void check_meant(const struct rules *rules, enum verdict verdict, struct span word)
{
    struct address a;
    char key[FINGERPRINT_TEXT];

    if (fingerprint_is(word)) {
        span_copy(word, key, sizeof key);
        check(rules_on_key(rules, key) == verdict || rules_on_key(rules, key) == VERDICT_DENIED);
        return;
    }
    check(first_address(word, &a));
    check(verdict == VERDICT_ALLOWED || !rules_let_address(rules, &a));
}

static void check_alone(enum verdict verdict, struct span word)
{
    struct rules *rules = rules_new();
    struct address a;
    const char *cause;
    bool added = rules_add(rules, verdict, word, &cause);

    check(added);
    check(rules_name_keys(rules) == (verdict == VERDICT_ALLOWED && fingerprint_is(word)));
    if (first_address(word, &a))
        check(rules_let_address(rules, &a) == (verdict == VERDICT_ALLOWED));
    rules_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct rules *rules = rules_new();
    enum verdict verdict = VERDICT_DENIED;

    while (text.len > 0) {
        struct span word = span_cut_line(&text);
        const char *cause = NULL;
        if (rules_add(rules, verdict, word, &cause)) {
            check_meant(rules, verdict, word);
            check_alone(verdict, word);
        } else {
            check(cause != NULL && cause[0] != '\0');
        }
        verdict = verdict == VERDICT_DENIED ? VERDICT_ALLOWED : VERDICT_DENIED;
    }
    rules_free(rules);
    return 0;
}
