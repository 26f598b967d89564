/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as text, as sockets have them, and compared. Nothing is looked up here, and nothing
 * here knows who lives at an address.
 */
#include "config.h"

#include "wire/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool is_link_local(const struct address *a)
{
    return a->family == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

/* An IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2) is the IPv4 host that it stands for. */
static void unmap(struct address *a)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};

    if (a->family != 6 || memcmp(a->ip, prefix, sizeof prefix) != 0)
        return;
    memmove(a->ip, a->ip + sizeof prefix, 4);
    memset(a->ip + 4, 0, sizeof a->ip - 4);
    a->family = 4;
}

/* ---- reading */

static bool parse_port(struct span text, uint16_t *port)
{
    uint64_t number;

    if (!span_number(text, &number) || number < 1 || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_ipv4(struct span text, struct address *out)
{
    char ip[INET_ADDRSTRLEN];

    if (text.len >= sizeof ip)
        return false;
    span_copy(text, ip, sizeof ip);
    out->family = 4;
    return strlen(ip) == text.len && inet_pton(AF_INET, ip, out->ip) == 1;
}

static bool parse_scope(struct span text, struct address *out)
{
    uint64_t number;

    if (!is_link_local(out) || !span_number(text, &number) || number < 1 || number > UINT32_MAX)
        return false;
    out->scope = (uint32_t)number;
    return true;
}

static bool parse_ipv6(struct span text, struct address *out)
{
    char ip[INET6_ADDRSTRLEN];
    const char *percent = text.len == 0 ? NULL : memchr(text.at, '%', text.len);
    struct span literal = text;

    if (percent != NULL)
        literal.len = (size_t)(percent - text.at);
    if (literal.len >= sizeof ip)
        return false;
    span_copy(literal, ip, sizeof ip);
    out->family = 6;
    if (strlen(ip) != literal.len || inet_pton(AF_INET6, ip, out->ip) != 1)
        return false;
    if (percent != NULL && !parse_scope(span_after(text, literal.len + 1), out))
        return false;
    unmap(out);
    return true;
}

static struct span without_angles(struct span text)
{
    if (text.len >= 2 && text.at[0] == '<' && text.at[text.len - 1] == '>')
        return span_make(text.at + 1, text.len - 2);
    return text;
}

/* Cuts [HOST] off the front of *text, and leaves what follows the bracket. */
static bool cut_brackets(struct span *text, struct span *host)
{
    const char *end = text->len == 0 ? NULL : memchr(text->at, ']', text->len);

    if (end == NULL || text->at[0] != '[')
        return false;
    *host = span_make(text->at + 1, (size_t)(end - text->at) - 1);
    *text = span_after(*text, host->len + 2);
    return true;
}

/* Cuts HOST off the front of *text up to its last colon, and leaves the colon and the port. */
static void cut_host(struct span *text, struct span *host)
{
    const char *colon = text->len == 0 ? NULL : memrchr(text->at, ':', text->len);

    *host = *text;
    if (colon != NULL)
        host->len = (size_t)(colon - text->at);
    *text = span_after(*text, host->len);
}

bool address_parse(struct span text, struct address *out)
{
    struct address a = {0};
    struct span host, rest = without_angles(text);
    bool parsed;

    if (cut_brackets(&rest, &host)) {
        parsed = parse_ipv6(host, &a);
    } else {
        cut_host(&rest, &host);
        parsed = parse_ipv4(host, &a);
    }
    if (!parsed || !span_starts(rest, ":") || !parse_port(span_after(rest, 1), &a.port))
        return false;
    *out = a;
    return true;
}

bool address_parse_host(const char *host, uint16_t port, struct address *out)
{
    struct address a = {.port = port};

    if (!parse_ipv4(span_of(host), &a)) {
        a = (struct address){.port = port};
        if (!parse_ipv6(span_of(host), &a))
            return false;
    }
    *out = a;
    return true;
}

/* ---- what people type */

enum { HOST_MAX = ADDRESS_HOST - 3 }; /* RFC 1035: 253 bytes */

static size_t count_of(struct span text, char wanted)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == wanted;
    return count;
}

static bool has_only(struct span text, const char *allowed)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '\0' || strchr(allowed, text.at[i]) == NULL)
            return false;
    return true;
}

/* NULL, or what is wrong with a host that is to be an IP literal or a name. */
static const char *check_host(struct span host, const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._";
    struct address literal;

    if (host.len == 0)
        return "the host is missing";
    if (host.len > HOST_MAX)
        return "a host name has at most 253 bytes";
    if (strlen(text) == host.len && address_parse_host(text, 1, &literal))
        return NULL;
    if (count_of(host, ':') > 0)
        return "not an IPv6 address";
    /* Resolvers take 1.2 and 7216 for addresses, which is never what was meant. */
    if (has_only(host, "0123456789."))
        return "not an IPv4 address";
    return has_only(host, allowed) ? NULL : "a host name has letters, digits, hyphens and dots";
}

bool address_cut_plain(struct span *text)
{
    static const char prefix[] = "plain:";

    if (!span_starts(*text, prefix))
        return false;
    *text = span_after(*text, strlen(prefix));
    return true;
}

bool address_split(struct span text, char host[ADDRESS_HOST], uint16_t *port, const char **cause)
{
    struct span name, rest = without_angles(text);
    bool bracketed = cut_brackets(&rest, &name);

    if (!bracketed && count_of(rest, ':') > 1) {
        name = rest; /* a bare IPv6 literal: its colons are its own */
        rest.len = 0;
    } else if (!bracketed) {
        cut_host(&rest, &name);
    }
    span_copy(name, host, ADDRESS_HOST);
    *port = ADDRESS_DEFAULT_PORT;
    *cause = check_host(name, host);
    if (*cause == NULL && bracketed && count_of(name, ':') == 0)
        *cause = "only an IPv6 address stands in brackets";
    if (*cause == NULL && rest.len > 0 &&
        !(rest.at[0] == ':' && parse_port(span_after(rest, 1), port)))
        *cause = "a port is a number from 1 to 65535";
    return *cause == NULL;
}

void address_join(const char *host, uint16_t port, char out[ADDRESS_PLACE])
{
    bool is_ipv6 = strchr(host, ':') != NULL;

    snprintf(out, ADDRESS_PLACE, is_ipv6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

/* ---- writing */

static char *print_number(char *out, unsigned number, char after)
{
    if (number >= 10)
        out = print_number(out, number / 10, (char)('0' + number % 10));
    else
        *out++ = (char)('0' + number);
    *out++ = after;
    return out;
}

/* By hand: nodes tell each other thousands of them. */
static void print_ipv4(const struct address *a, char *out)
{
    for (int i = 0; i < 4; i++)
        out = print_number(out, a->ip[i], i < 3 ? '.' : ':');
    print_number(out, a->port, '\0');
}

void address_print(const struct address *a, char out[ADDRESS_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";

    if (a->family == 4) {
        print_ipv4(a, out);
        return;
    }
    if (a->family == 6)
        inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
    if (a->family != 6)
        snprintf(out, ADDRESS_TEXT, "%s:%u", ip, (unsigned)a->port);
    else if (a->scope == 0)
        snprintf(out, ADDRESS_TEXT, "[%s]:%u", ip, (unsigned)a->port);
    else
        snprintf(out, ADDRESS_TEXT, "[%s%%%u]:%u", ip, (unsigned)a->scope, (unsigned)a->port);
}

/* ---- comparing */

static int order(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_hosts(const struct address *a, const struct address *b)
{
    int result = order(a->family, b->family);

    if (result == 0)
        result = memcmp(a->ip, b->ip, sizeof a->ip);
    return result == 0 ? order(a->scope, b->scope) : result;
}

int address_compare(const struct address *a, const struct address *b)
{
    int result = compare_hosts(a, b);

    return result == 0 ? order(a->port, b->port) : result;
}

void address_key(const struct address *a, char out[ADDRESS_KEY])
{
    out = mempcpy(out, a->ip, sizeof a->ip);
    out = mempcpy(out, &a->scope, sizeof a->scope);
    out = mempcpy(out, &a->family, sizeof a->family);
    memcpy(out, &a->port, sizeof a->port);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    return compare_hosts(a, b) == 0;
}

bool address_is_loopback(const struct address *a)
{
    if (a->family == 4)
        return a->ip[0] == 127;
    return a->family == 6 && memcmp(a->ip, &in6addr_loopback, sizeof a->ip) == 0;
}

bool address_is_any(const struct address *a)
{
    return a->family != 0 && memcmp(a->ip, &in6addr_any, sizeof a->ip) == 0;
}

/* ---- sockets */

bool address_from_sockaddr(const struct sockaddr_storage *from, struct address *out)
{
    *out = (struct address){0};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)from;
        out->family = 4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
        return true;
    }
    if (from->ss_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)from;
    out->family = 6;
    out->port = ntohs(in6->sin6_port);
    memcpy(out->ip, &in6->sin6_addr, sizeof out->ip);
    if (is_link_local(out))
        out->scope = in6->sin6_scope_id;
    unmap(out);
    return true;
}

socklen_t address_to_sockaddr(const struct address *a, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (a->family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip, 4);
        return sizeof *in;
    }
    if (a->family != 6)
        return 0;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    in6->sin6_scope_id = a->scope;
    memcpy(&in6->sin6_addr, a->ip, sizeof a->ip);
    return sizeof *in6;
}
