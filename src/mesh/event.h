/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that can happen in a node, as one tagged struct. The node tells its news through one
 * callback with it; whoever prints, counts or reacts listens there. Everything in an event is
 * borrowed for the time of the call.
 */
#ifndef HASHFLOW_MESH_EVENT_H
#define HASHFLOW_MESH_EVENT_H

#include "wire/address.h"

enum event_kind {
    EVENT_MESSAGE,     /* text, from somebody */
    EVENT_UP,          /* a peer can be talked to now */
    EVENT_DOWN,        /* it cannot any more: cause */
    EVENT_UNREACHABLE, /* a dial has failed, said once until one succeeds: cause */
    EVENT_NAME,        /* a peer is called name from now on; former is what it was called */
    EVENT_FAILED,      /* count lines for a peer were not delivered and never will be: cause */
    EVENT_KEPT_BACK,   /* on leaving: count lines for a peer that is away were not sent */
    EVENT_REFUSED,     /* something that came from address could not be delivered to us: cause;
                          count is how often, if more than once */
};

enum event_scope { SCOPE_DIRECT, SCOPE_BROADCAST };

struct event {
    enum event_kind kind;
    const char *address;    /* as text: IP:PORT, or HOST:PORT until a named host is resolved */
    const char *name;       /* "-" if unknown */
    const char *former;     /* EVENT_NAME */
    const char *cause;      /* why, in words for people */
    enum event_scope scope; /* EVENT_MESSAGE, EVENT_FAILED */
    struct span text;       /* EVENT_MESSAGE */
    size_t count;           /* lines */
};

#endif
