/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Proofs of any secret for any connection, and anything that may be said for one: only what was
 * made for that secret, kind, direction and connection holds.
 *
 * The input: kind and role; the place and the change of a byte that is changed; 128 bytes of what
 * is at stake, which are zero where they are missing; the rest is said for a proof.
 */
#include "config.h"

#include <stdlib.h>

#include "target.h"
#include "wire/proof.h"

struct stake {
    enum proof_kind kind;
    enum proof_role role;
    unsigned char key[PROOF_KEY_BYTES];
    struct proof_binding binding;
};

enum { HEAD = 3, STAKE = PROOF_KEY_BYTES + 2 * DIGEST_BYTES + PROOF_EXPORTER_BYTES };

static struct stake stake_of(uint8_t choice, const unsigned char bytes[STAKE])
{
    struct stake stake = {.kind = choice & 1, .role = choice >> 1 & 1};
    const unsigned char *dialer = bytes + PROOF_KEY_BYTES, *listener = dialer + DIGEST_BYTES;

    memcpy(stake.key, bytes, PROOF_KEY_BYTES);
    base32_encode(dialer, DIGEST_BYTES, stake.binding.dialer);
    base32_encode(listener, DIGEST_BYTES, stake.binding.listener);
    memcpy(stake.binding.exporter, listener + DIGEST_BYTES, PROOF_EXPORTER_BYTES);
    return stake;
}

static bool holds(const struct stake *stake, const char *proof)
{
    return proof_holds(stake->key, stake->kind, stake->role, &stake->binding, proof);
}

static void check_said(const struct stake *stake, const char *made, struct span said)
{
    char *text = span_string(said);

    check(holds(stake, text) == (strcmp(text, made) == 0));
    free(text);
}

static void check_changed_proof(const struct stake *stake, const char *made, uint8_t place,
                                uint8_t change)
{
    char changed[PROOF_TEXT];

    memcpy(changed, made, PROOF_TEXT);
    changed[place % (PROOF_TEXT - 1)] ^= (char)change;
    check(holds(stake, changed) == (change == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char bytes[STAKE] = {0};
    char made[PROOF_TEXT];

    if (size < HEAD)
        return 0;
    size_t given = size - HEAD < STAKE ? size - HEAD : STAKE;
    memcpy(bytes, data + HEAD, given);
    struct stake stake = stake_of(data[0], bytes);
    proof_make(stake.key, stake.kind, stake.role, &stake.binding, made);
    check(holds(&stake, made));
    check_said(&stake, made, span_make((const char *)data + HEAD + given, size - HEAD - given));
    check_changed_proof(&stake, made, data[1], data[2]);

    bytes[data[1] % STAKE] ^= data[2];
    struct stake other = stake_of(data[0], bytes);
    check(holds(&other, made) == (data[2] == 0));
    for (uint8_t choice = 0; choice < PROOF_KINDS * PROOF_ROLES; choice++) {
        other = stake_of(choice, bytes);
        check(holds(&other, made) == (data[2] == 0 && choice == (data[0] & 3)));
    }
    return 0;
}
