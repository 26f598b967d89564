/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The states of a conversation: small tables of what each does with a line, with the end of the
 * connection, and when its time is over. It must not know who is on the other side.
 */
#include "config.h"

#include "wire/states.h"

static const struct state awaiting_hello, plain, tail, tail_told;

const char session_nul_in_line[] = "a NUL byte in a line";
const char session_long_text[] = "a text of more than 65000 bytes";
static const char cut_short[] = "the connection broke in the middle of a line";

/* ---- plain lines */

static bool is_greeting(struct span line, struct message *message)
{
    return !line_has_nul(line) && message_parse(line, message) &&
           message->kind == MESSAGE_CONNECTED;
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
    if (line_has_nul(line))
        session_refuse(s, session_nul_in_line);
    else if (event.message.text.len > MESSAGE_TEXT_MAX)
        session_refuse(s, session_long_text);
    else
        session_emit(s, &event);
}

bool session_take_message(struct session *s, struct span line)
{
    if (!has_header(line))
        return false;
    deliver(s, line);
    return true;
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
        session_refuse(s, cut_short);
}

static void become_stream(struct session *s)
{
    session_declare(s, DIALECT_STREAM);
    session_enter(s, &plain, s->hello_until);
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
    session_enter(s, &awaiting_hello, now + SESSION_ANSWER_US);
    session_emit(s, &event);
    session_send(s, span_of(s->greeting));
    session_send(s, span_of(s->hello));
}

static bool is_oneshot(struct span partial)
{
    return partial.len <= MESSAGE_ONESHOT_MAX && has_header(partial);
}

/* A node's greeting ends with LF; how much of it comes at a time is the network's choice. */
static bool begins_greeting(struct span partial, struct message *message)
{
    static const char text[] = "Connected";

    return message_parse(partial, message) && message->text.len < sizeof text &&
           (message->text.len == 0 || memcmp(text, message->text.at, message->text.len) == 0);
}

bool session_awaits_greeting(const struct session *s)
{
    struct span partial = line_partial(&s->cutter);
    struct message message;

    if (s->role == SESSION_DIALER)
        return false;
    return s->state == &state_secured ||
           (s->state == &state_listener &&
            (!has_header(partial) || begins_greeting(partial, &message)));
}

/* Whole and without LF a greeting is that of a one-shot program. */
static void listener_first_partial(struct session *s, uint64_t now)
{
    struct span partial = line_partial(&s->cutter);
    struct message message;
    bool goes_on = begins_greeting(partial, &message) && message.kind != MESSAGE_CONNECTED;

    s->deadline = is_oneshot(partial) && !goes_on ? now + SESSION_SILENCE_US : 0;
}

static void listener_first_timeout(struct session *s, uint64_t now)
{
    session_declare(s, DIALECT_ONESHOT);
    deliver(s, line_partial(&s->cutter));
    session_enter(s, &tail, now + SESSION_TAIL_US);
}

static void listener_first_end(struct session *s, int error)
{
    struct span partial = line_partial(&s->cutter);
    struct message message;

    if (error != 0 && begins_greeting(partial, &message)) {
        session_refuse(s, cut_short);
        session_done(s);
        return;
    }
    if (is_oneshot(partial))
        session_declare(s, DIALECT_ONESHOT);
    else if (partial.len > 0 && (error == 0 || has_header(partial)))
        session_declare(s, DIALECT_STREAM);
    deliver_partial(s, error);
    session_done(s);
}

const struct state state_listener = {
    .line = listener_first_line,
    .partial = listener_first_partial,
    .timeout = listener_first_timeout,
    .end = listener_first_end,
};

/* ---- a one-shot message that has been delivered, its connection still open */

static void tail_bytes(struct session *s)
{
    session_enter(s, &tail_told, s->deadline);
    session_refuse(s, "bytes after a one-shot message");
}

static void tail_timeout(struct session *s, uint64_t now)
{
    (void)now;
    session_done(s);
}

void session_end_quietly(struct session *s, int error)
{
    (void)error;
    session_done(s);
}

static const struct state tail = {
    .bytes = tail_bytes,
    .timeout = tail_timeout,
    .end = session_end_quietly,
};

static const struct state tail_told = {
    .timeout = tail_timeout,
    .end = session_end_quietly,
};

/* ---- a dialer before the first line */

static const char not_a_greeting[] = "answered, but not with a greeting";

static void dialer_first_line(struct session *s, struct span line, uint64_t now)
{
    struct session_event event = {.kind = SESSION_GREETING};

    if (is_greeting(line, &event.message)) {
        session_enter(s, &awaiting_hello,
                      s->expect_session ? s->hello_until : now + SESSION_ANSWER_US);
        session_emit(s, &event);
        return;
    }
    if (session_take_hello(s, line) || session_take_refusal(s, line))
        return;
    if (s->expect_session) {
        session_fail(s, not_a_greeting);
        return;
    }
    become_stream(s);
    deliver(s, line);
}

static void dialer_first_timeout(struct session *s, uint64_t now)
{
    (void)now;
    if (s->expect_session)
        session_fail(s, "no answer to the greeting");
    else
        become_stream(s);
}

static void dialer_first_end(struct session *s, int error)
{
    bool silent = line_partial(&s->cutter).len == 0;

    if (error != 0) {
        session_fail(s, "the connection broke before an answer");
    } else if (s->expect_session) {
        session_fail(s, silent ? "closed instead of answering" : not_a_greeting);
    } else {
        session_declare(s, DIALECT_ONESHOT);
        deliver_partial(s, error);
        session_done(s);
    }
}

const struct state state_dialer = {
    .line = dialer_first_line,
    .timeout = dialer_first_timeout,
    .end = dialer_first_end,
};

/* ---- both have greeted; the other side may say /hello */

static void awaiting_hello_line(struct session *s, struct span line, uint64_t now)
{
    (void)now;
    if (!session_take_hello(s, line) && !session_take_refusal(s, line))
        deliver(s, line);
}

static void awaiting_hello_timeout(struct session *s, uint64_t now)
{
    (void)now;
    if (s->expect_session)
        session_fail(s, "greeted, but did not say /hello");
    else
        become_stream(s);
}

/* A /hello that the end of the connection has cut short is nobody's text. */
static void deliver_last(struct session *s, int error)
{
    static const char start[] = "/hello ";
    struct span partial = line_partial(&s->cutter);
    bool awaited = s->hello_until != 0 && partial.len > 0 && partial.len < strlen(start) &&
                   memcmp(partial.at, start, partial.len) == 0;

    if (awaited || span_starts(partial, start))
        session_refuse(s, cut_short);
    else
        deliver_partial(s, error);
}

static void awaiting_hello_end(struct session *s, int error)
{
    if (s->role == SESSION_DIALER && (s->expect_session || error != 0)) {
        session_fail(s, "closed before /hello");
        return;
    }
    if (error == 0)
        session_declare(s, DIALECT_STREAM);
    deliver_last(s, error);
    session_done(s);
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
    if (s->late && line_says(line, "/hello")) {
        session_fault(s, "late-hello", "said /hello too late");
        return;
    }
    if (s->hello_until != 0 && session_take_hello(s, line))
        return;
    if ((s->hello_until == 0 && !s->late) || !session_take_refusal(s, line))
        deliver(s, line);
}

static void plain_timeout(struct session *s, uint64_t now)
{
    (void)now;
    s->late = s->hello_until != 0;
    s->hello_until = 0;
}

static void plain_end(struct session *s, int error)
{
    deliver_last(s, error);
    session_done(s);
}

static const struct state plain = {
    .line = plain_line,
    .timeout = plain_timeout,
    .end = plain_end,
};
