/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a node says who it is: a table of keys. What is said is not checked against anything here.
 */
#include "config.h"

#include "wire/hello.h"

#include "wire/message.h"

/* ---- reading */

const char *hello_parse_node(struct span value, char out[NODE_ID_TEXT])
{
    if (value.len < 1 || value.len > NODE_ID_MAX)
        return "node has 1 to 64 characters";
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return "node has only a-z and 0-9";
    }
    span_copy(value, out, NODE_ID_TEXT);
    return NULL;
}

static const char *read_node(struct span value, struct hello *out)
{
    return hello_parse_node(value, out->node);
}

static const char *read_name(struct span value, struct hello *out)
{
    name_shown(value, out->name);
    return NULL;
}

static const char *read_boot(struct span value, struct hello *out)
{
    return span_number(value, &out->boot) ? NULL : "boot is not a number";
}

static const char *read_epoch(struct span value, struct hello *out)
{
    return span_number(value, &out->epoch) ? NULL : "epoch is not a number";
}

static const char *read_window(struct span value, struct hello *out)
{
    return span_number(value, &out->window) ? NULL : "window is not a number";
}

static const char *read_listen(struct span value, struct hello *out)
{
    uint64_t port;

    if (!span_number(value, &port) || port > UINT16_MAX)
        return "listen is not a port";
    out->listen = (uint16_t)port;
    return NULL;
}

static const char *read_caps(struct span value, struct hello *out)
{
    while (value.len > 0) {
        const char *comma = memchr(value.at, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.at);
        struct span word = span_make(value.at, len);
        if (span_is(word, "passing"))
            out->passing = true;
        else if (span_is(word, "fleeting"))
            out->fleeting = true;
        else if (span_is(word, "tls"))
            out->offers_tls = true;
        value = span_after(value, comma == NULL ? len : len + 1);
    }
    return NULL;
}

static const char *read_key(struct span value, struct hello *out)
{
    if (!fingerprint_is(value))
        return "key is not a fingerprint";
    span_copy(value, out->key, sizeof out->key);
    return NULL;
}

static const char *read_was(struct span value, struct hello *out)
{
    if (fingerprint_is(value))
        return "was is not the id of a node without a key";
    return hello_parse_node(value, out->was);
}

static const char *read_code(struct span value, char out[PROOF_TEXT])
{
    unsigned char bytes[DIGEST_BYTES];

    if (!base32_decode(value, bytes, sizeof bytes))
        return "a proof is not one";
    span_copy(value, out, PROOF_TEXT);
    return NULL;
}

static const char *read_proof(struct span value, struct hello *out)
{
    return read_code(value, out->proof);
}

static const char *read_former(struct span value, struct hello *out)
{
    return read_code(value, out->former);
}

static const char *read_invite(struct span value, struct hello *out)
{
    unsigned char bytes[INVITATION_TOKEN_BYTES];

    if (!base32_decode(value, bytes, sizeof bytes))
        return "invite is not the id of an invitation";
    span_copy(value, out->invite, sizeof out->invite);
    return NULL;
}

static const struct hello_key {
    const char *name; /* with its equals sign */
    const char *(*read)(struct span value, struct hello *out);
    const char *missing; /* what to say if it is missing; NULL if it may be */
} hello_keys[] = {
    {"node=", read_node, "node is missing"},
    {"boot=", read_boot, "boot is missing"},
    {"epoch=", read_epoch, "epoch is missing"},
    {"listen=", read_listen, NULL},
    {"window=", read_window, NULL},
    {"name=", read_name, NULL},
    {"caps=", read_caps, NULL},
    {"key=", read_key, NULL},
    {"was=", read_was, NULL},
    {"proof=", read_proof, NULL},
    {"former=", read_former, NULL},
    {"invite=", read_invite, NULL},
};

enum { HELLO_KEYS = sizeof hello_keys / sizeof hello_keys[0] };

static const char *read_hello_word(struct span word, struct hello *out, bool seen[HELLO_KEYS])
{
    for (size_t i = 0; i < HELLO_KEYS; i++) {
        if (!span_starts(word, hello_keys[i].name))
            continue;
        if (seen[i])
            return "a key of hello is said twice";
        seen[i] = true;
        return hello_keys[i].read(span_after(word, strlen(hello_keys[i].name)), out);
    }
    return NULL;
}

const char *hello_parse(struct span words, struct hello *out)
{
    bool seen[HELLO_KEYS] = {false};
    const char *cause = NULL;

    *out = (struct hello){0};
    if (!span_number(span_cut_word(&words), &out->version) || out->version == 0)
        return "the version is not a number from 1";
    while (words.len > 0 && cause == NULL)
        cause = read_hello_word(span_cut_word(&words), out, seen);
    for (size_t i = 0; i < HELLO_KEYS && cause == NULL; i++)
        if (!seen[i])
            cause = hello_keys[i].missing;
    return cause;
}

/* ---- writing */

static void format_said(struct buffer *out, const char *key, const char *value)
{
    if (value[0] != '\0')
        buffer_print(out, " %s=%s", key, value);
}

static void format_caps(struct buffer *out, const struct hello *hello)
{
    const struct {
        const char *word;
        bool said;
    } caps[] = {
        {"passing", hello->passing}, {"fleeting", hello->fleeting}, {"tls", hello->offers_tls}};
    const char *before = " caps=";

    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        if (!caps[i].said)
            continue;
        buffer_print(out, "%s%s", before, caps[i].word);
        before = ",";
    }
}

void hello_format(struct buffer *out, const struct hello *hello)
{
    buffer_print(out, "%llu node=%s boot=%llu epoch=%llu", (unsigned long long)hello->version,
                 hello->node, (unsigned long long)hello->boot, (unsigned long long)hello->epoch);
    if (hello->listen != 0)
        buffer_print(out, " listen=%u", (unsigned)hello->listen);
    if (hello->window != 0)
        buffer_print(out, " window=%llu", (unsigned long long)hello->window);
    format_said(out, "name", hello->name);
    format_caps(out, hello);
    format_said(out, "key", hello->key);
    format_said(out, "was", hello->was);
    format_said(out, "proof", hello->proof);
    format_said(out, "former", hello->former);
    format_said(out, "invite", hello->invite);
}
