/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs of secrets. It does not know whose secret it is, or what a proof is good for.
 */
#include "config.h"

#include "wire/proof.h"

#include <assert.h>

/* With the NUL behind each word, so that no two of them run into one. */
static const struct span scheme = {"hashflow/1", sizeof "hashflow/1"};
static const struct span kinds[] = {
    [PROOF_GROUP] = {"group", sizeof "group"},
    [PROOF_INVITATION] = {"invitation", sizeof "invitation"},
};
static const struct span roles[] = {
    [PROOF_DIAL] = {"dial", sizeof "dial"},
    [PROOF_ANSWER] = {"answer", sizeof "answer"},
};

static struct span bytes_of(const unsigned char *bytes)
{
    return span_make((const char *)bytes, DIGEST_BYTES);
}

static void decode(const char *fingerprint, unsigned char out[DIGEST_BYTES])
{
    bool decoded = base32_decode(span_of(fingerprint), out, DIGEST_BYTES);

    assert(decoded);
    (void)decoded;
}

static void digest(const unsigned char key[PROOF_KEY_BYTES], enum proof_kind kind,
                   enum proof_role role, const struct proof_binding *binding,
                   unsigned char out[DIGEST_BYTES])
{
    unsigned char dialer[DIGEST_BYTES], listener[DIGEST_BYTES];

    decode(binding->dialer, dialer);
    decode(binding->listener, listener);
    const struct span parts[] = {
        scheme,           kinds[kind],        roles[role],
        bytes_of(dialer), bytes_of(listener), bytes_of(binding->exporter),
    };
    digest_hmac(key, parts, sizeof parts / sizeof parts[0], out);
}

void proof_make(const unsigned char key[PROOF_KEY_BYTES], enum proof_kind kind,
                enum proof_role role, const struct proof_binding *binding, char out[PROOF_TEXT])
{
    unsigned char bytes[DIGEST_BYTES];

    digest(key, kind, role, binding, bytes);
    base32_encode(bytes, sizeof bytes, out);
}

bool proof_holds(const unsigned char key[PROOF_KEY_BYTES], enum proof_kind kind,
                 enum proof_role role, const struct proof_binding *binding, const char *proof)
{
    unsigned char expected[DIGEST_BYTES], said[DIGEST_BYTES];

    if (!base32_decode(span_of(proof), said, sizeof said))
        return false;
    digest(key, kind, role, binding, expected);
    bool holds = digest_equal(expected, said);
    digest_wipe(expected, sizeof expected); /* it would hold if it were said */
    return holds;
}
