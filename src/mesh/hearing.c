/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said on a connection, and what it means for whom we know: one function per kind of
 * session event; plain.c has those of plain lines. It does not know how bytes travel.
 */
#include "config.h"

#include "mesh/hearing.h"

#include "base/log.h"
#include "mesh/admission.h"
#include "mesh/answering.h"
#include "mesh/arrivals.h"
#include "mesh/confirm.h"
#include "mesh/dialer.h"
#include "mesh/door.h"
#include "mesh/exchange.h"
#include "mesh/hearsay.h"
#include "mesh/internal.h"
#include "mesh/inviting.h"
#include "mesh/joining.h"
#include "mesh/link.h"
#include "mesh/liveness.h"
#include "mesh/peer.h"
#include "mesh/plain.h"
#include "mesh/pump.h"
#include "mesh/questions.h"
#include "mesh/rendezvous.h"

enum { RESUME_LINE = 64 };

static void tell(struct node *node, const struct event *event)
{
    node->sink.event(node->sink.arg, event);
}

void hearing_tell_message(struct node *node, struct event event)
{
    node->messages++;
    node->last_receipt = loop_now(node->loop);
    event.kind = EVENT_MESSAGE;
    tell(node, &event);
    if (node_has_enough(node))
        link_hold_all(node);
}

static void begin_session(struct peer *peer)
{
    const char *cause;
    struct buffer line;
    bool was_stream = peer->box.plain;
    buffer_init(&line, RESUME_LINE);
    verb_format_resume(&line, peer->epoch, peer->kept);
    link_send(peer->link, &line);
    pump_connected(peer);
    liveness_begin(peer->link);
    exchange_begin(peer->link);
    if (strcmp(peer->link->said_name, peer->node->name) != 0)
        link_name(peer->link);
    if (was_stream)
        node_ping(peer->node, peer, &cause); /* its answer confirms what has left as plain lines */
}

/* What we have said was answered at once: that is the round trip which /peers shows. */
static void measure(struct link *link)
{
    if (link->said == 0)
        return;
    link->peer->rtt_us = (int64_t)(loop_now(link->node->loop) - link->said);
    link->said = 0;
}

/* Somebody whom we have dialled speaks plain lines. */
static void hear_plain_dialect(struct link *link, struct peer *peer, enum dialect dialect)
{
    if (dialect == DIALECT_STREAM) {
        if (peer->link != NULL || peer->row.dialect == DIALECT_SESSION)
            link_refuse(link, "it has another connection");
        else
            rendezvous_stream(link, peer);
        return;
    }
    link->peer = NULL;
    peer->attempt.link = NULL;
    peer_found(peer, &link->remote);
    peer_set_dialect(peer, DIALECT_ONESHOT);
    peer_spoke(peer);
    dialer_ended(peer, NULL);
}

static void hear_dialect(struct link *link, const struct session_event *event)
{
    struct peer *peer = link->peer;
    if (event->dialect == DIALECT_SESSION) {
        if (link_is_used(link))
            begin_session(peer);
        return;
    }
    link->said = 0; /* that was no answer */
    link_hold(link);
    if (link->role == SESSION_DIALER && peer != NULL)
        hear_plain_dialect(link, peer, event->dialect);
    else if (link->role == SESSION_LISTENER && link->claimed.family != 0 &&
             event->dialect == DIALECT_STREAM)
        plain_settle_greeter(link);
}

static void hear_hello(struct link *link, const struct session_event *event)
{
    const struct hello *hello = &event->verb.hello;
    if (!admission_takes_hello(link, hello) || rendezvous_meet(link, hello) == NULL)
        return;
    measure(link);
    if (link->secure && link->role == SESSION_LISTENER) {
        link_answer(link);
        inviting_welcome(link);
    } else {
        session_accept(link->session);
    }
}

static void hear_line(struct link *link, const struct verb *verb)
{
    struct peer *peer = link->peer;
    if (link->closing)
        return; /* after our /bye nothing is confirmed any more, so nothing is taken either */
    if (verb->seq <= peer->mark) {
        link->ack = 0; /* it does not know that we have it */
        link_ack(link);
        return;
    }
    if (node_has_enough(link->node))
        return; /* it keeps what is not confirmed */
    peer->mark = verb->seq;
    hearing_tell_message(
        link->node, (struct event){.address = peer->text,
                                   .name = peer->shown,
                                   .node = peer->row.node,
                                   .scope = verb->kind == VERB_MSG ? SCOPE_DIRECT : SCOPE_BROADCAST,
                                   .id = {peer->row.node, peer->epoch, verb->seq},
                                   .text = verb->text,
                                   .plain = !link->secure});
    arrivals_add(peer, verb);
}

static void hear_resume(struct link *link, const struct verb *verb)
{
    measure(link);
    confirm_resume(link->peer, verb);
}

static void hear_pong(struct link *link, const struct verb *verb)
{
    uint64_t number;
    struct peer *peer = link->peer;
    if (verb->text.len < 2 || verb->text.at[0] != TOKEN_PING ||
        !span_number(span_after(verb->text, 1), &number) || number != peer->ping || number == 0)
        return;
    peer->ping = 0;
    peer->ping_state = PING_ANSWERED;
    peer->rtt_us = (int64_t)(loop_now(link->node->loop) - peer->ping_at);
    confirm_foreign(peer);
}

static void hear_bye(struct link *link, const struct verb *verb)
{
    struct peer *peer = link->peer;
    if (span_is(verb->text, LINK_DUPLICATE)) {
        link->duplicate = true;
        link_kill(link, "another connection to it counts");
        return;
    }
    peer->left = true;
    exchange_left(link, verb->text);
    link_answer_bye(link);
}

/* It says why it is about to close; once is enough. */
static void hear_error(struct link *link, const struct verb *verb)
{
    if (door_is_shut(link, verb)) {
        link_kill(link, "it does not let us in");
        return;
    }
    log_error("%s %s says: %.*s %.*s", link->peer->text, link->peer->shown, (int)verb->code.len,
              verb->code.at, (int)verb->text.len, verb->text.at);
    link_kill(link, "ended with an /error");
}

static void hear_verb(struct link *link, const struct session_event *event)
{
    const struct verb *verb = &event->verb;
    if (link->peer == NULL)
        return;
    switch (verb->kind) {
    case VERB_MSG:
    case VERB_BCAST: hear_line(link, verb); break;
    case VERB_ACK: confirm_ack(link->peer, verb->seq); break;
    case VERB_RESUME: hear_resume(link, verb); break;
    case VERB_PING: link_pong(link, verb->text); break;
    case VERB_PONG: hear_pong(link, verb); break;
    case VERB_NAME: peer_set_name(link->peer, verb->text); break;
    case VERB_GROUP: joining_hear(link, verb); break;
    case VERB_BYE: hear_bye(link, verb); break;
    case VERB_ERROR: hear_error(link, verb); break;
    case VERB_PEER: hearsay_add(link, verb); break;
    case VERB_GONE: hearsay_gone(link, verb); break;
    case VERB_ASK: answering_take(link, verb); break;
    case VERB_ANSWER: questions_hear_line(link, verb); break;
    case VERB_ANSWERED: questions_hear_end(link, verb); break;
    case VERB_HELLO:
    case VERB_OTHER: break;
    }
}

static void hear_refused(struct link *link, const struct session_event *event)
{
    char text[ADDRESS_TEXT];
    if (link->refused++ > 0)
        return; /* said once for each connection: it may be a flood */
    address_print(&link->remote, text);
    tell(link->node, &(struct event){.kind = EVENT_REFUSED,
                                     .address = text,
                                     .name = link->peer != NULL ? link->peer->shown : "-",
                                     .cause = event->cause});
}

void hearing_end(struct link *link)
{
    char text[ADDRESS_TEXT];
    if (link->refused < 2)
        return;
    address_print(&link->remote, text);
    tell(link->node, &(struct event){.kind = EVENT_REFUSED,
                                     .address = text,
                                     .name = "-",
                                     .count = link->refused - 1,
                                     .cause = "more like that"});
}

/* Of one that has only knocked nothing is lost. */
static void log_nobody(const struct link *link, const char *cause)
{
    char text[ADDRESS_TEXT];
    address_print(&link->remote, text);
    log_detail("%s: %s", text, cause);
}

/* The door is closed to those who come in plain text: we may belong all the same. */
static bool wants_encryption(const struct session_event *event)
{
    return event->verb.kind == VERB_ERROR && span_is(event->verb.code, "closed");
}

static void hear_failed(struct link *link, const struct session_event *event)
{
    if (wants_encryption(event) && admission_dials_again(link))
        return;
    if (event->verb.kind == VERB_BYE) { /* instead of a /hello */
        link->duplicate = span_is(event->verb.text, LINK_DUPLICATE);
        link_kill(link, event->cause);
        return;
    }
    /* An ended connection's own cause ("Connection reset by peer") says more. */
    bool began = session_has_spoken(link->session) || (link->secure && link->broken);
    const char *cause = link->ended && link->cause != NULL && began ? link->cause : event->cause;
    bool shut = event->verb.kind == VERB_ERROR && door_is_shut(link, &event->verb);
    if (link->peer == NULL && (link->secure || node_is_closed(link->node)))
        log_nobody(link, cause);
    else if (!shut && (link->role == SESSION_LISTENER || link_is_used(link)))
        hear_refused(link, event);
    link_refuse(link, cause);
}

static void hear_done(struct link *link, const struct session_event *event)
{
    (void)event;
    if (link->claimed.family != 0 && link->peer == NULL)
        plain_settle_greeter(link);
    if (!link->ended)
        link_kill(link, "finished");
}

/* Plain lines that came in one piece with the last that was wanted: they cannot be given back. */
static bool is_too_late(const struct link *link, const struct session_event *event)
{
    return node_has_enough(link->node) &&
           (event->kind == SESSION_CHAT || event->kind == SESSION_RAW);
}

void hearing_event(void *arg, const struct session_event *event)
{
    static void (*const hear[])(struct link * link, const struct session_event *event) = {
        [SESSION_DIALECT] = hear_dialect, [SESSION_GREETING] = plain_greeting,
        [SESSION_EXIT] = plain_exit,      [SESSION_CHAT] = plain_chat,
        [SESSION_RAW] = plain_raw,        [SESSION_HELLO] = hear_hello,
        [SESSION_VERB] = hear_verb,       [SESSION_REFUSED] = hear_refused,
        [SESSION_FAILED] = hear_failed,   [SESSION_DONE] = hear_done,
    };
    if (plain_is_ignored(arg, event))
        return;
    if (is_too_late(arg, event))
        hear_refused(arg, &(struct session_event){.cause = "came after the last message wanted"});
    else
        hear[event->kind](arg, event);
}
