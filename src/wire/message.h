/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain form of a message: IP:PORT SP NAME SP TEXT. It is what one-shot and stream peers
 * speak and what stdout shows. Also what a name may be, and where a long text is cut for a
 * one-shot peer. Pure.
 */
#ifndef HASHFLOW_WIRE_MESSAGE_H
#define HASHFLOW_WIRE_MESSAGE_H

#include "base/buffer.h"
#include "wire/address.h"

enum {
    MESSAGE_TEXT_MAX = 65000,   /* bytes of TEXT on every path; longer is refused whole */
    MESSAGE_ONESHOT_MAX = 1024, /* header and text together towards a one-shot peer */
    NAME_MAX_BYTES = 64,
    NAME_TEXT = NAME_MAX_BYTES + 1,
};

enum message_kind {
    MESSAGE_CHAT,
    MESSAGE_CONNECTED, /* the text is "Connected": a greeting */
    MESSAGE_EXIT,      /* the text is "exit" in any case: the sender named has left */
};

struct message {
    struct address from; /* as claimed */
    struct span name;    /* as received, at least 1 byte; show it through name_shown() */
    struct span text;
    enum message_kind kind;
};

/* true if the header is complete: address, one space, a name without spaces, one space. The spans
 * borrow from line. A text over MESSAGE_TEXT_MAX still parses: the caller refuses it. */
bool message_parse(struct span line, struct message *out);

/* Appends the form without LF. */
bool message_format(struct buffer *out, const struct address *me, const char *name,
                    struct span text);

/* How many bytes of text the next one-shot message takes so that header and text stay within
 * MESSAGE_ONESHOT_MAX and no character is split; header is the length of "IP:PORT NAME ". */
size_t message_piece(struct span text, size_t header);

/* May we be called so? 1 to 64 bytes of UTF-8 without space or control, not "all", "you" or "-", no
 * "@" and no "~", not beginning with "/", "!" or "*", not an address. On false *cause is a static
 * text: what is wrong. */
bool name_check(struct span name, const char **cause);

/* What a received name is shown as: itself, or "-" if name_check refuses it. Fills out. */
void name_shown(struct span name, char out[NAME_TEXT]);

#endif
