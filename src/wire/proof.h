/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How two nodes prove to each other, inside an encrypted connection, that they share a secret,
 * without saying it: HMAC-SHA-256 over who dials, who listens and what only this connection has
 * (its exporter, RFC 9266). So a proof is worth nothing on another connection, in the other
 * direction or for another kind of secret. Pure.
 */
#ifndef HASHFLOW_WIRE_PROOF_H
#define HASHFLOW_WIRE_PROOF_H

#include "base/fingerprint.h"

enum {
    PROOF_KEY_BYTES = DIGEST_BYTES,
    PROOF_EXPORTER_BYTES = 32,
    PROOF_TEXT = BASE32_TEXT(DIGEST_BYTES),
    GROUP_TEXT = BASE32_TEXT(PROOF_KEY_BYTES), /* a secret as text */
    GROUP_SECRETS = 2,
};

enum proof_kind { PROOF_GROUP, PROOF_INVITATION, PROOF_KINDS };
enum proof_role { PROOF_DIAL, PROOF_ANSWER, PROOF_ROLES };

struct proof_binding {
    char dialer[FINGERPRINT_TEXT], listener[FINGERPRINT_TEXT];
    unsigned char exporter[PROOF_EXPORTER_BYTES];
};

void proof_make(const unsigned char key[PROOF_KEY_BYTES], enum proof_kind kind,
                enum proof_role role, const struct proof_binding *binding, char out[PROOF_TEXT]);
bool proof_holds(const unsigned char key[PROOF_KEY_BYTES], enum proof_kind kind,
                 enum proof_role role, const struct proof_binding *binding, const char *proof);

/* The secrets of a group, the present one first; the former one counts during a change. */
struct group {
    unsigned char secrets[GROUP_SECRETS][PROOF_KEY_BYTES];
    size_t count; /* 0: no group, the door is open */
};

#endif
