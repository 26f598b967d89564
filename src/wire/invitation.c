/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How an invitation is written and read, and what is derived from its token. It does not know
 * which tokens are good.
 */
#include "config.h"

#include "wire/invitation.h"

#include <assert.h>

/* ---- reading */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text = span_after(text, 1);
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

/* Cuts what stands before the separator, or everything, off the front of *rest. */
static struct span cut(struct span *rest, char separator)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->at, separator, rest->len);
    struct span part = span_make(rest->at, end == NULL ? rest->len : (size_t)(end - rest->at));

    *rest = span_after(*rest, part.len + (end != NULL));
    return part;
}

static const char *read_place(struct span text, char out[ADDRESS_PLACE])
{
    char host[ADDRESS_HOST];
    const char *cause;
    uint16_t port;

    if (!address_split(text, host, &port, &cause))
        return cause;
    address_join(host, port, out);
    return NULL;
}

static const char *read_places(struct span text, struct invitation *out)
{
    const char *cause = NULL;
    bool more = true;

    for (out->place_count = 0; more && cause == NULL; out->place_count++) {
        if (out->place_count == INVITATION_ADDRESSES)
            return "an invitation has at most 8 addresses";
        struct span place = cut(&text, ',');
        more = text.at != place.at + place.len;
        cause = read_place(place, out->places[out->place_count]);
    }
    return cause;
}

static const char *read_parts(struct span text, struct invitation *out)
{
    unsigned char token[INVITATION_TOKEN_BYTES];

    if (!span_starts(text, INVITATION_SCHEME))
        return "an invitation begins with " INVITATION_SCHEME;
    text = span_after(text, strlen(INVITATION_SCHEME));
    const char *cause = read_places(cut(&text, '/'), out);
    if (cause != NULL)
        return cause;
    struct span fingerprint = cut(&text, '/');
    if (!fingerprint_is(fingerprint))
        return "the fingerprint in the invitation is not whole";
    if (!base32_decode(text, token, sizeof token))
        return "the end of the invitation is not whole";
    digest_wipe(token, sizeof token);
    span_copy(fingerprint, out->fingerprint, sizeof out->fingerprint);
    span_copy(text, out->token, sizeof out->token);
    return NULL;
}

bool invitation_parse(struct span text, struct invitation *out, const char **cause)
{
    *out = (struct invitation){0};
    *cause = read_parts(trim(text), out);
    return *cause == NULL;
}

/* ---- writing */

void invitation_format(struct buffer *out, const struct invitation *invitation)
{
    assert(invitation->place_count >= 1 && invitation->place_count <= INVITATION_ADDRESSES);
    buffer_print(out, INVITATION_SCHEME "%s", invitation->places[0]);
    for (size_t i = 1; i < invitation->place_count; i++)
        buffer_print(out, ",%s", invitation->places[i]);
    buffer_print(out, "/%s/%s", invitation->fingerprint, invitation->token);
}

/* ---- what is derived from the token */

static void digest_of(const unsigned char *bytes, size_t len, unsigned char out[DIGEST_BYTES])
{
    const struct span whole = span_make((const char *)bytes, len);

    digest_sha256(&whole, 1, out);
}

void invitation_key(const char token[INVITATION_TOKEN], unsigned char key[PROOF_KEY_BYTES])
{
    unsigned char bytes[INVITATION_TOKEN_BYTES];
    bool decoded = base32_decode(span_of(token), bytes, sizeof bytes);

    assert(decoded);
    (void)decoded;
    digest_of(bytes, sizeof bytes, key);
    digest_wipe(bytes, sizeof bytes);
}

void invitation_id(const unsigned char key[PROOF_KEY_BYTES], char id[INVITATION_ID])
{
    unsigned char digest[DIGEST_BYTES];

    digest_of(key, PROOF_KEY_BYTES, digest);
    base32_encode(digest, INVITATION_TOKEN_BYTES, id);
}
