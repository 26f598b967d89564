/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A node: its identity, its listeners, the peers it knows, and the orders it takes. It tells news
 * through the sink and never prints, never reads a terminal, and does not know what a command is.
 */
#ifndef HASHFLOW_MESH_NODE_H
#define HASHFLOW_MESH_NODE_H

#include "mesh/event.h"
#include "net/loop.h"
#include "store/database.h"
#include "wire/rules.h"
#include "wire/session.h"

enum {
    NODE_LISTENERS = 16,          /* most addresses to listen on */
    NODE_OUTBOX_MAX = 4194304,    /* bytes that wait for one peer */
    NODE_STALL_US = 1000000,      /* a full peer without progress for so long is given up */
    NODE_HEARTBEAT_US = 15000000, /* when the configuration says 0; see struct node_config */
    NODE_SUSPECT_US = 30000000,
    NODE_DOWN_US = 45000000,
    NODE_EXPIRY_S = 7 * 24 * 3600, /* a session peer away for longer gets no broadcasts */
    NODE_QUEUE_LINES = 1000000,    /* stored for one peer, when the configuration says 0, */
    NODE_QUEUE_BYTES = 256 << 20,  /* and bytes of them */
    NODE_QUESTIONS = 16,           /* of ours, open at a time */
    NODE_QUESTIONS_TAKEN = 64,     /* of others, not answered yet, */
    NODE_QUESTIONS_OF_PEER = 8,    /* and of one of them; who asks more is told "busy" */
    NODE_ANSWER_MAX = 65536,       /* bytes of an answer, its lines with their LF */
};

struct key;
struct node;
struct peer;
struct tls_context;

/* Where received messages and news go. At the end of a turn, when what it has changed is stored,
 * flush sends on what was taken. accepted and written count bytes of messages taken and bytes that
 * have left for good: what is in between is our backlog. A peer is told that its lines have
 * arrived when they have left, or when they are stored until they can. */
struct node_sink {
    void (*event)(void *arg, const struct event *event);
    void (*flush)(void *arg);
    uint64_t (*accepted)(void *arg);
    uint64_t (*written)(void *arg);
    /* The group's secrets have changed: false with *cause, a new string, if they cannot be kept. */
    bool (*keep_group)(void *arg, const struct group *group, char **cause);
    void *arg;
};

/* What proves who we are. Without it a node speaks plain text alone. */
struct node_security {
    const struct key *key;
    struct tls_context *tls; /* of that key */
    bool fleeting;           /* the key is of this run alone */
    const char *was;         /* the id of a folder that is older than its key; else NULL */
    struct group group;      /* none: whoever comes is let in */
};

struct node_config {
    const char *name;          /* checked by name_check() */
    bool passing;              /* ask others not to remember us */
    int family;                /* 4 or 6: this one only; 0: both */
    bool receipts;             /* tell EVENT_QUEUED to EVENT_LOST */
    bool tally;                /* count lines for node_look_progress() */
    bool answers;              /* EVENT_QUESTION is taken care of; else they are told "none" */
    bool no_exchange;          /* neither tell peers of others nor believe them */
    uint64_t queue_lines;      /* most that wait for one peer, stored; 0: NODE_QUEUE_LINES */
    uint64_t queue_bytes;      /* 0: NODE_QUEUE_BYTES */
    uint64_t queue_age_s;      /* then they are given up; 0: NODE_EXPIRY_S */
    uint64_t heartbeat_us;     /* silence before a session is asked for a sign of life, */
    uint64_t suspect_us;       /* before it is suspected, */
    uint64_t down_us;          /* and before it is taken for down */
    bool leave_from_listeners; /* dials leave from the address of our listener of their family */
    uint64_t message_limit;    /* tell so many; what lies beyond stays with its senders; 0: all */
    struct node_security security;
    const struct rules *rules; /* who may connect at all; NULL: everybody */
};

/* db may be NULL: nothing is remembered. Borrows loop, db, and what security and rules point to;
 * copies the rest. */
struct node *node_new(struct loop *loop, struct database *db, const struct node_config *config,
                      const struct node_sink *sink);
void node_free(struct node *node);

/* -1 with errno. out is where it listens. */
int node_listen(struct node *node, const struct address *at, struct address *out);

/* Closes every listener. */
void node_stop_listening(struct node *node);

/* Loads the directory and begins to dial what it holds. */
void node_start(struct node *node);

/* Says goodbye to everyone and stops accepting; what could not be delivered is told as events.
 * node_has_left() is true when all connections have ended, LEAVE_DEADLINE at the latest. */
void node_leave(struct node *node);

/* The goodbyes get no more than us from now on. */
void node_hurry(struct node *node, uint64_t us);
bool node_has_left(const struct node *node);

/* --- who --- */

const char *node_name(const struct node *node);
const char *node_id(const struct node *node);

/* The addresses under which others on this machine and around can reach us, one per call, from
 * index 0; false at the end. */
bool node_address(const struct node *node, size_t index, struct address *out);

/* false with *cause, a static text, if we may not be called so. Tells every session. */
bool node_rename(struct node *node, struct span name, const char **cause);

/* --- who belongs --- */

/* Is the door closed, so that only members and those who are allowed by name are let in? */
bool node_is_closed(const struct node *node);
const struct group *node_group(const struct node *node);

/* Keeps the secrets through the sink, then applies them. false with *cause, a new string. */
bool node_set_group(struct node *node, const struct group *group, char **cause);

/* The key that a user means: a fingerprint, the beginning of one that is known (FINGERPRINT_SHORT
 * characters at least), or a peer that has shown one. false with *cause, a new string. */
bool node_find_key(struct node *node, struct span who, char out[FINGERPRINT_TEXT], char **cause);

/* From now on, and in the next runs: ALLOWED needs no secret, DENIED is never let in, whatever it
 * proves, and its connection is closed. false with *cause, a static text. */
bool node_judge(struct node *node, const char *fingerprint, enum verdict verdict,
                const char **cause);

struct key_view {
    const char *fingerprint;    /* borrowed until the next order or turn, like these: */
    const char *address, *name; /* of the peer that has it; "-" if none is known */
    enum verdict verdict;
    int64_t seen; /* wall seconds; 0 never */
};

/* Each key that is known, from index 0; false at the end. */
bool node_key_look(const struct node *node, size_t index, struct key_view *out);

/* Makes an invitation to our group; places: where others reach us, as the user says, or none for
 * the addresses that we listen on. false with *cause, a new string. */
bool node_invite(struct node *node, const struct span *places, size_t count, struct invitation *out,
                 char **cause);

/* Accepts one, copied: dials whoever invites, and sets the group that we are given. false with
 * *cause, a static text: nothing is tried. */
bool node_join(struct node *node, const struct invitation *invitation, const char **cause);

enum join_state {
    JOIN_TRYING,
    JOIN_DONE,
    JOIN_FAILED,
    JOIN_REFUSED, /* failed as well, because of who we are or who is there */
};

/* Of the last node_join(): *inviter, NULL if that was forgotten; *cause, borrowed: why it has
 * failed. */
enum join_state node_join_state(const struct node *node, struct peer **inviter, const char **cause);

/* Borrowed until the next call. Connections of those whom they deny are closed. */
void node_set_rules(struct node *node, const struct rules *rules);

/* From now on the address of that peer, and what waits for it, belongs to the key that was refused
 * there last; key is empty, or its first 16 characters or more. false with *cause, a new string. */
bool node_trust(struct node *node, struct peer *peer, struct span key, char **cause);

/* Were we refused by somebody whom the user named, or have we refused him? *which, as text. */
bool node_was_refused(const struct node *node, const char **which);

/* --- peers --- */

enum peer_state {
    PEER_DOWN,
    PEER_DIALING,
    PEER_UNREACHABLE, /* the last dial has failed */
    PEER_UP,
    PEER_BANNED,
};

struct peer_view {
    const char *address; /* borrowed from the peer */
    const char *name;
    const char *node; /* empty unless it speaks sessions */
    enum dialect dialect;
    bool plain; /* it speaks without encryption, so that nothing proves who it is */
    enum peer_state state;
    const char *cause; /* why it is not up; may be empty */
    int64_t seen;      /* wall seconds; 0 never */
    int64_t rtt_us;    /* -1 unknown */
    uint64_t waiting;  /* lines that wait for it or are not confirmed yet */
    uint64_t waiting_bytes;
};

/* "session", "stream", "oneshot" or "unknown". */
const char *dialect_name(enum dialect dialect);

/* Has the dial that was asked for last ended, one way or the other? */
bool peer_dial_has_ended(const struct peer *peer);

void peer_look(const struct peer *peer, struct peer_view *out);

/* Every peer known, in the order in which they were met; borrowed until the next order or turn. */
struct peer *const *node_peers(const struct node *node, size_t *count);

/*
 * A peer outlives its place in the directory while somebody holds it. peer_current() follows a
 * peer that has turned out to be another one's second address; NULL once it is forgotten.
 */
struct peer *peer_hold(struct peer *peer);
void peer_release(struct peer *peer); /* accepts NULL */
struct peer *peer_current(struct peer *peer);

/* PEER as a user writes it: an address, name@address, or a name, which means the peer that is shown
 * by it or else the only one that claims it. NULL with *cause, a new string that the caller frees,
 * if there is none or more than one. */
struct peer *node_find(struct node *node, struct span who, char **cause);

/* Like node_find(); besides, an address never met becomes a peer, without a dial yet. */
struct peer *node_find_or_add(struct node *node, struct span who, char **cause);

/* Is that an address of this node, written with a numeric host? */
bool node_is_at(const struct node *node, struct span address);

/* ADDRESS as a user writes it, host names included: knows and dials it from now on. NULL with
 * *cause, a new string that the caller frees. */
struct peer *node_connect(struct node *node, struct span address, char **cause);

/* Both take a while: what waits is sent, and the peer is told. */
void node_disconnect(struct node *node, struct peer *peer);
void node_forget(struct node *node, struct peer *peer);

/* Never again, whatever it or others say: until the user connects to it. */
void node_ban(struct node *node, struct peer *peer);
bool peer_has_parted(const struct peer *peer);

enum ping_state { PING_WAITING, PING_ANSWERED, PING_FAILED };

/* Asks for a round trip; false with *cause (static) if this peer has none to measure. */
bool node_ping(struct node *node, struct peer *peer, const char **cause);
enum ping_state peer_ping_state(const struct peer *peer); /* then peer_view.rtt_us, or .cause */

/* --- messages --- */

/* false with *cause, a static text: nothing was taken. */
bool node_send(struct node *node, struct peer *peer, struct span text, const char **cause);

/* How many of the texts were taken, from the first on; 0 with *cause (static): the first cannot be.
 * Neighbours are posted as one, which costs a fraction: the caller asks again for the others. */
size_t node_broadcast(struct node *node, const struct span *texts, size_t count,
                      const char **cause);

/* --- questions --- */

struct question;

enum reply_state { REPLY_AWAITED, REPLY_WHOLE, REPLY_MISSING };

struct reply_view {
    const char *address; /* borrowed from the question, until the next order or turn */
    const char *name;
    bool plain; /* it speaks without encryption */
    enum reply_state state;
    const char *cause; /* REPLY_MISSING: why there is none, or not all of it */
};

/* Asks peer; or, if it is NULL, everyone who is up, and every named address. Of their answers each
 * line that comes within wait_us is told as EVENT_ANSWER. The caller frees it, before the node.
 * NULL with *cause, a static text: nobody was asked. */
struct question *node_ask(struct node *node, struct peer *peer, struct span text, uint64_t wait_us,
                          const char **cause);
void question_free(struct question *q); /* what is answered later is ignored; accepts NULL */

/* Does nobody have to answer any more? */
bool question_is_over(const struct question *q);

/* Each of those who were asked, from index 0; false at the end. */
bool question_look(const struct question *q, size_t index, struct reply_view *out);

/* A line of the answer to a question; which is the count of its EVENT_QUESTION. false: whoever
 * answers may stop, for nobody waits for it any more, or it is cut here, because it has become too
 * long or has what no line can carry. */
bool node_answer(struct node *node, size_t which, struct span text);

/* Once for each EVENT_QUESTION, however it ends. */
void node_answer_end(struct node *node, size_t which, enum answer_status status);

/* --- the state of things --- */

/* Is everything delivered that has to be? Copies for peers that were away already do not count. */
bool node_is_sent(const struct node *node);

/* The number of the line taken last, and the same question for peers who got lines from the number
 * first on: do they have all up to the number last? */
uint64_t node_last_number(const struct node *node);
bool node_are_sent(const struct node *node, uint64_t first, uint64_t last);

/* Losses are told as events at most once a second: tells now what is known of them. */
void node_tell_losses(struct node *node);

/* Does nothing wait for anybody, those who are away included? */
bool node_is_delivered(const struct node *node);

/* How far sending has come. A line for three peers counts three times, its bytes as they are on the
 * wire; what a new connection brings again does not count again. Without a tally only what is left
 * is known. */
struct node_progress {
    uint64_t sent_lines, sent_bytes;
    uint64_t acked_lines, acked_bytes; /* delivered, however the peer's dialect shows that */
    uint64_t left_lines, left_bytes;   /* leaving waits for them; those on their way included */
};
void node_look_progress(const struct node *node, struct node_progress *out);

/* Is a peer's queue full, so that the source of lines should wait? Never for longer than a second
 * without progress. */
bool node_is_congested(const struct node *node);

/* Has the first dial of every named address ended? */
bool node_is_settled(const struct node *node);

/* Is what has changed in the directory on disk? */
bool node_is_stored(const struct node *node);

/* Was every address that the user named reached at some time? Otherwise *which is one, as text. */
bool node_reached_all(const struct node *node, const char **which);

size_t node_up_count(const struct node *node);
uint64_t node_message_count(const struct node *node); /* told since the start */
uint64_t node_last_receipt(const struct node *node);  /* monotonic microseconds; start if none */

/* Has the node confirmed to its senders all that it has told? */
bool node_has_confirmed(const struct node *node);

#endif
