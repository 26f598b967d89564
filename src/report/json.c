/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The style for programs that read JSON: an object a line, its keys always in the same order. Text
 * that is not UTF-8 cannot stand in JSON; it is there as far as it can be read, and exactly in
 * base64. This is the only file that knows jansson.
 */
#include "config.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/text.h"
#include "report/internal.h"
#include "report/stamp.h"

enum {
    DIGITS = 16, /* of a number with a fraction: as many as a double has */
    KEY_MAX = 32,
    READABLE_MAX = 6 * 1024 * 1024, /* bytes of a text that was mended or is in base64 */
};

/* --- values --- */

static void add_string(json_t *object, const char *key, struct span utf8)
{
    json_object_set_new_nocheck(object, key, json_stringn_nocheck(utf8.at, utf8.len));
}

static json_t *readable(struct span text)
{
    struct buffer mended;
    buffer_init(&mended, READABLE_MAX);
    text_mend(&mended, text);
    json_t *string = json_stringn_nocheck(buffer_span(&mended).at, buffer_length(&mended));
    buffer_free(&mended);
    return string;
}

static void add_exactly(json_t *object, const char *key, struct span text)
{
    struct buffer base64;
    char *exact = alloc_print("%s_base64", key);
    buffer_init(&base64, READABLE_MAX);
    base64_append(&base64, text);
    json_object_set_new_nocheck(object, key, readable(text));
    add_string(object, exact, buffer_span(&base64));
    buffer_free(&base64);
    free(exact);
}

static void add_text(json_t *object, const char *key, struct span text)
{
    if (text_is_utf8(text))
        add_string(object, key, text);
    else
        add_exactly(object, key, text);
}

/* What the lines of a script have a dash for is null here. */
static void add_known(json_t *object, const char *key, struct span text)
{
    if (text.len == 0 || span_is(text, "-"))
        json_object_set_new_nocheck(object, key, json_null());
    else
        add_text(object, key, text);
}

static void add_known_string(json_t *object, const char *key, const char *text)
{
    add_known(object, key, span_of(text != NULL ? text : ""));
}

/* The number at the front of text, whose unit the key names. */
static void add_number(json_t *object, const char *key, struct span text)
{
    char *end, *copy = span_string(text);
    double real = strtod(copy, &end);
    uint64_t whole;
    json_t *number = json_null();
    if (span_number(text, &whole) && whole <= INT64_MAX)
        number = json_integer((json_int_t)whole);
    else if (end != copy)
        number = json_real(real);
    json_object_set_new_nocheck(object, key, number);
    free(copy);
}

static void add_list(json_t *object, const char *key, const struct span *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, readable(texts[i]));
    json_object_set_new_nocheck(object, key, list);
}

/* --- records --- */

/* So that no call of jansson's can fail for want of memory. */
static void *allocate(size_t size)
{
    return alloc_resize(NULL, size, 1);
}

static json_t *record(const char *type)
{
    json_set_alloc_funcs(allocate, free);
    json_t *object = json_object();
    add_string(object, "type", span_of(type));
    return object;
}

static void add_time(json_t *object)
{
    char stamp[STAMP_TEXT];
    uint64_t now = clock_wall_us();
    stamp_print(now, true, stamp);
    add_string(object, "time", span_of(stamp));
    json_object_set_new_nocheck(object, "unix", json_real((double)now / 1e6));
}

/* A terminal gets ASCII alone, and no DEL, which JSON leaves as it is and only strings have. */
static int take(const char *bytes, size_t len, void *arg)
{
    struct report *r = arg;
    struct span rest = span_make(bytes, len);
    while (r->config.ascii && rest.len > 0) {
        const char *found = memchr(rest.at, 0x7f, rest.len);
        if (found == NULL)
            break;
        buffer_append(&r->line, span_make(rest.at, (size_t)(found - rest.at)));
        line_add(r, "\\u007F");
        rest = span_after(rest, (size_t)(found - rest.at) + 1);
    }
    return buffer_append(&r->line, rest) ? 0 : -1;
}

static void write_record(struct report *r, json_t *object)
{
    size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(DIGITS);
    int done =
        json_dump_callback(object, take, r, flags | (r->config.ascii ? JSON_ENSURE_ASCII : 0));
    assert(done == 0);
    (void)done;
    json_decref(object);
    line_end(r);
}

static void add_who(json_t *object, const struct event *e)
{
    add_string(object, "address", span_of(e->address));
    add_known_string(object, "name", e->name);
    add_known_string(object, "node", e->node);
    json_object_set_new_nocheck(object, "plain", json_boolean(e->plain));
}

static void write_message(struct report *r, const struct event *e)
{
    char id[REPORT_ID_TEXT];
    json_t *object = record("message");
    add_time(object);
    add_who(object, e);
    add_string(object, "kind", span_of(report_kind(e)));
    add_known(object, "id", report_id(&e->id, id));
    add_text(object, "text", e->text);
    write_record(r, object);
}

static json_t *event_record(const char *word)
{
    json_t *object = record("event");
    add_string(object, "event", span_of(word));
    add_time(object);
    return object;
}

static void write_event(struct report *r, const char *word, const char *phrase,
                        const struct event *e)
{
    (void)phrase;
    json_t *object = event_record(word);
    add_who(object, e);
    if (e->kind == EVENT_NAME)
        add_known_string(object, "former", e->former);
    if (e->kind == EVENT_DOWN || e->kind == EVENT_UNREACHABLE)
        add_known_string(object, "cause", e->cause);
    write_record(r, object);
}

static void write_receipt(struct report *r, const char *word, const struct event *e)
{
    char id[REPORT_ID_TEXT];
    json_t *object = event_record(word);
    add_who(object, e);
    add_known(object, "id", report_id(&e->id, id));
    write_record(r, object);
}

/* --- replies --- */

/* A key says by its end what its field is: ? unknown if it is a dash, ! that too and the name of a
 * peer, # a number, [] all that are left; otherwise it is text. */
static void add_field(json_t *object, struct span key, const struct span *fields, size_t count,
                      bool plain)
{
    char name[KEY_MAX];
    char end = key.at[key.len - 1];
    struct span field = count > 0 ? fields[0] : span_of("");
    key.len -= end == ']' ? 2 : strchr("?!#", end) != NULL;
    span_copy(key, name, sizeof name);
    if (end == ']')
        add_list(object, name, fields, count);
    else if (end == '#')
        add_number(object, name, field);
    else if (end == '?' || end == '!')
        add_known(object, name, field);
    else
        add_text(object, name, field);
    if (end == '!')
        json_object_set_new_nocheck(object, "plain", json_boolean(plain));
}

static void write_reply(struct report *r, const char *command, const struct span *fields,
                        size_t count, bool plain)
{
    const char *keys = r->config.keys != NULL ? r->config.keys(command) : NULL;
    struct span rest = span_of(keys != NULL ? keys : "fields[]");
    json_t *object = record("reply");
    add_string(object, "command", span_of(command));
    while (rest.len > 0) {
        add_field(object, span_cut_word(&rest), fields, count, plain);
        fields += count > 0;
        count -= count > 0;
    }
    write_record(r, object);
}

const struct style style_json = {
    .message = write_message,
    .event = write_event,
    .receipt = write_receipt,
    .reply = write_reply,
};
