/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conversations: what goes in, when, and all that comes out. Each one is held whole, byte by byte
 * and with each input cut at every place, and must come out the same.
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

enum { START = 5000000, TRACE_MAX = 1024 * 1024, STEPS = 12 };

#define GREETING   "10.0.0.1:7216 me Connected\n"
#define HELLO      "/hello 1 node=me boot=1 epoch=1\n"
#define THEY_GREET "10.0.0.2:7216 bob Connected\n"
#define THEY_HELLO "/hello 1 node=bob boot=2 epoch=3 listen=7216\n"
#define NODE_UP    "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "hello bob\ndialect session\n"
#define OUR_ANSWER "> 10.0.0.1:7216 me Connected\n> /hello 1 node=me boot=1 epoch=1\n"
#define WE_GREET   "> 10.0.0.1:7216 me Connected\n"
#define WE_HELLO   "> /hello 1 node=me boot=1 epoch=1\n"

/* ---- one run of a conversation */

struct run {
    struct session *session;
    struct buffer trace;
    uint64_t now;
    int close_at; /* the owner closes in this kind of event; -1 for never */
    bool over;    /* SESSION_FAILED or SESSION_DONE was said, or the owner has closed */
};

static void trace(struct run *r, const char *word, struct span text)
{
    assert_true(buffer_print(&r->trace, "%s", word));
    if (text.len > 100)
        assert_true(buffer_print(&r->trace, "(%zu bytes)", text.len));
    else
        assert_true(text_escape(&r->trace, text));
}

static void trace_message(struct run *r, const char *word, const struct message *m, bool with_text)
{
    char from[ADDRESS_TEXT];

    address_print(&m->from, from);
    assert_true(buffer_print(&r->trace, "%s %s ", word, from));
    trace(r, "", m->name);
    if (with_text)
        trace(r, " ", m->text);
}

static void trace_verb(struct run *r, const struct verb *v)
{
    static const char *const words[] = {"hello", "msg", "bcast", "ping", "pong",
                                        "name",  "bye", "error", "other"};

    assert_true(buffer_print(&r->trace, "%s", words[v->kind]));
    if (v->seq != 0)
        assert_true(buffer_print(&r->trace, " %llu", (unsigned long long)v->seq));
    if (v->code.len > 0)
        trace(r, " ", v->code);
    trace(r, " ", v->text);
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
        trace(r, "raw ", event->message.text);
        break;
    case SESSION_HELLO: trace(r, "hello ", span_of(event->verb.hello.node)); break;
    case SESSION_VERB: trace_verb(r, &event->verb); break;
    case SESSION_REFUSED: trace(r, "refused: ", span_of(event->cause)); break;
    case SESSION_FAILED: trace(r, "failed: ", span_of(event->cause)); break;
    case SESSION_DONE: trace(r, "done", span_of("")); break;
    }
    trace(r, "\n", span_of(""));
    if ((int)event->kind == r->close_at)
        session_close(r->session);
    else if (event->kind == SESSION_HELLO)
        session_accept(r->session);
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
    r->session =
        session_new(role, span_of(GREETING), span_of(HELLO), expect_session, START, &handlers, r);
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

/* ---- conversations as tables */

enum step_kind { STEP_OVER, STEP_INPUT, STEP_WAIT, STEP_EOF, STEP_RESET };

struct step {
    enum step_kind kind;
    struct span bytes;
    uint64_t us;
};

/* clang-format off */
#define IN(literal) {.kind = STEP_INPUT, .bytes = {literal, sizeof(literal) - 1}}
#define WAIT(time)  {.kind = STEP_WAIT, .us = time}
#define END         {.kind = STEP_EOF}
#define RESET       {.kind = STEP_RESET}
/* clang-format on */

struct talk {
    const char *name;
    enum session_role role;
    bool expect_session;
    struct step steps[STEPS];
    const char *out; /* a line for each event and for what is sent; ~ where time passes */
};

enum { WHOLE = 0, BYTES = -1 };

/* place: cut the input of step cut_step there; or WHOLE, or BYTES for every input byte by byte. */
static void run_step(struct run *r, const struct step *step, long place)
{
    struct span in = step->bytes;

    switch (step->kind) {
    case STEP_INPUT:
        for (size_t i = 0; place == BYTES && i < in.len; i++)
            run_input(r, span_make(in.at + i, 1));
        if (place == BYTES)
            break;
        run_input(r, span_make(in.at, (size_t)place));
        run_input(r, span_after(in, (size_t)place));
        break;
    case STEP_WAIT:
        trace(r, "~\n", span_of(""));
        run_wait(r, step->us);
        break;
    case STEP_EOF: session_end(r->session, 0, r->now); break;
    case STEP_RESET: session_end(r->session, ECONNRESET, r->now); break;
    case STEP_OVER: break;
    }
}

static void hold(const struct talk *talk, size_t cut_step, long place)
{
    struct run r;

    run_begin(&r, talk->role, talk->expect_session);
    for (size_t i = 0; i < STEPS; i++)
        run_step(&r, &talk->steps[i], place == BYTES ? BYTES : i == cut_step ? place : WHOLE);
    run_check(&r, talk->name, talk->out);
    run_free(&r);
}

static void hold_all_ways(const struct talk *talks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hold(&talks[i], 0, BYTES);
        for (size_t step = 0; step < STEPS; step++)
            for (size_t place = 0; place <= talks[i].steps[step].bytes.len; place++)
                hold(&talks[i], step, (long)place);
    }
}

#define HOLD(talks) hold_all_ways(talks, sizeof(talks) / sizeof((talks)[0]))

enum { EVER = 1000 };
#define HOUR UINT64_C(3600000000)

/* ---- a listener */

static void listener_and_plain_peers(void **state)
{
    static const struct talk talks[] = {
        {"a person with nc",
         SESSION_LISTENER,
         false,
         {IN("hello\n"), WAIT(HOUR), IN("how are you?\r\n"), END},
         "dialect stream\nraw hello\n~\nraw how are you?\ndone\n"},
        {"lines with a header",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi\n<10.0.0.2:7> bob  two \n[::1]:7 eve x\n"), END},
         "dialect stream\nchat 10.0.0.2:7 bob hi\nchat 10.0.0.2:7 bob  two \nchat [::1]:7 eve x\n"
         "done\n"},
        {"a header with nothing behind it",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob \n"), END},
         "dialect stream\nchat 10.0.0.2:7 bob \ndone\n"},
        {"somebody presses Enter",
         SESSION_LISTENER,
         false,
         {IN("\n\r\n\nhi\n"), END},
         "dialect stream\nraw hi\ndone\n"},
        {"comes and goes, in a stream",
         SESSION_LISTENER,
         false,
         {IN("hi\n10.0.0.2:7 bob Connected\n10.0.0.2:7 bob eXit\n"), END},
         "dialect stream\nraw hi\ngreeting 10.0.0.2:7 bob\nexit 10.0.0.2:7 bob\ndone\n"},
        {"exit as the first line",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob exit\n"), END},
         "dialect stream\nexit 10.0.0.2:7 bob\ndone\n"},
        {"a stream never becomes a session",
         SESSION_LISTENER,
         false,
         {IN("hi\n" THEY_GREET THEY_HELLO), WAIT(1), END},
         "dialect stream\nraw hi\ngreeting 10.0.0.2:7216 bob\n"
         "raw /hello 1 node=bob boot=2 epoch=3 listen=7216\n~\ndone\n"},
        {"/hello without a greeting",
         SESSION_LISTENER,
         false,
         {IN(THEY_HELLO), END},
         "dialect stream\nraw /hello 1 node=bob boot=2 epoch=3 listen=7216\ndone\n"},
        {"verbs in a stream are text",
         SESSION_LISTENER,
         false,
         {IN("hi\n/msg 7 hi\n/bye\n/error x y\n"), END},
         "dialect stream\nraw hi\nraw /msg 7 hi\nraw /bye\nraw /error x y\ndone\n"},
        {"NUL in lines",
         SESSION_LISTENER,
         false,
         {IN("a\0b\n10.0.0.2:7 bob a\0\n10.0.0.2:7 b\0b hi\n\0\nok\n"), END},
         "dialect stream\nrefused: a NUL byte in a line\nrefused: a NUL byte in a line\n"
         "refused: a NUL byte in a line\nrefused: a NUL byte in a line\nraw ok\ndone\n"},
        {"a greeting with a NUL is none",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 b\0b Connected\n"), END},
         "dialect stream\nrefused: a NUL byte in a line\ndone\n"},
        {"bytes of every kind",
         SESSION_LISTENER,
         false,
         {IN("\x1b[31m\xff\\\n"), END},
         "dialect stream\nraw \\x1b[31m\\xff\\\\\ndone\n"},
        {"the last line has no end",
         SESSION_LISTENER,
         false,
         {IN("one\ntwo"), WAIT(HOUR), END},
         "dialect stream\nraw one\n~\nraw two\ndone\n"},
        {"the last line of a message has no end",
         SESSION_LISTENER,
         false,
         {IN("one\n10.0.0.2:7 bob two"), WAIT(HOUR), END},
         "dialect stream\nraw one\n~\nchat 10.0.0.2:7 bob two\ndone\n"},
        {"a stream breaks between lines",
         SESSION_LISTENER,
         false,
         {IN("one\n"), RESET},
         "dialect stream\nraw one\ndone\n"},
        {"a stream breaks in a line",
         SESSION_LISTENER,
         false,
         {IN("one\ntwo"), RESET},
         "dialect stream\nraw one\nrefused: the connection broke in the middle of a line\ndone\n"},
        {"a stream breaks in the text of a message",
         SESSION_LISTENER,
         false,
         {IN("one\n10.0.0.2:7 bob tw"), RESET},
         "dialect stream\nraw one\nchat 10.0.0.2:7 bob tw\ndone\n"},
    };

    (void)state;
    HOLD(talks);
}

static void listener_and_oneshot_peers(void **state)
{
    static const struct talk talks[] = {
        {"a message, then EOF",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi there"), WAIT(SESSION_SILENCE_US - 1), END},
         "~\ndialect one-shot\nchat 10.0.0.2:7 bob hi there\ndone\n"},
        {"Connected",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob Connected"), END},
         "dialect one-shot\ngreeting 10.0.0.2:7 bob\ndone\n"},
        {"exit",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob exit"), END},
         "dialect one-shot\nexit 10.0.0.2:7 bob\ndone\n"},
        {"an empty text",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob "), END},
         "dialect one-shot\nchat 10.0.0.2:7 bob \ndone\n"},
        {"a message, then a reset",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), RESET},
         "dialect one-shot\nchat 10.0.0.2:7 bob hi\ndone\n"},
        {"silence instead of EOF",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US - 1), WAIT(1), WAIT(SESSION_TAIL_US - 1),
          WAIT(1)},
         "~\n~\ndialect one-shot\nchat 10.0.0.2:7 bob hi\n~\n~\ndone\n"},
        {"the silence counts from the last byte",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US - 1), IN("!"),
          WAIT(SESSION_SILENCE_US - 1), WAIT(1), END},
         "~\n~\n~\ndialect one-shot\nchat 10.0.0.2:7 bob hi!\ndone\n"},
        {"EOF after the silence",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US), END},
         "~\ndialect one-shot\nchat 10.0.0.2:7 bob hi\ndone\n"},
        {"a reset after the silence",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US), RESET},
         "~\ndialect one-shot\nchat 10.0.0.2:7 bob hi\ndone\n"},
        {"bytes after the silence are reported once",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US), IN(" there\nand\n more"),
          WAIT(SESSION_TAIL_US - 1), IN("again"), WAIT(1)},
         "~\ndialect one-shot\nchat 10.0.0.2:7 bob hi\nrefused: bytes after a one-shot message\n"
         "~\n~\ndone\n"},
        {"bytes after the silence, then EOF",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US), IN("\n"), END},
         "~\ndialect one-shot\nchat 10.0.0.2:7 bob hi\nrefused: bytes after a one-shot message\n"
         "done\n"},
        {"NUL in a message",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob h\0i"), WAIT(SESSION_SILENCE_US), END},
         "~\ndialect one-shot\nrefused: a NUL byte in a line\ndone\n"},
        {"half a header waits for ever",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob"), WAIT(HOUR), IN(" "), WAIT(SESSION_SILENCE_US), END},
         "~\n~\ndialect one-shot\nchat 10.0.0.2:7 bob \ndone\n"},
        {"a line end after all",
         SESSION_LISTENER,
         false,
         {IN("10.0.0.2:7 bob hi"), WAIT(SESSION_SILENCE_US - 1), IN("\n"), WAIT(HOUR), END},
         "~\ndialect stream\nchat 10.0.0.2:7 bob hi\n~\ndone\n"},
        {"no header, then EOF",
         SESSION_LISTENER,
         false,
         {IN("hi there"), WAIT(HOUR), END},
         "~\ndialect stream\nraw hi there\ndone\n"},
        {"no header, then a reset",
         SESSION_LISTENER,
         false,
         {IN("hi there"), RESET},
         "refused: the connection broke in the middle of a line\ndone\n"},
        {"nothing, then EOF", SESSION_LISTENER, false, {WAIT(HOUR), END}, "~\ndone\n"},
        {"nothing, then a reset", SESSION_LISTENER, false, {RESET}, "done\n"},
    };

    (void)state;
    HOLD(talks);
}

static void listener_and_nodes(void **state)
{
    static const struct talk talks[] = {
        {"a node",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), WAIT(1000), IN(THEY_HELLO), WAIT(HOUR), IN("/msg 7 hi\n"), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "~\nhello bob\ndialect session\n~\nmsg 7 hi\ndone\n"},
        {"a node that says all at once",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 7 hi\n/bcast 8 all\n"), END},
         NODE_UP "msg 7 hi\nbcast 8 all\ndone\n"},
        {"a greeter without /hello is a stream",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), WAIT(SESSION_ANSWER_US - 1), WAIT(1), IN("hi\n"), WAIT(HOUR), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "~\n~\ndialect stream\nraw hi\n~\ndone\n"},
        {"other lines do not end the waiting",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "hi\n10.0.0.2:7216 bob two\n\n"), WAIT(SESSION_ANSWER_US - 1),
          IN("three\n"), WAIT(1), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "raw hi\nchat 10.0.0.2:7216 bob two\n~\nraw three\n~\ndialect stream\ndone\n"},
        {"lines, and then /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "hi\n" THEY_HELLO "/ping a\n"), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "raw hi\nhello bob\ndialect session\nping a\ndone\n"},
        {"a late /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), WAIT(SESSION_HELLO_US - 1), IN(THEY_HELLO "/ping a\n"), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "~\ndialect stream\nhello bob\ndialect session\nping a\ndone\n"},
        {"a /hello that is too late",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), WAIT(SESSION_HELLO_US), IN("/hello 1\n"), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "~\ndialect stream\nraw /hello 1\ndone\n"},
        {"the time for /hello begins with the greeting",
         SESSION_LISTENER,
         false,
         {WAIT(HOUR), IN(THEY_GREET), WAIT(SESSION_HELLO_US - 1), IN(THEY_HELLO), END},
         "~\ngreeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "~\ndialect stream\nhello bob\ndialect session\ndone\n"},
        {"greets and leaves",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "dialect stream\ndone\n"},
        {"greets and leaves in the middle of a line",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "hi"), END},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "dialect stream\nraw hi\ndone\n"},
        {"greets and breaks",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET), RESET},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "done\n"},
        {"greets and breaks in the middle of a line",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/hel"), RESET},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "refused: the connection broke in the middle of a line\ndone\n"},
        {"a bad /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/hello 1 node=bob\nmore\n")},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "> /error bad-verb boot is missing\nfailed: boot is missing\n"},
        {"a /hello with a NUL",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/hello 1 node=bob boot=2 epoch=3 x=\0\nmore\n")},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER
         "> /error bad-line a NUL byte in a line\nfailed: a NUL byte in a line\n"},
        {"a /hello of a later version",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/hello 9 node=bob boot=2 epoch=3 what=ever\n"), END},
         NODE_UP "done\n"},
        {"/error instead of /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/error bad-verb what?\n")},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "failed: refused by the other side\n"},
        {"/bye instead of /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET "/bye duplicate\n")},
         "greeting 10.0.0.2:7216 bob\n" OUR_ANSWER "failed: refused by the other side\n"},
    };

    (void)state;
    HOLD(talks);
}

/* ---- a dialer */

static void dialer_and_nodes(void **state)
{
    static const struct talk talks[] = {
        {"a node",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US - 1), IN(THEY_GREET THEY_HELLO "/msg 7 hi\n"), WAIT(HOUR), END},
         WE_GREET "~\ngreeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO
                  "dialect session\nmsg 7 hi\n~\ndone\n"},
        {"a node that was known for one",
         SESSION_DIALER,
         true,
         {WAIT(SESSION_HELLO_US - 1), IN(THEY_GREET THEY_HELLO), WAIT(HOUR), END},
         WE_GREET "~\ngreeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO
                  "dialect session\n~\ndone\n"},
        {"/hello without a greeting",
         SESSION_DIALER,
         false,
         {IN(THEY_HELLO), WAIT(HOUR), END},
         WE_GREET "hello bob\n" WE_HELLO "dialect session\n~\ndone\n"},
        {"a greeting, and the /hello later",
         SESSION_DIALER,
         false,
         {IN(THEY_GREET), WAIT(SESSION_ANSWER_US - 1), IN(THEY_HELLO), END},
         WE_GREET "greeting 10.0.0.2:7216 bob\n~\nhello bob\n" WE_HELLO "dialect session\ndone\n"},
        {"silence, and then all of it",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US), WAIT(SESSION_HELLO_US - SESSION_ANSWER_US - 1),
          IN(THEY_GREET THEY_HELLO "/ping a\n"), END},
         WE_GREET "~\ndialect stream\n~\ngreeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO
                  "dialect session\nping a\ndone\n"},
        {"silence for too long",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_HELLO_US), IN(THEY_GREET "/hello 1\n"), END},
         WE_GREET "~\ndialect stream\ngreeting 10.0.0.2:7216 bob\nraw /hello 1\ndone\n"},
        {"a stream that says /hello after all",
         SESSION_DIALER,
         false,
         {IN("welcome\n" THEY_HELLO), END},
         WE_GREET "dialect stream\nraw welcome\nhello bob\n" WE_HELLO "dialect session\ndone\n"},
        {"a bad /hello",
         SESSION_DIALER,
         true,
         {IN("/hello\n")},
         WE_GREET "> /error bad-verb the version is not a number from 1\n"
                  "failed: the version is not a number from 1\n"},
        {"/error instead of an answer",
         SESSION_DIALER,
         false,
         {IN("/error full no room\n")},
         WE_GREET "failed: refused by the other side\n"},
        {"/bye behind the greeting",
         SESSION_DIALER,
         true,
         {IN(THEY_GREET "/bye duplicate\n")},
         WE_GREET "greeting 10.0.0.2:7216 bob\nfailed: refused by the other side\n"},
    };

    (void)state;
    HOLD(talks);
}

static void dialer_and_plain_peers(void **state)
{
    static const struct talk talks[] = {
        {"EOF at once: one-shot",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US - 1), END},
         WE_GREET "~\ndialect one-shot\ndone\n"},
        {"bytes, then EOF",
         SESSION_DIALER,
         false,
         {IN("10.0.0.2:7 bob hi"), END},
         WE_GREET "dialect one-shot\nchat 10.0.0.2:7 bob hi\ndone\n"},
        {"raw bytes, then EOF",
         SESSION_DIALER,
         false,
         {IN("busy"), END},
         WE_GREET "dialect one-shot\nraw busy\ndone\n"},
        {"a reset",
         SESSION_DIALER,
         false,
         {RESET},
         WE_GREET "failed: the connection broke before an answer\n"},
        {"bytes, then a reset",
         SESSION_DIALER,
         false,
         {IN("10.0.0.2:7 bob hi"), RESET},
         WE_GREET "failed: the connection broke before an answer\n"},
        {"silence: a stream",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US - 1), WAIT(1), WAIT(HOUR), IN("hi\n"), END},
         WE_GREET "~\n~\ndialect stream\n~\nraw hi\ndone\n"},
        {"silence, then EOF",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US), END},
         WE_GREET "~\ndialect stream\ndone\n"},
        {"silence, then a reset",
         SESSION_DIALER,
         false,
         {WAIT(SESSION_ANSWER_US), RESET},
         WE_GREET "~\ndialect stream\ndone\n"},
        {"half a line at the end of the silence",
         SESSION_DIALER,
         false,
         {IN("10.0.0.2:7 bob h"), WAIT(SESSION_ANSWER_US), IN("i\n"), END},
         WE_GREET "~\ndialect stream\nchat 10.0.0.2:7 bob hi\ndone\n"},
        {"another line first",
         SESSION_DIALER,
         false,
         {IN("10.0.0.2:7 bob hi\nthere\n"), WAIT(HOUR), END},
         WE_GREET "dialect stream\nchat 10.0.0.2:7 bob hi\nraw there\n~\ndone\n"},
        {"Enter first",
         SESSION_DIALER,
         false,
         {IN("\n"), WAIT(HOUR), END},
         WE_GREET "dialect stream\n~\ndone\n"},
        {"a greeting alone",
         SESSION_DIALER,
         false,
         {IN(THEY_GREET), WAIT(SESSION_ANSWER_US - 1), IN("hi\n"), WAIT(1), END},
         WE_GREET "greeting 10.0.0.2:7216 bob\n~\nraw hi\n~\ndialect stream\ndone\n"},
        {"a greeting, then EOF",
         SESSION_DIALER,
         false,
         {IN(THEY_GREET), END},
         WE_GREET "greeting 10.0.0.2:7216 bob\ndialect stream\ndone\n"},
        {"a greeting, then a reset",
         SESSION_DIALER,
         false,
         {IN(THEY_GREET), RESET},
         WE_GREET "greeting 10.0.0.2:7216 bob\nfailed: closed before /hello\n"},
        {"NUL first",
         SESSION_DIALER,
         false,
         {IN("a\0b\n"), END},
         WE_GREET "dialect stream\nrefused: a NUL byte in a line\ndone\n"},
    };

    (void)state;
    HOLD(talks);
}

/* Whoever has once said /hello is never taken for anything else. */
static void dialer_that_expects_a_session(void **state)
{
    static const struct talk talks[] = {
        {"EOF at once",
         SESSION_DIALER,
         true,
         {END},
         WE_GREET "failed: closed instead of answering\n"},
        {"bytes, then EOF",
         SESSION_DIALER,
         true,
         {IN("10.0.0.2:7 bob hi"), END},
         WE_GREET "failed: answered, but not with a greeting\n"},
        {"a reset",
         SESSION_DIALER,
         true,
         {RESET},
         WE_GREET "failed: the connection broke before an answer\n"},
        {"silence",
         SESSION_DIALER,
         true,
         {WAIT(SESSION_ANSWER_US), WAIT(SESSION_HELLO_US - SESSION_ANSWER_US - 1), WAIT(1)},
         WE_GREET "~\n~\n~\nfailed: no answer to the greeting\n"},
        {"half a line, and silence",
         SESSION_DIALER,
         true,
         {IN("10.0.0.2:7216 bob Conn"), WAIT(SESSION_HELLO_US)},
         WE_GREET "~\nfailed: no answer to the greeting\n"},
        {"another line",
         SESSION_DIALER,
         true,
         {IN("welcome\nmore\n")},
         WE_GREET "failed: answered, but not with a greeting\n"},
        {"NUL",
         SESSION_DIALER,
         true,
         {IN("\0\n")},
         WE_GREET "failed: answered, but not with a greeting\n"},
        {"a greeting alone",
         SESSION_DIALER,
         true,
         {WAIT(1000), IN(THEY_GREET), WAIT(SESSION_HELLO_US - 1001), WAIT(1)},
         WE_GREET "~\ngreeting 10.0.0.2:7216 bob\n~\n~\nfailed: greeted, but did not say /hello\n"},
        {"a greeting, then EOF",
         SESSION_DIALER,
         true,
         {IN(THEY_GREET), END},
         WE_GREET "greeting 10.0.0.2:7216 bob\nfailed: closed before /hello\n"},
        {"a greeting, then a reset",
         SESSION_DIALER,
         true,
         {IN(THEY_GREET "/hello 1"), RESET},
         WE_GREET "greeting 10.0.0.2:7216 bob\nfailed: closed before /hello\n"},
    };

    (void)state;
    HOLD(talks);
}

/* ---- a session */

static void verbs_of_a_session(void **state)
{
    static const struct talk talks[] = {
        {"every verb",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 1 hi \r\n/bcast 2 \n/ping t\n/pong t\n/name eve\n"
                                   "/bye now\n/error code text\n"),
          END},
         NODE_UP "msg 1 hi \nbcast 2 \nping t\npong t\nname eve\nbye now\nerror code text\ndone\n"},
        {"verbs that are not known",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/resume 1 2\n/ack 7\n/peer x\n/new-verb\n/ping t\n"), END},
         NODE_UP "ping t\ndone\n"},
        {"a text that looks like a message",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 1 10.0.0.9:7 eve exit\n"), END},
         NODE_UP "msg 1 10.0.0.9:7 eve exit\ndone\n"},
        {"a plain message",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "10.0.0.2:7 bob hi\n/ping t\n")},
         NODE_UP "> /error bad-verb not a verb\nfailed: not a verb\n"},
        {"an empty line",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "\n")},
         NODE_UP "> /error bad-verb not a verb\nfailed: not a verb\n"},
        {"a verb that does not parse",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/ping t\n/msg x hi\n/ping t\n")},
         NODE_UP "ping t\n> /error bad-verb the sequence number is not a number from 1\n"
                 "failed: the sequence number is not a number from 1\n"},
        {"a second /hello",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO THEY_HELLO)},
         NODE_UP "> /error bad-verb /hello was said twice\nfailed: /hello was said twice\n"},
        {"NUL",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 1 a\0b\n")},
         NODE_UP "> /error bad-line a NUL byte in a line\nfailed: a NUL byte in a line\n"},
        {"NUL in a verb that is not known",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/new a\0b\n")},
         NODE_UP "> /error bad-line a NUL byte in a line\nfailed: a NUL byte in a line\n"},
        {"half a verb at the end",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 1 hi\n/msg 2 hal"), END},
         NODE_UP "msg 1 hi\ndone\n"},
        {"half a verb and a reset",
         SESSION_LISTENER,
         false,
         {IN(THEY_GREET THEY_HELLO "/msg 2 hal"), RESET},
         NODE_UP "done\n"},
        {"silence is no event",
         SESSION_DIALER,
         true,
         {IN(THEY_GREET THEY_HELLO), WAIT(EVER * HOUR), IN("/ping t\n"), END},
         WE_GREET "greeting 10.0.0.2:7216 bob\nhello bob\n" WE_HELLO
                  "dialect session\n~\nping t\ndone\n"},
    };

    (void)state;
    HOLD(talks);
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
         "dialect stream\nchat 10.0.0.2:7 bob (64999 bytes)\nraw next\ndone\n"},
        {"", "10.0.0.2:7 bob ", 65000, "\nnext\n",
         "dialect stream\nchat 10.0.0.2:7 bob (65000 bytes)\nraw next\ndone\n"},
        {"", "10.0.0.2:7 bob ", 65001, "\nnext\n",
         "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw next\ndone\n"},
        {"", "", 65000, "\nnext\n", "dialect stream\nraw (65000 bytes)\nraw next\ndone\n"},
        {"", "", 65001, "\nnext\n", "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw next\ndone\n"},
        {"", "", 65535, "\nnext\n", "dialect stream\nrefused: " TOO_LONG_TEXT "\nraw next\ndone\n"},
        {"", "", 65536, "\nnext\n",
         "> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE "\n"},
        {"hi\n", "", 65536, "\nnext\n",
         "dialect stream\nraw hi\n> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE
         "\n"},
        {"hi\n", "", 1 << 18, "",
         "dialect stream\nraw hi\n> /error too-long " TOO_LONG_LINE "\nfailed: " TOO_LONG_LINE
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
         NODE_UP "msg 7 (65000 bytes)\nping t\ndone\n"},
        {THEY_GREET THEY_HELLO, "/msg 7 ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/bcast 7 ", 65000, "\n/ping t\n",
         NODE_UP "bcast 7 (65000 bytes)\nping t\ndone\n"},
        {THEY_GREET THEY_HELLO, "/bcast 7 ", 65001, "\n/ping t\n",
         NODE_UP "> /error too-long " TOO_LONG_TEXT "\nfailed: " TOO_LONG_TEXT "\n"},
        {THEY_GREET THEY_HELLO, "/new ", 65530, "\n/ping t\n", NODE_UP "ping t\ndone\n"},
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
         "dialect one-shot\nchat 10.0.0.2:7 bob (1009 bytes)\ndone\n"},
        {"", "10.0.0.2:7 bob ", 1010, "",
         "dialect stream\nchat 10.0.0.2:7 bob (1010 bytes)\ndone\n"},
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
        {SESSION_RAW, SESSION_LISTENER, "one\ntwo\n", "dialect stream\nraw one\n"},
        {SESSION_CHAT, SESSION_LISTENER, "10.0.0.2:7 bob hi",
         "dialect one-shot\nchat 10.0.0.2:7 bob hi\n"},
        {SESSION_EXIT, SESSION_LISTENER, "10.0.0.2:7 bob exit\nmore\n",
         "dialect stream\nexit 10.0.0.2:7 bob\n"},
        {SESSION_REFUSED, SESSION_LISTENER, "\001\n", "dialect stream\nraw \\x01\ndone\n"},
        {SESSION_VERB, SESSION_LISTENER, THEY_GREET THEY_HELLO "/ping t\n/ping t\nbad\n",
         NODE_UP "ping t\n"},
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(listener_and_plain_peers),
        cmocka_unit_test(listener_and_oneshot_peers),
        cmocka_unit_test(listener_and_nodes),
        cmocka_unit_test(dialer_and_nodes),
        cmocka_unit_test(dialer_and_plain_peers),
        cmocka_unit_test(dialer_that_expects_a_session),
        cmocka_unit_test(verbs_of_a_session),
        cmocka_unit_test(the_bounds_of_plain_lines),
        cmocka_unit_test(the_bounds_of_verbs),
        cmocka_unit_test(the_bounds_of_oneshot_messages),
        cmocka_unit_test(the_bounds_of_an_answer),
        cmocka_unit_test(nothing_comes_after_the_owner_has_closed),
        cmocka_unit_test(closing_in_a_timeout),
        cmocka_unit_test(closing_from_outside),
        cmocka_unit_test(knows_whether_anything_was_said),
        cmocka_unit_test(bytes_that_waited_for_us_count),
        cmocka_unit_test(two_sessions_talk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
