/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What waits for one peer, in memory; what of that is stored is the business of store/outbox.h. For
 * mesh/ alone: posting.c fills it, pump.c sends from it, confirm.c empties it, forms.c rewrites it
 * when the peer's dialect comes out, losses.c counts what is lost.
 */
#ifndef HASHFLOW_MESH_OUTBOX_H
#define HASHFLOW_MESH_OUTBOX_H

#include "base/buffer.h"
#include "base/chunk.h"
#include "mesh/event.h"
#include "net/loop.h"

/*
 * Lines that wait for one peer, each ended by LF: as verbs (/msg 7 TEXT) for a session and while
 * the dialect is not known, as plain messages for a stream. They stay until confirmed.
 *
 * What waits for a peer that is durable is stored: then lines holds only what is on its way, or
 * soon will be, while it is connected. For everybody else lines is all there is.
 */
struct outbox {
    struct queue lines;
    bool plain;             /* the lines are plain messages, not verbs */
    struct buffer numbers;  /* of plain lines, if somebody wants to know; uint64_t each */
    enum event_scope scope; /* of the line posted last: plain lines do not tell */
    size_t sent;            /* of lines.bytes: handed to the connection */
    size_t foreign;         /* at the front: plain lines sent before a stream became a session */
    bool resumed;           /* session: it has said what it has, and may get the rest */
    uint64_t window;        /* session: bytes it takes unconfirmed */
    uint64_t acked;         /* it has all up to this number */
    uint64_t flown;         /* the highest number that it was ever sent */
    uint64_t last;          /* the highest number posted */
    bool confirmed;         /* acked has risen and is not stored yet */
    uint64_t progress;      /* when bytes last moved, or a dial began; monotonic us */
    uint64_t brisk;         /* when the last whole BRISK_BYTES had moved */
    size_t moved;           /* bytes since then */
    bool held;              /* leaving waits for it: something was posted while it was not away */
    bool hoped;             /* so it does until the peer's first dial of this run has ended */
    bool ready;             /* on the node's list of outboxes to pump at the end of the turn */
    bool laden;             /* on the node's list of those for whom something waits */
    size_t told;            /* one-shot: bytes of the first line's text that were delivered */
    size_t lost;            /* lines given up, not told yet */
    enum event_scope lost_scope;
    char *lost_cause;   /* of the last ones; NULL as long as there were none */
    uint64_t interval;  /* of check, while bytes are in the kernel; us */
    struct timer check; /* for progress: a full box, or a stream whose bytes are on their way */

    bool durable;          /* what waits is stored; decided while nothing waits */
    bool behind;           /* more is stored than lines holds */
    uint64_t loaded;       /* the highest number that has passed through lines */
    uint64_t owed;         /* held until this number is confirmed */
    uint64_t count, bytes; /* all that waits */
};

#endif
