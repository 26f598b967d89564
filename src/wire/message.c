/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain form of a message, and names. It does not know who a sender is or whether he may
 * speak for the address that he claims.
 */
#include "config.h"

#include "wire/message.h"

#include <assert.h>

#include "base/text.h"

static enum message_kind kind_of(struct span text)
{
    if (span_is(text, "Connected"))
        return MESSAGE_CONNECTED;
    return span_is_nocase(text, "exit") ? MESSAGE_EXIT : MESSAGE_CHAT;
}

bool message_parse(struct span line, struct message *out)
{
    struct span rest = line;
    struct span address = span_cut_word(&rest);
    struct span name = span_cut_word(&rest);

    /* The last word reaches the end of the line only if the space behind it is missing. */
    if (name.len == 0 || name.at + name.len == line.at + line.len)
        return false;
    if (!address_parse(address, &out->from))
        return false;
    out->name = name;
    out->text = rest;
    out->kind = kind_of(rest);
    return true;
}

bool message_format(struct buffer *out, const struct address *me, const char *name,
                    struct span text)
{
    char address[ADDRESS_TEXT];

    address_print(me, address);
    size_t len = strlen(address) + 1 + strlen(name) + 1 + text.len;
    if (len > out->max - buffer_length(out))
        return false;
    return buffer_print(out, "%s %s ", address, name) && buffer_append(out, text);
}

size_t message_piece(struct span text, size_t header)
{
    assert(header + 4 <= MESSAGE_ONESHOT_MAX);
    return text_prefix(text, MESSAGE_ONESHOT_MAX - header);
}

/* HOST:PORT would be taken for an address wherever a peer is named. */
static bool looks_like_address(struct span name)
{
    char host[ADDRESS_HOST];
    struct address address;
    const char *cause;
    uint16_t port;

    if (address_parse(name, &address))
        return true;
    span_copy(name, host, sizeof host);
    return address_parse_host(host, 1, &address) ||
           (memchr(name.at, ':', name.len) != NULL && address_split(name, host, &port, &cause));
}

bool name_check(struct span name, const char **cause)
{
    if (name.len == 0)
        *cause = "a name has at least one character";
    else if (name.len > NAME_MAX_BYTES)
        *cause = "a name has at most 64 bytes";
    else if (!text_is_one_word(name))
        *cause = "a name is one word of visible characters in UTF-8";
    else if (span_is(name, "all") || span_is(name, "you") || span_is(name, "-"))
        *cause = "\"all\", \"you\" and \"-\" have meanings of their own";
    else if (memchr(name.at, '@', name.len) != NULL)
        *cause = "a name has no @";
    else if (memchr(name.at, '~', name.len) != NULL)
        *cause = "a name has no ~";
    else if (name.at[0] == '/')
        *cause = "a name does not begin with /";
    else if (name.at[0] == '!' || name.at[0] == '*')
        *cause = "a name does not begin with ! or *";
    else if (looks_like_address(name))
        *cause = "a name does not look like an address";
    else
        return true;
    return false;
}

void name_shown(struct span name, char out[NAME_TEXT])
{
    const char *cause;

    span_copy(name_check(name, &cause) ? name : span_of("-"), out, NAME_TEXT);
}
