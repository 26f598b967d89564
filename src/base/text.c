/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UTF-8 (RFC 3629) and what of it a terminal may see. Which character is what comes from
 * libunistring, whose answers do not depend on the locale; nothing here knows where text goes.
 */
#include "config.h"

#include "base/text.h"

#include <stdlib.h>

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwidth.h>

#include "base/alloc.h"

enum {
    CATEGORIES_REFUSED = UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp,
    ZERO_WIDTH_NON_JOINER = 0x200c,
    ZERO_WIDTH_JOINER = 0x200d,
    ANNOTATION_FIRST = 0xfff9, /* interlinear annotation: hides text inside text */
    ANNOTATION_LAST = 0xfffb,
    TAGS_FIRST = 0xe0000, /* the block of tags and of further variation selectors */
    TAGS_LAST = 0xe0fff,
    TAB_STOP = 8, /* columns between two tab stops */
};

static const uint8_t *bytes_of(struct span text)
{
    return (const uint8_t *)text.at;
}

/* The character at the front and its length in bytes; 0 if these bytes are not UTF-8. */
static size_t decode(struct span text, ucs4_t *character)
{
    int len = u8_mbtoucr(character, bytes_of(text), text.len);

    return len > 0 ? (size_t)len : 0;
}

static bool is_joiner(ucs4_t c)
{
    return c == ZERO_WIDTH_NON_JOINER || c == ZERO_WIDTH_JOINER;
}

static bool is_harmless(ucs4_t c)
{
    if (c < 0x80)
        return (c >= 0x20 && c != 0x7f) || c == '\t';
    if (is_joiner(c))
        return true;
    if (c >= TAGS_FIRST && c <= TAGS_LAST)
        return false;
    if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M))
        return true; /* also the variation selectors, which emoji need */
    if (c >= ANNOTATION_FIRST && c <= ANNOTATION_LAST)
        return false;
    return !uc_is_general_category_withtable(c, CATEGORIES_REFUSED) &&
           !uc_is_property(c, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT) &&
           !uc_is_property(c, UC_PROPERTY_BIDI_CONTROL) &&
           !uc_is_property(c, UC_PROPERTY_NOT_A_CHARACTER);
}

bool text_is_utf8(struct span text)
{
    return text.len == 0 || u8_check(bytes_of(text), text.len) == NULL;
}

static bool fits_in_word(ucs4_t c)
{
    return is_harmless(c) && !is_joiner(c) && !uc_is_property(c, UC_PROPERTY_WHITE_SPACE);
}

bool text_is_one_word(struct span text)
{
    if (text.len == 0)
        return false;
    while (text.len > 0) {
        ucs4_t c;
        size_t len = decode(text, &c);
        if (len == 0 || !fits_in_word(c))
            return false;
        text = span_after(text, len);
    }
    return true;
}

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.at[i] >= 0x80)
            return false;
    }
    return true;
}

/* What is seen of text, composed; malloced. */
static char *compose(struct span text, size_t *length)
{
    uint8_t *seen = alloc_zero(text.len + 1, 1);
    size_t count = 0;
    while (text.len > 0) {
        ucs4_t c = 0;
        size_t len = decode(text, &c);
        if (!uc_is_property(c, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT)) {
            memcpy(seen + count, text.at, len);
            count += len;
        }
        text = span_after(text, len);
    }
    uint8_t *composed = alloc_present(u8_normalize(UNINORM_NFKC, seen, count, NULL, length));
    free(seen);
    return (char *)composed;
}

/* ASCII is seen as it is, and bytes that are not UTF-8 look like nothing else. */
char *text_look(struct span text, size_t *length)
{
    if (!is_ascii(text) && text_is_utf8(text))
        return compose(text, length);
    char *look = alloc_zero(text.len + 1, 1);
    if (text.len > 0)
        memcpy(look, text.at, text.len);
    *length = text.len;
    return look;
}

bool text_looks_same(struct span a, struct span b)
{
    if (span_equal(a, b) || (is_ascii(a) && is_ascii(b)))
        return span_equal(a, b);
    size_t length_a, length_b;
    char *look_a = text_look(a, &length_a), *look_b = text_look(b, &length_b);
    bool same = length_a == length_b && memcmp(look_a, look_b, length_a) == 0;
    free(look_a);
    free(look_b);
    return same;
}

/* The length in bytes of the run at the front that is shown as it is. */
static size_t plain_run(struct span text)
{
    size_t run = 0;

    while (run < text.len && text.at[run] != '\\') {
        unsigned char byte = (unsigned char)text.at[run];
        ucs4_t c = byte;
        size_t len = byte < 0x80 ? 1 : decode(span_after(text, run), &c);
        if (len == 0 || !is_harmless(c))
            break;
        run += len;
    }
    return run;
}

static bool append_run(struct buffer *out, struct span run)
{
    if (buffer_append(out, run))
        return true;
    run.len = text_prefix(run, out->max - buffer_length(out));
    buffer_append(out, run);
    return false;
}

/* Appends the character or byte at the front in its escaped form; its length in bytes, or 0 if
 * out is full. */
static size_t append_escaped(struct buffer *out, struct span text)
{
    ucs4_t c = (unsigned char)text.at[0];
    size_t len = decode(text, &c);
    bool done;

    if (c == '\\')
        done = buffer_append(out, span_of("\\\\"));
    else if (len <= 1)
        done = buffer_print(out, "\\x%02x", (unsigned)(unsigned char)text.at[0]);
    else
        done = buffer_print(out, "\\u{%x}", (unsigned)c);
    return !done ? 0 : len == 0 ? 1 : len;
}

bool text_escape(struct buffer *out, struct span text)
{
    while (text.len > 0) {
        size_t run = plain_run(text);
        if (!append_run(out, span_make(text.at, run)))
            return false;
        text = span_after(text, run);
        if (text.len == 0)
            break;
        size_t len = append_escaped(out, text);
        if (len == 0)
            return false;
        text = span_after(text, len);
    }
    return true;
}

size_t text_prefix(struct span text, size_t max)
{
    if (text.len <= max)
        return text.len;
    /* A character across the cut begins at most three bytes before it. The first byte of one
     * never occurs inside another, so looking back finds it. */
    for (size_t back = 1; back <= 3 && back <= max; back++) {
        ucs4_t c;
        if (decode(span_after(text, max - back), &c) > back)
            return max - back;
    }
    return max;
}

size_t text_step(struct span text, size_t *column)
{
    ucs4_t c = (unsigned char)text.at[0];
    size_t len = decode(text, &c);
    int width = uc_width(c, "UTF-8");

    if (c == '\t')
        *column += TAB_STOP - *column % TAB_STOP;
    else if (width > 0)
        *column += (size_t)width;
    return len == 0 ? 1 : len;
}

size_t text_columns(struct span text)
{
    size_t columns = 0;

    while (text.len > 0)
        text = span_after(text, text_step(text, &columns));
    return columns;
}

size_t text_fitting(struct span text, size_t columns)
{
    size_t taken = 0, at = 0;

    while (at < text.len) {
        size_t len = text_step(span_after(text, at), &taken);
        if (taken > columns)
            break;
        at += len;
    }
    return at;
}

bool text_mend(struct buffer *out, struct span text)
{
    while (text.len > 0) {
        const uint8_t *bad = u8_check(bytes_of(text), text.len);
        size_t good = bad == NULL ? text.len : (size_t)(bad - bytes_of(text));
        if (!buffer_append(out, span_make(text.at, good)))
            return false;
        text = span_after(text, good);
        if (text.len == 0)
            break;
        if (!buffer_append(out, span_of("\uFFFD")))
            return false;
        text = span_after(text, 1);
    }
    return true;
}
