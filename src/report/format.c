/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A format becomes a list of pieces, each a field with its layout or a run of plain characters.
 */
#include "config.h"

#include "report/format.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"

_Static_assert(FORMAT_MAX == 4096 && FORMAT_WIDTH_MAX == 1000, "the complaints name them");

struct piece {
    bool is_field;
    enum format_field field;
    bool left, zeros;
    size_t width;
    size_t precision;  /* SIZE_MAX for everything */
    size_t start, len; /* a run of plain characters: where in the literals */
};

struct format {
    struct piece pieces[FORMAT_PIECES_MAX];
    size_t count;
    size_t used; /* of the literals */
    char literals[FORMAT_MAX];
};

static const char letters[FORMAT_FIELDS + 1] = {
    [FORMAT_ADDRESS] = 'a', [FORMAT_NAME] = 'n',     [FORMAT_NODE] = 'N', [FORMAT_KIND] = 'k',
    [FORMAT_PAYLOAD] = 'p', [FORMAT_LENGTH] = 'l',   [FORMAT_ID] = 'i',   [FORMAT_TIME] = 't',
    [FORMAT_UNIX] = 'U',    [FORMAT_SECURITY] = 's',
};

/* --- reading --- */

struct reader {
    struct format *format;
    const char *at;
    const char *wrong; /* what, first of all; NULL as long as nothing is */
    const char *place; /* of that */
};

static void object(struct reader *r, const char *wrong)
{
    if (r->wrong != NULL)
        return;
    r->wrong = wrong;
    r->place = r->at;
}

static struct piece *add_piece(struct reader *r, struct piece piece)
{
    struct format *f = r->format;
    if (f->count == FORMAT_PIECES_MAX) {
        object(r, "too many fields");
        return NULL;
    }
    f->pieces[f->count] = piece;
    return &f->pieces[f->count++];
}

static void add_literal(struct reader *r, char c)
{
    struct format *f = r->format;
    struct piece *last = f->count > 0 ? &f->pieces[f->count - 1] : NULL;
    if (last == NULL || last->is_field)
        last = add_piece(r, (struct piece){.start = f->used});
    if (last == NULL)
        return;
    f->literals[f->used++] = c;
    last->len++;
}

static void read_escape(struct reader *r)
{
    static const char names[] = "ntr0\\", characters[] = "\n\t\r\0\\";
    const char *found = r->at[1] != '\0' ? strchr(names, r->at[1]) : NULL;
    if (found == NULL) {
        object(r, "behind a backslash use n, t, r, 0 or another one");
        return;
    }
    add_literal(r, characters[found - names]);
    r->at += 2;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t read_number(struct reader *r, const char **at)
{
    size_t number = 0;
    for (; is_digit(**at); (*at)++) {
        number = number * 10 + (size_t)(**at - '0');
        if (number > FORMAT_WIDTH_MAX) {
            object(r, "at most 1000 columns");
            return 0;
        }
    }
    return number;
}

static void read_field(struct reader *r)
{
    struct piece piece = {.is_field = true, .precision = SIZE_MAX};
    const char *at = r->at + 1;
    piece.left = *at == '-';
    piece.zeros = *at == '0';
    at += piece.left || piece.zeros;
    piece.width = read_number(r, &at);
    if (*at == '.') {
        at++;
        if (!is_digit(*at))
            object(r, "a number is needed behind the point");
        piece.precision = read_number(r, &at);
    }
    const char *found = *at != '\0' ? strchr(letters, *at) : NULL;
    if (found == NULL) {
        object(r, "use %a, %n, %N, %k, %p, %l, %i, %t, %U, %s or %%");
        return;
    }
    piece.field = (enum format_field)(found - letters);
    add_piece(r, piece);
    r->at = at + 1;
}

static void read_piece(struct reader *r)
{
    if (r->at[0] == '\\') {
        read_escape(r);
    } else if (r->at[0] == '%' && r->at[1] == '%') {
        add_literal(r, '%');
        r->at += 2;
    } else if (r->at[0] == '%') {
        read_field(r);
    } else {
        add_literal(r, *r->at++);
    }
}

struct format *format_new(const char *text, char **cause)
{
    struct format *f = alloc_zero(1, sizeof *f);
    struct reader r = {.format = f, .at = text};
    if (strlen(text) > FORMAT_MAX)
        object(&r, "at most 4096 bytes");
    while (r.wrong == NULL && *r.at != '\0')
        read_piece(&r);
    if (r.wrong == NULL)
        return f;
    *cause = alloc_print("byte %zu: %s", (size_t)(r.place - text) + 1, r.wrong);
    format_free(f);
    return NULL;
}

void format_free(struct format *f)
{
    free(f);
}

/* --- filling --- */

static bool append_padding(struct buffer *out, char with, size_t count)
{
    while (count-- > 0) {
        if (!buffer_append(out, span_make(&with, 1)))
            return false;
    }
    return true;
}

static bool append_value(struct buffer *out, const struct piece *piece, struct span value)
{
    if (piece->precision != SIZE_MAX)
        value.len = text_fitting(value, piece->precision);
    size_t columns = piece->width > 0 ? text_columns(value) : 0;
    size_t missing = columns < piece->width ? piece->width - columns : 0;
    return append_padding(out, piece->zeros ? '0' : ' ', piece->left ? 0 : missing) &&
           buffer_append(out, value) && append_padding(out, ' ', piece->left ? missing : 0);
}

static bool append_escaped(struct buffer *out, const struct piece *piece, struct span value)
{
    struct buffer harmless;
    buffer_init(&harmless, out->max);
    bool done = text_escape(&harmless, value) && append_value(out, piece, buffer_span(&harmless));
    buffer_free(&harmless);
    return done;
}

bool format_fill(const struct format *f, const struct span values[FORMAT_FIELDS], bool escaped,
                 struct buffer *out)
{
    bool done = true;
    for (size_t i = 0; i < f->count && done; i++) {
        const struct piece *piece = &f->pieces[i];
        if (!piece->is_field)
            done = buffer_append(out, span_make(f->literals + piece->start, piece->len));
        else if (escaped)
            done = append_escaped(out, piece, values[piece->field]);
        else
            done = append_value(out, piece, values[piece->field]);
    }
    return done;
}
