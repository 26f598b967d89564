/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anything that may be pasted for an invitation. What is taken is written in one form, comes back
 * the same from it, and has no byte in it that a terminal or a shell would obey.
 */
#include "config.h"

#include <stdlib.h>

#include "target.h"
#include "wire/invitation.h"

static void check_place(const char *place)
{
    char host[ADDRESS_HOST];
    const char *cause;
    uint16_t port;
    bool split = address_split(span_of(place), host, &port, &cause);

    check(split && port != 0);
}

static void check_token(const struct invitation *invitation)
{
    unsigned char key[PROOF_KEY_BYTES];
    char id[INVITATION_ID];

    invitation_key(invitation->token, key);
    invitation_id(key, id);
    check(strlen(id) == INVITATION_ID - 1 && strcmp(id, invitation->token) != 0);
}

static void check_comes_back(const struct invitation *invitation)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._:/,[]%";
    struct invitation again;
    struct buffer line, line_again;
    const char *cause;

    buffer_init(&line, INVITATION_LINE - 1);
    invitation_format(&line, invitation);
    struct span text = buffer_span(&line);
    for (size_t i = 0; i < text.len; i++)
        check(text.at[i] != '\0' && strchr(allowed, text.at[i]) != NULL);
    bool taken = invitation_parse(text, &again, &cause);
    check(taken);
    buffer_init(&line_again, INVITATION_LINE - 1);
    invitation_format(&line_again, &again);
    check(span_equal(text, buffer_span(&line_again)));
    buffer_free(&line_again);
    buffer_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct invitation invitation;
    const char *cause = NULL;

    if (!invitation_parse(span_make((const char *)data, size), &invitation, &cause)) {
        check(cause != NULL);
        return 0;
    }
    check(invitation.place_count >= 1 && invitation.place_count <= INVITATION_ADDRESSES);
    check(fingerprint_is(span_of(invitation.fingerprint)));
    for (size_t i = 0; i < invitation.place_count; i++)
        check_place(invitation.places[i]);
    check_token(&invitation);
    check_comes_back(&invitation);
    return 0;
}
