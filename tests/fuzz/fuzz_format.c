/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Anything that may be given as a format. The first line is one, the rest is a text for it. What
 * was taken fills the same every time, a text passes through it unharmed, and every text can be
 * written as a format.
 */
#include "config.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "report/format.h"
#include "target.h"

enum { OUT_MAX = 64 * 1024 * 1024 };

static struct buffer filled(const struct format *f, struct span text, bool escaped)
{
    struct buffer out;
    struct span values[FORMAT_FIELDS];

    for (size_t i = 0; i < FORMAT_FIELDS; i++)
        values[i] = text;
    buffer_init(&out, OUT_MAX);
    check(format_fill(f, values, escaped, &out));
    return out;
}

static void check_fills_the_same(const struct format *f, struct span text, bool escaped)
{
    struct buffer one = filled(f, text, escaped), two = filled(f, text, escaped);

    check(span_equal(buffer_span(&one), buffer_span(&two)));
    buffer_free(&one);
    buffer_free(&two);
}

static void check_format(const char *source, struct span text)
{
    char *cause = NULL;
    struct format *f = format_new(source, &cause);

    check((f == NULL) == (cause != NULL));
    if (f != NULL) {
        check_fills_the_same(f, text, false);
        check_fills_the_same(f, text, true);
    } else {
        check(span_starts(span_of(cause), "byte ") && text_is_utf8(span_of(cause)));
    }
    free(cause);
    format_free(f);
}

static void check_passes_through(struct span text)
{
    char *cause;
    struct format *f = format_new("%p", &cause);
    struct buffer out = filled(f, text, false), harmless = filled(f, text, true);

    check(span_equal(buffer_span(&out), text));
    check(text_is_utf8(buffer_span(&harmless)));
    buffer_free(&out);
    buffer_free(&harmless);
    format_free(f);
}

/* Written with each % and \ twice, and without NUL, a text is a format for itself. */
static void check_quoted(const char *text)
{
    char *quoted = alloc_zero(2 * strlen(text) + 1, 1), *end = quoted, *cause = NULL;

    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '%' || *c == '\\')
            *end++ = *c;
        *end++ = *c;
    }
    struct format *f = format_new(quoted, &cause);
    check((f != NULL) == (strlen(quoted) <= FORMAT_MAX));
    if (f != NULL) {
        struct buffer out = filled(f, span_of("x"), false);
        check(span_is(buffer_span(&out), text));
        buffer_free(&out);
    }
    free(cause);
    format_free(f);
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    char *source = span_string(span_cut_line(&text));

    check_format(source, text);
    check_quoted(source);
    check_passes_through(text);
    free(source);
    return 0;
}
