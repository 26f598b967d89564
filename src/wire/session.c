/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conversation of one connection as a machine of small states. Time acts only through
 * session_timeout(), so that bytes which waited while this program was stopped still count as
 * they would have. It must not know sockets, clocks, peers or stores.
 */
#include "config.h"

#include "wire/session.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"

enum { ERROR_LINE_MAX = 256 }; /* bytes of an /error line of ours */

/* What a state does with what happens. A missing function: nothing. */
struct state {
    void (*bytes)(struct session *s); /* instead of cutting lines */
    void (*line)(struct session *s, struct span line, uint64_t now);
    void (*partial)(struct session *s, uint64_t now); /* input has ended within a line or at one */
    void (*timeout)(struct session *s, uint64_t now);
    void (*end)(struct session *s, int error);
};

struct session {
    const struct state *state;
    enum session_role role;
    bool expect_session;
    bool spoken;
    bool accepted;
    enum dialect dialect;
    uint64_t deadline;    /* of the state; 0 for none */
    uint64_t hello_until; /* a /hello makes it a session; 0 for never, or no longer */
    struct line_cutter cutter;
    char *greeting;
    char *hello;
    struct session_handlers handlers;
    void *arg;
};

static const struct state listener_first, dialer_first, awaiting_hello, plain, tail, tail_told,
    in_session, closed;

/* ---- what every state uses */

static void emit(struct session *s, const struct session_event *event)
{
    if (s->state != &closed)
        s->handlers.event(s->arg, event);
}

static void send_bytes(struct session *s, struct span bytes)
{
    if (s->state != &closed)
        s->handlers.send(s->arg, bytes);
}

/* The owner may have closed the session in the event before: then it stays closed. */
static void enter(struct session *s, const struct state *state, uint64_t deadline)
{
    if (s->state == &closed)
        return;
    s->state = state;
    s->deadline = deadline;
}

static void declare(struct session *s, enum dialect dialect)
{
    if (s->state == &closed)
        return;
    s->dialect = dialect;
    emit(s, &(struct session_event){.kind = SESSION_DIALECT, .dialect = dialect});
}

static void refuse(struct session *s, const char *cause)
{
    emit(s, &(struct session_event){.kind = SESSION_REFUSED, .cause = cause});
}

static void fail(struct session *s, const char *cause)
{
    emit(s, &(struct session_event){.kind = SESSION_FAILED, .cause = cause});
    session_close(s);
}

static void done(struct session *s)
{
    emit(s, &(struct session_event){.kind = SESSION_DONE});
    session_close(s);
}

/* The other side broke the rules: it is told so. */
static void fault(struct session *s, const char *code, const char *cause)
{
    struct buffer line;

    buffer_init(&line, ERROR_LINE_MAX);
    verb_format_error(&line, code, cause);
    send_bytes(s, buffer_span(&line));
    buffer_free(&line);
    fail(s, cause);
}

static const char nul_in_line[] = "a NUL byte in a line";
static const char long_text[] = "a text of more than 65000 bytes";
static const char long_line[] = "a line of more than 65536 bytes";

static bool has_nul(struct span line)
{
    return line.len > 0 && memchr(line.at, '\0', line.len) != NULL;
}

/* ---- plain lines */

static bool is_greeting(struct span line, struct message *message)
{
    return !has_nul(line) && message_parse(line, message) && message->kind == MESSAGE_CONNECTED;
}

static bool has_header(struct span line)
{
    struct message message;

    return message_parse(line, &message);
}

static void deliver(struct session *s, struct span line)
{
    static const enum session_event_kind kinds[] = {
        [MESSAGE_CHAT] = SESSION_CHAT,
        [MESSAGE_CONNECTED] = SESSION_GREETING,
        [MESSAGE_EXIT] = SESSION_EXIT,
    };
    struct session_event event = {.kind = SESSION_RAW};

    if (message_parse(line, &event.message))
        event.kind = kinds[event.message.kind];
    else if (line.len > 0)
        event.message = (struct message){.name = span_of("-"), .text = line};
    else
        return; /* somebody pressed Enter */
    if (has_nul(line))
        refuse(s, nul_in_line);
    else if (event.message.text.len > MESSAGE_TEXT_MAX)
        refuse(s, long_text);
    else
        emit(s, &event);
}

/* What arrived of a last line that nothing will end. */
static void deliver_partial(struct session *s, int error)
{
    struct span partial = line_partial(&s->cutter);

    if (partial.len == 0)
        return;
    if (error == 0 || has_header(partial))
        deliver(s, partial);
    else
        refuse(s, "the connection broke in the middle of a line");
}

static void become_stream(struct session *s)
{
    declare(s, DIALECT_STREAM);
    enter(s, &plain, s->hello_until);
}

/* ---- /hello */

static bool says(struct span line, const char *verb)
{
    return span_is(span_cut_word(&line), verb);
}

/* Takes the line if it is a /hello, good or bad. */
static bool take_hello(struct session *s, struct span line)
{
    struct session_event event = {.kind = SESSION_HELLO};
    const char *cause;

    if (!says(line, "/hello"))
        return false;
    if (has_nul(line)) {
        fault(s, "bad-line", nul_in_line);
    } else if (!verb_parse(line, &event.verb, &cause)) {
        fault(s, "bad-verb", cause);
    } else {
        emit(s, &event);
        assert(s->accepted || s->state == &closed);
        enter(s, &in_session, 0);
        declare(s, DIALECT_SESSION);
    }
    return true;
}

/* Takes the line if a node says with it that there will be no session. */
static bool take_refusal(struct session *s, struct span line)
{
    struct session_event event = {.kind = SESSION_FAILED, .cause = "refused by the other side"};
    const char *cause;

    if (has_nul(line) || !(says(line, "/error") || says(line, "/bye")) ||
        !verb_parse(line, &event.verb, &cause))
        return false;
    emit(s, &event);
    session_close(s);
    return true;
}

/* ---- a listener before the first line */

static void listener_first_line(struct session *s, struct span line, uint64_t now)
{
    struct session_event event = {.kind = SESSION_GREETING};

    if (!is_greeting(line, &event.message)) {
        become_stream(s);
        deliver(s, line);
        return;
    }
    s->hello_until = now + SESSION_HELLO_US;
    enter(s, &awaiting_hello, now + SESSION_ANSWER_US);
    emit(s, &event);
    send_bytes(s, span_of(s->greeting));
    send_bytes(s, span_of(s->hello));
}

static bool is_oneshot(struct span partial)
{
    return partial.len <= MESSAGE_ONESHOT_MAX && has_header(partial);
}

static void listener_first_partial(struct session *s, uint64_t now)
{
    s->deadline = is_oneshot(line_partial(&s->cutter)) ? now + SESSION_SILENCE_US : 0;
}

static void listener_first_timeout(struct session *s, uint64_t now)
{
    declare(s, DIALECT_ONESHOT);
    deliver(s, line_partial(&s->cutter));
    enter(s, &tail, now + SESSION_TAIL_US);
}

static void listener_first_end(struct session *s, int error)
{
    struct span partial = line_partial(&s->cutter);

    if (is_oneshot(partial))
        declare(s, DIALECT_ONESHOT);
    else if (partial.len > 0 && (error == 0 || has_header(partial)))
        declare(s, DIALECT_STREAM);
    deliver_partial(s, error);
    done(s);
}

static const struct state listener_first = {
    .line = listener_first_line,
    .partial = listener_first_partial,
    .timeout = listener_first_timeout,
    .end = listener_first_end,
};

/* ---- a one-shot message that has been delivered, its connection still open */

static void tail_bytes(struct session *s)
{
    enter(s, &tail_told, s->deadline);
    refuse(s, "bytes after a one-shot message");
}

static void tail_timeout(struct session *s, uint64_t now)
{
    (void)now;
    done(s);
}

static void quiet_end(struct session *s, int error)
{
    (void)error;
    done(s);
}

static const struct state tail = {
    .bytes = tail_bytes,
    .timeout = tail_timeout,
    .end = quiet_end,
};

static const struct state tail_told = {
    .timeout = tail_timeout,
    .end = quiet_end,
};

/* ---- a dialer before the first line */

static const char not_a_greeting[] = "answered, but not with a greeting";

static void dialer_first_line(struct session *s, struct span line, uint64_t now)
{
    struct session_event event = {.kind = SESSION_GREETING};

    if (is_greeting(line, &event.message)) {
        enter(s, &awaiting_hello, s->expect_session ? s->hello_until : now + SESSION_ANSWER_US);
        emit(s, &event);
        return;
    }
    if (take_hello(s, line) || take_refusal(s, line))
        return;
    if (s->expect_session) {
        fail(s, not_a_greeting);
        return;
    }
    become_stream(s);
    deliver(s, line);
}

static void dialer_first_timeout(struct session *s, uint64_t now)
{
    (void)now;
    if (s->expect_session)
        fail(s, "no answer to the greeting");
    else
        become_stream(s);
}

static void dialer_first_end(struct session *s, int error)
{
    bool silent = line_partial(&s->cutter).len == 0;

    if (error != 0) {
        fail(s, "the connection broke before an answer");
    } else if (s->expect_session) {
        fail(s, silent ? "closed instead of answering" : not_a_greeting);
    } else {
        declare(s, DIALECT_ONESHOT);
        deliver_partial(s, error);
        done(s);
    }
}

static const struct state dialer_first = {
    .line = dialer_first_line,
    .timeout = dialer_first_timeout,
    .end = dialer_first_end,
};

/* ---- both have greeted; the other side may say /hello */

static void awaiting_hello_line(struct session *s, struct span line, uint64_t now)
{
    (void)now;
    if (!take_hello(s, line) && !take_refusal(s, line))
        deliver(s, line);
}

static void awaiting_hello_timeout(struct session *s, uint64_t now)
{
    (void)now;
    if (s->expect_session)
        fail(s, "greeted, but did not say /hello");
    else
        become_stream(s);
}

static void awaiting_hello_end(struct session *s, int error)
{
    if (s->role == SESSION_DIALER && (s->expect_session || error != 0)) {
        fail(s, "closed before /hello");
        return;
    }
    if (error == 0)
        declare(s, DIALECT_STREAM);
    deliver_partial(s, error);
    done(s);
}

static const struct state awaiting_hello = {
    .line = awaiting_hello_line,
    .timeout = awaiting_hello_timeout,
    .end = awaiting_hello_end,
};

/* ---- a stream */

static void plain_line(struct session *s, struct span line, uint64_t now)
{
    (void)now;
    if (s->hello_until == 0 || !take_hello(s, line))
        deliver(s, line);
}

static void plain_timeout(struct session *s, uint64_t now)
{
    (void)now;
    s->hello_until = 0;
}

static void plain_end(struct session *s, int error)
{
    deliver_partial(s, error);
    done(s);
}

static const struct state plain = {
    .line = plain_line,
    .timeout = plain_timeout,
    .end = plain_end,
};

/* ---- a session */

static bool carries_text(enum verb_kind kind)
{
    return kind == VERB_MSG || kind == VERB_BCAST;
}

static void session_line(struct session *s, struct span line, uint64_t now)
{
    struct session_event event = {.kind = SESSION_VERB};
    const char *cause;

    (void)now;
    if (has_nul(line))
        fault(s, "bad-line", nul_in_line);
    else if (!verb_parse(line, &event.verb, &cause))
        fault(s, "bad-verb", cause);
    else if (event.verb.kind == VERB_HELLO)
        fault(s, "bad-verb", "/hello was said twice");
    else if (carries_text(event.verb.kind) && event.verb.text.len > MESSAGE_TEXT_MAX)
        fault(s, "too-long", long_text);
    else if (event.verb.kind != VERB_OTHER)
        emit(s, &event);
}

static const struct state in_session = {
    .line = session_line,
    .end = quiet_end,
};

static const struct state closed = {0};

/* ---- the session as its owner sees it */

struct session *session_new(enum session_role role, struct span greeting, struct span hello,
                            bool expect_session, uint64_t now,
                            const struct session_handlers *handlers, void *arg)
{
    struct session *s = alloc_zero(1, sizeof *s);

    s->role = role;
    s->greeting = span_string(greeting);
    s->hello = span_string(hello);
    s->handlers = *handlers;
    s->arg = arg;
    line_init(&s->cutter);
    s->state = &listener_first;
    if (role == SESSION_DIALER) {
        s->expect_session = expect_session;
        s->hello_until = now + SESSION_HELLO_US;
        enter(s, &dialer_first, expect_session ? s->hello_until : now + SESSION_ANSWER_US);
        send_bytes(s, greeting);
    }
    return s;
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    line_free(&s->cutter);
    free(s->greeting);
    free(s->hello);
    free(s);
}

void session_input(struct session *s, struct span bytes, uint64_t now)
{
    enum line_result result = LINE_WHOLE;
    struct span line;

    if (bytes.len == 0 || s->state == &closed)
        return;
    s->spoken = true;
    if (s->state->bytes != NULL)
        s->state->bytes(s);
    while (s->state->line != NULL && result == LINE_WHOLE) {
        result = line_next(&s->cutter, &bytes, &line);
        if (result == LINE_WHOLE)
            s->state->line(s, line, now);
        else if (result == LINE_TOO_LONG)
            fault(s, "too-long", long_line);
    }
    if (s->state->partial != NULL)
        s->state->partial(s, now);
}

void session_end(struct session *s, int error, uint64_t now)
{
    (void)now;
    if (s->state->end != NULL)
        s->state->end(s, error);
}

uint64_t session_deadline(const struct session *s)
{
    return s->deadline;
}

void session_timeout(struct session *s, uint64_t now)
{
    if (s->deadline == 0 || now < s->deadline)
        return;
    s->deadline = 0;
    s->state->timeout(s, now);
}

void session_accept(struct session *s)
{
    s->accepted = true;
    s->cutter.keep_cr = true; /* the text of a verb is any bytes but LF and NUL */
    if (s->role == SESSION_DIALER)
        send_bytes(s, span_of(s->hello));
}

void session_close(struct session *s)
{
    s->state = &closed;
    s->deadline = 0;
}

enum dialect session_dialect(const struct session *s)
{
    return s->dialect;
}

bool session_has_spoken(const struct session *s)
{
    return s->spoken;
}
