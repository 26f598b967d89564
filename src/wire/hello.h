/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What stands behind /hello: the version and key=value words, by which a node says who it is and
 * what it can. Pure.
 */
#ifndef HASHFLOW_WIRE_HELLO_H
#define HASHFLOW_WIRE_HELLO_H

#include "base/buffer.h"
#include "wire/invitation.h"
#include "wire/message.h"

enum {
    NODE_ID_MAX = 64,
    NODE_ID_TEXT = NODE_ID_MAX + 1,
    HELLO_LINE = 640, /* room for the longest /hello line of ours with its LF */
};

struct hello {
    uint64_t version;
    char node[NODE_ID_TEXT];    /* 1 to 64 of [a-z0-9]; stable over restarts */
    char name[NAME_TEXT];       /* empty if not said */
    uint64_t boot;              /* microseconds at start, above that of every earlier run */
    uint64_t epoch;             /* of the sender's numbering */
    uint64_t window;            /* bytes it takes unacknowledged; 0 if not said */
    uint16_t listen;            /* port; 0 if not said */
    bool passing;               /* caps=passing: do not remember me once I am gone */
    bool fleeting;              /* caps=fleeting: my key is of this run alone */
    bool offers_tls;            /* caps=tls, in plain text: I would rather be dialled encrypted */
    char key[FINGERPRINT_TEXT]; /* in plain text: the key that I would show then; or empty */
    /* Encrypted only; empty if not said. */
    char was[NODE_ID_TEXT];     /* the id that I had before I had a key */
    char proof[PROOF_TEXT];     /* that I have the group's secret, or the invitation */
    char former[PROOF_TEXT];    /* that I have the group's former secret */
    char invite[INVITATION_ID]; /* the invitation that the proof is of */
};

/* Unknown keys are ignored; version, node, boot and epoch are required. NULL, or a static text that
 * says what is wrong. */
const char *hello_parse(struct span words, struct hello *out);

/* Appends the words without LF. */
void hello_format(struct buffer *out, const struct hello *hello);

const char *hello_parse_node(struct span value, char out[NODE_ID_TEXT]); /* a node's id alone */

#endif
