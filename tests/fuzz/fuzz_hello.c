/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a stranger says first in an encrypted connection. Held whole, byte by byte and in pieces it
 * must give the same, and whatever it is: nothing but a /hello is heard, and an end comes in time.
 *
 * The first byte chooses the side, a dialer if odd. Of the others ff is the clean end, fe a reset,
 * fd a second that passes, and fc a long run of x.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "target.h"
#include "wire/session.h"

enum {
    START = 1,
    LONG_RUN = 700, /* bytes of x: three of them pass the bound */
    TRACE_MAX = 1024 * 1024,
    NEW_RUN = 0xfc,
    SECOND = 0xfd,
    BROKEN_END = 0xfe,
    CLEAN_END = 0xff,
};

static const char our_hello[] =
    "/hello 1 node=aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq boot=1 epoch=1\n";

struct run {
    struct session *session;
    struct buffer trace;
    uint64_t now;
    enum session_role role;
    bool over;
};

static void trace(struct run *r, unsigned kind, struct span bytes)
{
    bool kept =
        buffer_print(&r->trace, "%u %zu:", kind, bytes.len) && buffer_append(&r->trace, bytes);

    check(kept);
}

/* What is taken comes back the same, in a line that has room. */
static void check_hello(struct run *r, const struct hello *hello)
{
    struct buffer line, line_again;
    struct verb again;
    const char *cause;

    buffer_init(&line, HELLO_LINE - 1);
    verb_format_hello(&line, hello);
    struct span text = buffer_span(&line);
    check(text.len > 0 && text.at[text.len - 1] == '\n');
    bool taken = verb_parse(span_make(text.at, text.len - 1), &again, &cause);
    check(taken && again.kind == VERB_HELLO);
    buffer_init(&line_again, HELLO_LINE - 1);
    verb_format_hello(&line_again, &again.hello);
    check(span_equal(text, buffer_span(&line_again)));
    buffer_free(&line_again);
    check(fingerprint_is(span_of(hello->node)));
    check(hello->was[0] == '\0' || !fingerprint_is(span_of(hello->was)));
    check(hello->proof[0] == '\0' || strlen(hello->proof) == PROOF_TEXT - 1);
    check(hello->invite[0] == '\0' || strlen(hello->invite) == INVITATION_ID - 1);
    trace(r, 0, text);
    buffer_free(&line);
}

static void on_event(void *arg, const struct session_event *event)
{
    struct run *r = arg;

    check(!r->over);
    trace(r, event->kind, span_of(event->cause == NULL ? "" : event->cause));
    if (session_dialect(r->session) != DIALECT_SESSION)
        check(event->kind == SESSION_HELLO || event->kind == SESSION_FAILED);
    else
        check(event->kind == SESSION_DIALECT || event->kind == SESSION_VERB ||
              event->kind == SESSION_FAILED || event->kind == SESSION_DONE);
    if (event->kind == SESSION_HELLO) {
        check_hello(r, &event->verb.hello);
        if (event->verb.hello.boot % 2 != 0) /* one of two owners wants no session */
            session_close(r->session);
        else if (r->role == SESSION_LISTENER)
            session_answer(r->session, span_of(our_hello));
        else
            session_accept(r->session);
    }
    r->over = event->kind == SESSION_FAILED || event->kind == SESSION_DONE;
}

static void on_send(void *arg, struct span bytes)
{
    struct run *r = arg;

    check(!r->over);
    check(span_is(bytes, our_hello) || span_starts(bytes, "/error "));
    trace(r, 99, bytes);
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

static void put_in(struct run *r, struct span bytes, size_t piece)
{
    while (bytes.len > 0) {
        size_t len = bytes.len < piece ? bytes.len : piece;
        put_in_exactly(r, span_make(bytes.at, len));
        bytes = span_after(bytes, len);
    }
}

static void pass(struct run *r, uint64_t us)
{
    uint64_t due = session_deadline(r->session);

    r->now += us;
    if (due != 0 && due <= r->now) {
        session_timeout(r->session, r->now);
        check(session_deadline(r->session) == 0);
    }
}

static void direct(struct run *r, unsigned char direction, size_t piece)
{
    static char x[LONG_RUN];

    memset(x, 'x', sizeof x);
    switch (direction) {
    case CLEAN_END: session_end(r->session, 0, r->now); break;
    case BROKEN_END: session_end(r->session, ECONNRESET, r->now); break;
    case SECOND: pass(r, 1000000); break;
    default: put_in(r, span_make(x, sizeof x), piece); break;
    }
}

static void begin(struct run *r, enum session_role role)
{
    static const struct session_handlers handlers = {.event = on_event, .send = on_send};
    struct session_config config = {.role = role, .secure = role == SESSION_DIALER};

    *r = (struct run){.now = START, .role = role};
    buffer_init(&r->trace, TRACE_MAX);
    r->session = session_new(&config, START, &handlers, r);
    if (role == SESSION_LISTENER)
        session_secure(r->session, START);
    session_secured(r->session, span_of(our_hello), START);
}

static void hold(struct run *r, enum session_role role, struct span script, size_t piece)
{
    begin(r, role);
    while (script.len > 0) {
        size_t len = 0;
        while (len < script.len && (unsigned char)script.at[len] < NEW_RUN)
            len++;
        put_in(r, span_make(script.at, len), piece);
        script = span_after(script, len);
        if (script.len > 0) {
            direct(r, (unsigned char)script.at[0], piece);
            script = span_after(script, 1);
        }
    }
    bool is_session = session_dialect(r->session) == DIALECT_SESSION;
    pass(r, SESSION_SECURED_HELLO_US);
    check(is_session || r->over || session_deadline(r->session) == 0);
    session_free(r->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 13, 2048};
    struct run whole, other;

    if (size == 0)
        return 0;
    enum session_role role = data[0] & 1 ? SESSION_DIALER : SESSION_LISTENER;
    struct span script = span_make((const char *)data + 1, size - 1);
    hold(&whole, role, script, SIZE_MAX);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        hold(&other, role, script, pieces[i]);
        check(span_equal(buffer_span(&whole.trace), buffer_span(&other.trace)));
        buffer_free(&other.trace);
    }
    buffer_free(&whole.trace);
    return 0;
}
