/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a connection ends, by us or by the other side: what is still said, what is still heard, and
 * who learns of it. The table in link.h tells the ways apart. It does not know why one ends.
 */
#include "config.h"

#include "mesh/link.h"

#include <string.h>

#include "mesh/answering.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/exchange.h"
#include "mesh/hearing.h"
#include "mesh/internal.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/questions.h"

enum {
    CLOSE_US = 2000000, /* what is queued may still leave, the other side may still answer */
    LOOK_US = 10000,    /* between two looks whether that has come */
};

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

/* --- from its peer --- */

void link_part(struct link *link, const char *cause)
{
    struct peer *peer = link->peer;
    link->peer = NULL;
    questions_parted(link, cause);
    answering_parted(link);
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
    bool used = peer != NULL && link_is_used(link);
    link_part(link, cause);
    bool other_comes = link->duplicate && !link->node->leaving;
    if (dialled && other_comes && peer->link == NULL) {
        peer_wait_grace(peer, cause);
        return;
    }
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
    if (other_comes) {
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

/* --- with words --- */

static void close_overdue(void *arg)
{
    struct link *link = arg;
    link_kill(link, link->cause != NULL ? link->cause : "did not take our goodbye");
}

static void look_at_end(void *arg);

/* Nothing more is to be expected of a person at nc who has all that we sent: they may leave it open
 * for hours. */
static bool has_ended(const struct link *link)
{
    enum dialect dialect = session_dialect(link->session);
    bool plain = dialect == DIALECT_STREAM || dialect == DIALECT_ONESHOT;
    return loop_now(link->node->loop) >= link->close_by ||
           (plain && channel_is_finished(link->channel) &&
            channel_unacknowledged(link->channel) == 0);
}

static void wait_for_end(struct link *link)
{
    uint64_t next = loop_now(link->node->loop) + LOOK_US;
    timer_set(link->node->loop, &link->timer, next < link->close_by ? next : link->close_by,
              look_at_end, link);
}

static void look_at_end(void *arg)
{
    struct link *link = arg;
    if (has_ended(link))
        close_overdue(link);
    else
        wait_for_end(link);
}

/* Sends what is queued, then FIN; the other side's own end, or a while, closes. */
static void shut(struct link *link)
{
    if (link->dead || link->closing)
        return;
    /* Of one that is not read no answer comes. */
    bool waits = channel_queued(link->channel) > 0 || !link_is_past(link);
    link->closing = true;
    channel_finish(link->channel);
    link->close_by = loop_now(link->node->loop) + (waits ? CLOSE_US : 0);
    wait_for_end(link);
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

void link_bye(struct link *link, const char *reason, const char *cause)
{
    if (link->dead || link->closing)
        return;
    link->cause = cause;
    if (reason != NULL && awaits_resume(link)) {
        link->parting = reason;
        timer_set(link->node->loop, &link->timer, loop_now(link->node->loop) + CLOSE_US,
                  resume_overdue, link);
        return;
    }
    if (link_is_used(link))
        pump_flush(link->peer);
    /* A dialer would take an end without a word for that of a one-shot peer. */
    if (reason != NULL && (link_is_session(link) || session_awaits_greeting(link->session)))
        say_bye(link, reason);
    shut(link);
}

void link_resumed(struct link *link)
{
    if (link->parting != NULL)
        link_bye(link, link->parting, link->cause);
}

static void give_way(struct link *link, const char *reason, const char *cause)
{
    say_bye(link, reason);
    link_part(link, cause);
    session_close(link->session);
    shut(link);
}

void link_duplicate(struct link *link)
{
    give_way(link, LINK_DUPLICATE, "another connection to it counts");
}

void link_encrypt(struct link *link)
{
    give_way(link, LINK_ENCRYPT, "it is dialled again, encrypted");
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

/* --- because the other side ends --- */

void link_answer_bye(struct link *link)
{
    link->cause = "left";
    link->finishing = true;
    if (!owes_acks(link))
        shut(link);
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

void link_ended(struct link *link, int error)
{
    if (link->dead)
        return;
    if (link->ended) { /* it only read on, and now it is gone altogether */
        link_kill(link, channel_failure(link->channel, error));
        return;
    }
    link->ended = true;
    link->broken = error != 0;
    if (link->cause == NULL)
        link->cause = error == 0 ? "closed the connection" : channel_failure(link->channel, error);
    session_end(link->session, error, loop_now(link->node->loop));
    if (error != 0 || link->closing || link->dead || !(owes_acks(link) || owes_lines(link)))
        link_kill(link, link->cause);
    else if (owes_lines(link))
        link_bye(link, NULL, link->cause);
    else
        timer_set(link->node->loop, &link->timer, loop_now(link->node->loop) + CLOSE_US,
                  close_overdue, link);
}
