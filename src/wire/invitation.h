/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An invitation as one line of text, hashflow://HOST:PORT[,HOST:PORT]/FINGERPRINT/TOKEN: where the
 * inviter is, the key it must show, and a token that works once. Pure.
 */
#ifndef HASHFLOW_WIRE_INVITATION_H
#define HASHFLOW_WIRE_INVITATION_H

#include "base/buffer.h"
#include "wire/address.h"
#include "wire/proof.h"

enum {
    INVITATION_ADDRESSES = 8,
    INVITATION_TOKEN_BYTES = 16,
    INVITATION_TOKEN = BASE32_TEXT(INVITATION_TOKEN_BYTES), /* 26 characters */
    INVITATION_ID = INVITATION_TOKEN,
    INVITATION_LINE = 2304, /* room for any invitation and its NUL */
};

#define INVITATION_SCHEME "hashflow://" /* how each begins */

struct invitation {
    char places[INVITATION_ADDRESSES][ADDRESS_PLACE]; /* HOST:PORT or [IPv6]:PORT, in order */
    size_t place_count;
    char fingerprint[FINGERPRINT_TEXT];
    char token[INVITATION_TOKEN];
};

/* Blanks around it are ignored. false with *cause, a static text. */
bool invitation_parse(struct span text, struct invitation *out, const char **cause);
void invitation_format(struct buffer *out, const struct invitation *invitation); /* no LF */

/* What the inviter keeps instead of the token: by what it is found, and the key of its proofs
 * (SHA-256 of the token's bytes; the id is the beginning of SHA-256 of that). */
void invitation_key(const char token[INVITATION_TOKEN], unsigned char key[PROOF_KEY_BYTES]);
void invitation_id(const unsigned char key[PROOF_KEY_BYTES], char id[INVITATION_ID]);

#endif
