/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The verbs that nodes speak to each other in a session: a line each, /VERB and its words. This
 * is the only place that knows how they are written. Pure.
 */
#ifndef HASHFLOW_WIRE_VERB_H
#define HASHFLOW_WIRE_VERB_H

#include "base/buffer.h"
#include "wire/hello.h"
#include "wire/proof.h"

enum {
    VERB_VERSION = 1,
    VERB_TOKEN_MAX = 64, /* bytes of the token of a ping or a question */
};

enum verb_kind {
    VERB_HELLO,
    VERB_MSG,
    VERB_BCAST,
    VERB_PING,
    VERB_PONG,
    VERB_ACK,
    VERB_RESUME,
    VERB_NAME,
    VERB_PEER,
    VERB_GONE,
    VERB_ASK,
    VERB_ANSWER,
    VERB_ANSWERED,
    VERB_GROUP, /* the answer to an invitation: the group's secrets */
    VERB_BYE,
    VERB_ERROR,
    VERB_OTHER, /* well-formed, but nothing that this version acts on: ignore it */
};

/* How the answer to a question has ended. */
enum answer_status {
    ANSWER_OK,
    ANSWER_FAILED, /* whatever answers has failed; also what a later version may say */
    ANSWER_CUT,    /* it is too long, or has what no line can carry */
    ANSWER_BUSY,
    ANSWER_NONE, /* nobody answers questions there */
    ANSWER_STATUSES,
};

struct verb {
    enum verb_kind kind;
    uint64_t seq;      /* msg, bcast: its number, from 1; ack, resume: the highest committed */
    struct span text;  /* msg, bcast, ask, answer: TEXT; ping, pong: the token; name: the name;
                         bye: the reason; error: the text after its code; peer: the name;
                         borrowed from the line */
    struct span code;  /* error */
    struct span token; /* ask, answer, answered */
    uint64_t epoch;    /* resume: of the numbering that seq is of */
    uint64_t boot;     /* gone */
    enum answer_status status; /* answered */
    char node[NODE_ID_TEXT];   /* peer, gone */
    struct address address;    /* peer */
    struct hello hello;        /* hello */
    struct group group;        /* group */
};

/*
 * true if the line is a verb, known or not (an unknown one is VERB_OTHER). false if a known verb
 * does not parse or the line is no verb at all; *cause is then a static text that says what is
 * wrong, fit for /error.
 */
bool verb_parse(struct span line, struct verb *out, const char **cause);

/* Each appends one line with its LF. */
void verb_format_hello(struct buffer *out, const struct hello *hello);
void verb_format_ping(struct buffer *out, const char *token);
void verb_format_pong(struct buffer *out, struct span token);
void verb_format_ack(struct buffer *out, uint64_t seq);
void verb_format_resume(struct buffer *out, uint64_t epoch, uint64_t seq);
void verb_format_name(struct buffer *out, const char *name);
void verb_format_peer(struct buffer *out, const struct address *a, const char *node,
                      const char *name);
void verb_format_gone(struct buffer *out, const char *node, uint64_t boot);
void verb_format_ask(struct buffer *out, const char *token, struct span text);
void verb_format_answer(struct buffer *out, const char *token, struct span text);
void verb_format_answered(struct buffer *out, const char *token, enum answer_status status);
void verb_format_group(struct buffer *out, const struct group *group);
void verb_format_bye(struct buffer *out, const char *reason);
void verb_format_error(struct buffer *out, const char *code, const char *text);

enum { VERB_HEAD = 32 }; /* room for "/bcast SEQ " */

/* The head of a line that carries text, "/msg 7 "; kind is VERB_MSG or VERB_BCAST. */
struct span verb_head(enum verb_kind kind, uint64_t seq, char out[VERB_HEAD]);

#endif
