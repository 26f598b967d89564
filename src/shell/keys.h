/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keyboard bytes between the terminal and the line editor. Bytes come in as read(2) cut them and
 * go out in whole pieces: a character, an escape sequence, a bracketed paste with both its marks.
 * So the editor never begins what it would have to wait for. Pure: time is an argument. It does
 * not know the editor.
 *
 * Left out on the way: bytes that are not UTF-8, C1 and bidi controls, invisible characters (as in
 * base/text.h), and in a paste every control character but TAB, CR and LF.
 */
#ifndef HASHFLOW_SHELL_KEYS_H
#define HASHFLOW_SHELL_KEYS_H

#include "base/span.h"

enum {
    KEYS_SEQUENCE_MAX = 32,       /* bytes; a longer escape sequence goes out as it is */
    KEYS_PASTE_MAX = 128 * 1024,  /* bytes; a longer paste is refused whole */
    KEYS_WAIT_US = 100 * 1000,    /* the rest of a sequence comes within this, or not at all */
    KEYS_PASTE_WAIT_US = 3000000, /* so long after its last byte a paste counts as ended */
};

struct keys;

struct keys *keys_new(void);
void keys_free(struct keys *k); /* accepts NULL */

/* now: monotonic microseconds, here and below. A few KiB at a time; take everything in between, or
 * what does not fit is dropped. */
void keys_put(struct keys *k, struct span bytes, uint64_t now);

/* When keys_expire() is to be called; 0 while nothing is held back. */
uint64_t keys_due(const struct keys *k);

/* Gives up waiting for what is overdue: a lone ESC goes out, half a character is dropped, a paste
 * without an end gets one. */
void keys_expire(struct keys *k, uint64_t now);

size_t keys_ready(const struct keys *k);  /* bytes that can be taken now */
int keys_take(struct keys *k);            /* the next of them, 0 to 255; -1 if there is none */
bool keys_in_paste(const struct keys *k); /* the byte taken last came from inside a paste */

/* Forgets everything that has not been taken. The rest of a paste that is coming in is swallowed,
 * or its lines would be taken for typed ones. */
void keys_cancel(struct keys *k);

/* Bytes of pastes longer than KEYS_PASTE_MAX that came to their end since the last call. */
size_t keys_refused(struct keys *k);

#endif
