/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anything that may be written where an address, a host or a name is expected. What is taken comes
 * back the same from every form that it is given.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "target.h"
#include "wire/message.h"

static void check_comes_back(const struct address *a)
{
    char text[ADDRESS_TEXT];
    struct sockaddr_storage storage;
    struct address back;
    bool taken;

    address_print(a, text);
    taken = address_parse(span_of(text), &back);
    check(taken && address_equal(a, &back));
    check(address_to_sockaddr(a, &storage) > 0);
    taken = address_from_sockaddr(&storage, &back);
    check(taken && address_equal(a, &back) && address_same_host(a, &back));
}

static void check_address(struct span text)
{
    struct address a;

    if (!address_parse(text, &a))
        return;
    check(a.port != 0 && (a.family == 4 || a.family == 6));
    check_comes_back(&a);
}

/* What people typed, put together again, means the same. */
static void check_split(struct span text)
{
    char host[ADDRESS_HOST], host_again[ADDRESS_HOST], joined[ADDRESS_HOST + 16];
    struct address literal;
    const char *cause = NULL;
    uint16_t port = 0, port_again = 0;

    if (!address_split(text, host, &port, &cause)) {
        check(cause != NULL);
        return;
    }
    check(port != 0 && strlen(host) > 0 && text_is_one_word(span_of(host)));
    if (address_parse_host(host, port, &literal))
        check_comes_back(&literal);
    bool colons = strchr(host, ':') != NULL;
    snprintf(joined, sizeof joined, colons ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
    bool taken = address_split(span_of(joined), host_again, &port_again, &cause);
    check(taken && strcmp(host, host_again) == 0 && port == port_again);
}

static void check_name(struct span text)
{
    char shown[NAME_TEXT];
    struct address a;
    const char *cause = NULL;

    name_shown(text, shown);
    check(text_is_one_word(span_of(shown)));
    if (!name_check(text, &cause)) {
        check(cause != NULL && strcmp(shown, "-") == 0);
        return;
    }
    check(span_is(text, shown));
    check(!address_parse(text, &a));
}

static void check_message(struct span text)
{
    struct message m;

    if (!message_parse(text, &m))
        return;
    check_comes_back(&m.from);
    check(m.name.len > 0 && memchr(m.name.at, ' ', m.name.len) == NULL);
    check(m.text.at + m.text.len == text.at + text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);

    check_address(text);
    check_split(text);
    check_name(text);
    check_message(text);
    return 0;
}
