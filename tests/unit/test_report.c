/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The same news in each style: the grammar of stdout, a format, JSON that is read back, and what a
 * terminal gets.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/report.h"
#include "shell/answers.h"

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

enum { OUT_MAX = 1024 * 1024 };

static const struct event message = {
    .kind = EVENT_MESSAGE,
    .address = "10.0.0.1:7216",
    .name = "zo\xc3\xab",
    .node = "abc",
    .scope = SCOPE_DIRECT,
    .id = {"abc", 3, 4},
    .text = {"hello", 5},
};

/* What was printed, and how many diagnostics were said. */
struct heard {
    struct buffer out;
    int said;
};

static void take(void *arg, const struct span *parts, size_t count)
{
    struct heard *h = arg;
    for (size_t i = 0; i < count; i++)
        assert_true(buffer_append(&h->out, parts[i]));
}

static void take_said(void *arg, enum log_level level, const char *line)
{
    struct heard *h = arg;
    (void)level;
    assert_true(line[0] != '\0');
    h->said++;
}

static void hear(const struct report_config *config, const struct event *e, struct heard *out)
{
    const struct report_sink sink = {take, take_said, out};
    struct report *r = report_new(config, &sink);
    *out = (struct heard){0};
    buffer_init(&out->out, OUT_MAX);
    report_event(r, e);
    report_free(r);
}

static void check(const struct report_config *config, const struct event *e, struct span expected)
{
    struct heard heard;
    hear(config, e, &heard);
    if (!span_equal(buffer_span(&heard.out), expected))
        fail_msg("printed \"%.*s\"", (int)buffer_length(&heard.out), buffer_span(&heard.out).at);
    buffer_free(&heard.out);
}

static void the_grammar_of_scripts(void **state)
{
    struct event plain = message, up = message, sent = message;
    (void)state;
    plain.name = "-";
    plain.id.node = NULL;
    plain.text = TEXT("a\tb \xff\\");
    up.kind = EVENT_UP;
    sent.kind = EVENT_SENT;
    check(&(struct report_config){0}, &message, TEXT("10.0.0.1:7216 zo\xc3\xab hello\n"));
    check(&(struct report_config){0}, &plain, TEXT("10.0.0.1:7216 - a\tb \xff\\\n"));
    check(&(struct report_config){.ids = true}, &message,
          TEXT("10.0.0.1:7216 zo\xc3\xab abc.3.4 hello\n"));
    check(&(struct report_config){.ids = true}, &plain, TEXT("10.0.0.1:7216 - - a\tb \xff\\\n"));
    check(&(struct report_config){.nul = true}, &message, TEXT("10.0.0.1:7216 zo\xc3\xab hello\0"));
    check(&(struct report_config){0}, &up, TEXT(""));
    check(&(struct report_config){.events = true}, &up, TEXT("* up 10.0.0.1:7216 zo\xc3\xab\n"));
    check(&(struct report_config){.events = true, .nul = true}, &sent,
          TEXT("* sent abc.3.4 10.0.0.1:7216\0"));
}

static void timestamps(void **state)
{
    struct heard heard;
    (void)state;
    setenv("TZ", "XXX-1", 1);
    hear(&(struct report_config){.timestamps = true}, &message, &heard);
    struct span rest = buffer_span(&heard.out);
    struct span stamp = span_cut_word(&rest);
    assert_int_equal(stamp.len, strlen("2026-01-01T12:00:00.123+01:00"));
    assert_true(span_is(span_after(stamp, stamp.len - 6), "+01:00"));
    assert_true(span_is(rest, "10.0.0.1:7216 zo\xc3\xab hello\n"));
    buffer_free(&heard.out);
}

static void a_format_is_for_messages_alone(void **state)
{
    char *cause;
    struct format *f = format_new("%k|%s|%N|%i|%l|%p|", &cause);
    struct report_config config = {.format = f, .events = true};
    struct event plain = message, up = message;
    (void)state;
    plain.node = "";
    plain.plain = true;
    plain.id.node = NULL;
    plain.scope = SCOPE_BROADCAST;
    plain.text = TEXT("\xff\t\"\\");
    up.kind = EVENT_UP;
    check(&config, &message, TEXT("msg|tls|abc|abc.3.4|5|hello|\n"));
    check(&config, &plain, TEXT("bcast|plain|-|-|4|\xff\t\"\\|\n"));
    check(&config, &up, TEXT("* up 10.0.0.1:7216 zo\xc3\xab\n"));
    config.nul = true;
    check(&config, &message, TEXT("msg|tls|abc|abc.3.4|5|hello|\0"));
    config = (struct report_config){.style = REPORT_PEOPLE, .format = f};
    check(&config, &plain, TEXT("bcast|plain|-|-|4|\\xff\t\"\\\\|\n"));
    format_free(f);
}

/* --- JSON --- */

static json_t *read_record(struct span line)
{
    json_error_t error;
    assert_true(line.len > 1 && line.at[line.len - 1] == '\n');
    assert_null(memchr(line.at, '\n', line.len - 1));
    json_t *object = json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        fail_msg("%s: %.*s", error.text, (int)line.len, line.at);
    return object;
}

static json_t *json_of(const struct report_config *config, const struct event *e)
{
    struct heard heard;
    hear(config, e, &heard);
    json_t *object = read_record(buffer_span(&heard.out));
    buffer_free(&heard.out);
    return object;
}

static void check_keys(json_t *object, const char *expected)
{
    struct buffer keys;
    const char *key;
    json_t *value;
    buffer_init(&keys, OUT_MAX);
    json_object_foreach(object, key, value) buffer_print(&keys, "%s ", key);
    if (!span_is(buffer_span(&keys), expected))
        fail_msg("the keys are %.*s", (int)buffer_length(&keys), buffer_span(&keys).at);
    buffer_free(&keys);
}

static void check_string(json_t *object, const char *key, struct span expected)
{
    json_t *string = json_object_get(object, key);
    assert_true(json_is_string(string));
    assert_true(
        span_equal(span_make(json_string_value(string), json_string_length(string)), expected));
}

static const struct report_config json = {
    .style = REPORT_JSON, .events = true, .keys = answer_keys};

static void a_message_is_an_object(void **state)
{
    (void)state;
    json_t *object = json_of(&json, &message);
    check_keys(object, "type time unix address name node plain kind id text ");
    check_string(object, "type", TEXT("message"));
    check_string(object, "address", TEXT("10.0.0.1:7216"));
    check_string(object, "name", TEXT("zo\xc3\xab"));
    check_string(object, "node", TEXT("abc"));
    check_string(object, "kind", TEXT("msg"));
    check_string(object, "id", TEXT("abc.3.4"));
    assert_true(json_is_false(json_object_get(object, "plain")));
    check_string(object, "text", TEXT("hello"));
    assert_true(json_real_value(json_object_get(object, "unix")) > 1.7e9);
    json_decref(object);
}

static void what_is_not_known_is_null(void **state)
{
    struct event plain = message;
    (void)state;
    plain.name = "-";
    plain.node = NULL;
    plain.id.node = NULL;
    plain.text = TEXT("-");
    plain.plain = true;
    json_t *object = json_of(&json, &plain);
    check_keys(object, "type time unix address name node plain kind id text ");
    assert_true(json_is_null(json_object_get(object, "name")));
    assert_true(json_is_null(json_object_get(object, "node")));
    assert_true(json_is_null(json_object_get(object, "id")));
    assert_true(json_is_true(json_object_get(object, "plain")));
    check_string(object, "text", TEXT("-"));
    json_decref(object);
}

static void check_text(struct span text, bool ascii)
{
    struct report_config config = json;
    struct event e = message;
    struct heard heard;
    config.ascii = ascii;
    e.text = text;
    hear(&config, &e, &heard);
    struct span line = buffer_span(&heard.out);
    for (size_t i = 0; ascii && i + 1 < line.len; i++)
        assert_true(line.at[i] >= 0x20 && line.at[i] < 0x7f);
    json_t *object = read_record(line);
    check_keys(object, "type time unix address name node plain kind id text ");
    check_string(object, "text", text);
    json_decref(object);
    buffer_free(&heard.out);
}

static void every_text_comes_back(void **state)
{
    static const struct span texts[] = {
        TEXT(""),
        TEXT("a\tb"),
        TEXT("\"quoted\" \\ \\\\ /"),
        TEXT("\r\v\f\b"),
        TEXT("\033[2J\x7f"),
        TEXT("\xc2\x9b"),
        TEXT("\xf0\x9f\x91\x8b \xe2\x80\xae"),
        TEXT("\xef\xbf\xbf\xf4\x8f\xbf\xbf"),
        TEXT("\x7f\x7f"),
        TEXT("\\u0000 \\n"),
        TEXT("\x01\x1f "),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        check_text(texts[i], false);
        check_text(texts[i], true);
    }
}

static void bytes_that_are_no_utf8_come_with_base64(void **state)
{
    struct event e = message;
    (void)state;
    e.text = TEXT("caf\xe9");
    json_t *object = json_of(&json, &e);
    check_keys(object, "type time unix address name node plain kind id text text_base64 ");
    check_string(object, "text", TEXT("caf\uFFFD"));
    check_string(object, "text_base64", TEXT("Y2Fm6Q=="));
    json_decref(object);
}

static void the_largest_text(void **state)
{
    static char text[65000];
    struct event e = message;
    (void)state;
    memset(text, 1, sizeof text);
    check_text(span_make(text, sizeof text), false);
    memset(text, 0xff, sizeof text);
    e.text = span_make(text, sizeof text);
    json_t *object = json_of(&json, &e);
    assert_int_equal(json_string_length(json_object_get(object, "text")), 3 * sizeof text);
    json_decref(object);
}

static void events_and_receipts(void **state)
{
    struct event e = message;
    (void)state;
    e.kind = EVENT_UP;
    e.cause = "";
    json_t *object = json_of(&json, &e);
    check_keys(object, "type event time unix address name node plain ");
    check_string(object, "event", TEXT("up"));
    json_decref(object);
    e.kind = EVENT_DOWN;
    e.cause = "silent \xff";
    object = json_of(&json, &e);
    check_keys(object, "type event time unix address name node plain cause cause_base64 ");
    json_decref(object);
    e.kind = EVENT_NAME;
    e.former = "old";
    object = json_of(&json, &e);
    check_keys(object, "type event time unix address name node plain former ");
    json_decref(object);
    e.kind = EVENT_DELIVERED;
    object = json_of(&json, &e);
    check_keys(object, "type event time unix address name node plain id ");
    check_string(object, "id", TEXT("abc.3.4"));
    json_decref(object);
}

static void what_was_lost_is_a_reply(void **state)
{
    struct event e = message;
    struct heard heard;
    (void)state;
    e.kind = EVENT_FAILED;
    e.count = 2;
    e.cause = "forgotten";
    hear(&json, &e, &heard);
    assert_int_equal(heard.said, 1);
    json_t *object = read_record(buffer_span(&heard.out));
    check_keys(object, "type command result address name cause ");
    check_string(object, "command", TEXT("msg"));
    check_string(object, "result", TEXT("failed"));
    json_decref(object);
    buffer_free(&heard.out);
}

static json_t *reply_of(const struct report_config *config, const char *command,
                        const struct span *fields, size_t count)
{
    struct heard heard = {0};
    const struct report_sink sink = {take, take_said, &heard};
    struct report *r = report_new(config, &sink);
    buffer_init(&heard.out, OUT_MAX);
    report_reply(r, command, fields, count);
    json_t *object = read_record(buffer_span(&heard.out));
    buffer_free(&heard.out);
    report_free(r);
    return object;
}

static void replies_have_named_fields(void **state)
{
    const struct span peer[] = {TEXT("10.0.0.1:7216"), TEXT("-"), TEXT("session"), TEXT("up"),
                                TEXT("0.31ms"),        TEXT("-"), TEXT("plain")};
    const struct span me[] = {TEXT("zoe"), TEXT("abc"), TEXT("10.0.0.1:1"), TEXT("10.0.0.2:2")};
    (void)state;
    json_t *object = reply_of(&json, "peers", peer, 7);
    check_keys(object, "type command address name dialect state rtt_ms seen key ");
    assert_true(json_is_null(json_object_get(object, "name")));
    assert_true(json_is_null(json_object_get(object, "seen")));
    assert_true(json_real_value(json_object_get(object, "rtt_ms")) == 0.31);
    check_string(object, "key", TEXT("plain"));
    json_decref(object);
    object = reply_of(&json, "whoami", me, 4);
    check_keys(object, "type command name node addresses ");
    assert_int_equal(json_array_size(json_object_get(object, "addresses")), 2);
    json_decref(object);
}

static void numbers_and_texts_of_replies(void **state)
{
    const struct span box[] = {TEXT("10.0.0.1:7216"), TEXT("zoe"), TEXT("12"), TEXT("3456"),
                               TEXT("it is away")};
    const struct span bytes = TEXT("\xff");
    (void)state;
    json_t *object = reply_of(&json, "outbox", box, 5);
    check_keys(object, "type command address name lines bytes cause ");
    assert_int_equal(json_integer_value(json_object_get(object, "lines")), 12);
    assert_int_equal(json_integer_value(json_object_get(object, "bytes")), 3456);
    json_decref(object);
    object = reply_of(&json, "echo", NULL, 0);
    check_string(object, "text", TEXT(""));
    json_decref(object);
    object = reply_of(&json, "echo", &bytes, 1);
    check_string(object, "text_base64", TEXT("/w=="));
    json_decref(object);
    object = reply_of(&json, "no such command", &bytes, 1);
    check_keys(object, "type command fields ");
    json_decref(object);
}

/* So that a command that is answered does not come without names for what it answers. */
static void each_command_that_is_answered_has_keys(void **state)
{
    static const char silent[] = " disconnect to forget ban admit deny name wait quit ";
    (void)state;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char word[32];
        const char *name = command_at(i)->name;
        snprintf(word, sizeof word, " %s ", name);
        if ((answer_keys(name) == NULL) != (strstr(silent, word) != NULL))
            fail_msg("/%s is answered and has no keys, or the other way round", name);
    }
    assert_null(answer_keys("no such command"));
}

/* --- people --- */

static void check_end(const struct event *e, const char *expected)
{
    struct heard heard;
    hear(&(struct report_config){.style = REPORT_PEOPLE, .events = true}, e, &heard);
    struct span line = buffer_span(&heard.out);
    span_cut_word(&line); /* the time */
    if (!span_is(line, expected))
        fail_msg("printed \"%.*s\"", (int)line.len, line.at);
    buffer_free(&heard.out);
}

static void people_see_who_is_plain(void **state)
{
    struct event e = message;
    (void)state;
    check_end(&e, "zo\xc3\xab \u2192 you: hello\n");
    e.plain = true;
    check_end(&e, "!zo\xc3\xab \u2192 you: hello\n");
    e.kind = EVENT_UP;
    check_end(&e, "* !zo\xc3\xab (10.0.0.1:7216) is here\n");
    e.name = "-";
    check_end(&e, "* !10.0.0.1:7216 is here\n");
    e.plain = false;
    check_end(&e, "* 10.0.0.1:7216 is here\n");
}

static void check_diagnostic(enum log_level level, const char *expected)
{
    struct heard heard = {0};
    const struct report_sink sink = {take, take_said, &heard};
    struct report *r =
        report_new(&(struct report_config){.style = REPORT_PEOPLE, .colour = true}, &sink);
    buffer_init(&heard.out, OUT_MAX);
    report_diagnostic(r, level, span_of("hashflow: so it is"));
    assert_true(span_is(buffer_span(&heard.out), expected));
    buffer_free(&heard.out);
    report_free(r);
}

static void of_the_diagnostics_an_error_is_red(void **state)
{
    (void)state;
    check_diagnostic(LOG_ERROR, "\033[31mhashflow: so it is\033[0m\n");
    check_diagnostic(LOG_NOTICE, "hashflow: so it is\n");
}

static void check_row(const char *key, const char *expected)
{
    const struct span fields[] = {TEXT("10.0.0.1:7216"), TEXT("zoe"), TEXT("session"), TEXT("up"),
                                  TEXT("0.31ms"),        TEXT("-"),   span_of(key)};
    struct heard heard = {0};
    const struct report_sink sink = {take, take_said, &heard};
    struct report *r = report_new(&(struct report_config){.style = REPORT_PEOPLE}, &sink);
    buffer_init(&heard.out, OUT_MAX);
    report_reply(r, "peers", fields, 7);
    assert_true(span_is(buffer_span(&heard.out), expected));
    buffer_free(&heard.out);
    report_free(r);
}

static void so_they_do_in_the_list_of_peers(void **state)
{
    (void)state;
    check_row("plain", "10.0.0.1:7216         !zoe      session up          0.31ms -"
                       "                    plain\n");
    check_row("abcdaaaabbbbcccc", "10.0.0.1:7216         zoe       session up          0.31ms -"
                                  "                    abcdaaaabbbbcccc\n");
}

/* --- */

static void a_terminal_gets_nothing_raw(void **state)
{
    const struct report_config styles[] = {
        {.style = REPORT_PEOPLE, .events = true},
        {.style = REPORT_PEOPLE, .events = true, .timestamps = true},
        {.style = REPORT_JSON, .events = true, .ascii = true},
    };
    struct event e = message;
    (void)state;
    e.text = TEXT("\033[2J\x7f\xc2\x9b\xff\xe2\x80\xae");
    for (size_t i = 0; i < 3; i++) {
        struct heard heard;
        hear(&styles[i], &e, &heard);
        struct span line = buffer_span(&heard.out);
        for (size_t at = 0; at + 1 < line.len; at++)
            assert_true((line.at[at] >= 0x20 && line.at[at] != 0x7f) || (line.at[at] & 0x80));
        assert_null(memmem(line.at, line.len, "\xc2\x9b", 2));
        assert_null(memmem(line.at, line.len, "\xe2\x80\xae", 3));
        buffer_free(&heard.out);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_of_scripts),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(a_format_is_for_messages_alone),
        cmocka_unit_test(a_message_is_an_object),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(every_text_comes_back),
        cmocka_unit_test(bytes_that_are_no_utf8_come_with_base64),
        cmocka_unit_test(the_largest_text),
        cmocka_unit_test(events_and_receipts),
        cmocka_unit_test(what_was_lost_is_a_reply),
        cmocka_unit_test(replies_have_named_fields),
        cmocka_unit_test(numbers_and_texts_of_replies),
        cmocka_unit_test(each_command_that_is_answered_has_keys),
        cmocka_unit_test(a_terminal_gets_nothing_raw),
        cmocka_unit_test(people_see_who_is_plain),
        cmocka_unit_test(of_the_diagnostics_an_error_is_red),
        cmocka_unit_test(so_they_do_in_the_list_of_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
