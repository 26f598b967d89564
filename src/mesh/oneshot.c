/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Delivery to a one-shot peer, such as the original program: one connection for each message, one
 * write, no LF, then the other side closes. A long text goes out as several messages, cut between
 * characters. One connection at a time, so that the order holds.
 */
#include "config.h"

#include "mesh/oneshot.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "mesh/admission.h"
#include "mesh/confirm.h"
#include "mesh/delivery.h"
#include "mesh/dialer.h"
#include "mesh/fence.h"
#include "mesh/internal.h"
#include "mesh/membership.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/tally.h"
#include "net/channel.h"

enum { ONESHOT_DEADLINE_US = 10000000 /* from the connection to the close */ };

struct oneshot {
    struct peer *peer;
    struct dial *dial;
    struct channel *channel;
    struct timer timer;
    bool leaving; /* the text is exit */
    size_t line;  /* bytes of the outbox's first line, which is under way */
    size_t piece; /* bytes of its text that are on their way */
    bool whole;   /* they are its last */
    bool delivered;
    const char *cause; /* why not; static */
};

static void start(struct oneshot *o);

static void release(struct oneshot *o)
{
    struct node *node = o->peer->node;
    timer_stop(node->loop, &o->timer);
    if (o->dial != NULL)
        node->dials--;
    dial_cancel(o->dial);
    channel_free(o->channel);
    o->dial = NULL;
    o->channel = NULL;
}

void oneshot_cancel(struct peer *peer)
{
    struct oneshot *o = peer->oneshot;
    if (o == NULL)
        return;
    bool touched = peer->box.told > 0 || (o->channel != NULL && channel_written(o->channel) > 0);
    bool under_way = touched && !o->leaving;
    size_t line = o->line;
    release(o);
    free(o);
    peer->oneshot = NULL;
    peer->says_exit = false;
    if (under_way && line <= peer->box.lines.bytes)
        delivery_lose(peer, line, "interrupted before it was confirmed");
}

void oneshot_interrupt(struct peer *peer)
{
    if (peer->oneshot != NULL && !peer->oneshot->leaving)
        oneshot_cancel(peer);
}

/* The first line that waits, and its text. */
static struct span first_text(const struct peer *peer, size_t *line)
{
    struct verb verb;
    const char *cause;
    struct span run = queue_peek(&peer->box.lines, 0);
    struct span first = span_cut_line(&run);
    if (!verb_parse(first, &verb, &cause))
        abort(); /* we wrote it */
    *line = first.len + 1;
    return verb.text;
}

static void format(struct oneshot *o, const struct address *me, struct buffer *out)
{
    const char *name = o->peer->node->name;
    if (o->leaving) {
        message_format(out, me, name, span_of("exit"));
        return;
    }
    struct span text = first_text(o->peer, &o->line);
    struct span rest = span_after(text, o->peer->box.told);
    message_format(out, me, name, span_of(""));
    o->piece = message_piece(rest, buffer_length(out));
    o->whole = o->piece == rest.len;
    if (o->peer->box.told == 0)
        tally_sent(o->peer->node, span_make(queue_peek(&o->peer->box.lines, 0).at, o->line));
    buffer_append(out, span_make(rest.at, o->piece));
    /* Only leaving says exit. */
    if (span_is_nocase(span_make(rest.at, o->piece), "exit"))
        buffer_append(out, span_of(" "));
}

static struct oneshot *begin(struct peer *peer)
{
    struct oneshot *o = alloc_zero(1, sizeof *o);
    o->peer = peer;
    peer->oneshot = o;
    return o;
}

/* A message has been taken: the next piece, the next line, the goodbye, or nothing. */
static void go_on(struct oneshot *o)
{
    struct peer *peer = o->peer;
    struct outbox *box = &peer->box;
    if (o->whole)
        confirm_bytes(peer, o->line);
    else
        box->told += o->piece;
    if (!peer->says_exit) {
        peer_spoke(peer);
        peer_settle(peer, NULL);
    }
    o->leaving = box->lines.bytes == 0;
    if (!o->leaving || peer->says_exit) {
        start(o);
        return;
    }
    free(o);
    peer->oneshot = NULL;
}

static void said_exit(struct peer *peer)
{
    peer->says_exit = false;
    if (peer->fading) {
        peer_settle(peer, "forgotten");
        membership_remove(peer);
    } else {
        pump_ready(peer);
        if (!peer->tried)
            dialer_dial(peer); /* somebody has asked for it meanwhile */
    }
}

static void failed(struct peer *peer, const char *cause)
{
    peer->says_exit = false;
    if (!fence_lets(peer->node, &peer->row.addresses[0]))
        dialer_keep_out(peer);
    else if (node_is_closed(peer->node))
        dialer_shut(peer, ADMISSION_PLAIN_CAUSE);
    else
        dialer_ended(peer, cause);
}

static void settled(void *arg)
{
    struct oneshot *o = arg;
    struct peer *peer = o->peer;
    const char *cause = o->cause;
    size_t line = o->line;
    bool leaving = o->leaving;
    bool touched = peer->box.told > 0 || (o->channel != NULL && channel_written(o->channel) > 0);
    release(o);
    loop_again(peer->node->loop);
    if (o->delivered && !leaving) {
        go_on(o);
        return;
    }
    free(o);
    peer->oneshot = NULL;
    if (!leaving && touched)
        delivery_lose(peer, line, cause);
    if (leaving || peer->fading)
        said_exit(peer);
    else
        failed(peer, cause);
}

/* Not here and now: we may be inside the channel that is to go. */
static void finished(struct oneshot *o, bool delivered, const char *cause)
{
    struct node *node = o->peer->node;
    o->delivered = delivered;
    o->cause = cause;
    timer_set(node->loop, &o->timer, loop_now(node->loop), settled, o);
}

static void answered(void *arg, struct span bytes)
{
    (void)arg;
    (void)bytes; /* it has nothing to say to us here */
}

static void closed(void *arg, int error)
{
    struct oneshot *o = arg;
    finished(o, error == 0, strerror(error));
}

static void written(void *arg)
{
    (void)arg;
}

static void overdue(void *arg)
{
    struct oneshot *o = arg;
    finished(o, false, "took the message but did not close");
}

static void connected(void *arg, int fd, int error)
{
    static const struct channel_handlers handlers = {
        .data = answered, .end = closed, .written = written};
    struct oneshot *o = arg;
    struct node *node = o->peer->node;
    o->dial = NULL;
    node->dials--;
    if (fd >= 0)
        o->channel = channel_new(node->loop, fd, &handlers, o);
    if (o->channel == NULL) {
        finished(o, false, strerror(error != 0 ? error : EMFILE));
        return;
    }
    struct address me;
    struct buffer message;
    channel_local(o->channel, &me);
    me.port = node_port(node, &me);
    buffer_init(&message, 2 * MESSAGE_ONESHOT_MAX);
    format(o, &me, &message);
    channel_send(o->channel, buffer_span(&message));
    channel_finish(o->channel);
    buffer_free(&message);
    timer_set(node->loop, &o->timer, loop_now(node->loop) + ONESHOT_DEADLINE_US, overdue, o);
}

static void start(struct oneshot *o)
{
    struct peer *peer = o->peer;
    struct address from[2];
    size_t count;
    if (!fence_lets(peer->node, &peer->row.addresses[0]) || node_is_closed(peer->node)) {
        finished(o, false, "it is not to hear us");
        return;
    }
    dialer_leave_from(peer->node, from, &count);
    o->dial = dial_start(peer->node->loop, peer->row.addresses, 1, from, count, connected, o);
    peer->node->dials++;
}

void oneshot_pump(struct peer *peer)
{
    if (peer->oneshot == NULL && peer->box.lines.bytes > 0)
        start(begin(peer));
}

void oneshot_exit(struct peer *peer)
{
    peer->says_exit = true;
    if (peer->box.lines.bytes > 0) {
        oneshot_pump(peer);
    } else if (peer->oneshot == NULL) {
        struct oneshot *o = begin(peer);
        o->leaving = true;
        start(o);
    }
}
