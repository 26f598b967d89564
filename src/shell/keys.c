/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cuts keyboard bytes into pieces that the line editor can take without waiting, and filters them.
 * It does not know what any key does, and reads no clock.
 */
#include "config.h"

#include "shell/keys.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"

enum {
    ESC = 0x1b,
    DEL = 0x7f,
    READY_MAX = 2 * KEYS_PASTE_MAX, /* what whoever puts before taking can pile up */
    SHOWN_MAX = 32,                 /* the escaped form of one character */
};

#define PASTE_BEGIN "\033[200~"
#define PASTE_END   "\033[201~"
enum { MARK_LEN = sizeof PASTE_BEGIN - 1 };

struct keys {
    struct buffer held;  /* the piece that is not whole yet; in a paste its text */
    struct buffer ready; /* whole pieces */
    uint64_t last;       /* when the last byte came */

    bool pasting;       /* the begin of a paste has come, its end has not */
    bool cancelled;     /* what still comes of this paste is swallowed */
    size_t pasted;      /* bytes since the begin, kept or not */
    size_t end_matched; /* of them, at the end, bytes that may be the end mark's */
    size_t refused;

    bool taken_in_paste; /* the same, at the place up to which bytes were taken */
    size_t take_matched;
};

struct keys *keys_new(void)
{
    struct keys *k = alloc_zero(1, sizeof *k);

    buffer_init(&k->held, KEYS_PASTE_MAX);
    buffer_init(&k->ready, READY_MAX);
    return k;
}

void keys_free(struct keys *k)
{
    if (k == NULL)
        return;
    buffer_free(&k->held);
    buffer_free(&k->ready);
    free(k);
}

/* Steps through a mark that begins with ESC and holds no second one; true at its last byte. */
static bool match_step(const char *mark, size_t *matched, char byte)
{
    *matched = byte == mark[*matched] ? *matched + 1 : byte == mark[0];
    if (*matched < MARK_LEN)
        return false;
    *matched = 0;
    return true;
}

/* ---- what is let through */

static size_t length_by_lead(unsigned char lead)
{
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The length of the character at the front of s, which is not empty; of its broken beginning, if
 * something else follows; 0 if the rest may still come. */
static size_t character_length(struct span s)
{
    size_t whole = length_by_lead((unsigned char)s.at[0]);

    for (size_t i = 1; i < whole; i++) {
        if (i == s.len)
            return 0;
        if (!is_continuation(s.at[i]))
            return i;
    }
    return whole;
}

/* base/text decides what can be seen: what it would escape is not let in either. */
static bool is_shown(struct span character)
{
    struct buffer shown;

    buffer_init(&shown, SHOWN_MAX);
    bool same = text_escape(&shown, character) && span_equal(buffer_span(&shown), character);
    buffer_free(&shown);
    return same;
}

static bool is_let_into_paste(struct span character)
{
    unsigned char c = (unsigned char)character.at[0];

    if (c >= 0x80)
        return is_shown(character);
    return (c >= 0x20 && c != DEL) || c == '\t' || c == '\n' || c == '\r';
}

/* ---- pastes */

static void begin_paste(struct keys *k)
{
    k->pasting = true;
    k->cancelled = false;
    k->pasted = k->end_matched = 0;
}

static void release_paste(struct keys *k, struct span text)
{
    buffer_append(&k->ready, span_of(PASTE_BEGIN));
    while (text.len > 0) {
        size_t len = character_length(text);
        struct span character = span_make(text.at, len > 0 ? len : text.len);
        if (is_let_into_paste(character))
            buffer_append(&k->ready, character);
        text = span_after(text, character.len);
    }
    buffer_append(&k->ready, span_of(PASTE_END));
}

static void end_paste(struct keys *k, size_t mark_bytes)
{
    size_t text = k->pasted - mark_bytes;

    if (!k->cancelled && text <= KEYS_PASTE_MAX)
        release_paste(k, span_make(buffer_span(&k->held).at, text));
    else if (!k->cancelled)
        k->refused += text;
    buffer_consume(&k->held, buffer_length(&k->held));
    k->pasting = false;
}

static void put_into_paste(struct keys *k, struct span byte)
{
    k->pasted++;
    if (!k->cancelled)
        buffer_append(&k->held, byte);
    if (match_step(PASTE_END, &k->end_matched, byte.at[0]))
        end_paste(k, MARK_LEN);
}

/* ---- typed keys */

/* ECMA-48, 5.4: parameters and intermediates, then a final byte. */
static size_t control_sequence_length(struct span s)
{
    size_t i = 2;

    while (i < s.len && s.at[i] >= 0x20 && s.at[i] <= 0x3f)
        i++;
    if (i == s.len)
        return s.len < KEYS_SEQUENCE_MAX ? 0 : s.len;
    return s.at[i] >= 0x40 && s.at[i] <= 0x7e ? i + 1 : i;
}

/* The length of the piece at the front of s, which is not empty; 0 if the rest may still come. */
static size_t piece_length(struct span s)
{
    if (s.at[0] != ESC)
        return character_length(s);
    if (s.len == 1)
        return 0;
    switch (s.at[1]) {
    case ESC: return 1;
    case '[': return control_sequence_length(s);
    case 'O': return s.len < 3 ? 0 : 3;
    default: break;
    }
    size_t meta = character_length(span_after(s, 1));
    return meta == 0 ? 0 : 1 + meta;
}

static void settle(struct keys *k, struct span piece)
{
    struct span character = span_after(piece, piece.len > 1 && piece.at[0] == ESC);

    if (span_is(piece, PASTE_BEGIN))
        begin_paste(k);
    else if (span_is(piece, PASTE_END))
        return; /* of a paste that was given up */
    else if ((unsigned char)character.at[0] < 0x80 || is_shown(character))
        buffer_append(&k->ready, piece);
}

static void put_typed(struct keys *k, struct span byte)
{
    buffer_append(&k->held, byte);
    while (buffer_length(&k->held) > 0) {
        size_t len = piece_length(buffer_span(&k->held));
        if (len == 0)
            break;
        settle(k, span_make(buffer_span(&k->held).at, len));
        buffer_consume(&k->held, len);
    }
}

void keys_put(struct keys *k, struct span bytes, uint64_t now)
{
    k->last = now;
    for (size_t i = 0; i < bytes.len; i++) {
        struct span byte = span_make(bytes.at + i, 1);
        if (k->pasting)
            put_into_paste(k, byte);
        else
            put_typed(k, byte);
    }
}

/* ---- time */

uint64_t keys_due(const struct keys *k)
{
    if (k->pasting)
        return k->last + (k->cancelled ? KEYS_WAIT_US : KEYS_PASTE_WAIT_US);
    return buffer_length(&k->held) > 0 ? k->last + KEYS_WAIT_US : 0;
}

void keys_expire(struct keys *k, uint64_t now)
{
    if (keys_due(k) == 0 || now < keys_due(k))
        return;
    if (k->pasting) {
        end_paste(k, k->end_matched);
        return;
    }
    struct span held = buffer_span(&k->held);
    if (held.at[0] == ESC) {
        while (held.len > 1 && (unsigned char)held.at[held.len - 1] >= 0x80)
            held.len--; /* half a character after it */
        buffer_append(&k->ready, held);
    }
    buffer_consume(&k->held, buffer_length(&k->held));
}

/* ---- out */

size_t keys_ready(const struct keys *k)
{
    return buffer_length(&k->ready);
}

int keys_take(struct keys *k)
{
    if (keys_ready(k) == 0)
        return -1;
    char byte = buffer_span(&k->ready).at[0];
    buffer_consume(&k->ready, 1);
    if (match_step(k->taken_in_paste ? PASTE_END : PASTE_BEGIN, &k->take_matched, byte))
        k->taken_in_paste = !k->taken_in_paste;
    return (unsigned char)byte;
}

bool keys_in_paste(const struct keys *k)
{
    return k->taken_in_paste;
}

void keys_cancel(struct keys *k)
{
    buffer_consume(&k->held, buffer_length(&k->held));
    buffer_consume(&k->ready, buffer_length(&k->ready));
    k->cancelled = true;
    k->taken_in_paste = false;
    k->take_matched = 0;
}

size_t keys_refused(struct keys *k)
{
    size_t refused = k->refused;

    k->refused = 0;
    return refused;
}
