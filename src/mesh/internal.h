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
struct hearsay;
struct tomb;

enum {
    PEER_SHOWN = NAME_TEXT + 1 + NODE_ID_MAX, /* room for NAME~ID */
    CLONES_MAX = 16,                          /* addresses of copies of us that are told */
};

/* The first character of a ping's token says what its answer is for. */
enum { TOKEN_PING = 'p' };

/*
 * Lines that wait for one peer, each ended by LF: as verbs (/msg 7 TEXT) for a session and while the
 * dialect is not known, as plain messages for a stream. They stay until confirmed.
 *
 * What waits for a peer that is durable is stored: then lines holds only what is on its way, or
 * soon will be, while it is connected. For everybody else lines is all there is.
 */
struct outbox {
    struct queue lines;
    bool plain;             /* the lines are plain messages, and numbers are those of our numbering */
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
    size_t told;            /* one-shot: bytes of the first line's text that were delivered */
    size_t lost;            /* lines given up, not told yet */
    enum event_scope lost_scope;
    char lost_cause[96];
    uint64_t interval;  /* of check, while bytes are in the kernel; us */
    struct timer check; /* for progress: a full box, or a stream whose bytes are on their way */

    bool durable;          /* what waits is stored; decided while nothing waits */
    bool behind;           /* more is stored than lines holds */
    uint64_t loaded;       /* the highest number that has passed through lines */
    uint64_t owed;         /* held until this number is confirmed */
    uint64_t count, bytes; /* all that waits */
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
    char shown[PEER_SHOWN];      /* its name, told apart from others of that name; see names.c */
    size_t suffix;               /* characters of its node id in that */

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
    bool refused; /* it does not let us in: not dialled until it speaks or is asked for */
    bool pardons; /* the user has connected to it: that lifts a ban */
    struct attempt attempt;

    /* What was told about it in this run. */
    bool told_banned;  /* that it was turned away */
    bool told_barred;  /* that a plain message was not taken */
    bool told_doubled; /* that two nodes have its id */

    /* Whether it is there. */
    bool heard;         /* one-shot: it has spoken or taken something, and has not left */
    bool left;          /* it said goodbye: not dialled until it speaks or is asked for */
    bool announced;     /* EVENT_UP was told last, not EVENT_DOWN */
    struct timer grace; /* before a lost connection is announced */

    uint64_t met;       /* which of the node's meetings its session began with */

    /* What it sends. */
    uint64_t boot;  /* of its present run */
    uint64_t epoch; /* of its numbering */
    uint64_t mark;  /* highest number of that epoch that we have taken, */
    uint64_t kept;  /* that we have confirmed, for it is stored or has left, */
    uint64_t settling; /* and that we will once the turn is stored */
    bool settles;

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

/* Lines taken from one peer in one turn, until they have left for stdout. */
struct arrival {
    struct arrival *next;
    struct peer *peer;  /* held; NULL for what a former run has left */
    uint64_t epoch;     /* of the sender's numbering */
    uint64_t last;      /* number of the last line */
    uint64_t due;       /* when the sink has written so much, they have left */
    struct slice lines; /* as verbs, if they may have to be stored */
    int64_t row;        /* where they are stored; 0 not */
    bool stored;        /* for good */
};

/* Neighbouring lines for the same durable peers, until they are stored. */
struct run {
    struct run *next;
    struct slice lines;
    uint64_t first, last; /* numbers */
    size_t count;         /* lines */
    struct peer **peers;  /* held */
    size_t peer_count;
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
    uint64_t epoch; /* of our numbering */
    struct listener *listeners[NODE_LISTENERS];
    size_t listener_count;
    uint16_t last_port;       /* for a goodbye after the listeners are gone */
    struct address local[64]; /* this machine's addresses, port 0 */
    size_t local_count;
    struct peer **peers;
    size_t peer_count, peer_room;
    struct link *links; /* open ones, newest first */
    struct link *dead;  /* to be freed at the end of the turn */
    uint64_t seq;        /* the last number given to a message */
    uint64_t stored_seq; /* the last one that is stored */
    uint64_t given;      /* the last one that anybody can have seen: of an earlier run, or sent */
    bool numbered;       /* something was sent under this numbering in this run */
    bool renumbered;     /* it is a new one of this run already */
    struct run *runs, **last_run; /* not stored yet, in order */
    struct peer **audience;       /* of the line that is being posted: the durable peers */
    size_t audience_count, audience_room;
    int64_t *dropped; /* rows of peers that were removed */
    size_t dropped_count, dropped_room;
    bool confirmations; /* some outbox is confirmed */
    struct arrival *arrivals, *last_arrival; /* in order */
    struct arrival *unsettled;               /* the first that is not stored */
    bool arriving;                           /* the last arrival is of this turn */
    size_t arrived_bytes;                    /* in arrivals that are not stored */
    size_t shelved_bytes;                    /* in those that are */
    struct spool arrived;                    /* lines of arrivals */
    struct spool recalled;                   /* lines read from the store */
    struct timer retry;                      /* of a commit that has failed */
    struct timer expiry;
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
    uint64_t messages;
    uint64_t last_receipt;
    bool dirty;                /* some peer is, or our name */
    bool unstored;             /* the last commit has failed: nothing numbered leaves */
    bool full;                 /* a newcomer was refused; said once */
    struct tomb *tombs;        /* nodes forgotten, oldest first */
    size_t tomb_count, tomb_room;
    struct address clones[CLONES_MAX]; /* where a copy of us is; told once each */
    size_t clone_count;
    struct hearsay *hearsay;   /* what others tell us of; NULL: it is not wanted */
    uint64_t meetings;         /* sessions begun */
    char silence[32];          /* why one that has been silent for too long is down */
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
void peer_set_node(struct peer *peer, const char *id, struct span name); /* as said in a /hello */
void peer_set_address(struct peer *peer, const struct address *a); /* makes it the first */
bool peer_has_address(const struct peer *peer, const struct address *a);
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
void membership_write(struct node *node); /* what has changed, into the turn's transaction */
bool membership_is_own(const struct node *node, const struct address *a);

/* --- names.c: what it is called here; each call is for a peer in the directory --- */
void names_join(struct peer *peer);  /* it is new, or has a new name or node id */
void names_leave(struct peer *peer); /* before it goes, or one of these changes */

/* --- tombs.c: nodes that were forgotten --- */
void tombs_load(struct node *node);
void tombs_free(struct node *node);
void tombs_add(struct node *node, const char *id, uint64_t boot); /* no id: nothing to keep away */
void tombs_remove(struct node *node, const char *id);
/* Was it forgotten in that run of it or a later one? With boot 0: was it at all? */
bool tombs_hold(const struct node *node, const char *id, uint64_t boot);
void tombs_write(struct node *node);   /* what is not stored, into the turn's transaction */
void tombs_written(struct node *node); /* the transaction has been committed */

/* --- link.c: one connection --- */
#define LINK_DUPLICATE "duplicate" /* the reason of a /bye that is no goodbye */

/* Whether there is life at the other end of a session. */
struct pulse {
    struct timer timer;
    uint64_t life;  /* what counts as the last sign of it; monotonic us */
    bool suspected; /* EVENT_SUSPECT was told last, not EVENT_BACK */
    bool held;      /* we read nothing */
};

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
    bool finishing;            /* it has said /bye: so do we, after the last ack */
    const char *parting;       /* the reason of a /bye that waits for its /resume; static */
    bool duplicate;            /* it lost against a crossed dial */
    bool ended;                /* the other side will send no more */
    bool dead;
    bool hearsay;       /* dialled on somebody's word: nothing but its /hello is heard */
    uint64_t epoch;     /* of our numbering, as said in our /hello */
    uint64_t ack;       /* the last one said */
    const char *cause;  /* why it ended; static */
    struct pulse pulse;
    uint64_t told;      /* its side was told of peers up to that meeting, */
    uint64_t told_at;   /* and when; monotonic us */
    struct timer tell;
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
 * reason and cause are static; cause: why the peer is down then. */
void link_bye(struct link *link, const char *reason, const char *cause);
void link_resumed(struct link *link); /* its /resume has come */
void link_kill(struct link *link, const char *cause); /* closes now; freed at the turn's end */
void link_name(struct link *link);                    /* says what we are called */
void link_part(struct link *link, const char *cause); /* from its peer; tells nobody */
void link_duplicate(struct link *link); /* another connection counts: says so and closes */
void link_answer_bye(struct link *link);
/* Nothing more is heard from it or owed to it; what is queued (an /error) still leaves. */
void link_refuse(struct link *link, const char *cause);
/* Says /error CODE and refuses. */
void link_fault(struct link *link, const char *code, const char *cause);
void link_pong(struct link *link, struct span token);
void link_ack(struct link *link); /* what is kept, at the latest when the link has room for it */
void link_acked(struct link *link); /* what waited for our acks goes on */
void link_hold(struct link *link); /* reads, or does not, as the node says */
void link_reap(struct node *node);
bool link_is_session(const struct link *link);

/* --- exchange.c: telling sessions whom we are connected to --- */
void exchange_begin(struct link *link); /* it is a session now */
void exchange_end(struct link *link);
void exchange_left(const struct link *link, struct span reason); /* the reason of its /bye */
bool exchange_counts(const struct link *link); /* it is its peer's session, and not about to end */
/* Is the address worth a word between us and the other side? */
bool exchange_may_pass(const struct link *link, const struct address *a);

/* --- hearsay.c: trying whom others are connected to --- */
void hearsay_start(struct node *node);
void hearsay_free(struct node *node);
void hearsay_add(struct link *link, const struct verb *verb);  /* what it says with /peer */
void hearsay_gone(struct link *link, const struct verb *verb); /* and with /gone */
void hearsay_met(struct node *node, const struct address *a);  /* a node has answered there */

/* --- liveness.c: whether the other side of a session is still there --- */
void liveness_begin(struct link *link);     /* it is a session now */
void liveness_end(struct link *link);
void liveness_heard(struct link *link); /* something has come in */
void liveness_hold(struct link *link, bool held); /* it is not read, or read again */

/* --- door.c: who is let in --- */
#define DOOR_BANNED "you are banned here" /* what it hears that is let in no more */
void door_accepted(void *arg, int fd, const struct address *from); /* takes fd; arg is the node */
/* Has the node that says hello been turned away? known is who that is, or NULL. */
bool door_refuses(struct link *link, const struct hello *hello, struct peer *known);
/* It has our own node id, and is not this very run. */
void door_refuses_copy(struct link *link, const struct address *at);
/* Is what comes from that address in plain lines to be dropped? */
bool door_bars(struct link *link, const struct address *from, bool is_message);
/* It has said /error: true if that means that it does not let us in. */
bool door_is_shut(struct link *link, const struct verb *verb);

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

/* --- delivery.c: what is posted to whom, and what becomes of it --- */
void delivery_init(struct outbox *box);
void delivery_free(struct peer *peer);
void delivery_load(struct peer *peer); /* what a former run has left for it */
void delivery_recount(struct peer *peer); /* what waits for a durable peer, as the store has it */
bool delivery_waits(const struct peer *peer);
uint64_t delivery_count(const struct peer *peer); /* lines that wait */
bool delivery_is_away(const struct peer *peer);
/* Posts a line under a new number. */
void delivery_post(struct peer *peer, enum verb_kind kind, struct span text, bool hold);
void delivery_settle(struct peer *peer); /* what waits in memory is stored from now on */
void delivery_move(struct peer *to, struct peer *from);
void delivery_drop(struct outbox *box, size_t bytes); /* forgets the first bytes */
void delivery_taken(struct peer *peer, size_t bytes); /* the first bytes are delivered */
void delivery_lose(struct peer *peer, size_t bytes,
                   const char *cause); /* the first bytes are lost */
void delivery_give_up(struct peer *peer, const char *cause); /* all that waits is lost */
void delivery_part(struct peer *peer, const char *cause); /* the same, unless it is stored */

/* --- pump.c: from the outbox onto the connection, and the connection's fate --- */
bool pump_is_full(const struct peer *peer);  /* in memory */
bool pump_is_stuck(const struct peer *peer); /* full, and nothing has moved for a while */
void pump_watch(struct peer *peer);
void delivery_reached(struct peer *peer);   /* it is not away */
void delivery_connected(struct peer *peer); /* peer->link is new: send all that waits */
void delivery_disconnected(struct peer *peer, const char *cause); /* the connection has gone */
void delivery_written(struct peer *peer);                         /* bytes have moved */
void delivery_ready(struct peer *peer); /* pump it at the end of the turn */
void delivery_turn(struct node *node);  /* pumps */
void delivery_flush(struct peer *peer); /* everything onto the connection, whatever its size */

/* --- confirm.c: what the other side says that it has --- */
void confirm_resume(struct peer *peer, const struct verb *verb);
void confirm_ack(struct peer *peer, uint64_t seq);
void confirm_foreign(struct peer *peer); /* it has read what was sent before it was a session */
void confirm_expire(struct node *node);  /* gives up what has waited for too long, */
void confirm_watch_age(struct node *node); /* in a while, and again and again */

/* --- keeping.c: what the node stores of its own lines, once a turn --- */
void keeping_start(struct node *node);
void keeping_free(struct node *node);
void keeping_address(struct node *node, struct peer *peer); /* the next line goes to it */
void keeping_line(struct node *node, struct slice line, uint64_t seq); /* borrows line */
void keeping_save(struct node *node);     /* commits: runs, numbers, confirmations, directory */
bool keeping_commit(struct node *node);   /* only ends the transaction */
void keeping_renumber(struct node *node); /* a new epoch */

/* --- arrivals.c: what we have taken from others, until it has left --- */
void arrivals_load(struct node *node); /* what a former run has left */
void arrivals_free(struct node *node);
void arrivals_meet(struct peer *peer, uint64_t epoch); /* its numbering, as said in its /hello */
void arrivals_add(struct peer *peer, const struct verb *verb);
void arrivals_settle(struct node *node); /* and confirms */

/* --- losses.c --- */
void losses_count(struct peer *peer, size_t lines, enum event_scope scope, const char *cause);
void losses_tell_peer(struct peer *peer);
void losses_tell(struct node *node);      /* as events */
void losses_keep(struct peer *peer);      /* what is owed to it stays stored */
void losses_kept_back(struct node *node); /* on leaving: what still waits */

/* --- receipts.c: what becomes of each line, for those who want to know --- */
void receipts_line(struct peer *peer, enum event_kind kind, uint64_t seq);
void receipts_front(struct peer *peer, enum event_kind kind, size_t bytes); /* of its outbox */
/* Of lines, those whose numbers are above the one and at most the other. */
void receipts_verbs(struct peer *peer, enum event_kind kind, struct span lines, uint64_t above,
                    uint64_t upto);
/* Of what is stored for it and not confirmed, up to that number. */
void receipts_stored(struct peer *peer, enum event_kind kind, uint64_t upto);

/* --- forms.c: a line as a verb and as a plain message; slices are the caller's to release --- */
struct slice form_verb(struct node *node, enum verb_kind kind, uint64_t seq, struct span text);
/* The form that this peer's outbox has; verb is the line's other form. */
struct slice form_for(struct peer *peer, struct slice verb, struct span text);
/* Takes the first line off a queue of verbs. verb borrows from *keep, which the caller releases. */
bool form_next_verb(struct queue *lines, struct verb *verb, struct slice *keep);
uint64_t form_number(struct span verb); /* of a line that begins there */
/* A plain line that is posted has this number; see outbox.numbers. */
void form_note_number(struct peer *peer, uint64_t seq);
void form_to_plain(struct peer *peer); /* all that waits, for its stream */
void form_to_verbs(struct peer *peer); /* all that waits and is not on its way */

#endif
