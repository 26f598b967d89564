/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node itself: what the files of mesh/ share. For mesh/ alone. Which file changes which fields
 * is said with each group of them.
 */
#ifndef HASHFLOW_MESH_INTERNAL_H
#define HASHFLOW_MESH_INTERNAL_H

#include "base/chunk.h"
#include "mesh/directory.h"
#include "mesh/fence.h"
#include "mesh/node.h"
#include "net/endpoint.h"
#include "net/resolver.h"

struct arrival;
struct hearsay;
struct invited;
struct joining;
struct judgement;
struct link;
struct plain_form;
struct question;
struct run;
struct taken;
struct tomb;

enum { CLONES_MAX = 16 }; /* addresses of copies of us that are told */

struct node {
    struct loop *loop;
    struct database *db; /* NULL: nothing is stored */
    struct node_config config;
    struct node_sink sink;
    uint64_t wall_us; /* wall clock, read once a turn */

    /* Who we are and where: node.c. */
    char name[NAME_TEXT];
    char id[NODE_ID_TEXT];       /* the fingerprint of our key, if we have one */
    char plain_id[NODE_ID_TEXT]; /* what we say we are where nothing proves it */
    uint64_t boot;
    struct listener *listeners[NODE_LISTENERS];
    size_t listener_count;
    uint16_t last_port;       /* for a goodbye after the listeners are gone */
    struct address local[64]; /* this machine's addresses, port 0 */
    size_t local_count;
    bool leaving;
    struct timer leave;

    /* Whom we know: membership.c. */
    struct peer **peers;
    size_t peer_count, peer_room;
    struct directory directory; /* of the same */
    struct peer **buried;       /* removed; let go at the end of the turn */
    size_t buried_count, buried_room;
    int64_t *dropped; /* rows of peers that were removed */
    size_t dropped_count, dropped_room;
    bool dirty;         /* some peer is, or our name */
    struct tomb *tombs; /* nodes forgotten, oldest first; tombs.c */
    size_t tomb_count, tomb_room;

    /* Whom the user lets in: standing.c, inviting.c, joining.c. */
    struct judgement *judgements;
    size_t judgement_count, judgement_room;
    struct invited *invited; /* invitations, the one that ends first before the others */
    size_t invited_count, invited_room;
    struct joining *joining; /* the last one that we have accepted; or NULL */

    /* Connections: link.c, dialer.c, door.c. */
    struct link *links; /* open ones, newest first */
    struct link *dead;  /* to be freed at the end of the turn */
    struct resolver *resolver;
    size_t dials;                      /* in flight */
    int fd_limit;                      /* loop_fd_limit(), asked once */
    bool full;                         /* a newcomer was refused; said once */
    struct address clones[CLONES_MAX]; /* where a copy of us is; told once each */
    size_t clone_count;
    struct address turned_away[FENCE_TOLD]; /* hosts of which that was told; fence.c */
    size_t turned_away_count;
    bool held_plain, held_all; /* reading is stopped because of the sink's backlog */
    uint64_t tokens;           /* the last number given to a ping or a question */
    char silence[32];          /* why one that has been silent for too long is down */
    uint64_t meetings;         /* sessions begun; exchange.c */
    struct link *met;          /* sessions, in the order in which they began, */
    struct link **met_end;     /* and where the next one comes */
    struct timer gather;       /* the others are told of those that are new */
    struct hearsay *hearsay;   /* what others tell us of; NULL: it is not wanted */

    /* What we send: posting.c numbers it, keeping.c stores it. */
    uint64_t epoch;              /* of our numbering */
    uint64_t seq;                /* the last number given to a message */
    uint64_t stored_seq;         /* the last one that is stored */
    uint64_t given;              /* the last that anybody can have seen, also of a former run */
    bool numbered;               /* something was sent under this numbering in this run */
    bool renumbered;             /* it is a new one of this run already */
    struct run *runs, *last_run; /* not stored yet, in order */
    struct peer **audience;      /* of the line that is being posted: the durable peers */
    size_t audience_count, audience_room;
    bool confirmations;  /* some outbox is confirmed */
    bool unstored;       /* the last commit has failed: nothing numbered leaves */
    struct timer retry;  /* of a commit that has failed */
    struct timer expiry; /* of what has waited for too long; confirm.c */
    struct peer **ready; /* outboxes to pump; pump.c */
    size_t ready_count, ready_room;
    struct peer **laden; /* for whom something waits; congestion.c */
    size_t laden_count, laden_room;
    struct spool recalled;    /* lines read from the store; pump.c */
    struct spool verbs;       /* lines for sessions; forms.c */
    struct plain_form *plain; /* and for streams */
    size_t plain_count;
    struct node_progress progress; /* but for what is left; tally.c */
    struct timer tell;             /* losses are told together; losses.c */
    uint64_t told_at;              /* monotonic us; 0 never */

    /* What we receive: hearing.c counts it, arrivals.c keeps it. */
    uint64_t messages;                       /* told */
    uint64_t last_receipt;                   /* monotonic us */
    struct arrival *arrivals, *last_arrival; /* in order */
    struct arrival *unsettled;               /* the first that has not left and is not stored */
    bool arriving;                           /* the last arrival is of this turn */
    size_t arrived_bytes;                    /* in that and those behind it */
    size_t shelved_bytes;                    /* in those that are stored */
    struct spool arrived;                    /* lines of arrivals */

    /* What we ask and what others ask: questions.c and answering.c. */
    struct question *questions; /* oldest first */
    struct taken *taken;        /* the same */
    size_t taken_count;
    size_t taken_last; /* the number given to the last */
};

/* The port under which somebody who reaches us at that address finds us. */
uint16_t node_port(const struct node *node, const struct address *at);

/* Has it told as many messages as it is to tell? */
bool node_has_enough(const struct node *node);

#endif
