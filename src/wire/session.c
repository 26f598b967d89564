/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conversation of one connection as its owner sees it, and what every state of it uses. Time
 * acts only through session_timeout(), so that bytes which waited while this program was stopped
 * still count as they would have. It must not know sockets, clocks, peers or stores.
 */
#include "config.h"

#include "wire/session.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/states.h"

enum { ERROR_LINE_MAX = 256 }; /* bytes of an /error line of ours */

static const char long_line[] = "a line of more than 65536 bytes";
static const char long_hello[] = "a line of more than 2048 bytes before /hello";

const struct state state_closed = {0};

/* ---- what every state uses */

void session_emit(struct session *s, const struct session_event *event)
{
    if (s->state != &state_closed)
        s->handlers.event(s->arg, event);
}

void session_send(struct session *s, struct span bytes)
{
    if (s->state != &state_closed)
        s->handlers.send(s->arg, bytes);
}

/* The owner may have closed the session in the event before: then it stays closed. */
void session_enter(struct session *s, const struct state *state, uint64_t deadline)
{
    if (s->state == &state_closed)
        return;
    s->state = state;
    s->deadline = deadline;
}

void session_declare(struct session *s, enum dialect dialect)
{
    if (s->state == &state_closed)
        return;
    s->dialect = dialect;
    session_emit(s, &(struct session_event){.kind = SESSION_DIALECT, .dialect = dialect});
}

void session_refuse(struct session *s, const char *cause)
{
    session_emit(s, &(struct session_event){.kind = SESSION_REFUSED, .cause = cause});
}

void session_fail(struct session *s, const char *cause)
{
    session_emit(s, &(struct session_event){.kind = SESSION_FAILED, .cause = cause});
    session_close(s);
}

void session_done(struct session *s)
{
    session_emit(s, &(struct session_event){.kind = SESSION_DONE});
    session_close(s);
}

/* The other side broke the rules: it is told so. */
void session_fault(struct session *s, const char *code, const char *cause)
{
    struct buffer line;

    buffer_init(&line, ERROR_LINE_MAX);
    verb_format_error(&line, code, cause);
    session_send(s, buffer_span(&line));
    buffer_free(&line);
    session_fail(s, cause);
}

/* ---- the session as its owner sees it */

static void dial(struct session *s, const struct session_config *config, uint64_t now)
{
    s->expect_session = config->expect_session;
    s->hello_until = now + SESSION_HELLO_US;
    session_enter(s, &state_dialer, s->expect_session ? s->hello_until : now + SESSION_ANSWER_US);
    session_send(s, config->greeting);
}

struct session *session_new(const struct session_config *config, uint64_t now,
                            const struct session_handlers *handlers, void *arg)
{
    struct session *s = alloc_zero(1, sizeof *s);

    s->role = config->role;
    s->greeting = span_string(config->greeting);
    s->hello = span_string(config->hello);
    s->handlers = *handlers;
    s->arg = arg;
    line_init(&s->cutter);
    s->state = &state_listener;
    if (config->secure)
        session_secure(s, now);
    else if (s->role == SESSION_DIALER)
        dial(s, config, now);
    return s;
}

void session_secure(struct session *s, uint64_t now)
{
    if (s->secure || s->state == &state_closed)
        return;
    assert(s->state == &state_listener && !s->spoken);
    s->secure = true;
    session_enter(s, &state_handshake, now + SESSION_HANDSHAKE_US);
}

void session_secured(struct session *s, struct span hello, uint64_t now)
{
    assert(s->state == &state_handshake || s->state == &state_closed);
    s->cutter.max = SESSION_SECURED_HELLO_BYTES;
    session_enter(s, &state_secured, now + SESSION_SECURED_HELLO_US);
    if (s->role == SESSION_DIALER)
        session_send(s, hello);
}

static void forget_ourselves(struct session *s)
{
    free(s->greeting);
    free(s->hello);
    s->greeting = s->hello = NULL;
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    line_free(&s->cutter);
    forget_ourselves(s);
    free(s);
}

void session_input(struct session *s, struct span bytes, uint64_t now)
{
    enum line_result result = LINE_WHOLE;
    struct span line;

    if (bytes.len == 0 || s->state == &state_closed)
        return;
    s->spoken = true;
    if (s->state->bytes != NULL)
        s->state->bytes(s);
    while (s->state->line != NULL && result == LINE_WHOLE) {
        result = line_next(&s->cutter, &bytes, &line);
        if (result == LINE_WHOLE)
            s->state->line(s, line, now);
        else if (result == LINE_TOO_LONG)
            session_fault(s, "too-long", s->cutter.max == LINE_MAX_BYTES ? long_line : long_hello);
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
    s->cutter.max = LINE_MAX_BYTES;
    s->cutter.keep_cr = true; /* the text of a verb is any bytes but LF and NUL */
    if (s->role == SESSION_DIALER && !s->secure)
        session_send(s, span_of(s->hello));
    forget_ourselves(s); /* all of that has been said */
}

void session_answer(struct session *s, struct span hello)
{
    assert(s->role == SESSION_LISTENER && s->secure);
    session_accept(s);
    session_send(s, hello);
}

void session_close(struct session *s)
{
    s->state = &state_closed;
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
