/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of mesh/ share: the node, its peers and its connections. Nobody outside includes
 * it. Who may change what: peer.c the fields of a peer that say what it is, dialer.c those of a
 * dial, delivery.c the outbox, link.c a connection.
 */
#ifndef HASHFLOW_MESH_INTERNAL_H
#define HASHFLOW_MESH_INTERNAL_H

#include "base/chunk.h"
#include "mesh/node.h"
#include "net/channel.h"
#include "net/endpoint.h"
#include "net/resolver.h"
#include "store/peers.h"

struct link;
struct oneshot;

/* The first character of a ping's token says what its answer is for. */
enum { TOKEN_MARKER = 'd', TOKEN_PING = 'p' };

/* Lines that wait for one peer, each ended by LF: as verbs (/msg 7 TEXT) for a session and while
 * the dialect is not known, as plain messages for a stream. They stay until confirmed. */
struct outbox {
    struct queue lines;
    bool plain;             /* the lines are plain messages */
    enum event_scope scope; /* of the line posted last: plain lines do not tell */
    size_t sent;            /* of lines.bytes: handed to the connection */
    size_t foreign;         /* at the front: plain lines sent before a stream became a session */
    size_t marked;      /* of those: confirmed once the answer to marker comes; 0 no marker out */
    uint64_t marker;    /* its number */
    uint64_t marked_at; /* monotonic us */
    uint64_t progress;  /* when bytes last moved, or a dial began; monotonic us */
    bool held;          /* leaving waits for it: something was posted while it was not away */
    bool hoped;         /* so it does until the peer's first dial of this run has ended */
    bool ready;         /* on the node's list of outboxes to pump at the end of the turn */
    size_t told;        /* one-shot: bytes of the first line's text that were delivered */
    size_t lost;        /* lines given up, not told yet */
    enum event_scope lost_scope;
    char lost_cause[96];
    uint64_t interval;  /* of check, while bytes are in the kernel; us */
    struct timer check; /* for progress: a full box, or a stream whose bytes are on their way */
};

/* A dial: a name looked up, a connection attempted, a greeting on its way. */
struct attempt {
    struct lookup *lookup;
    struct dial *dial;
    struct link *link;
    struct timer again;
    unsigned failures; /* in a row */
    uint64_t up_since; /* monotonic us */
};

struct peer {
    struct node *node;
    struct peer_row row;
    bool dirty; /* the row is to be saved; see peer_touch() */

    /* What people see. */
    char *host;                  /* HOST:PORT as named, until an address is known; else NULL */
    char *alias;                 /* HOST:PORT as the user has named it, or NULL */
    char text[ADDRESS_HOST + 8]; /* its address */
    char cause[96];              /* why it is not up */

    /* How long it is kept. */
    struct address source; /* who claimed it, for a claimed peer */
    bool transient;        /* as long as its connection: a person with nc */
    bool passing;          /* until it is gone */
    bool unkept;           /* nor dialled again: there are too many already */
    bool fading;           /* one-shot: until its exit has been said */
    bool forgotten;
    struct peer *became; /* absorbed by that one */
    unsigned holds;

    /* Its dials of this run. */
    bool named;   /* the user asked for it */
    bool tried;   /* the first one, or the one asked for last, has ended */
    bool greeted; /* one-shot: it has had its greeting, or has spoken */
    bool reached; /* it was up at some time */
    bool failing; /* the last one has failed, and that was told */
    struct attempt attempt;

    /* Whether it is there. */
    bool heard;         /* one-shot: it has spoken or taken something, and has not left */
    bool left;          /* it said goodbye: not dialled until it speaks or is asked for */
    bool announced;     /* EVENT_UP was told last, not EVENT_DOWN */
    struct timer grace; /* before a lost connection is announced */

    /* What it sends. */
    uint64_t boot;  /* of its present run */
    uint64_t epoch; /* of its numbering */
    uint64_t mark;  /* highest seq of that epoch that we have taken */
    uint64_t due;   /* when the sink has written so much, its lines have left */

    /* What it gets. */
    struct link *link;         /* where its lines go; NULL if there is no connection */
    struct oneshot *oneshot;   /* the delivery under way; NULL if none */
    bool says_exit;            /* one-shot: exit follows the last line that waits */
    uint64_t got_from, got_to; /* the last unbroken run of broadcasts posted to it; 0 none */
    bool missed;               /* a broadcast after that was not for it */
    struct outbox box;

    /* Its round trip. */
    int64_t rtt_us; /* -1 unknown */
    uint64_t ping;  /* number of the ping that /ping waits for; 0 none */
    uint64_t ping_at;
    enum ping_state ping_state;
};

struct pong {
    char token[VERB_TOKEN_MAX + 1];
    uint64_t due; /* when the sink has written so much */
};

struct node {
    struct loop *loop;
    struct database *db;
    struct resolver *resolver;
    struct node_config config;
    struct node_sink sink;
    char name[NAME_TEXT];
    char id[NODE_ID_TEXT];
    uint64_t boot;
    struct listener *listeners[NODE_LISTENERS];
    size_t listener_count;
    uint16_t last_port;       /* for a goodbye after the listeners are gone */
    struct address local[64]; /* this machine's addresses, port 0 */
    size_t local_count;
    struct peer **peers;
    size_t peer_count, peer_room;
    struct link *links; /* open ones, newest first */
    struct link *dead;  /* to be freed at the end of the turn */
    uint64_t seq;       /* the last number given to a message */
    uint64_t tokens;    /* the last number given to a ping */
    struct spool verbs; /* lines for sessions */
    struct plain_form { /* lines for streams, by what they say of where we listen */
        struct address me;
        struct spool spool;
        uint64_t seq;      /* of the last line written */
        struct slice last; /* that line, for all who get it */
    } *plain;
    size_t plain_count;
    struct peer **ready; /* outboxes to pump */
    size_t ready_count, ready_room;
    size_t dials;   /* in flight */
    size_t awaited; /* pongs that wait for the sink */
    uint64_t messages;
    uint64_t last_receipt;
    bool dirty;                /* some peer is, or our name */
    bool unstored;             /* the last commit has failed */
    bool full;                 /* a newcomer was refused; said once */
    bool held_plain, held_all; /* reading is stopped because of the sink's backlog */
    bool leaving;
    struct timer leave;
    struct timer tell;    /* losses are told together */
    uint64_t told_at;     /* monotonic us; 0 never */
    uint64_t wall_us;     /* wall clock, read once a turn */
    struct peer **buried; /* removed; let go at the end of the turn */
    size_t buried_count, buried_room;
};

/* The port under which somebody who reaches us at that address finds us. */
uint16_t node_port(const struct node *node, const struct address *at);

/* --- peer.c: what a peer is, and the news about it --- */
struct peer *peer_new(struct node *node);
void peer_free(struct peer *peer);
bool peer_is_up(const struct peer *peer);
bool peer_is_dialing(const struct peer *peer);
void peer_tell(struct node *node, const struct peer *peer, struct event event);
void peer_touch(struct peer *peer);                     /* its row is to be saved */
void peer_settle(struct peer *peer, const char *cause); /* tells up or down if that has changed */
void peer_set_name(struct peer *peer, struct span name);
void peer_set_address(struct peer *peer, const struct address *a); /* makes it the first */
void peer_drop_address(struct peer *peer, const struct address *a);
void peer_found(struct peer *peer, const struct address *a); /* a dial reached it there */
void peer_set_dialect(struct peer *peer, enum dialect dialect);
void peer_spoke(struct peer *peer); /* life: seen now, back if it had left */
void peer_left(struct peer *peer, const char *cause);
/* Its connection lost against a crossed dial: the other one is about to come up. */
void peer_wait_grace(struct peer *peer, const char *cause);

/* --- membership.c: who is known --- */
struct peer *membership_by_address(const struct node *node, const struct address *a);
struct peer *membership_by_node(const struct node *node, const char *id);
struct peer *membership_add(struct node *node, const struct address *a);
/* Whom a plain message speaks for. NULL if it is not to be remembered. */
struct peer *membership_claim(struct node *node, const struct address *a, struct span name,
                              const struct address *source);
/* Somebody new has come in and said /hello. */
struct peer *membership_newcomer(struct node *node, const struct address *source);
struct peer *membership_transient(struct node *node, const struct address *a);
void membership_absorb(struct peer *keeper, struct peer *other);
void membership_remove(struct peer *peer); /* what waits for it is given up */
void membership_turn(struct node *node);   /* frees those removed */
void membership_load(struct node *node);
void membership_save(struct node *node); /* what has changed */
bool membership_is_own(const struct node *node, const struct address *a);

/* --- link.c: one connection --- */
#define LINK_DUPLICATE "duplicate" /* the reason of a /bye that is no goodbye */

struct link {
    struct node *node;
    struct channel *channel;
    struct session *session;
    struct peer *peer; /* NULL until it is known who is there */
    enum session_role role;
    struct address remote, local, me; /* me: where we listen, as said on this connection */
    struct address claimed;           /* by the greeting of a listener's other side; or none */
    char claimed_name[NAME_TEXT];
    char said_name[NAME_TEXT]; /* what we are called in our /hello */
    uint64_t since, heard;     /* it began, and bytes came last; monotonic us */
    size_t refused;            /* lines that could not be delivered */
    bool closing;              /* we have said all that we will */
    bool finishing;            /* it has said /bye: so do we, after the last pong */
    bool duplicate;            /* it lost against a crossed dial */
    bool ended;                /* the other side will send no more */
    bool dead;
    const char *cause;  /* why it ended; static */
    struct pong *pongs; /* answers that wait for the sink */
    size_t pong_count, pong_room;
    struct timer timer; /* the session's deadline, or the end of a closing connection */
    struct link *next, **link_back;
};

/* Takes fd. NULL if it cannot be watched. peer is whom we dialled; NULL for a listener. */
struct link *link_new(struct node *node, int fd, enum session_role role, struct peer *peer);
void link_send(struct link *link, struct buffer *line); /* and frees the buffer */
/*
 * How a connection ends. The peer is parted at once by all but the first two, which still hear
 * what confirms our lines; every end that is not immediate has a deadline.
 *
 *                     | what waits | says       | hears on | for
 *   link_bye          | is sent    | /bye       | yes      | our leaving, /disconnect
 *   link_answer_bye   | stays      | the pongs  | yes      | its leaving
 *   link_duplicate    | stays      | /bye       | no       | a second connection
 *   link_refuse       | stays      | the /error | no       | a breach of the rules, a failed dial
 *   link_kill         | stays      |            | no       | a connection that is gone
 */

/* Sends what waits, says /bye (a session, if reason is not NULL), and closes once it has left.
 * cause is static: why the peer is down then. */
void link_bye(struct link *link, const char *reason, const char *cause);
void link_kill(struct link *link, const char *cause); /* closes now; freed at the turn's end */
void link_name(struct link *link);                    /* says what we are called */
void link_part(struct link *link, const char *cause); /* from its peer; tells nobody */
void link_duplicate(struct link *link); /* another connection counts: says so and closes */
void link_answer_bye(struct link *link);
/* Nothing more is heard from it or owed to it; what is queued (an /error) still leaves. */
void link_refuse(struct link *link, const char *cause);
void link_defer_pong(struct link *link, struct span token);
void link_answer_pings(struct link *link);
void link_hold(struct link *link); /* reads, or does not, as the node says */
void link_reap(struct node *node);
bool link_is_session(const struct link *link);

/* --- door.c: who is let in --- */
void door_accepted(void *arg, int fd, const struct address *from); /* takes fd; arg is the node */

/* --- hearing.c: what is said on a connection --- */
void hearing_event(void *arg, const struct session_event *event);
void hearing_end(struct link *link); /* tells how much could not be delivered */

/* --- rendezvous.c: two nodes have said who they are --- */
/* Decides about a /hello: the peer it belongs to, with the connection taken as its own; or NULL,
 * and the connection has been refused. */
struct peer *rendezvous_meet(struct link *link, const struct hello *hello);
/* A plain conversation begins on link. */
void rendezvous_stream(struct link *link, struct peer *peer);

/* --- dialer.c: when and whom to dial --- */
void dialer_ask(struct peer *peer);  /* the user wants it, whatever was before */
void dialer_dial(struct peer *peer); /* now, unless it is under way or needless */
void dialer_ended(struct peer *peer, const char *cause); /* NULL: it has succeeded */
void dialer_lost(struct peer *peer); /* its connection has gone: try again in a while */
void dialer_cancel(struct peer *peer);
void dialer_start(struct node *node); /* everyone remembered, spread over a while */
bool dialer_leave_from(const struct node *node, struct address out[2], size_t *count);

/* --- oneshot.c: one message per connection --- */
void oneshot_pump(struct peer *peer);
void oneshot_cancel(struct peer *peer);
void oneshot_interrupt(struct peer *peer); /* the same, but lets an exit through */
void oneshot_exit(struct peer *peer);      /* the text that says we leave */

/* --- delivery.c --- */
void delivery_init(struct outbox *box);
void delivery_free(struct peer *peer);
void delivery_reached(struct peer *peer);   /* it is not away */
void delivery_connected(struct peer *peer); /* peer->link is new: send all that waits */
void delivery_disconnected(struct peer *peer, const char *cause); /* the connection has gone */
void delivery_written(struct peer *peer);                         /* bytes have moved */
void delivery_pong(struct peer *peer, uint64_t marker);
void delivery_ready(struct peer *peer); /* pump it at the end of the turn */
void delivery_turn(struct node *node);  /* pumps */
void delivery_flush(struct peer *peer); /* everything onto the connection, whatever its size */
void delivery_give_up(struct peer *peer, const char *cause); /* all that waits is lost */
void delivery_taken(struct peer *peer, size_t bytes);        /* the first bytes are delivered */
void delivery_lose(struct peer *peer, size_t bytes,
                   const char *cause); /* the first bytes are lost */
void delivery_move(struct peer *to, struct peer *from);
void delivery_drop(struct outbox *box, size_t bytes); /* forgets the first bytes */

/* --- losses.c --- */
void losses_count(struct peer *peer, size_t lines, enum event_scope scope, const char *cause);
void losses_tell_peer(struct peer *peer);
void losses_tell(struct node *node);      /* as events */
void losses_kept_back(struct node *node); /* on leaving: what still waits */

/* --- forms.c: a line as a verb and as a plain message; slices are the caller's to release --- */
struct slice form_verb(struct node *node, enum verb_kind kind, uint64_t seq, struct span text);
/* The form that this peer's outbox has; verb is the line's other form. */
struct slice form_for(struct peer *peer, struct slice verb, struct span text);
/* Takes the first line off a queue of verbs. verb borrows from *keep, which the caller releases. */
bool form_next_verb(struct queue *lines, struct verb *verb, struct slice *keep);
void form_to_plain(struct peer *peer); /* all that waits, for its stream */
void form_to_verbs(struct peer *peer); /* all that waits and is not on its way */

#endif
