/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection's conversation: which dialect it is, and what each line in it means. Bytes and
 * the time go in; events and bytes to send come out through two callbacks. Pure: no sockets, no
 * clock of its own, and it does not know what a peer or a directory is. Times are microseconds of
 * any monotonic clock.
 */
#ifndef HASHFLOW_WIRE_SESSION_H
#define HASHFLOW_WIRE_SESSION_H

#include "wire/line.h"
#include "wire/verb.h"

enum {
    SESSION_ANSWER_US = 1500000,        /* a greeting not answered by then: a stream peer */
    SESSION_HELLO_US = 10000000,        /* until then a late /hello still makes it a session */
    SESSION_SILENCE_US = 2000000,       /* a header without LF, then silence: a one-shot message */
    SESSION_TAIL_US = 10000000,         /* how long a connection is kept after that */
    SESSION_HANDSHAKE_US = 5000000,     /* for the handshake of an encrypted connection, */
    SESSION_SECURED_HELLO_US = 5000000, /* and then for the other side's /hello */
    SESSION_SECURED_HELLO_BYTES = 2048, /* that it may take */
};

enum dialect { DIALECT_UNKNOWN, DIALECT_ONESHOT, DIALECT_STREAM, DIALECT_SESSION };

enum session_event_kind {
    SESSION_DIALECT,  /* what the other side speaks: dialect. ONESHOT or STREAM once; STREAM may
                         be followed by SESSION. */
    SESSION_GREETING, /* message: "Connected" was said, as a first line or as any later message */
    SESSION_EXIT,     /* message: whom message.from names has left */
    SESSION_CHAT,     /* message: a plain message with a header */
    SESSION_RAW,      /* message.text: a plain line without a header */
    SESSION_HELLO,    /* verb.hello. The owner calls session_accept() or session_close() before it
                         returns. */
    SESSION_VERB,     /* verb: any other known verb of an accepted session */
    SESSION_REFUSED,  /* cause: what arrived cannot be delivered; the connection goes on */
    SESSION_FAILED,   /* cause: the dial has failed, or the other side broke the rules. Nothing more
                         comes; send what is queued and close. Before a session the other side may
                         have refused it: then verb is its VERB_ERROR or VERB_BYE. */
    SESSION_DONE,     /* nothing more is expected; close */
};

struct session_event {
    enum session_event_kind kind;
    enum dialect dialect;
    struct message message;
    struct verb verb;
    const char *cause; /* static text */
};

struct session_handlers {
    void (*event)(void *arg, const struct session_event *event); /* spans are borrowed */
    void (*send)(void *arg, struct span bytes);                  /* borrowed */
};

enum session_role { SESSION_LISTENER, SESSION_DIALER };

struct session;

struct session_config {
    enum session_role role;
    struct span greeting; /* our "ME NAME Connected" line with its LF */
    struct span hello;    /* our /hello line with its LF, for plain text; both are copied */
    bool expect_session;  /* this address has once said /hello, so silence or EOF is a failed dial
                             and never another dialect */
    bool secure;          /* it is going to be encrypted, or nothing is heard on it */
};

/* A dialer greets at once, unless it is secure. The owner must not free the session inside a
 * callback; it calls session_close() there and frees it later. */
struct session *session_new(const struct session_config *config, uint64_t now,
                            const struct session_handlers *handlers, void *arg);

void session_free(struct session *s); /* accepts NULL */

/*
 * Encrypted connections have no greeting: the dialer says /hello, then the listener, and anything
 * else is a failure, as is plain text in place of the handshake.
 * session_secure(): nothing was said, and the listener's connection is going to be encrypted; if
 * that is known already it does nothing. session_secured(): now it is; hello is our /hello line,
 * which a dialer says at once, and a listener hands to session_answer() instead.
 */
void session_secure(struct session *s, uint64_t now);
void session_secured(struct session *s, struct span hello, uint64_t now);

void session_input(struct session *s, struct span bytes, uint64_t now);

/* The other side will send no more: error is 0 for a clean EOF, else an errno (a reset, say). */
void session_end(struct session *s, int error, uint64_t now);

/* When session_timeout() is to be called; 0 for never. May change after every call. */
uint64_t session_deadline(const struct session *s);
void session_timeout(struct session *s, uint64_t now);

/* Inside a SESSION_HELLO event: yes, it is a session. A plain dialer says /hello now. */
void session_accept(struct session *s);

/* The same for a listener of an encrypted connection, which says that /hello. */
void session_answer(struct session *s, struct span hello);

/* No further event or byte comes out, whatever goes in. */
void session_close(struct session *s);

enum dialect session_dialect(const struct session *s);

/* Has the other side said anything at all? */
bool session_has_spoken(const struct session *s);

/* A listener: is what the other side has said, if anything, the beginning of a greeting at most, or
 * of the /hello of an encrypted connection? Then it still hears a refusal. */
bool session_awaits_greeting(const struct session *s);

#endif
