/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that can happen in a node, as one tagged struct. The node tells its news through one
 * callback with it; whoever prints, counts or reacts listens there. Everything in an event is
 * borrowed for the time of the call.
 */
#ifndef HASHFLOW_MESH_EVENT_H
#define HASHFLOW_MESH_EVENT_H

#include <stdbool.h>

#include "wire/address.h"

enum event_kind {
    EVENT_MESSAGE,     /* text, from somebody */
    EVENT_SAID,        /* count texts, taken from us for a peer, or for everyone: then address is
                          NULL */
    EVENT_UP,          /* a peer can be talked to now */
    EVENT_DOWN,        /* it cannot any more: cause */
    EVENT_UNREACHABLE, /* a dial has failed, said once until one succeeds: cause */
    EVENT_NAME,        /* a peer is called name from now on; former is what it was called */
    EVENT_SUSPECT,     /* a peer that is up has been silent for long */
    EVENT_BACK,        /* it has spoken again before it was taken for down */
    EVENT_QUEUED,      /* the line id for a peer is stored: it outlives us */
    EVENT_SENT,        /* the line id is on its way to a peer */
    EVENT_DELIVERED,   /* a peer has confirmed the line id */
    EVENT_LOST,        /* the line id will never reach a peer; EVENT_FAILED sums these up */
    EVENT_FAILED,      /* count lines for a peer were not delivered and never will be: cause */
    EVENT_KEPT_BACK,   /* on leaving: count lines for a peer that was away were not sent; they are
                          gone, or stored for the next run */
    EVENT_KEPT,        /* on leaving: count lines for a peer, owed to it, stay stored for the next
                          run: cause */
    EVENT_REFUSED,     /* something that came from address could not be delivered to us: cause;
                          count is how often, if more than once */
    EVENT_QUESTION,    /* somebody asks text; count is what node_answer() calls it */
    EVENT_ANSWER,      /* text, a line of what somebody answers to question */
};

enum event_scope { SCOPE_DIRECT, SCOPE_BROADCAST };

/* Which line: the same on both ends. Plain peers number nothing: node is then NULL. */
struct event_id {
    const char *node; /* who has sent it */
    uint64_t epoch;   /* of its numbering */
    uint64_t seq;
};

struct question;

struct event {
    enum event_kind kind;
    const char *address;      /* as text: IP:PORT, or HOST:PORT until a named host is resolved */
    const char *name;         /* "-" if unknown */
    const char *node;         /* its node id; NULL or empty unless it speaks sessions */
    const char *former;       /* EVENT_NAME */
    const char *cause;        /* why, in words for people */
    enum event_scope scope;   /* EVENT_MESSAGE, EVENT_SAID, EVENT_FAILED */
    struct event_id id;       /* EVENT_MESSAGE, EVENT_QUEUED to EVENT_LOST */
    struct span text;         /* EVENT_MESSAGE, EVENT_QUESTION, EVENT_ANSWER */
    const struct span *texts; /* EVENT_SAID */
    size_t count;             /* lines, but for EVENT_REFUSED and EVENT_QUESTION */
    const struct question *question; /* EVENT_ANSWER: ours */
    bool stored;                     /* EVENT_KEPT_BACK */
    bool plain;                      /* its peer speaks without encryption: anybody can say so */
};

/* Something that was sent is lost, or at least not delivered by this run. */
static inline bool event_is_loss(const struct event *event)
{
    return event->kind == EVENT_FAILED || event->kind == EVENT_KEPT;
}

#endif
