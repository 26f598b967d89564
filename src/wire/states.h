/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of a session, for session.c and states*.c alone: what a state is, and what every
 * state may do.
 */
#ifndef HASHFLOW_WIRE_STATES_H
#define HASHFLOW_WIRE_STATES_H

#include "wire/session.h"

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
    bool secure; /* encrypted, or about to be */
    bool spoken;
    bool accepted;
    enum dialect dialect;
    uint64_t deadline;    /* of the state; 0 for none */
    uint64_t hello_until; /* a /hello makes it a session; 0 for never, or no longer */
    bool late;            /* no longer: one that says /hello now has to begin anew */
    struct line_cutter cutter;
    char *greeting;
    char *hello;
    struct session_handlers handlers;
    void *arg;
};

/* Where a conversation begins, and where nothing comes out any more. */
extern const struct state state_listener, state_dialer, state_closed;

/* Of an encrypted connection: before it is, and before the other side's /hello. */
extern const struct state state_handshake, state_secured;

void session_emit(struct session *s, const struct session_event *event);
void session_send(struct session *s, struct span bytes);

/* deadline: when the state's timeout is to be called; 0 for never. */
void session_enter(struct session *s, const struct state *state, uint64_t deadline);

void session_declare(struct session *s, enum dialect dialect);
void session_refuse(struct session *s, const char *cause);

/* Each takes the line if it is a plain message with a header; a /hello, good or bad; or says that
 * there will be no session. */
bool session_take_message(struct session *s, struct span line);
bool session_take_hello(struct session *s, struct span line);
bool session_take_refusal(struct session *s, struct span line);

bool line_says(struct span line, const char *verb);
bool line_has_nul(struct span line);

extern const char session_nul_in_line[], session_long_text[];

/* These end the conversation. The causes and the code are static text. */
void session_done(struct session *s);
void session_end_quietly(struct session *s, int error);
void session_fail(struct session *s, const char *cause);
void session_fault(struct session *s, const char *code, const char *cause);

#endif
