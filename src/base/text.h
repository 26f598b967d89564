/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text from strangers: UTF-8 (RFC 3629) and what may reach a terminal. The property tables are
 * libunistring's, and this is the only module that knows that library.
 */
#ifndef HASHFLOW_BASE_TEXT_H
#define HASHFLOW_BASE_TEXT_H

#include "base/buffer.h"

bool text_is_utf8(struct span text); /* well-formed: no overlong forms, no surrogates */

/* No white space and no control, format or invisible character anywhere; well-formed UTF-8. */
bool text_is_one_word(struct span text);

/* Would a person take one for the other? They differ only in what is not seen, or in how the same
 * characters are composed (NFKC, UAX #15). Letters of other scripts that look alike are not
 * known. */
bool text_looks_same(struct span a, struct span b);

/* What those that look the same have in common: bytes that are equal for them and for no others, in
 * a new block that the caller frees. */
char *text_look(struct span text, size_t *length);

/*
 * Appends text to out so that a terminal shows it and obeys nothing in it. Kept: printable
 * characters, TAB, combining marks, ZWJ and ZWNJ. Escaped: C0, DEL, C1 as characters and as bytes,
 * bytes that are not UTF-8, line separators, bidi controls, tags and other invisible characters,
 * noncharacters, and the backslash itself. \x1b for a byte or a code below 0x80, \u{202e} for a
 * character, \\ for a backslash. Returns false, with out cut at a character, if out is full.
 */
bool text_escape(struct buffer *out, struct span text);

/* The longest prefix of at most max bytes that does not split a UTF-8 character. Bytes that are
 * not UTF-8 count as characters of one byte. At least 1 if text is not empty and max >= 4. */
size_t text_prefix(struct span text, size_t max);

/* The length in bytes of the character or byte at the front of text, which is not empty; *column,
 * counted from 0 at the left, moves by what it takes on a terminal. */
size_t text_step(struct span text, size_t *column);

/* Columns that text takes on a terminal. What is not shown there takes none, and each byte that is
 * not UTF-8 counts as a character. */
size_t text_columns(struct span text);

/* The longest prefix, in bytes, that takes at most so many columns and splits no character. */
size_t text_fitting(struct span text, size_t columns);

/* Appends text with U+FFFD for each byte that is not UTF-8. Returns false if out is full. */
bool text_mend(struct buffer *out, struct span text);

#endif
