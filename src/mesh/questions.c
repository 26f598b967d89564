/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What we ask: whom, what has become of it with each of them, and until when. A question is asked
 * in sessions alone and is stored nowhere: who goes before its answer is whole has not answered. It
 * does not know what is asked, nor what is done with the answers.
 */
#include "config.h"

#include "mesh/questions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "mesh/exchange.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"

/* One of those who are asked. */
struct reply {
    struct peer *peer; /* held */
    struct link *link; /* that it was asked on; NULL: not yet, or it has gone */
    uint64_t token;    /* under which it was asked */
    size_t bytes;      /* of its answer so far */
    enum reply_state state;
    char cause[128];
};

struct question {
    struct node *node;
    struct question *next;
    char *text;
    uint64_t wait_us;
    struct timer timer;
    struct reply *replies;
    size_t count, room;
};

/* --- what becomes of it --- */

static void miss(struct reply *r, const char *before, const char *cause)
{
    r->state = REPLY_MISSING;
    snprintf(r->cause, sizeof r->cause, "%s%s", before, cause);
}

bool question_is_over(const struct question *q)
{
    for (size_t i = 0; i < q->count; i++) {
        if (q->replies[i].state == REPLY_AWAITED)
            return false;
    }
    return true;
}

bool question_look(const struct question *q, size_t index, struct reply_view *out)
{
    if (index >= q->count)
        return false;
    const struct reply *r = &q->replies[index];
    const struct peer *now = peer_current(r->peer);
    const struct peer *peer = now != NULL ? now : r->peer;
    *out = (struct reply_view){peer->text, peer->shown, peer_is_plain(peer), r->state, r->cause};
    return true;
}

static void overdue(void *arg)
{
    struct question *q = arg;
    char time[48];
    snprintf(time, sizeof time, "%g s", (double)q->wait_us / 1e6);
    for (size_t i = 0; i < q->count; i++) {
        struct reply *r = &q->replies[i];
        if (r->state == REPLY_AWAITED)
            miss(r, r->bytes > 0 ? "its answer has not ended within " : "no answer within ", time);
    }
}

/* --- orders --- */

static void add_reply(struct question *q, struct peer *peer)
{
    q->replies = alloc_grow(q->replies, q->count, &q->room, sizeof *q->replies);
    q->replies[q->count++] = (struct reply){.peer = peer_hold(peer)};
}

static bool is_addressed(const struct peer *peer)
{
    return !peer->row.quiet && (peer_is_up(peer) || (peer->named && !peer->left));
}

static struct question *new_question(struct node *node, struct span text, uint64_t wait_us)
{
    struct question *q = alloc_zero(1, sizeof *q);
    q->node = node;
    struct question **last = &node->questions;
    while (*last != NULL)
        last = &(*last)->next;
    *last = q;
    q->text = span_string(text);
    q->wait_us = wait_us;
    timer_set(node->loop, &q->timer, loop_now(node->loop) + wait_us, overdue, q);
    loop_again(node->loop);
    return q;
}

_Static_assert(NODE_QUESTIONS == 16, "the complaint names it");

static bool may_ask(const struct node *node, const char **cause)
{
    size_t open = 0;
    for (const struct question *q = node->questions; q != NULL; q = q->next)
        open++;
    *cause = "16 questions wait for their answers already";
    return open < NODE_QUESTIONS;
}

struct question *node_ask(struct node *node, struct peer *peer, struct span text, uint64_t wait_us,
                          const char **cause)
{
    if (!may_ask(node, cause) || !form_can_carry(text, cause))
        return NULL;
    struct question *q = new_question(node, text, wait_us);
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peers[i] == peer || (peer == NULL && is_addressed(node->peers[i])))
            add_reply(q, node->peers[i]);
    }
    if (q->count > 0)
        return q;
    question_free(q);
    *cause = "there is nobody to ask; /connect ADDRESS first";
    return NULL;
}

void question_free(struct question *q)
{
    if (q == NULL)
        return;
    struct question **at = &q->node->questions;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    timer_stop(q->node->loop, &q->timer);
    for (size_t i = 0; i < q->count; i++)
        peer_release(q->replies[i].peer);
    free(q->replies);
    free(q->text);
    free(q);
}

/* --- asking --- */

/* Two of those to ask have turned out to be one. */
static bool is_asked_already(const struct question *q, const struct reply *r)
{
    const struct peer *peer = peer_current(r->peer);
    if (peer == NULL || peer == r->peer)
        return false;
    for (size_t i = 0; i < q->count; i++) {
        if (&q->replies[i] != r && peer_current(q->replies[i].peer) == peer)
            return true;
    }
    return false;
}

static void drop_reply(struct question *q, size_t at)
{
    peer_release(q->replies[at].peer);
    q->count--;
    memmove(&q->replies[at], &q->replies[at + 1], (q->count - at) * sizeof *q->replies);
}

/* Its first dial goes on, or of two crossed connections one is about to be there. */
static bool may_come(const struct peer *peer)
{
    bool dialled = peer_is_dialing(peer) || timer_is_set(&peer->attempt.again);
    return (dialled && !peer->tried) || timer_is_set(&peer->grace);
}

static void give_up(struct reply *r, const struct peer *peer)
{
    if (r->token != 0)
        r->state = REPLY_MISSING; /* why was noted when its connection went */
    else if (peer == NULL)
        miss(r, "it was forgotten", "");
    else if (peer->row.dialect == DIALECT_ONESHOT || peer->row.dialect == DIALECT_STREAM)
        miss(r, "it speaks plain lines and cannot be asked", "");
    else if (peer->cause[0] != '\0')
        miss(r, "it is not connected: ", peer->cause);
    else
        miss(r, "it is not connected", "");
}

/* One line for all who can be asked at this time. */
struct round {
    struct slice line;
    uint64_t token; /* 0: nobody could yet */
};

static void begin_round(const struct question *q, struct round *round)
{
    char token[24];
    struct buffer line;
    round->token = ++q->node->tokens;
    snprintf(token, sizeof token, "%llu", (unsigned long long)round->token);
    buffer_init(&line, LINE_MAX_BYTES);
    verb_format_ask(&line, token, span_of(q->text));
    const struct span part = buffer_span(&line);
    round->line = spool_write(&q->node->verbs, &part, 1);
    buffer_free(&line);
}

static void ask(const struct question *q, struct reply *r, struct link *link, struct round *round)
{
    if (!link_has_room(link))
        return;
    if (round->token == 0)
        begin_round(q, round);
    r->link = link;
    r->token = round->token;
    channel_send_slice(link->channel, slice_retain(round->line));
}

/* A connection that another one has replaced may have taken the question along: it is asked again,
 * unless an answer has begun. */
static void look_after(const struct question *q, struct reply *r, struct round *round)
{
    struct peer *peer = peer_current(r->peer);
    bool fresh = peer != NULL && r->bytes == 0;
    if (fresh && peer->link != NULL && exchange_counts(peer->link))
        ask(q, r, peer->link, round);
    else if (!fresh || !may_come(peer))
        give_up(r, peer);
}

static void ask_round(struct question *q)
{
    struct round round = {.token = 0};
    for (size_t i = q->count; i-- > 0;) {
        struct reply *r = &q->replies[i];
        if (r->state != REPLY_AWAITED || r->link != NULL)
            continue;
        if (is_asked_already(q, r))
            drop_reply(q, i);
        else
            look_after(q, r, &round);
    }
    if (round.token != 0)
        slice_release(round.line);
}

void questions_turn(struct node *node)
{
    for (struct question *q = node->questions; q != NULL; q = q->next)
        ask_round(q);
}

/* --- what is heard --- */

void questions_parted(struct link *link, const char *cause)
{
    for (struct question *q = link->node->questions; q != NULL; q = q->next) {
        for (size_t i = 0; i < q->count; i++) {
            struct reply *r = &q->replies[i];
            if (r->link != link)
                continue;
            r->link = NULL;
            if (r->state == REPLY_AWAITED)
                snprintf(r->cause, sizeof r->cause, "it went away: %s", cause);
        }
    }
}

/* NULL if nothing is waited for there: it comes too late, or was never asked for. */
static struct reply *find_awaited(const struct link *link, struct span token, struct question **of)
{
    uint64_t number;
    if (!span_number(token, &number))
        return NULL;
    for (struct question *q = link->node->questions; q != NULL; q = q->next) {
        for (size_t i = 0; i < q->count; i++) {
            struct reply *r = &q->replies[i];
            if (r->link != link || r->token != number || r->state != REPLY_AWAITED)
                continue;
            *of = q;
            return r;
        }
    }
    return NULL;
}

void questions_hear_line(struct link *link, const struct verb *verb)
{
    struct question *q;
    struct reply *r = find_awaited(link, verb->token, &q);
    if (r == NULL)
        return;
    r->bytes += verb->text.len + 1;
    if (r->bytes > NODE_ANSWER_MAX) {
        miss(r, "its answer is too long", "");
        return;
    }
    peer_tell(link->node, link->peer,
              (struct event){.kind = EVENT_ANSWER, .text = verb->text, .question = q});
}

void questions_hear_end(struct link *link, const struct verb *verb)
{
    static const char *const causes[ANSWER_STATUSES] = {
        [ANSWER_FAILED] = "its command failed",
        [ANSWER_CUT] = "its answer is too long, or not text",
        [ANSWER_BUSY] = "it is busy",
        [ANSWER_NONE] = "it takes no questions",
    };
    struct question *q;
    struct reply *r = find_awaited(link, verb->token, &q);
    if (r == NULL)
        return;
    if (verb->status == ANSWER_OK)
        r->state = REPLY_WHOLE;
    else
        miss(r, causes[verb->status], "");
}
