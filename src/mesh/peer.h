/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one peer is, and the news about it. For mesh/ alone. Which file changes which fields is said
 * with each group of them.
 */
#ifndef HASHFLOW_MESH_PEER_H
#define HASHFLOW_MESH_PEER_H

#include "mesh/dialer.h"
#include "mesh/node.h"
#include "mesh/outbox.h"
#include "store/peers.h"

struct link;
struct oneshot;

enum { PEER_SHOWN = NAME_TEXT + 1 + NODE_ID_MAX }; /* room for NAME~ID */

/* /ping's tokens begin with it; a heartbeat's do not. */
enum { TOKEN_PING = 'p' };

struct peer {
    struct node *node;
    struct peer_row row;
    bool dirty;    /* the row is to be saved; see peer_touch() */
    uint64_t rank; /* in the directory, 0 outside; directory.c */

    /* What people see: peer.c and names.c. */
    char *host;             /* HOST:PORT as named, until an address is known; else NULL */
    char *alias;            /* HOST:PORT as the user has named it, or NULL */
    char *text;             /* its address, "-" if none is known */
    char cause[96];         /* why it is not up */
    char shown[PEER_SHOWN]; /* its name, told apart from others of that name; see names.c */
    size_t suffix;          /* characters of its node id that tell it from them */
    bool bears;             /* its name alone is enough */

    /* How long it is kept: membership.c, and who it turns out to be: rendezvous.c. */
    struct address source; /* who claimed it, for a claimed peer */
    bool transient;        /* as long as its connection: a person with nc */
    bool passing;          /* until it is gone */
    bool unkept;           /* nor dialled again: there are too many already */
    bool fading;           /* one-shot: until its exit has been said */
    bool forgotten;
    struct peer *became; /* absorbed by that one */
    unsigned holds;

    /* Its dials of this run: dialer.c, as the user's orders and its own words say. */
    bool named;       /* the user asked for it */
    bool tried;       /* the first one, or the one asked for last, has ended */
    bool greeted;     /* one-shot: it has had its greeting, or has spoken */
    bool reached;     /* it was up at some time */
    uint64_t asked;   /* when the user has last asked for it, monotonic us */
    uint64_t up_at;   /* when it was last seen to be up; 0 never */
    bool failing;     /* the last one has failed, and that was told */
    bool refused;     /* it does not let us in: not dialled until it speaks or is asked for */
    bool fenced;      /* that is for the user's own rules */
    bool turned_away; /* it does not belong, or shows another key */
    bool asks_plain;  /* the user wants it in plain text */
    bool offers_tls;  /* it has just said that it would rather be dialled encrypted */
    char other_key[FINGERPRINT_TEXT]; /* that was refused at its address; see pins.c */
    bool pardons;                     /* the user has connected to it: that lifts a ban */
    bool is_us;                       /* named, and it has turned out to be this node */
    struct attempt attempt;

    /* What was told about it in this run: door.c. */
    bool told_banned;  /* that it was turned away */
    bool told_barred;  /* that a plain message was not taken */
    bool told_doubled; /* that two nodes have its id */

    /* Whether it is there: peer.c, as it is heard. */
    bool heard;         /* one-shot: it has spoken or taken something, and has not left */
    bool left;          /* it said goodbye: not dialled until it speaks or is asked for */
    bool announced;     /* EVENT_UP was told last, not EVENT_DOWN */
    struct timer grace; /* before a lost connection is announced */

    /* What it sends: arrivals.c. */
    uint64_t boot;     /* of its present run */
    uint64_t epoch;    /* of its numbering */
    uint64_t mark;     /* highest number of that epoch that we have taken, */
    uint64_t kept;     /* that we have confirmed, for it is stored or has left, */
    uint64_t settling; /* and that we will once the turn is stored */
    bool settles;
    size_t open; /* bytes of its lines that are taken and not confirmed */

    /* What it gets: rendezvous.c and link.c the connection, posting.c the rest. */
    struct link *link;         /* where its lines go; NULL if there is no connection */
    struct oneshot *oneshot;   /* the delivery under way; NULL if none */
    bool says_exit;            /* one-shot: exit follows the last line that waits */
    uint64_t got_from, got_to; /* the last unbroken run of broadcasts posted to it; 0 none */
    bool missed;               /* a broadcast after that was not for it */
    struct outbox box;

    /* Its round trip: orders.c asks, hearing.c hears. */
    int64_t rtt_us; /* -1 unknown */
    uint64_t ping;  /* number of the ping that /ping waits for; 0 none */
    uint64_t ping_at;
    enum ping_state ping_state;
};

struct peer *peer_new(struct node *node);
void peer_free(struct peer *peer);
bool peer_is_up(const struct peer *peer);
bool peer_is_dialing(const struct peer *peer);
bool peer_has_key(const struct peer *peer);  /* its id proves who it is */
bool peer_is_plain(const struct peer *peer); /* false as long as it is not known how it speaks */
void peer_tell(struct node *node, const struct peer *peer, struct event event);
void peer_touch(struct peer *peer);                     /* its row is to be saved */
void peer_settle(struct peer *peer, const char *cause); /* tells up or down if that has changed */
void peer_set_name(struct peer *peer, struct span name);
void peer_set_node(struct peer *peer, const char *id, struct span name); /* as said in a /hello */
void peer_set_address(struct peer *peer, const struct address *a);       /* makes it the first */
void peer_drop_address(struct peer *peer, const struct address *a);
void peer_show_address(struct peer *peer, const struct address *a); /* it is not dialled there */
void peer_set_host(struct peer *peer, const char *place);
void peer_set_alias(struct peer *peer, const char *place); /* NULL for none */
/* source: who claims that it is there; NULL: nobody has to any more. */
void peer_set_claim(struct peer *peer, const struct address *source);
void peer_found(struct peer *peer, const struct address *a); /* a dial reached it there */
void peer_set_dialect(struct peer *peer, enum dialect dialect);
void peer_spoke(struct peer *peer); /* life: seen now, back if it had left */
void peer_left(struct peer *peer, const char *cause);
/* Its connection lost against a crossed dial: the other one is about to come up. */
void peer_wait_grace(struct peer *peer, const char *cause);

#endif
