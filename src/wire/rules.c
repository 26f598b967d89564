/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list of those who are allowed and denied, and what it says of an address or a key. It does
 * not know where the list comes from, or what becomes of whoever is not let in.
 */
#include "config.h"

#include "wire/rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { IPV4_BITS = 32, IPV6_BITS = 128 };

struct network {
    struct address base;
    unsigned bits; /* of its prefix */
};

struct rule {
    enum verdict verdict;
    bool on_key;
    struct network network;
    char fingerprint[FINGERPRINT_TEXT];
};

struct rules {
    struct rule *list;
    size_t count, room;
    bool names_networks, names_keys; /* something of that kind is allowed */
};

struct rules *rules_new(void)
{
    return alloc_zero(1, sizeof(struct rules));
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    free(rules->list);
    free(rules);
}

/* --- reading --- */

static unsigned bits_of(const struct address *a)
{
    return a->family == 4 ? IPV4_BITS : IPV6_BITS;
}

/* Are all bits of an address 0 from that one on? */
static bool is_clear_from(const struct address *a, unsigned bit)
{
    for (unsigned i = bit; i < bits_of(a); i++) {
        if ((a->ip[i / 8] & (0x80U >> i % 8)) != 0)
            return false;
    }
    return true;
}

static bool parse_prefix(struct span text, struct network *out, const char **cause)
{
    uint64_t bits;
    bool number = span_number(text, &bits);
    if (!number || bits > bits_of(&out->base))
        *cause = out->base.family == 4 ? "the prefix of a network is a number from 0 to 32"
                                       : "the prefix of a network is a number from 0 to 128";
    else if (!is_clear_from(&out->base, (unsigned)bits))
        *cause = "the address has bits behind the prefix, so one of the two is wrong";
    else
        out->bits = (unsigned)bits;
    return *cause == NULL;
}

/* An IPv4-mapped address has become IPv4, and its prefix would count other bits. */
static bool is_mapped(struct span host, const struct address *a)
{
    return a->family == 4 && memchr(host.at, ':', host.len) != NULL;
}

static bool parse_network(struct span word, struct network *out, const char **cause)
{
    char text[ADDRESS_TEXT];
    const char *slash = word.len == 0 ? NULL : memchr(word.at, '/', word.len);
    struct span host = slash == NULL ? word : span_make(word.at, (size_t)(slash - word.at));
    *cause = NULL;
    span_copy(host, text, sizeof text);
    if (host.len >= sizeof text || strlen(text) != host.len ||
        !address_parse_host(text, 0, &out->base))
        *cause = "an IP address without a port, a network like 10.0.0.0/8, or a whole fingerprint "
                 "is needed";
    else if (slash == NULL)
        out->bits = bits_of(&out->base);
    else if (is_mapped(host, &out->base))
        *cause = "a network of IPv4 is written like 10.0.0.0/8";
    else
        return parse_prefix(span_after(word, host.len + 1), out, cause);
    return *cause == NULL;
}

bool rules_add(struct rules *rules, enum verdict verdict, struct span word, const char **cause)
{
    assert(verdict != VERDICT_NONE);
    struct rule rule = {.verdict = verdict, .on_key = fingerprint_is(word)};
    if (rule.on_key)
        span_copy(word, rule.fingerprint, sizeof rule.fingerprint);
    else if (!parse_network(word, &rule.network, cause))
        return false;
    if (rules->count == RULES_MAX) {
        *cause = "there are more than 10000 of these already";
        return false;
    }
    rules->list = alloc_grow(rules->list, rules->count, &rules->room, sizeof *rules->list);
    rules->list[rules->count++] = rule;
    rules->names_keys |= verdict == VERDICT_ALLOWED && rule.on_key;
    rules->names_networks |= verdict == VERDICT_ALLOWED && !rule.on_key;
    return true;
}

_Static_assert(RULES_MAX == 10000, "the complaint names it");

/* --- asking --- */

static bool is_within(const struct address *a, const struct network *n)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    if (a->family != n->base.family || memcmp(a->ip, n->base.ip, whole) != 0 ||
        (n->base.scope != 0 && n->base.scope != a->scope))
        return false;
    return rest == 0 || ((a->ip[whole] ^ n->base.ip[whole]) & (0xff00U >> rest) & 0xff) == 0;
}

bool rules_let_address(const struct rules *rules, const struct address *a)
{
    if (rules == NULL)
        return true;
    bool let = !rules->names_networks;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        if (rule->on_key || !is_within(a, &rule->network))
            continue;
        if (rule->verdict == VERDICT_DENIED)
            return false;
        let = true;
    }
    return let;
}

enum verdict rules_on_key(const struct rules *rules, const char *fingerprint)
{
    enum verdict found = VERDICT_NONE;
    for (size_t i = 0; rules != NULL && i < rules->count; i++) {
        const struct rule *rule = &rules->list[i];
        if (!rule->on_key || strcmp(rule->fingerprint, fingerprint) != 0)
            continue;
        if (rule->verdict == VERDICT_DENIED)
            return VERDICT_DENIED;
        found = rule->verdict;
    }
    return found;
}

bool rules_name_keys(const struct rules *rules)
{
    return rules != NULL && rules->names_keys;
}
