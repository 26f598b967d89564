/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: a channel joined with its session, from the accept or the dial to the close. It
 * owns the life of both and hands what is said to hearing.c. Nothing is freed inside a callback: a
 * closed link is dead until the end of the turn.
 */
#include "config.h"

#include "mesh/link.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/arrivals.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/exchange.h"
#include "mesh/hearing.h"
#include "mesh/internal.h"
#include "mesh/liveness.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pump.h"

enum {
    LINK_CLOSE_US = 2000000, /* what is queued may still leave, the other side may still answer */
    LINK_PONG_BYTES = 512 * 1024, /* queued on a connection: no more pongs */
    LINK_LINE = 512,             /* room for a greeting or a hello */
};

static void keep_deadline(struct link *link);

static void close_overdue(void *arg)
{
    struct link *link = arg;
    link_kill(link, link->cause != NULL ? link->cause : "did not take our goodbye");
}

static void session_send(void *arg, struct span bytes)
{
    struct link *link = arg;
    channel_send(link->channel, bytes);
}

static const struct session_handlers session_handlers = {
    .event = hearing_event,
    .send = session_send,
};

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

/* A node that has said /bye still hears that its lines have arrived. */
static bool owes_acks(const struct link *link)
{
    return link_is_used(link) && link_is_session(link) && link->peer->kept < link->peer->mark;
}

/* Somebody who has only finished sending (nc -N) still reads what waits. */
static bool owes_lines(const struct link *link)
{
    return link_is_used(link) && link->peer->box.plain && link->peer->box.lines.bytes > 0;
}

static void channel_end(void *arg, int error)
{
    struct link *link = arg;
    if (link->dead)
        return;
    if (link->ended) { /* it only read on, and now it is gone altogether */
        link_kill(link, strerror(error));
        return;
    }
    link->ended = true;
    if (link->cause == NULL)
        link->cause = error == 0 ? "closed the connection" : strerror(error);
    session_end(link->session, error, loop_now(link->node->loop));
    if (error != 0 || link->closing || link->dead || !(owes_acks(link) || owes_lines(link)))
        link_kill(link, link->cause);
    else if (owes_lines(link))
        link_bye(link, NULL, link->cause);
    else
        timer_set(link->node->loop, &link->timer, loop_now(link->node->loop) + LINK_CLOSE_US,
                  close_overdue, link);
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
    .data = channel_data,
    .end = channel_end,
    .written = channel_written_some,
};

static struct session *new_session(struct link *link, bool expect_session)
{
    struct buffer greeting, hello;
    buffer_init(&greeting, LINK_LINE);
    buffer_init(&hello, LINK_LINE);
    const struct node *node = link->node;
    struct hello self = {
        .version = VERB_VERSION,
        .boot = node->boot,
        .epoch = node->epoch,
        .window = NODE_OUTBOX_MAX,
        .listen = link->me.port,
        .passing = node->config.passing,
    };
    span_copy(span_of(node->id), self.node, sizeof self.node);
    span_copy(span_of(node->name), self.name, sizeof self.name);
    message_format(&greeting, &link->me, node->name, span_of("Connected"));
    buffer_append(&greeting, span_of("\n"));
    verb_format_hello(&hello, &self);
    struct session *s = session_new(link->role, buffer_span(&greeting), buffer_span(&hello),
                                    expect_session, link->since, &session_handlers, link);
    buffer_free(&greeting);
    buffer_free(&hello);
    return s;
}

struct link *link_new(struct node *node, int fd, enum session_role role, struct peer *peer)
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
    link->epoch = node->epoch;
    link->since = loop_now(node->loop);
    link->heard = link->since;
    channel_local(link->channel, &link->local);
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

void link_part(struct link *link, const char *cause)
{
    struct peer *peer = link->peer;
    link->peer = NULL;
    if (peer == NULL)
        return;
    if (peer->attempt.link == link)
        peer->attempt.link = NULL;
    if (peer->link != link)
        return;
    pump_disconnected(peer, cause);
    peer->link = NULL;
}

/* Whoever waits for this connection learns that it is no more. */
static void detach(struct link *link, const char *cause)
{
    struct peer *peer = link->peer;
    bool dialled = peer != NULL && peer->attempt.link == link;
    bool used = link_is_used(link);
    link_part(link, cause);
    if (dialled) {
        dialer_ended(peer, cause);
        return;
    }
    if (!used)
        return;
    if (peer->transient) {
        peer_settle(peer, cause);
        membership_remove(peer);
        return;
    }
    if (link->duplicate && !peer->node->leaving) {
        peer_wait_grace(peer, cause);
        return;
    }
    peer_settle(peer, cause);
    dialer_lost(peer);
}

void link_kill(struct link *link, const char *cause)
{
    if (link->dead)
        return;
    link->dead = true;
    hearing_end(link);
    session_close(link->session);
    timer_stop(link->node->loop, &link->timer);
    liveness_end(link);
    exchange_end(link);
    *link->link_back = link->next;
    if (link->next != NULL)
        link->next->link_back = link->link_back;
    link->next = link->node->dead;
    link->node->dead = link;
    detach(link, cause);
    loop_again(link->node->loop);
}

/* Sends what is queued, then FIN; the other side's own end, or a while, closes. */
static void shut(struct link *link)
{
    if (link->dead || link->closing)
        return;
    link->closing = true;
    channel_finish(link->channel);
    timer_set(link->node->loop, &link->timer, loop_now(link->node->loop) + LINK_CLOSE_US,
              close_overdue, link);
}

void link_name(struct link *link)
{
    struct buffer line;
    buffer_init(&line, LINK_LINE);
    verb_format_name(&line, link->node->name);
    link_send(link, &line);
}

static void say_bye(struct link *link, const char *reason)
{
    struct buffer line;
    buffer_init(&line, LINK_LINE);
    verb_format_bye(&line, reason);
    link_send(link, &line);
}

/* Lines that wait cannot leave before it has said what it has. */
static bool awaits_resume(const struct link *link)
{
    return link_is_used(link) && link_is_session(link) && delivery_waits(link->peer) &&
           !link->peer->box.resumed && !link->node->leaving && link->parting == NULL;
}

static void resume_overdue(void *arg)
{
    struct link *link = arg;
    link_bye(link, link->parting, link->cause);
}

void link_resumed(struct link *link)
{
    if (link->parting != NULL)
        link_bye(link, link->parting, link->cause);
}

/* A dialer that has not been heard yet would take an end without a word for that of a one-shot
 * peer. */
static bool is_unanswered(const struct link *link)
{
    return link->role == SESSION_LISTENER && !session_has_spoken(link->session);
}

void link_bye(struct link *link, const char *reason, const char *cause)
{
    if (link->dead || link->closing)
        return;
    link->cause = cause;
    if (reason != NULL && awaits_resume(link)) {
        link->parting = reason;
        timer_set(link->node->loop, &link->timer, loop_now(link->node->loop) + LINK_CLOSE_US,
                  resume_overdue, link);
        return;
    }
    if (link_is_used(link))
        pump_flush(link->peer);
    if (reason != NULL && (link_is_session(link) || is_unanswered(link)))
        say_bye(link, reason);
    shut(link);
}

void link_duplicate(struct link *link)
{
    say_bye(link, LINK_DUPLICATE);
    link_part(link, "another connection to it counts");
    session_close(link->session);
    shut(link);
}

void link_answer_bye(struct link *link)
{
    link->cause = "left";
    link->finishing = true;
    if (!owes_acks(link))
        shut(link);
}

void link_refuse(struct link *link, const char *cause)
{
    session_close(link->session);
    detach(link, cause);
    if (link->ended)
        link_kill(link, cause);
    else
        shut(link);
}

void link_fault(struct link *link, const char *code, const char *cause)
{
    struct buffer line;
    buffer_init(&line, LINK_LINE);
    verb_format_error(&line, code, cause);
    link_send(link, &line);
    link_refuse(link, cause);
}

/* To one that only asks and never reads nothing is owed. */
void link_pong(struct link *link, struct span token)
{
    struct buffer line;
    if (channel_queued(link->channel) >= LINK_PONG_BYTES)
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
    if (peer->kept <= link->ack || channel_queued(link->channel) >= LINK_PONG_BYTES)
        return;
    link->ack = peer->kept;
    buffer_init(&line, LINK_LINE);
    verb_format_ack(&line, link->ack);
    link_send(link, &line);
}

void link_acked(struct link *link)
{
    if (owes_acks(link))
        return;
    if (link->ended)
        link_kill(link, link->cause);
    else if (link->finishing)
        shut(link);
}

/* Who has said nothing yet may be a session that comes back, and is heard out. */
void link_hold(struct link *link)
{
    const struct node *node = link->node;
    bool plain = session_dialect(link->session) == DIALECT_STREAM;
    bool overrun = link_is_used(link) && arrivals_overrun(link->peer);
    bool hold = overrun || node->held_all || (node->held_plain && plain);
    channel_hold(link->channel, hold);
    liveness_hold(link, hold);
}

void link_reap(struct node *node)
{
    while (node->dead != NULL) {
        struct link *link = node->dead;
        node->dead = link->next;
        channel_flush(link->channel);
        channel_free(link->channel);
        session_free(link->session);
        free(link);
    }
}
