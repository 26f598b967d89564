/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A conversation of any bytes at all. It is held whole, byte by byte and in pieces whose lengths
 * the bytes choose, and must give the same events each time.
 *
 * The first byte chooses the side: 0 to 3 in its lowest bits, a dialer if odd, to an address that
 * is known for a node if 2 or more. Of the others, bytes that are never UTF-8 are directions:
 * ff the clean end, fe a reset, fd a second passes, fc a long run of x.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/text.h"
#include "target.h"
#include "wire/session.h"

enum {
    START = 1,
    LONG_RUN = 16000, /* bytes of x: five of them pass the bound of a line */
    RUNS_MAX = 8,
    TRACE_MAX = 16 * 1024 * 1024,
};

enum direction { CLEAN_END = 0xff, BROKEN_END = 0xfe, SECOND = 0xfd, RUN_OF_X = 0xfc };

struct run {
    struct session *session;
    struct buffer trace;
    uint64_t now;
    int runs; /* of x, so far */
    bool over;
};

/* Adds the numbers to the trace, then the bytes, all of which are read. */
static void trace(struct run *r, unsigned kind, uint64_t number, struct span bytes)
{
    bool kept =
        buffer_print(&r->trace, "%u %llu %zu:", kind, (unsigned long long)number, bytes.len) &&
        buffer_append(&r->trace, bytes);

    check(kept);
}

static void check_text(struct span text)
{
    check(text.len <= MESSAGE_TEXT_MAX);
    check(text.len == 0 || memchr(text.at, '\0', text.len) == NULL);
    check(text.len == 0 || memchr(text.at, '\n', text.len) == NULL);
}

static void trace_message(struct run *r, const struct message *m)
{
    char shown[NAME_TEXT], from[ADDRESS_TEXT];

    check_text(m->text);
    check(m->name.len > 0);
    name_shown(m->name, shown);
    address_print(&m->from, from);
    trace(r, m->kind, m->from.port, span_of(from));
    trace(r, 0, 0, span_of(shown));
    trace(r, 0, 0, m->text);
}

static void trace_hello(struct run *r, const struct hello *h)
{
    check(strlen(h->node) >= 1 && text_is_one_word(span_of(h->node)));
    check(h->version >= 1);
    trace(r, h->listen, h->boot, span_of(h->node));
    trace(r, h->passing, h->epoch, span_of(h->name));
}

static void trace_verb(struct run *r, const struct verb *v)
{
    check(v->kind != VERB_OTHER && v->kind != VERB_HELLO);
    check(v->seq <= INT64_MAX);
    trace(r, v->kind, v->seq, v->text);
    trace(r, 0, 0, v->code);
    if (v->kind >= VERB_ASK && v->kind <= VERB_ANSWERED) {
        check(v->token.len >= 1 && v->token.len <= VERB_TOKEN_MAX);
        check(v->status < ANSWER_STATUSES || v->kind != VERB_ANSWERED);
        trace(r, 0, v->kind == VERB_ANSWERED ? v->status : 0, v->token);
    }
    if (v->kind == VERB_RESUME)
        trace(r, 0, v->epoch, span_of(""));
    if (v->kind == VERB_PEER || v->kind == VERB_GONE)
        trace(r, 0, v->kind == VERB_GONE ? v->boot : v->address.port, span_of(v->node));
}

static void on_event(void *arg, const struct session_event *event)
{
    struct run *r = arg;

    check(!r->over);
    trace(r, event->kind, event->dialect, span_of(event->cause == NULL ? "" : event->cause));
    if (event->kind >= SESSION_GREETING && event->kind <= SESSION_RAW)
        trace_message(r, &event->message);
    if (event->kind == SESSION_VERB) {
        check(session_dialect(r->session) == DIALECT_SESSION);
        trace_verb(r, &event->verb);
    }
    if (event->kind == SESSION_HELLO) {
        trace_hello(r, &event->verb.hello);
        /* One of two owners wants no session. */
        if (event->verb.hello.boot % 2 == 0)
            session_accept(r->session);
        else
            session_close(r->session);
    }
    r->over = event->kind == SESSION_FAILED || event->kind == SESSION_DONE;
}

static void on_send(void *arg, struct span bytes)
{
    struct run *r = arg;

    check(!r->over);
    check(bytes.len > 0 && bytes.at[bytes.len - 1] == '\n');
    trace(r, 99, 0, bytes);
}

/* Input in memory of exactly its size, so that reading past its end is found. */
static void put_in_exactly(struct run *r, struct span bytes)
{
    char *exact = malloc(bytes.len);

    check(exact != NULL);
    memcpy(exact, bytes.at, bytes.len);
    session_input(r->session, span_make(exact, bytes.len), r->now);
    free(exact);
}

enum cutting { WHOLE, PIECES, BYTES };

static void put_in(struct run *r, struct span bytes, enum cutting cutting)
{
    while (bytes.len > 0) {
        size_t len = cutting == WHOLE ? bytes.len : 1;
        if (cutting == PIECES)
            len += (unsigned char)bytes.at[0] * 37 % 61;
        len = len < bytes.len ? len : bytes.len;
        put_in_exactly(r, span_make(bytes.at, len));
        bytes = span_after(bytes, len);
    }
}

static void pass_a_second(struct run *r)
{
    uint64_t until = r->now + 1000000, due;

    while ((due = session_deadline(r->session)) != 0 && due <= until) {
        check(due >= r->now);
        r->now = due;
        session_timeout(r->session, due);
        check(session_deadline(r->session) != due); /* or a loop would never come to rest */
    }
    r->now = until;
}

/* Larger pieces than elsewhere: a byte at a time would take the time that other inputs need. */
static void put_in_x(struct run *r, enum cutting cutting)
{
    static char x[LONG_RUN];

    if (++r->runs > RUNS_MAX)
        return;
    memset(x, 'x', sizeof x);
    size_t piece = cutting == WHOLE ? sizeof x : cutting == PIECES ? 4999 : 997;
    for (size_t at = 0; at < sizeof x; at += piece)
        put_in_exactly(r, span_make(x + at, piece < sizeof x - at ? piece : sizeof x - at));
}

static void direct(struct run *r, enum direction direction, enum cutting cutting)
{
    switch (direction) {
    case CLEAN_END: session_end(r->session, 0, r->now); break;
    case BROKEN_END: session_end(r->session, ECONNRESET, r->now); break;
    case SECOND: pass_a_second(r); break;
    case RUN_OF_X: put_in_x(r, cutting); break;
    }
}

static void hold(struct run *r, uint8_t side, struct span script, enum cutting cutting)
{
    static const struct session_handlers handlers = {.event = on_event, .send = on_send};

    *r = (struct run){.now = START};
    buffer_init(&r->trace, TRACE_MAX);
    struct session_config config = {
        .role = side & 1 ? SESSION_DIALER : SESSION_LISTENER,
        .greeting = span_of("10.0.0.1:7216 me Connected\n"),
        .hello = span_of("/hello 1 node=me boot=1 epoch=1\n"),
        .expect_session = (side & 2) != 0,
    };
    r->session = session_new(&config, START, &handlers, r);
    while (script.len > 0) {
        size_t len = 0;
        while (len < script.len && (unsigned char)script.at[len] < RUN_OF_X)
            len++;
        put_in(r, span_make(script.at, len), cutting);
        script = span_after(script, len);
        if (script.len > 0) {
            direct(r, (enum direction)(unsigned char)script.at[0], cutting);
            script = span_after(script, 1);
        }
    }
    session_free(r->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, other;

    if (size == 0)
        return 0;
    struct span script = span_make((const char *)data + 1, size - 1);
    hold(&whole, data[0], script, WHOLE);
    for (enum cutting cutting = PIECES; cutting <= BYTES; cutting++) {
        hold(&other, data[0], script, cutting);
        check(span_equal(buffer_span(&whole.trace), buffer_span(&other.trace)));
        buffer_free(&other.trace);
    }
    buffer_free(&whole.trace);
    return 0;
}
