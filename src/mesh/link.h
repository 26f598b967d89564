/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: a channel joined with its session, and perhaps with a peer. For mesh/ alone; dead
 * ones are freed at the end of the turn.
 */
#ifndef HASHFLOW_MESH_LINK_H
#define HASHFLOW_MESH_LINK_H

#include "mesh/liveness.h"
#include "net/channel.h"
#include "wire/session.h"

struct node;
struct peer;

enum { LINK_LINE = 1024 }; /* room for a line of our own making: a greeting, a /hello, a /bye */

#define LINK_DUPLICATE "duplicate" /* the reasons of a /bye that is no goodbye */
#define LINK_ENCRYPT   "tls"

struct link {
    struct node *node;
    struct channel *channel;
    struct session *session;
    struct peer *peer; /* NULL until it is known who is there */
    enum session_role role;
    bool secure; /* it is encrypted, or is going to be */
    bool proved; /* the other side has shown that it has this secret of the group: */
    unsigned char secret[PROOF_KEY_BYTES];
    struct address remote, local, me; /* me: where we listen, as said on this connection */
    struct address claimed;           /* by the greeting of a listener's other side; or none */
    char claimed_name[NAME_TEXT];
    char said_name[NAME_TEXT]; /* what we are called in our /hello */
    uint64_t since, heard;     /* it began, and bytes came last; monotonic us */
    uint64_t said;             /* our greeting or /hello, which waits for its answer; us; or 0 */
    size_t refused;            /* lines that could not be delivered */
    bool closing;              /* we have said all that we will, */
    uint64_t close_by;         /* and wait no longer than that for the other side; monotonic us */
    bool finishing;            /* it has said /bye: so do we, after the last ack */
    const char *parting;       /* the reason of a /bye that waits for its /resume; static */
    bool duplicate;            /* it lost against a crossed dial */
    bool ended;                /* the other side will send no more, */
    bool broken;               /* and has not said so */
    bool dead;
    bool hearsay; /* dialled on somebody's word: nothing but its /hello is heard */
    char invitation[INVITATION_ID]; /* a listener's: by which its other side was let in; or empty */
    uint64_t epoch;                 /* of our numbering, as said in our /hello */
    uint64_t ack;                   /* the last one said */
    const char *cause;              /* why it ended; static */
    struct pulse pulse;
    struct timer tell;
    uint64_t met;     /* which of the node's meetings it is as a session; exchange.c has these: */
    uint64_t told;    /* its side was told of peers up to that meeting, */
    uint64_t told_at; /* and when; monotonic us; 0 never */
    bool told_us;     /* of somebody, */
    bool told_news;   /* and of one whom we did not know */
    struct link *met_next, **met_back;
    struct timer timer; /* the session's deadline, or the end of a closing connection */
    struct link *next, **link_back;
};

/* Takes fd. NULL if it cannot be watched. peer is whom we dialled; NULL for a listener, which also
 * says who is remote. secure: a dialer encrypts; whether a listener does is for the other side to
 * say. */
struct link *link_new(struct node *node, int fd, enum session_role role, struct peer *peer,
                      bool secure);
const char *link_our_id(const struct link *link); /* who we are on it */
void link_answer(struct link *link);              /* a listener's /hello, encrypted */
bool link_is_session(const struct link *link);
bool link_is_used(const struct link *link); /* the lines for its peer go over it */
bool link_is_past(const struct link *link); /* what it still says cannot be given back */
void link_hold(struct link *link);          /* reads, or does not, by what is held up here */
void link_hold_all(struct node *node);
void link_reap(struct node *node); /* frees the dead ones */

/* --- what is said on it --- */

void link_send(struct link *link, struct buffer *line); /* and frees the buffer */
bool link_has_room(const struct link *link);            /* it reads what it is answered */
void link_name(struct link *link);                      /* says what we are called */
void link_pong(struct link *link, struct span token);
void link_ack(struct link *link); /* what is kept, at the latest when the link has room for it */

/*
 * How a connection ends: parting.c. The peer is parted at once by all but the first two, which
 * still hear what confirms our lines; every end that is not immediate has a deadline.
 *
 *                     | what waits | says       | hears on | for
 *   link_bye          | is sent    | /bye       | yes      | our leaving, /disconnect
 *   link_answer_bye   | stays      | the acks   | yes      | its leaving
 *   link_duplicate    | stays      | /bye       | no       | a second connection
 *   link_encrypt      | stays      | /bye       | no       | a dial again, encrypted
 *   link_refuse       | stays      | the /error | no       | a breach of the rules, a failed dial
 *   link_kill         | stays      |            | no       | a connection that is gone
 */

/* Sends what waits, says /bye (a session, if reason is not NULL), and closes once it has left.
 * reason and cause are static; cause: why the peer is down then. */
void link_bye(struct link *link, const char *reason, const char *cause);
void link_resumed(struct link *link); /* its /resume has come: a /bye may have waited for that */

void link_ended(struct link *link, int error); /* the other side sends no more; 0 or an errno */
void link_answer_bye(struct link *link);
void link_acked(struct link *link); /* we have confirmed: its leaving may have waited for that */

void link_duplicate(struct link *link); /* another connection counts: says so and closes */
void link_encrypt(struct link *link);   /* an encrypted one takes its place: the same */

/* Nothing more is heard from it or owed to it; what is queued (an /error) still leaves. */
void link_refuse(struct link *link, const char *cause);
/* Says /error CODE and refuses. */
void link_fault(struct link *link, const char *code, const char *cause);

void link_kill(struct link *link, const char *cause); /* closes now; freed at the turn's end */
void link_part(struct link *link, const char *cause); /* from its peer; tells nobody */

#endif
