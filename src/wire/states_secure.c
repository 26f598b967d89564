/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The states of an encrypted conversation before it is a session. Who is there has only been told
 * by a key so far, so nothing is heard but /hello and a refusal. It must not know keys or proofs.
 */
#include "config.h"

#include "wire/states.h"

/* ---- the handshake */

static void handshake_bytes(struct session *s)
{
    session_fault(s, "tls", "plain text, and this is to be encrypted");
}

static void handshake_timeout(struct session *s, uint64_t now)
{
    (void)now;
    session_fail(s, "the handshake took too long");
}

static void handshake_end(struct session *s, int error)
{
    session_fail(s, error == 0 ? "closed during the handshake" : "the handshake failed");
}

const struct state state_handshake = {
    .bytes = handshake_bytes,
    .timeout = handshake_timeout,
    .end = handshake_end,
};

/* ---- before the other side's /hello */

static void secured_line(struct session *s, struct span line, uint64_t now)
{
    (void)now;
    if (!session_take_hello(s, line) && !session_take_refusal(s, line))
        session_fault(s, "bad-verb", "something else came before /hello");
}

static void secured_timeout(struct session *s, uint64_t now)
{
    (void)now;
    session_fail(s, "encrypted, but did not say /hello");
}

static void secured_end(struct session *s, int error)
{
    session_fail(s, error == 0 ? "closed before /hello" : "the connection broke before /hello");
}

const struct state state_secured = {
    .line = secured_line,
    .timeout = secured_timeout,
    .end = secured_end,
};
