/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: a channel joined with its session, from the accept or the dial on. It owns the
 * life of both, hands what is said to hearing.c, and says the small things itself. Nothing is freed
 * inside a callback: a link that was closed (parting.c) is dead until the end of the turn.
 */
#include "config.h"

#include "mesh/link.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/admission.h"
#include "mesh/arrivals.h"
#include "mesh/door.h"
#include "mesh/hearing.h"
#include "mesh/internal.h"
#include "mesh/liveness.h"
#include "mesh/peer.h"
#include "mesh/pins.h"
#include "mesh/pump.h"
#include "mesh/rendezvous.h"

/* Queued on a connection: it gets no more answers, be it pongs or acks, nor is it asked. */
enum { LINK_ANSWER_BYTES = 512 * 1024 };

static void session_send(void *arg, struct span bytes)
{
    struct link *link = arg;
    link->said = loop_now(link->node->loop);
    channel_send(link->channel, bytes);
}

static const struct session_handlers session_handlers = {
    .event = hearing_event,
    .send = session_send,
};

static void keep_deadline(struct link *link);

static void deadline_passed(void *arg)
{
    struct link *link = arg;
    session_timeout(link->session, loop_now(link->node->loop));
    keep_deadline(link);
}

static void keep_deadline(struct link *link)
{
    if (link->dead || link->closing || link->ended)
        return;
    uint64_t due = session_deadline(link->session);
    if (due == 0)
        timer_stop(link->node->loop, &link->timer);
    else if (!timer_is_set(&link->timer) || link->timer.due != due)
        timer_set(link->node->loop, &link->timer, due, deadline_passed, link);
}

const char *link_our_id(const struct link *link)
{
    return link->secure ? link->node->id : link->node->plain_id;
}

static void format_hello(struct link *link, struct buffer *out)
{
    const struct node *node = link->node;
    struct hello self = {
        .version = VERB_VERSION,
        .boot = node->boot,
        .epoch = node->epoch,
        .window = NODE_OUTBOX_MAX,
        .listen = link->me.port,
        .passing = node->config.passing,
    };
    span_copy(span_of(link_our_id(link)), self.node, sizeof self.node);
    span_copy(span_of(node->name), self.name, sizeof self.name);
    admission_fill_hello(link, &self);
    verb_format_hello(out, &self);
}

void link_answer(struct link *link)
{
    struct buffer hello;
    buffer_init(&hello, LINK_LINE);
    format_hello(link, &hello);
    session_answer(link->session, buffer_span(&hello));
    buffer_free(&hello);
}

static void channel_data(void *arg, struct span bytes)
{
    struct link *link = arg;
    if (link->dead)
        return;
    link->heard = loop_now(link->node->loop);
    liveness_heard(link);
    if (link_is_used(link))
        peer_spoke(link->peer);
    session_input(link->session, bytes, loop_now(link->node->loop));
    keep_deadline(link);
}

static void channel_end(void *arg, int error)
{
    link_ended(arg, error);
}

/* One port for all: what comes first tells. Whoever is encrypted says nothing before. */
static void channel_first(void *arg, unsigned char byte)
{
    struct link *link = arg;
    struct node *node = link->node;
    if (link->dead || link->role == SESSION_DIALER || node->config.security.tls == NULL)
        return;
    if (byte == TLS_FIRST_BYTE) {
        if (!node_is_closed(node))
            door_make_room(node, &link->remote);
        session_secure(link->session, loop_now(node->loop));
        link->secure = true;
        channel_secure(link->channel, node->config.security.tls, false);
        keep_deadline(link);
    } else if (node_is_closed(node)) {
        admission_refuse_plain(link);
    }
}

static void channel_secured(void *arg)
{
    struct link *link = arg;
    struct buffer hello;
    if (link->dead || link->closing || !pins_take_key(link) || rendezvous_is_needless(link))
        return;
    buffer_init(&hello, LINK_LINE);
    if (link->role == SESSION_DIALER)
        format_hello(link, &hello);
    session_secured(link->session, buffer_span(&hello), loop_now(link->node->loop));
    buffer_free(&hello);
    keep_deadline(link);
}

static void channel_written_some(void *arg)
{
    struct link *link = arg;
    if (link->dead || !link_is_used(link))
        return;
    pump_written(link->peer);
    if (link_is_session(link))
        link_ack(link);
}

static const struct channel_handlers channel_handlers = {
    .first = channel_first,
    .secured = channel_secured,
    .data = channel_data,
    .end = channel_end,
    .written = channel_written_some,
};

static struct session *new_session(struct link *link, bool expect_session)
{
    struct buffer greeting, hello;
    buffer_init(&greeting, LINK_LINE);
    buffer_init(&hello, LINK_LINE);
    if (!link->secure) {
        message_format(&greeting, &link->me, link->node->name, span_of("Connected"));
        buffer_append(&greeting, span_of("\n"));
        format_hello(link, &hello);
    }
    const struct session_config config = {
        .role = link->role,
        .greeting = buffer_span(&greeting),
        .hello = buffer_span(&hello),
        .expect_session = expect_session,
        .secure = link->secure || node_is_closed(link->node),
    };
    struct session *s = session_new(&config, link->since, &session_handlers, link);
    buffer_free(&greeting);
    buffer_free(&hello);
    return s;
}

struct link *link_new(struct node *node, int fd, enum session_role role, struct peer *peer,
                      bool secure)
{
    struct link *link = alloc_zero(1, sizeof *link);
    link->channel = channel_new(node->loop, fd, &channel_handlers, link);
    if (link->channel == NULL) {
        free(link);
        return NULL;
    }
    link->node = node;
    link->role = role;
    link->peer = peer;
    link->secure = secure;
    link->epoch = node->epoch;
    link->since = loop_now(node->loop);
    link->heard = link->since;
    channel_local(link->channel, &link->local);
    if (role == SESSION_DIALER) /* who has accepted it knows it */
        channel_remote(link->channel, &link->remote);
    link->me = link->local;
    link->me.port = node_port(node, &link->local);
    span_copy(span_of(node->name), link->said_name, sizeof link->said_name);
    /* Of whom we have no peer we have only heard, as of a node. */
    link->session = new_session(link, peer == NULL || peer->row.dialect == DIALECT_SESSION);
    link->next = node->links;
    link->link_back = &node->links;
    if (link->next != NULL)
        link->next->link_back = &link->next;
    node->links = link;
    if (secure)
        channel_secure(link->channel, node->config.security.tls, true);
    link_hold(link);
    keep_deadline(link);
    return link;
}

bool link_is_session(const struct link *link)
{
    return session_dialect(link->session) == DIALECT_SESSION;
}

bool link_is_used(const struct link *link)
{
    return link->peer != NULL && link->peer->link == link;
}

void link_send(struct link *link, struct buffer *line)
{
    if (!link->dead && !link->closing)
        channel_send(link->channel, buffer_span(line));
    buffer_free(line);
}

void link_name(struct link *link)
{
    struct buffer line;
    buffer_init(&line, LINK_LINE);
    verb_format_name(&line, link->node->name);
    link_send(link, &line);
}

bool link_has_room(const struct link *link)
{
    return channel_queued(link->channel) < LINK_ANSWER_BYTES;
}

/* To one that only asks and never reads nothing is owed. */
void link_pong(struct link *link, struct span token)
{
    struct buffer line;
    if (!link_has_room(link))
        return;
    buffer_init(&line, LINK_LINE);
    verb_format_pong(&line, token);
    link_send(link, &line);
}

/* One that sends and never reads gets no more of them either. */
void link_ack(struct link *link)
{
    struct buffer line;
    const struct peer *peer = link->peer;
    if (peer->kept <= link->ack || !link_has_room(link))
        return;
    link->ack = peer->kept;
    buffer_init(&line, LINK_LINE);
    verb_format_ack(&line, link->ack);
    link_send(link, &line);
}

/* What a session says beyond the last message that is wanted stays with it, unconfirmed; what
 * somebody else says would be lost once it is read. A dial of ours may still become a session. */
bool link_is_past(const struct link *link)
{
    enum dialect dialect = session_dialect(link->session);
    bool is_dial = link->role == SESSION_DIALER && dialect == DIALECT_UNKNOWN;
    return node_has_enough(link->node) && dialect != DIALECT_SESSION && !is_dial;
}

/* Who has said nothing yet may be a session that comes back, and is heard out. */
void link_hold(struct link *link)
{
    const struct node *node = link->node;
    bool plain = session_dialect(link->session) == DIALECT_STREAM;
    bool overrun = link_is_used(link) && arrivals_overrun(link->peer);
    bool hold = overrun || node->held_all || (node->held_plain && plain) || link_is_past(link);
    channel_hold(link->channel, hold);
    liveness_hold(link, hold);
}

void link_hold_all(struct node *node)
{
    for (struct link *l = node->links; l != NULL; l = l->next)
        link_hold(l);
}

void link_reap(struct node *node)
{
    while (node->dead != NULL) {
        struct link *link = node->dead;
        node->dead = link->next;
        channel_flush(link->channel);
        channel_free(link->channel);
        session_free(link->session);
        digest_wipe(link->secret, sizeof link->secret);
        free(link);
    }
}
