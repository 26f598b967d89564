/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lines that wait, and whose turn it is: while a command waits for something, the turn looks at
 * that, and nothing else begins. What commands do is the business of commands.c.
 */
#include "config.h"

#include "shell/interpreter.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "shell/commands.h"
#include "shell/saying.h"

struct queued {
    struct queued *next;
    bool text;
    size_t len;
    char line[];
};

struct interpreter *interpreter_new(struct loop *loop, struct node *node,
                                    const struct interpreter_handlers *handlers, void *arg)
{
    struct interpreter *in = alloc_zero(1, sizeof *in);
    in->loop = loop;
    in->node = node;
    in->answers = (struct answers){handlers->reply, arg};
    in->complain = handlers->complain;
    in->quit = handlers->quit;
    in->history = handlers->history;
    in->last = &in->first;
    waiting_init(&in->waiting, loop, node);
    return in;
}

static void drop_queued(struct interpreter *in)
{
    struct queued *q = in->first;
    in->first = q->next;
    if (in->first == NULL)
        in->last = &in->first;
    free(q);
}

void interpreter_free(struct interpreter *in)
{
    if (in == NULL)
        return;
    while (in->first != NULL)
        drop_queued(in);
    waiting_end(&in->waiting);
    peer_release(in->target);
    free(in->awaited);
    free(in);
}

int interpreter_status(const struct interpreter *in)
{
    return in->status;
}

uint64_t interpreter_sent(const struct interpreter *in)
{
    return in->sent;
}

void interpreter_run(struct interpreter *in, struct span line, bool text)
{
    struct order order;
    char *cause;
    if (in->has_quit)
        return;
    if (text) {
        saying_texts(in, &line, 1);
        return;
    }
    if (!command_parse(line, &order, &cause)) {
        commands_complain(in, STATUS_FAILED, cause);
    } else if (order.kind == ORDER_COMMAND) {
        commands_run(in, &order);
    } else if (order.kind == ORDER_TEXT) {
        saying_texts(in, &order.text, 1);
    }
}

void interpreter_run_texts(struct interpreter *in, const struct span *texts, size_t count)
{
    if (!in->has_quit)
        saying_texts(in, texts, count);
}

bool interpreter_is_idle(const struct interpreter *in)
{
    return in->waiting.what == WAITING_NOTHING && in->first == NULL;
}

void interpreter_queue(struct interpreter *in, struct span line, bool text)
{
    struct queued *q = alloc_zero(1, sizeof *q + line.len);
    q->text = text;
    q->len = line.len;
    memcpy(q->line, line.at, line.len);
    *in->last = q;
    in->last = &q->next;
    loop_again(in->loop);
}

void interpreter_event(struct interpreter *in, const struct event *event)
{
    if (event->kind == EVENT_ANSWER && event->question == in->waiting.question)
        answer_ask(&in->answers, event);
}

void interpreter_turn(struct interpreter *in)
{
    for (;;) {
        if (in->waiting.what != WAITING_NOTHING) {
            enum waiting_result result = waiting_look(&in->waiting);
            if (result == WAITING_STILL)
                return;
            commands_answer(in, result);
            waiting_end(&in->waiting);
            loop_again(in->loop);
        }
        if (in->first == NULL || node_is_congested(in->node))
            return;
        struct queued *q = in->first;
        interpreter_run(in, span_make(q->line, q->len), q->text);
        drop_queued(in);
        loop_again(in->loop);
    }
}

const char *interpreter_command(const struct interpreter *in)
{
    return in->waiting.what == WAITING_NOTHING ? NULL : in->waiting.command->name;
}

void interpreter_cancel(struct interpreter *in)
{
    waiting_end(&in->waiting);
    while (in->first != NULL)
        drop_queued(in);
}

void interpreter_await_target(struct interpreter *in, const char *who)
{
    free(in->awaited);
    in->awaited = who != NULL ? alloc_string(who) : NULL;
}

bool interpreter_awaits_target(const struct interpreter *in)
{
    return in->awaited != NULL;
}

bool interpreter_set_target(struct interpreter *in, struct span who, char **cause)
{
    struct peer *peer = NULL;
    if (!span_is(who, "all")) {
        peer = node_find_or_add(in->node, who, cause);
        if (peer == NULL)
            return false;
        peer_hold(peer);
    }
    peer_release(in->target);
    in->target = peer;
    interpreter_await_target(in, NULL);
    return true;
}

const struct peer *interpreter_target(const struct interpreter *in)
{
    return in->target != NULL ? peer_current(in->target) : NULL;
}
