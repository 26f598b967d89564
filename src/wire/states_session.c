/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a conversation becomes a session, in plain text or encrypted, and the states of one. It must
 * not know what verbs lead to.
 */
#include "config.h"

#include "wire/states.h"

#include <assert.h>

static const struct state young_session, in_session;

/* ---- what a line begins with or has */

bool line_says(struct span line, const char *verb)
{
    return span_is(span_cut_word(&line), verb);
}

bool line_has_nul(struct span line)
{
    return line.len > 0 && memchr(line.at, '\0', line.len) != NULL;
}

/* ---- /hello */

static const char fingerprint_claimed[] = "a fingerprint is proved, not claimed: dial with TLS";
static const char fingerprint_missing[] = "here a node's id is the fingerprint of its key";

/* What belongs into encrypted connections is not believed elsewhere. */
static void forget_proofs(struct hello *hello)
{
    hello->was[0] = hello->proof[0] = hello->former[0] = hello->invite[0] = '\0';
}

static void hear_hello(struct session *s, struct session_event *event)
{
    bool fingerprint = fingerprint_is(span_of(event->verb.hello.node));

    if (fingerprint != s->secure) {
        session_fault(s, "bad-node", s->secure ? fingerprint_missing : fingerprint_claimed);
        return;
    }
    if (!s->secure)
        forget_proofs(&event->verb.hello);
    session_emit(s, event);
    assert(s->accepted || s->state == &state_closed);
    session_enter(s, s->role == SESSION_DIALER && !s->secure ? &young_session : &in_session, 0);
    session_declare(s, DIALECT_SESSION);
}

bool session_take_hello(struct session *s, struct span line)
{
    struct session_event event = {.kind = SESSION_HELLO};
    const char *cause;

    if (!line_says(line, "/hello"))
        return false;
    if (line_has_nul(line))
        session_fault(s, "bad-line", session_nul_in_line);
    else if (!verb_parse(line, &event.verb, &cause))
        session_fault(s, "bad-verb", cause);
    else
        hear_hello(s, &event);
    return true;
}

bool session_take_refusal(struct session *s, struct span line)
{
    struct session_event event = {.kind = SESSION_FAILED, .cause = "refused by the other side"};
    const char *cause;

    if (line_has_nul(line) || !(line_says(line, "/error") || line_says(line, "/bye")) ||
        !verb_parse(line, &event.verb, &cause))
        return false;
    session_emit(s, &event);
    session_close(s);
    return true;
}

/* ---- a session */

static bool carries_text(enum verb_kind kind)
{
    return kind == VERB_MSG || kind == VERB_BCAST || kind == VERB_ASK || kind == VERB_ANSWER;
}

/* In plain text it is no more than an unknown verb. */
static void hear_group(struct session *s, struct session_event *event)
{
    if (s->secure)
        session_emit(s, event);
    digest_wipe(&event->verb.group, sizeof event->verb.group);
}

static void session_line(struct session *s, struct span line, uint64_t now)
{
    struct session_event event; /* not cleared: there may be millions in a second */
    const char *cause;

    (void)now;
    event.kind = SESSION_VERB;
    event.cause = NULL;
    if (line_has_nul(line))
        session_fault(s, "bad-line", session_nul_in_line);
    else if (!verb_parse(line, &event.verb, &cause))
        session_fault(s, "bad-verb", cause);
    else if (event.verb.kind == VERB_HELLO)
        session_fault(s, "bad-verb", "/hello was said twice");
    else if (carries_text(event.verb.kind) && event.verb.text.len > MESSAGE_TEXT_MAX)
        session_fault(s, "too-long", session_long_text);
    else if (event.verb.kind == VERB_GROUP)
        hear_group(s, &event);
    else if (event.verb.kind != VERB_OTHER)
        session_emit(s, &event);
}

/* A listener that has waited for our /hello in vain has sent plain lines behind its own. */
static void young_line(struct session *s, struct span line, uint64_t now)
{
    if (!span_starts(line, "/") && session_take_message(s, line))
        return;
    session_enter(s, &in_session, 0);
    session_line(s, line, now);
}

static const struct state young_session = {
    .line = young_line,
    .end = session_end_quietly,
};

static const struct state in_session = {
    .line = session_line,
    .end = session_end_quietly,
};
