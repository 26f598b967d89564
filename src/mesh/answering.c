/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What others ask us, until it is answered: a question belongs to the connection that it came on,
 * and its answer goes back over that one or nowhere. Who finds the answer, and how, is not known
 * here.
 */
#include "config.h"

#include "mesh/answering.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/exchange.h"
#include "mesh/forms.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"

struct taken {
    struct taken *next;
    size_t number;
    struct peer *peer; /* held */
    struct link *link; /* NULL: it has gone, and nobody waits for the answer */
    size_t bytes;      /* of the answer */
    bool cut;
    char token[VERB_TOKEN_MAX + 1];
};

static struct taken **find(struct node *node, size_t number)
{
    struct taken **at = &node->taken;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void drop(struct node *node, struct taken **at)
{
    struct taken *t = *at;
    *at = t->next;
    node->taken_count--;
    peer_release(t->peer);
    free(t);
}

static void say_end(struct link *link, const char *token, enum answer_status status)
{
    struct buffer line;
    buffer_init(&line, LINK_LINE);
    verb_format_answered(&line, token, status);
    link_send(link, &line);
}

/* One that was asked and whose asker has gone still keeps whoever answers busy. */
static bool is_busy(const struct node *node, struct peer *peer)
{
    size_t same = 0;
    for (const struct taken *t = node->taken; t != NULL; t = t->next)
        same += peer_current(t->peer) == peer;
    return same >= NODE_QUESTIONS_OF_PEER || node->taken_count >= NODE_QUESTIONS_TAKEN;
}

static struct taken *take(struct link *link, const char *token)
{
    struct node *node = link->node;
    struct taken *t = alloc_zero(1, sizeof *t);
    struct taken **last = &node->taken;
    while (*last != NULL)
        last = &(*last)->next;
    *last = t;
    node->taken_count++;
    t->number = ++node->taken_last;
    t->peer = peer_hold(link->peer);
    t->link = link;
    span_copy(span_of(token), t->token, sizeof t->token);
    return t;
}

void answering_take(struct link *link, const struct verb *verb)
{
    struct node *node = link->node;
    char token[VERB_TOKEN_MAX + 1];
    if (!exchange_counts(link) || !link_has_room(link))
        return; /* to one that only asks and never reads nothing is owed */
    span_copy(verb->token, token, sizeof token);
    if (!node->config.answers)
        say_end(link, token, ANSWER_NONE);
    else if (is_busy(node, link->peer))
        say_end(link, token, ANSWER_BUSY);
    else
        peer_tell(node, link->peer,
                  (struct event){.kind = EVENT_QUESTION,
                                 .text = verb->text,
                                 .count = take(link, token)->number});
}

bool node_answer(struct node *node, size_t which, struct span text)
{
    const char *cause;
    struct buffer line;
    struct taken *t = *find(node, which);
    if (t == NULL || t->link == NULL || t->cut)
        return false;
    if (!form_can_carry(text, &cause) || t->bytes + text.len + 1 > NODE_ANSWER_MAX) {
        t->cut = true;
        return false;
    }
    t->bytes += text.len + 1;
    buffer_init(&line, LINE_MAX_BYTES);
    verb_format_answer(&line, t->token, text);
    link_send(t->link, &line);
    return true;
}

void node_answer_end(struct node *node, size_t which, enum answer_status status)
{
    struct taken **at = find(node, which);
    if (*at == NULL)
        return;
    const struct taken *t = *at;
    if (t->link != NULL)
        say_end(t->link, t->token, t->cut ? ANSWER_CUT : status);
    drop(node, at);
}

void answering_parted(struct link *link)
{
    for (struct taken *t = link->node->taken; t != NULL; t = t->next) {
        if (t->link == link)
            t->link = NULL;
    }
}

void answering_free(struct node *node)
{
    while (node->taken != NULL)
        drop(node, &node->taken);
}
