/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversations: what goes in, when, and all that comes out. Those in tests/data/talks are held
 * whole, byte by byte and with the input cut at every place, and must come out the same.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "wire/session.h"

enum { START = 5000000, TRACE_MAX = 1024 * 1024 };

#define HOUR UINT64_C(3600000000)

#define GREETING   "10.0.0.1:7216 me Connected\n"
#define HELLO      "/hello 1 node=me boot=1 epoch=1\n"
#define THEY_GREET "10.0.0.2:7216 bob Connected\n"
#define THEY_HELLO "/hello 1 node=bob boot=2 epoch=3 listen=7216\n"
#define NODE_UP    "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "hello bob\ndialect session\n"
#define OUR_ANSWER "> 10.0.0.1:7216 me Connected\n> /hello 1 node=me boot=1 epoch=1\n"
#define WE_GREET   "> 10.0.0.1:7216 me Connected\n"
#define WE_HELLO   "> /hello 1 node=me boot=1 epoch=1\n"

#define OUR_KEY   "ouroouroouroouroouroouroouroouroouroouroouroouroaura"
#define THEIR_KEY "bobbbobbbobbbobbbobbbobbbobbbobbbobbbobbbobbbobbboba"
#define SECRET    "secrsecrsecrsecrsecrsecrsecrsecrsecrsecrsecrsecrsecq"
#define SAY_KEY   "/hello 1 node=" OUR_KEY " boot=1 epoch=1\n"
#define THEY_SAY  "/hello 1 node=" THEIR_KEY " boot=2 epoch=3 was=bob proof=" SECRET "\n"
#define WE_SAY    "> " SAY_KEY
#define THEY_ARE  "hello " THEIR_KEY "\n"
#define NOT_HELLO                                                                                  \
    "> /error bad-verb something else came before /hello\n"                                        \
    "failed: something else came before /hello\n"
#define LONG_HELLO "a line of more than 2048 bytes before /hello"
#define MORE_HELLO "> /error too-long " LONG_HELLO "\nfailed: " LONG_HELLO "\n"

/* ---- one run of a conversation */

struct run {
    struct session *session;
    struct buffer trace;
    uint64_t now;
    size_t fed;   /* bytes that a talk has put in */
    int close_at; /* the owner closes in this kind of event; -1 for never */
    bool secure, dialer;
    struct hello hello; /* the other side's */
    bool over;          /* SESSION_FAILED or SESSION_DONE was said, or the owner has closed */
};

static void trace(struct run *r, const char *word, struct span text)
{
    assert_true(buffer_print(&r->trace, "%s", word));
    assert_true(text_escape(&r->trace, text));
}

/* What came in stands in brackets, which show spaces at its ends. */
static void trace_text(struct run *r, const char *word, struct span text)
{
    if (text.len > 100) {
        assert_true(buffer_print(&r->trace, "%s[%zu bytes]", word, text.len));
    } else {
        trace(r, word, span_of("["));
        trace(r, "", text);
        trace(r, "]", span_of(""));
    }
}

static void trace_message(struct run *r, const char *word, const struct message *m, bool with_text)
{
    char from[ADDRESS_TEXT];

    address_print(&m->from, from);
    assert_true(buffer_print(&r->trace, "%s %s ", word, from));
    trace(r, "", m->name);
    if (with_text)
        trace_text(r, " ", m->text);
}

static void trace_verb(struct run *r, const struct verb *v)
{
    static const char *const words[] = {
        [VERB_MSG] = "msg",       [VERB_BCAST] = "bcast",       [VERB_PING] = "ping",
        [VERB_PONG] = "pong",     [VERB_ACK] = "ack",           [VERB_RESUME] = "resume",
        [VERB_NAME] = "name",     [VERB_PEER] = "peer",         [VERB_GONE] = "gone",
        [VERB_BYE] = "bye",       [VERB_ERROR] = "error",       [VERB_ASK] = "ask",
        [VERB_ANSWER] = "answer", [VERB_ANSWERED] = "answered",
    };

    if (v->kind == VERB_GROUP) { /* secrets are not for traces */
        assert_true(buffer_print(&r->trace, "group %zu", v->group.count));
        return;
    }
    assert_non_null(words[v->kind]);
    assert_true(buffer_print(&r->trace, "%s", words[v->kind]));
    if (v->kind == VERB_PEER || v->kind == VERB_GONE)
        trace(r, " ", span_of(v->node));
    if (v->seq != 0)
        assert_true(buffer_print(&r->trace, " %llu", (unsigned long long)v->seq));
    if (v->code.len > 0)
        trace(r, " ", v->code);
    if (v->token.len > 0)
        trace(r, " ", v->token);
    trace_text(r, " ", v->text);
}

static void accept_hello(struct run *r)
{
    if (r->secure && !r->dialer)
        session_answer(r->session, span_of(SAY_KEY));
    else
        session_accept(r->session);
}

static void on_event(void *arg, const struct session_event *event)
{
    static const char *const dialects[] = {"unknown", "one-shot", "stream", "session"};
    struct run *r = arg;

    assert_false(r->over);
    switch (event->kind) {
    case SESSION_DIALECT:
        trace(r, "dialect ", span_of(dialects[event->dialect]));
        assert_int_equal(session_dialect(r->session), event->dialect);
        break;
    case SESSION_GREETING: trace_message(r, "greeting", &event->message, false); break;
    case SESSION_EXIT: trace_message(r, "exit", &event->message, false); break;
    case SESSION_CHAT: trace_message(r, "chat", &event->message, true); break;
    case SESSION_RAW:
        assert_true(span_is(event->message.name, "-"));
        trace_text(r, "raw ", event->message.text);
        break;
    case SESSION_HELLO:
        r->hello = event->verb.hello;
        trace(r, "hello ", span_of(r->hello.node));
        break;
    case SESSION_VERB: trace_verb(r, &event->verb); break;
    case SESSION_REFUSED: trace(r, "refused: ", span_of(event->cause)); break;
    case SESSION_FAILED: trace(r, "failed: ", span_of(event->cause)); break;
    case SESSION_DONE: trace(r, "done", span_of("")); break;
    }
    trace(r, "\n", span_of(""));
    if ((int)event->kind == r->close_at)
        session_close(r->session);
    else if (event->kind == SESSION_HELLO)
        accept_hello(r);
    r->over = event->kind == SESSION_FAILED || event->kind == SESSION_DONE ||
              (int)event->kind == r->close_at;
}

static void on_send(void *arg, struct span bytes)
{
    struct run *r = arg;

    assert_false(r->over);
    assert_true(bytes.len > 0 && bytes.at[bytes.len - 1] == '\n');
    trace(r, "> ", span_make(bytes.at, bytes.len - 1));
    trace(r, "\n", span_of(""));
}

static const struct session_handlers handlers = {.event = on_event, .send = on_send};

static void run_begin(struct run *r, enum session_role role, bool expect_session)
{
    *r = (struct run){.now = START, .close_at = -1};
    buffer_init(&r->trace, TRACE_MAX);
    struct session_config config = {
        .role = role,
        .greeting = span_of(GREETING),
        .hello = span_of(HELLO),
        .expect_session = expect_session,
    };
    r->session = session_new(&config, START, &handlers, r);
}

static void run_free(struct run *r)
{
    session_free(r->session);
    buffer_free(&r->trace);
}

static void run_input(struct run *r, struct span bytes)
{
    /* Memory of exactly this size: reading past its end is found by the sanitizer build. */
    char *exact = malloc(bytes.len == 0 ? 1 : bytes.len);

    assert_non_null(exact);
    if (bytes.len > 0)
        memcpy(exact, bytes.at, bytes.len);
    session_input(r->session, span_make(exact, bytes.len), r->now);
    free(exact);
}

/* Lets time pass as a loop would: each deadline is kept when it comes. */
static void run_wait(struct run *r, uint64_t us)
{
    uint64_t until = r->now + us;

    for (;;) {
        uint64_t due = session_deadline(r->session);
        if (due == 0 || due > until)
            break;
        assert_true(due >= r->now);
        r->now = due;
        session_timeout(r->session, r->now);
    }
    r->now = until;
    session_timeout(r->session, r->now); /* called too early, it does nothing */
}

static void run_check(struct run *r, const char *name, const char *expected)
{
    char *got = span_string(buffer_span(&r->trace));

    if (strcmp(got, expected) != 0)
        print_error("%s\n--- expected\n%s--- got\n%s---\n", name, expected, got);
    assert_string_equal(got, expected);
    free(got);
    if (r->over) {
        assert_true(session_deadline(r->session) == 0);
        run_input(r, span_of("more\n"));
        session_timeout(r->session, UINT64_MAX);
        session_end(r->session, 0, r->now);
    }
}

/* ---- conversations from tests/data/talks */

enum {
    FILE_MAX = 64 * 1024, /* bytes of a file of talks */
    INPUT_MAX = 1024,     /* bytes that go in at a time */
};

enum { WHOLE = -1, BYTES = -2 }; /* how a talk is held; or the byte before which input is cut */

static struct span cut_line(struct span *text)
{
    const char *lf = memchr(text->at, '\n', text->len);

    assert_non_null(lf);
    struct span line = span_make(text->at, (size_t)(lf - text->at));
    *text = span_after(*text, line.len + 1);
    return line;
}

/* What stands for a byte: \n, \r, \\, \x and two digits, or the byte itself. */
static struct span unescape(struct span text, char out[INPUT_MAX])
{
    size_t len = 0;

    while (text.len > 0) {
        char c = text.at[0];
        size_t used = 1;
        if (c == '\\') {
            assert_true(text.len >= 2);
            c = text.at[1];
            used = c == 'x' ? 4 : 2;
            assert_true(text.len >= used);
            char digits[3] = {text.at[2], text.at[used - 1]};
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'x' ? (char)strtoul(digits, NULL, 16) : c;
        }
        assert_true(len < INPUT_MAX);
        out[len++] = c;
        text = span_after(text, used);
    }
    return span_make(out, len);
}

static void put_in(struct run *r, struct span bytes, long cut)
{
    size_t first = cut > (long)r->fed ? (size_t)cut - r->fed : 0;

    r->fed += bytes.len;
    if (cut == BYTES) {
        for (size_t i = 0; i < bytes.len; i++)
            run_input(r, span_make(bytes.at + i, 1));
        return;
    }
    first = first < bytes.len ? first : 0;
    run_input(r, span_make(bytes.at, first));
    run_input(r, span_after(bytes, first));
}

/* Puts in what a line of a talk says, and repeats the line in the trace. Other lines are output. */
static void do_step(struct run *r, struct span line, long cut)
{
    char bytes[INPUT_MAX];
    uint64_t us;

    if (line.at[0] != '<' && line.at[0] != '~')
        return;
    assert_true(buffer_append(&r->trace, line) && buffer_append(&r->trace, span_of("\n")));
    if (span_starts(line, "< "))
        put_in(r, unescape(span_after(line, 2), bytes), cut);
    else if (span_is(line, "<eof"))
        session_end(r->session, 0, r->now);
    else if (span_is(line, "<reset"))
        session_end(r->session, ECONNRESET, r->now);
    else if (span_starts(line, "~ ") && span_number(span_after(line, 2), &us))
        run_wait(r, us);
    else
        fail_msg("what is %.*s?", (int)line.len, line.at);
}

struct talk {
    char *name;
    struct span side; /* "as listener", "as dialer" or "as dialer to a node" */
    struct span body; /* what goes in and what comes out, in order */
};

/* Cuts the next talk off: a line "== NAME", the side, the body, an empty line. */
static bool next_talk(struct span *file, struct talk *talk)
{
    struct span line = span_of("");

    while (file->len > 0 && !span_starts(line, "== "))
        line = cut_line(file);
    if (!span_starts(line, "== "))
        return false;
    talk->name = span_string(span_after(line, 3));
    talk->side = cut_line(file);
    talk->body = *file;
    while (file->len > 0 && cut_line(file).len > 0)
        talk->body.len = (size_t)(file->at - talk->body.at);
    return true;
}

/* Returns how many bytes went in. */
static size_t hold(const struct talk *talk, long cut)
{
    bool listener = span_is(talk->side, "as listener");
    bool node = span_is(talk->side, "as dialer to a node");
    struct span rest = talk->body;
    struct run r;

    assert_true(listener || node || span_is(talk->side, "as dialer"));
    run_begin(&r, listener ? SESSION_LISTENER : SESSION_DIALER, node);
    while (rest.len > 0)
        do_step(&r, cut_line(&rest), cut);
    char *expected = span_string(talk->body);
    run_check(&r, talk->name, expected);
    free(expected);
    run_free(&r);
    return r.fed;
}

static struct span read_talks(const char *name, char out[FILE_MAX])
{
    const char *srcdir = getenv("HASHFLOW_SRCDIR");
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/data/talks/%s", srcdir == NULL ? "." : srcdir, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    size_t len = fread(out, 1, FILE_MAX, file);
    assert_in_range(len, 1, FILE_MAX - 1);
    fclose(file);
    return span_make(out, len);
}

static void talks(void **state)
{
    char content[FILE_MAX];
    struct span file = read_talks(*state, content);
    struct talk talk;
    int count = 0;

    for (; next_talk(&file, &talk); count++) {
        size_t bytes = hold(&talk, WHOLE);
        hold(&talk, BYTES);
        for (size_t cut = 1; cut < bytes; cut++)
            hold(&talk, (long)cut);
        free(talk.name);
    }
    assert_true(count > 0);
}

/* ---- bounds */

struct bound {
    const char *before; /* what is said first */
    const char *head;   /* of the long line */
    size_t fill;        /* bytes of x behind the head */
    const char *end;    /* of the long line, and what follows */
    const char *out;
};

static void check_bound(const struct bound *bound, enum session_role role, size_t piece)
{
    size_t head = strlen(bound->head), total = head + bound->fill + strlen(bound->end);
    char *line = malloc(total + 1);
    struct run r;

    assert_non_null(line);
    memcpy(line, bound->head, head);
    memset(line + head, 'x', bound->fill);
    strcpy(line + head + bound->fill, bound->end);
    run_begin(&r, role, false);
    run_input(&r, span_of(bound->before));
    for (size_t at = 0; at < total; at += piece)
        run_input(&r, span_make(line + at, total - at < piece ? total - at : piece));
    session_end(r.session, 0, r.now);
    run_check(&r, bound->head, bound->out);
    run_free(&r);
    free(line);
}

static void check_bounds(const struct bound *bounds, size_t count)
{
    static const size_t pieces[] = {1 << 20, 65536, 65535, 4096, 1000};

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++)
            check_bound(&bounds[i], SESSION_LISTENER, pieces[j]);
}

#define CHECK_BOUNDS(bounds) check_bounds(bounds, sizeof(bounds) / sizeof((bounds)[0]))

#define TOO_LONG_TEXT "a text of more than 65000 bytes"
#define TOO_LONG_LINE "a line of more than 65536 bytes"

static void the_bounds_of_plain_lines(void **state)
{
    static const struct bound bounds[] = {
        {"", "10.0.0.2:7 bob ", 64999, "\nnext\n",
         "dialect stream\nchat 10.0.0.2:7 bob [64999 bytes]\nraw [next]\ndone\n"},
        {"", "10.0.0.2:7 bob ", 65000, "\nnext\n",
         "dialect stream\nchat 10.0.0.2:7 bob [65000 bytes]\nraw [next]\ndone\n"},
        {"", "10.0.0.2:7 bob ", 65001, "\nnext\n",
         "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw [next]\ndone\n"},
        {"", "", 65000, "\nnext\n", "dialect stream\nraw [65000 bytes]\nraw [next]\ndone\n"},
        {"", "", 65001, "\nnext\n",
         "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw [next]\ndone\n"},
        {"", "", 65535, "\nnext\n",
         "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw [next]\ndone\n"},
        {"", "", 65536, "\nnext\n",
         "> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE "\n"},
        {"hi\n", "", 65536, "\nnext\n",
         "dialect stream\nraw [hi]\n> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE
         "\n"},
        {"hi\n", "", 1 << 18, "",
         "dialect stream\nraw [hi]\n> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE
         "\n"},
        {THEY_GREET, "", 65536, "\nnext\n",
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "> /error too-long " TOO_LONG_LINE
         "\nfailed: " TOO_LONG_LINE "\n"},
    };

    (void)state;
    CHECK_BOUNDS(bounds);
}

static void the_bounds_of_verbs(void **state)
{
    static const struct bound bounds[] = {
        {THEY_GREET THEY_HELLO, "/msg 7 ", 65000, "\n/ping t\n",
         NODE_UP "msg 7 [65000 bytes]\nping [t]\ndone\n"},
        {THEY_GREET THEY_HELLO, "/msg 7 ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/bcast 7 ", 65000, "\n/ping t\n",
         NODE_UP "bcast 7 [65000 bytes]\nping [t]\ndone\n"},
        {THEY_GREET THEY_HELLO, "/bcast 7 ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/ask q ", 65000, "\n/ping t\n",
         NODE_UP "ask q [65000 bytes]\nping [t]\ndone\n"},
        {THEY_GREET THEY_HELLO, "/ask q ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/answer q ", 65000, "\n/ping t\n",
         NODE_UP "answer q [65000 bytes]\nping [t]\ndone\n"},
        {THEY_GREET THEY_HELLO, "/answer q ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/new ", 65530, "\n/ping t\n", NODE_UP "ping [t]\ndone\n"},
        {THEY_GREET THEY_HELLO, "/new ", 65531, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE "\n"},
    };

    (void)state;
    CHECK_BOUNDS(bounds);
}

static void the_bounds_of_oneshot_messages(void **state)
{
    static const struct bound bounds[] = {
        {"", "10.0.0.2:7 bob ", 1009, "",
         "dialect one-shot\nchat 10.0.0.2:7 bob [1009 bytes]\ndone\n"},
        {"", "10.0.0.2:7 bob ", 1010, "",
         "dialect stream\nchat 10.0.0.2:7 bob [1010 bytes]\ndone\n"},
        {"", "10.0.0.2:7 bob ", 65001, "", "dialect stream\nrefused: " TOO_LONG_TEXT "\ndone\n"},
        {"", "", 65001, "", "dialect stream\nrefused: " TOO_LONG_TEXT "\ndone\n"},
    };
    char message[1025] = "10.0.0.2:7 bob ";
    struct run r;

    (void)state;
    CHECK_BOUNDS(bounds);

    /* Only what an original program could have sent at once is taken for its message. */
    memset(message + 15, 'x', sizeof message - 15);
    run_begin(&r, SESSION_LISTENER, false);
    run_input(&r, span_make(message, 1024));
    assert_true(session_deadline(r.session) == START + SESSION_SILENCE_US);
    run_input(&r, span_make(message, 1));
    assert_true(session_deadline(r.session) == 0);
    run_free(&r);
}

static void the_bounds_of_an_answer(void **state)
{
    static const struct bound bound = {"", "", 65536, "\n",
                                       WE_GREET "> /error too-long " TOO_LONG_LINE
                                                "\nfailed: " TOO_LONG_LINE "\n"};

    (void)state;
    check_bound(&bound, SESSION_DIALER, 1 << 20);
    check_bound(&bound, SESSION_DIALER, 4096);
}

/* ---- the owner */

static void nothing_comes_after_the_owner_has_closed(void **state)
{
    static const struct {
        enum session_event_kind at;
        enum session_role role;
        const char *in, *out;
    } rows[] = {
        {SESSION_GREETING, SESSION_LISTENER, THEY_GREET THEY_HELLO "/ping t\n",
         "greeting 10.0.0.2:7216 bob\n"},
        {SESSION_HELLO, SESSION_LISTENER, THEY_GREET THEY_HELLO "/ping t\n",
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "hello bob\n"},
        {SESSION_HELLO, SESSION_DIALER, THEY_GREET THEY_HELLO "/ping t\n",
         WE_GREET "greeting 10.0.0.2:7216 bob\nhello bob\n"},
        {SESSION_GREETING, SESSION_DIALER, THEY_GREET THEY_HELLO "/ping t\n",
         WE_GREET "greeting 10.0.0.2:7216 bob\n"},
        {SESSION_DIALECT, SESSION_LISTENER, THEY_GREET THEY_HELLO "/ping t\n", NODE_UP},
        {SESSION_DIALECT, SESSION_LISTENER, "one\ntwo\n", "dialect stream\n"},
        {SESSION_DIALECT, SESSION_LISTENER, "10.0.0.2:7 bob hi", "dialect one-shot\n"},
        {SESSION_DIALECT, SESSION_DIALER, "one\ntwo\n", WE_GREET "dialect stream\n"},
        {SESSION_RAW, SESSION_LISTENER, "one\ntwo\n", "dialect stream\nraw [one]\n"},
        {SESSION_CHAT, SESSION_LISTENER, "10.0.0.2:7 bob hi",
         "dialect one-shot\nchat 10.0.0.2:7 bob [hi]\n"},
        {SESSION_EXIT, SESSION_LISTENER, "10.0.0.2:7 bob exit\nmore\n",
         "dialect stream\nexit 10.0.0.2:7 bob\n"},
        {SESSION_VERB, SESSION_LISTENER, THEY_GREET THEY_HELLO "/ping t\n/ping t\nbad\n",
         NODE_UP "ping [t]\n"},
        {SESSION_FAILED, SESSION_LISTENER, THEY_GREET "/hello\nmore\n",
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "> /error bad-verb the version is not a number "
         "from 1\nfailed: the version is not a number from 1\n"},
        {SESSION_DONE, SESSION_LISTENER, "", "done\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct run r;
        run_begin(&r, rows[i].role, false);
        r.close_at = (int)rows[i].at;
        run_input(&r, span_of(rows[i].in));
        session_end(r.session, 0, r.now);
        if (rows[i].at == SESSION_HELLO)
            assert_int_equal(session_dialect(r.session), DIALECT_UNKNOWN);
        run_check(&r, rows[i].in, rows[i].out);
        run_free(&r);
    }
}

static void closing_in_a_timeout(void **state)
{
    struct run r;

    (void)state;
    run_begin(&r, SESSION_LISTENER, false);
    r.close_at = SESSION_DIALECT;
    run_input(&r, span_of("10.0.0.2:7 bob hi"));
    run_wait(&r, HOUR);
    run_check(&r, "one-shot", "dialect one-shot\n");
    run_free(&r);

    run_begin(&r, SESSION_DIALER, false);
    r.close_at = SESSION_DIALECT;
    run_wait(&r, HOUR);
    run_check(&r, "stream", WE_GREET "dialect stream\n");
    run_free(&r);
}

static void closing_from_outside(void **state)
{
    struct run r;

    (void)state;
    run_begin(&r, SESSION_DIALER, false);
    assert_true(session_deadline(r.session) == START + SESSION_ANSWER_US);
    session_close(r.session);
    assert_true(session_deadline(r.session) == 0);
    run_input(&r, span_of(THEY_GREET THEY_HELLO));
    run_wait(&r, HOUR);
    session_end(r.session, 0, r.now);
    run_check(&r, "closed", WE_GREET);
    run_free(&r);
    session_free(NULL);
}

static void knows_whether_anything_was_said(void **state)
{
    struct run r;

    (void)state;
    run_begin(&r, SESSION_LISTENER, false);
    assert_false(session_has_spoken(r.session));
    assert_int_equal(session_dialect(r.session), DIALECT_UNKNOWN);
    run_input(&r, span_of(""));
    assert_false(session_has_spoken(r.session));
    run_input(&r, span_of("x"));
    assert_true(session_has_spoken(r.session));
    assert_int_equal(session_dialect(r.session), DIALECT_UNKNOWN);
    run_free(&r);
}

static void knows_when_a_greeting_may_come(void **state)
{
    static const char greeting[] = THEY_GREET;
    struct run r;

    (void)state;
    for (size_t len = 0; len < sizeof greeting; len++) {
        run_begin(&r, SESSION_LISTENER, false);
        run_input(&r, span_make(greeting, len));
        assert_int_equal(session_awaits_greeting(r.session), len + 1 < sizeof greeting);
        run_free(&r);
    }
    run_begin(&r, SESSION_LISTENER, false);
    run_input(&r, span_of("10.0.0.2:7216 bob Connecting"));
    assert_false(session_awaits_greeting(r.session));
    run_free(&r);
    run_begin(&r, SESSION_DIALER, false);
    assert_false(session_awaits_greeting(r.session));
    run_free(&r);
}

/* This program was stopped: what arrived meanwhile is read before any deadline is kept. */
static void bytes_that_waited_for_us_count(void **state)
{
    struct run r;

    (void)state;
    run_begin(&r, SESSION_DIALER, false);
    r.now += HOUR;
    run_input(&r, span_of(THEY_GREET THEY_HELLO));
    run_wait(&r, 1);
    run_check(&r, "dialer",
              WE_GREET "greeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO "dialect session\n");
    run_free(&r);

    /* A deadline kept first takes one step only, and the bytes come before the next. */
    run_begin(&r, SESSION_DIALER, false);
    r.now += HOUR;
    session_timeout(r.session, r.now);
    run_input(&r, span_of(THEY_GREET THEY_HELLO));
    run_check(&r, "dialer",
              WE_GREET "dialect stream\ngreeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO
                       "dialect session\n");
    run_free(&r);
}

static void a_hello_cut_short_is_no_text(void **state)
{
    static const char hello[] = "/hello 1 node=bob";

    (void)state;
    for (size_t len = 1; len < sizeof hello; len++) {
        struct run r;
        run_begin(&r, SESSION_LISTENER, false);
        run_input(&r, span_of(THEY_GREET));
        run_input(&r, span_make(hello, len));
        session_end(r.session, 0, r.now);
        run_check(&r, hello,
                  "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "dialect stream\n"
                  "refused: the connection broke in the middle of a line\ndone\n");
        run_free(&r);
    }
}

static void two_sessions_talk(void **state)
{
    struct run dialer, listener;
    struct span greeting, answer;

    (void)state;
    run_begin(&dialer, SESSION_DIALER, true);
    run_begin(&listener, SESSION_LISTENER, false);
    greeting = span_of(GREETING);
    answer = span_of(GREETING HELLO);
    run_input(&listener, greeting);
    run_input(&dialer, answer);
    run_input(&listener, span_of(HELLO));
    assert_int_equal(session_dialect(dialer.session), DIALECT_SESSION);
    assert_int_equal(session_dialect(listener.session), DIALECT_SESSION);
    run_check(&dialer, "dialer",
              WE_GREET "greeting 10.0.0.1:7216 me\nhello me\n" WE_HELLO "dialect session\n");
    run_check(&listener, "listener",
              "greeting 10.0.0.1:7216 me\n" OUR_ANSWER "hello me\ndialect session\n");
    run_free(&dialer);
    run_free(&listener);
}

/* ---- encrypted connections */

static void run_secure(struct run *r, enum session_role role)
{
    struct session_config config = {.role = role, .secure = role == SESSION_DIALER};

    *r = (struct run){
        .now = START, .close_at = -1, .secure = true, .dialer = role == SESSION_DIALER};
    buffer_init(&r->trace, TRACE_MAX);
    r->session = session_new(&config, START, &handlers, r);
    if (role == SESSION_LISTENER)
        session_secure(r->session, START);
    assert_true(session_deadline(r->session) == START + SESSION_HANDSHAKE_US);
    assert_false(session_awaits_greeting(r->session));
}

/* A closed door takes nothing else from the first. */
static void a_listener_can_insist(void **state)
{
    struct session_config config = {.role = SESSION_LISTENER, .secure = true};
    struct run r = {.now = START, .close_at = -1, .secure = true};

    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        buffer_init(&r.trace, TRACE_MAX);
        r.over = false;
        r.session = session_new(&config, START, &handlers, &r);
        session_secure(r.session, START + 1);
        assert_true(session_deadline(r.session) == START + SESSION_HANDSHAKE_US);
        if (!plain)
            session_secured(r.session, span_of(""), START);
        run_input(&r, span_of(plain ? THEY_GREET : THEY_SAY));
        run_check(&r, "insists",
                  plain ? "> /error tls plain text, and this is to be encrypted\n"
                          "failed: plain text, and this is to be encrypted\n"
                        : THEY_ARE WE_SAY "dialect session\n");
        run_free(&r);
    }
}

static void run_secured(struct run *r, enum session_role role)
{
    run_secure(r, role);
    r->now += 1000;
    session_secured(r->session, span_of(SAY_KEY), r->now);
    assert_true(session_deadline(r->session) == r->now + SESSION_SECURED_HELLO_US);
    assert_int_equal(session_awaits_greeting(r->session), role == SESSION_LISTENER);
}

static void an_encrypted_handshake_is_waited_for(void **state)
{
    static const enum session_role roles[] = {SESSION_LISTENER, SESSION_DIALER};
    struct run r;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        run_secure(&r, roles[i]);
        run_wait(&r, SESSION_HANDSHAKE_US - 1);
        run_check(&r, "in time", "");
        run_wait(&r, 1);
        run_check(&r, "too late", "failed: the handshake took too long\n");
        run_free(&r);

        run_secure(&r, roles[i]);
        session_end(r.session, 0, r.now);
        run_check(&r, "end", "failed: closed during the handshake\n");
        run_free(&r);

        run_secure(&r, roles[i]);
        session_end(r.session, EPROTO, r.now);
        run_check(&r, "broken", "failed: the handshake failed\n");
        run_free(&r);

        run_secure(&r, roles[i]);
        session_close(r.session);
        session_secure(r.session, r.now);
        session_secured(r.session, span_of(SAY_KEY), r.now);
        run_check(&r, "closed", "");
        assert_true(session_deadline(r.session) == 0);
        run_free(&r);
    }
}

static const struct secured_talk {
    const char *in;
    const char *listener, *dialer; /* what comes out; the dialer has said its /hello before */
} secured_talks[] = {
    {THEY_SAY "/ping t\n", THEY_ARE WE_SAY "dialect session\nping [t]\ndone\n",
     THEY_ARE "dialect session\nping [t]\ndone\n"},
    {THEY_SAY "10.0.0.2:7 bob hi\n",
     THEY_ARE WE_SAY "dialect session\n> /error bad-verb not a verb\nfailed: not a verb\n",
     THEY_ARE "dialect session\n> /error bad-verb not a verb\nfailed: not a verb\n"},
    {THEY_SAY "/group " SECRET " " SECRET "\n/ping t\r\n",
     THEY_ARE WE_SAY "dialect session\ngroup 2\nping [t\\x0d]\ndone\n",
     THEY_ARE "dialect session\ngroup 2\nping [t\\x0d]\ndone\n"},
    {"/error closed members only\n", "failed: refused by the other side\n",
     "failed: refused by the other side\n"},
    {"/bye leaving\n", "failed: refused by the other side\n",
     "failed: refused by the other side\n"},
    {THEY_GREET, NOT_HELLO, NOT_HELLO},
    {"\n", NOT_HELLO, NOT_HELLO},
    {"/error\n", NOT_HELLO, NOT_HELLO},
    {"/ping t\n", NOT_HELLO, NOT_HELLO},
    {"/msg 1 hi\n", NOT_HELLO, NOT_HELLO},
    {"/new verb\n", NOT_HELLO, NOT_HELLO},
    {"/group " SECRET "\n", NOT_HELLO, NOT_HELLO},
    {"GET / HTTP/1.1\r\n", NOT_HELLO, NOT_HELLO},
    {THEY_HELLO,
     "> /error bad-node here a node's id is the fingerprint of its key\n"
     "failed: here a node's id is the fingerprint of its key\n",
     "> /error bad-node here a node's id is the fingerprint of its key\n"
     "failed: here a node's id is the fingerprint of its key\n"},
    {"/hello 2\n", "> /error bad-verb node is missing\nfailed: node is missing\n",
     "> /error bad-verb node is missing\nfailed: node is missing\n"},
    {"/hello 1 node=", "failed: closed before /hello\n", "failed: closed before /hello\n"},
    {"", "failed: closed before /hello\n", "failed: closed before /hello\n"},
};

static void hold_secured(const struct secured_talk *talk, enum session_role role, size_t cut)
{
    bool dialer = role == SESSION_DIALER;
    struct span in = span_of(talk->in);
    char expected[1024];
    struct run r;

    run_secured(&r, role);
    run_input(&r, span_make(in.at, cut));
    run_input(&r, span_after(in, cut));
    session_end(r.session, 0, r.now);
    snprintf(expected, sizeof expected, "%s%s", dialer ? WE_SAY : "",
             dialer ? talk->dialer : talk->listener);
    run_check(&r, talk->in, expected);
    run_free(&r);
}

static void what_is_heard_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof secured_talks / sizeof secured_talks[0]; i++)
        for (size_t cut = 0; cut <= strlen(secured_talks[i].in); cut++) {
            hold_secured(&secured_talks[i], SESSION_LISTENER, cut);
            hold_secured(&secured_talks[i], SESSION_DIALER, cut);
        }
}

static void silence_inside(void **state)
{
    struct run r;

    (void)state;
    run_secured(&r, SESSION_LISTENER);
    run_input(&r, span_of("/hello 1 node="));
    run_wait(&r, SESSION_SECURED_HELLO_US - 1);
    run_check(&r, "in time", "");
    run_wait(&r, 1);
    run_check(&r, "too late", "failed: encrypted, but did not say /hello\n");
    run_free(&r);

    run_secured(&r, SESSION_DIALER);
    session_end(r.session, ECONNRESET, r.now);
    run_check(&r, "reset", WE_SAY "failed: the connection broke before /hello\n");
    run_free(&r);

    run_secured(&r, SESSION_DIALER);
    run_input(&r, span_of(THEY_SAY));
    run_wait(&r, HOUR);
    run_check(&r, "silent", WE_SAY THEY_ARE "dialect session\n");
    run_free(&r);
}

/* A line of exactly so many bytes, its LF included, and a ping behind it. */
static void check_hello_of(size_t bytes, size_t piece, const char *out)
{
    static const char hello[] = "/hello 1 node=" THEIR_KEY " boot=2 epoch=3 later=";
    char *line = malloc(bytes + 64);
    struct run r;

    assert_non_null(line);
    memset(line, 'x', bytes);
    memcpy(line, hello, sizeof hello - 1);
    strcpy(line + bytes - 1, "\n/ping t\n");
    run_secured(&r, SESSION_LISTENER);
    size_t total = strlen(line);
    for (size_t at = 0; at < total; at += piece)
        run_input(&r, span_make(line + at, total - at < piece ? total - at : piece));
    session_end(r.session, 0, r.now);
    run_check(&r, "bound", out);
    run_free(&r);
    free(line);
}

static void the_bounds_of_a_hello_inside(void **state)
{
    static const size_t pieces[] = {1 << 20, 2048, 2047, 100, 1};
    static const char good[] = THEY_ARE WE_SAY "dialect session\nping [t]\ndone\n";
    struct run r;

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        check_hello_of(SESSION_SECURED_HELLO_BYTES - 1, pieces[i], good);
        check_hello_of(SESSION_SECURED_HELLO_BYTES, pieces[i], good);
        check_hello_of(SESSION_SECURED_HELLO_BYTES + 1, pieces[i], MORE_HELLO);
        check_hello_of(100000, pieces[i], MORE_HELLO);
    }

    /* What follows has the bounds of every session. */
    char text[65009] = "/msg 1 ";
    run_secured(&r, SESSION_DIALER);
    run_input(&r, span_of(THEY_SAY));
    memset(text + 7, 'x', 65000);
    text[65007] = '\n';
    run_input(&r, span_of(text));
    run_check(&r, "long text", WE_SAY THEY_ARE "dialect session\nmsg 1 [65000 bytes]\n");
    run_free(&r);
}

static void the_owner_wants_no_session_inside(void **state)
{
    struct run r;

    (void)state;
    run_secured(&r, SESSION_LISTENER);
    r.close_at = SESSION_HELLO;
    run_input(&r, span_of(THEY_SAY "/ping t\n"));
    run_check(&r, "refused", THEY_ARE);
    assert_int_equal(session_dialect(r.session), DIALECT_UNKNOWN);
    run_free(&r);
}

/* Who only claims a fingerprint is nobody; proofs in plain text are worth nothing. */
static void what_only_encryption_proves(void **state)
{
    struct run r;

    (void)state;
    run_begin(&r, SESSION_LISTENER, false);
    run_input(&r, span_of(THEY_GREET "/hello 1 node=" THEIR_KEY " boot=2 epoch=3\n"));
    run_check(&r, "claimed",
              "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
              "> /error bad-node a fingerprint is proved, not claimed: dial with TLS\n"
              "failed: a fingerprint is proved, not claimed: dial with TLS\n");
    run_free(&r);

    run_begin(&r, SESSION_LISTENER, false);
    run_input(&r, span_of(THEY_GREET THEY_HELLO "/group " SECRET "\n/ping t\n"));
    run_check(&r, "group", NODE_UP "ping [t]\n");
    run_free(&r);

    run_begin(&r, SESSION_LISTENER, false);
    run_input(&r, span_of(THEY_GREET "/hello 1 node=bob boot=2 epoch=3 caps=tls key=" THEIR_KEY
                                     " was=al proof=" SECRET " former=" SECRET
                                     " invite=ababababababababababababaa\n"));
    assert_true(r.hello.offers_tls);
    assert_string_equal(r.hello.key, THEIR_KEY);
    assert_string_equal(r.hello.was, "");
    assert_string_equal(r.hello.proof, "");
    assert_string_equal(r.hello.former, "");
    assert_string_equal(r.hello.invite, "");
    run_free(&r);

    run_secured(&r, SESSION_LISTENER);
    run_input(&r, span_of(THEY_SAY));
    assert_string_equal(r.hello.was, "bob");
    assert_string_equal(r.hello.proof, SECRET);
    run_free(&r);
}

static void two_encrypted_sessions_talk(void **state)
{
    struct run dialer, listener;

    (void)state;
    run_secured(&dialer, SESSION_DIALER);
    run_secured(&listener, SESSION_LISTENER);
    run_input(&listener, span_of(SAY_KEY));
    run_input(&dialer, span_of(SAY_KEY));
    run_check(&dialer, "dialer", WE_SAY "hello " OUR_KEY "\ndialect session\n");
    run_check(&listener, "listener", "hello " OUR_KEY "\n" WE_SAY "dialect session\n");
    run_free(&dialer);
    run_free(&listener);
}

#define TALKS(file)                                                                                \
    {                                                                                              \
        .name = "talks: " file, .test_func = talks, .initial_state = (void *)(uintptr_t)file       \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TALKS("listener-plain"),
        TALKS("listener-oneshot"),
        TALKS("listener-nodes"),
        TALKS("dialer-nodes"),
        TALKS("dialer-plain"),
        TALKS("dialer-known-node"),
        TALKS("verbs"),
        cmocka_unit_test(the_bounds_of_plain_lines),
        cmocka_unit_test(the_bounds_of_verbs),
        cmocka_unit_test(the_bounds_of_oneshot_messages),
        cmocka_unit_test(the_bounds_of_an_answer),
        cmocka_unit_test(nothing_comes_after_the_owner_has_closed),
        cmocka_unit_test(closing_in_a_timeout),
        cmocka_unit_test(closing_from_outside),
        cmocka_unit_test(knows_whether_anything_was_said),
        cmocka_unit_test(knows_when_a_greeting_may_come),
        cmocka_unit_test(bytes_that_waited_for_us_count),
        cmocka_unit_test(a_hello_cut_short_is_no_text),
        cmocka_unit_test(two_sessions_talk),
        cmocka_unit_test(an_encrypted_handshake_is_waited_for),
        cmocka_unit_test(a_listener_can_insist),
        cmocka_unit_test(what_is_heard_inside),
        cmocka_unit_test(silence_inside),
        cmocka_unit_test(the_bounds_of_a_hello_inside),
        cmocka_unit_test(the_owner_wants_no_session_inside),
        cmocka_unit_test(what_only_encryption_proves),
        cmocka_unit_test(two_encrypted_sessions_talk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
