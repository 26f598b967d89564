/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per command. A command that takes time leaves something in pending; the turn looks
 * at it again until it is done.
 */
#include "config.h"

#include "shell/interpreter.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "shell/answers.h"
#include "shell/waiting.h"

enum { PING_DEADLINE_US = 10000000 };

struct queued {
    struct queued *next;
    bool text;
    size_t len;
    char line[];
};

struct interpreter {
    struct loop *loop;
    struct node *node;
    struct answers answers; /* its arg is also that of quit */
    void (*quit)(void *arg);
    struct peer *target; /* NULL: all */
    const char *awaited; /* who will be the target once it is known; or NULL */
    bool has_quit;       /* nothing is run any more */
    int status;
    uint64_t sent; /* lines that the node has taken */
    struct queued *first, **last;
    struct waiting waiting; /* what the present command waits for */
};

struct interpreter *interpreter_new(struct loop *loop, struct node *node,
                                    const struct interpreter_handlers *handlers, void *arg)
{
    struct interpreter *in = alloc_zero(1, sizeof *in);
    in->loop = loop;
    in->node = node;
    in->answers = (struct answers){handlers->reply, arg};
    in->quit = handlers->quit;
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

static void raise_status(struct interpreter *in, int status)
{
    if (status > in->status)
        in->status = status;
}

/* --- answers --- */

static void fail(struct interpreter *in, const struct command *c, const char *cause)
{
    log_error("/%s: %s", c->name, cause);
    raise_status(in, STATUS_FAILED);
}

static void fail_with(struct interpreter *in, const struct command *c, char *cause)
{
    fail(in, c, cause);
    free(cause);
}

static void reply_ping(struct interpreter *in, const struct command *c, struct peer *peer)
{
    struct peer_view v;
    if (peer == NULL) {
        fail(in, c, "the peer was forgotten meanwhile");
        return;
    }
    peer_look(peer, &v);
    if (peer_ping_state(peer) != PING_ANSWERED) {
        fail_with(
            in, c,
            alloc_print("%s %s: %s", v.address, v.name,
                        peer_ping_state(peer) == PING_FAILED ? v.cause : "no answer within 10 s"));
        return;
    }
    answer_ping(&in->answers, peer);
}

/* --- commands --- */

static struct peer *find(struct interpreter *in, const struct command *c, struct span who)
{
    char *cause;
    struct peer *peer = node_find(in->node, who, &cause);
    if (peer == NULL)
        fail_with(in, c, cause);
    return peer;
}

static struct span only_word(struct span arguments)
{
    struct span rest = span_skip_blanks(arguments);
    return span_cut_word(&rest);
}

static void run_connect(struct interpreter *in, const struct command *c, struct span arguments)
{
    waiting_begin(&in->waiting, WAITING_DIALS, c, 0);
    while (arguments.len > 0) {
        char *cause;
        struct span word = span_cut_word(&arguments);
        if (word.len == 0)
            continue;
        struct peer *peer = node_connect(in->node, word, &cause);
        if (peer == NULL)
            fail_with(in, c, cause);
        else
            waiting_add_peer(&in->waiting, peer);
    }
}

static void part(struct interpreter *in, const struct command *c, struct span arguments,
                 void (*order)(struct node *node, struct peer *peer))
{
    struct peer *peer = find(in, c, only_word(arguments));
    if (peer == NULL)
        return;
    waiting_begin(&in->waiting, WAITING_PARTING, c, 0);
    waiting_add_peer(&in->waiting, peer);
    order(in->node, peer);
}

static void run_disconnect(struct interpreter *in, const struct command *c, struct span arguments)
{
    part(in, c, arguments, node_disconnect);
}

static void send_to(struct interpreter *in, const struct command *c, struct peer *peer,
                    struct span text)
{
    const char *cause;
    struct peer_view v;
    if (node_send(in->node, peer, text, &cause)) {
        in->sent++;
        return;
    }
    peer_look(peer, &v);
    fail_with(in, c, alloc_print("%s %s: %s", v.address, v.name, cause));
}

static void run_msg(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    struct span text = span_skip_blanks(arguments);
    struct span who = span_cut_word(&text);
    struct peer *peer = node_find_or_add(in->node, who, &cause);
    if (peer == NULL)
        fail_with(in, c, cause);
    else
        send_to(in, c, peer, text);
}

static void run_bcast(struct interpreter *in, const struct command *c, struct span arguments)
{
    const char *cause;
    if (node_broadcast(in->node, arguments, &cause))
        in->sent++;
    else
        fail(in, c, cause);
}

static void run_to(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    if (!interpreter_set_target(in, only_word(arguments), &cause))
        fail_with(in, c, cause);
}

static void answer_for_each(struct interpreter *in,
                            void (*answer_line)(const struct answers *a, const struct peer *peer))
{
    size_t count;
    struct peer *const *peers = node_peers(in->node, &count);
    for (size_t i = 0; i < count; i++)
        answer_line(&in->answers, peers[i]);
}

static void run_peers(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    (void)arguments;
    answer_for_each(in, answer_peer);
}

static void run_outbox(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    (void)arguments;
    answer_for_each(in, answer_waiting);
}

static void run_forget(struct interpreter *in, const struct command *c, struct span arguments)
{
    part(in, c, arguments, node_forget);
}

static void run_ban(struct interpreter *in, const struct command *c, struct span arguments)
{
    part(in, c, arguments, node_ban);
}

static void run_ping(struct interpreter *in, const struct command *c, struct span arguments)
{
    const char *cause;
    struct peer *peer = find(in, c, only_word(arguments));
    if (peer == NULL)
        return;
    if (!node_ping(in->node, peer, &cause)) {
        struct peer_view v;
        peer_look(peer, &v);
        fail_with(in, c, alloc_print("%s %s: %s", v.address, v.name, cause));
        return;
    }
    waiting_begin(&in->waiting, WAITING_PING, c, PING_DEADLINE_US);
    waiting_add_peer(&in->waiting, peer);
}

static void run_name(struct interpreter *in, const struct command *c, struct span arguments)
{
    const char *cause;
    struct span name = only_word(arguments);
    if (!node_rename(in->node, name, &cause))
        fail_with(in, c, alloc_print("%.*s: %s", (int)name.len, name.at, cause));
}

static void run_whoami(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    (void)arguments;
    answer_whoami(&in->answers, in->node);
}

static void run_wait(struct interpreter *in, const struct command *c, struct span arguments)
{
    const char *cause;
    if (!waiting_parse(&in->waiting, c, arguments, &cause))
        fail_with(in, c, alloc_print("%.*s: %s", (int)arguments.len, arguments.at, cause));
}

static void run_echo(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    answer_text(&in->answers, COMMAND_echo, arguments);
}

static void run_help(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    struct span word = only_word(arguments);
    if (word.len == 0) {
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            answer_help(&in->answers, command_at(i), command_at(i)->help);
        return;
    }
    const struct command *which =
        command_find(word.at[0] == '/' ? span_after(word, 1) : word, &cause);
    if (which == NULL)
        fail_with(in, c, cause);
    else
        answer_help(&in->answers, which, which->manual);
}

static void run_quit(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    (void)arguments;
    in->has_quit = true;
    in->quit(in->answers.arg);
}

/* --- lines --- */

static void run_command(struct interpreter *in, const struct order *order)
{
    static void (*const run[])(struct interpreter * in, const struct command *c,
                               struct span arguments) = {
#define COMMAND(name, ...) [COMMAND_##name] = run_##name,
#include "shell/commands.def"
#undef COMMAND
    };
    run[order->command->id](in, order->command, order->arguments);
}

static void run_text(struct interpreter *in, struct span text)
{
    if (in->awaited != NULL) {
        fail_with(in, command_at(COMMAND_to), alloc_print("%s is not known yet", in->awaited));
        return;
    }
    if (in->target == NULL) {
        run_bcast(in, command_at(COMMAND_bcast), text);
        return;
    }
    struct peer *peer = peer_current(in->target);
    const struct command *to = command_at(COMMAND_to);
    if (peer == NULL)
        fail(in, to, "the peer that lines went to was forgotten; choose another");
    else
        send_to(in, command_at(COMMAND_msg), peer, text);
}

void interpreter_run(struct interpreter *in, struct span line, bool text)
{
    struct order order;
    char *cause;
    if (in->has_quit)
        return;
    if (text) {
        run_text(in, line);
        return;
    }
    if (!command_parse(line, &order, &cause)) {
        log_error("%s", cause);
        free(cause);
        raise_status(in, STATUS_FAILED);
    } else if (order.kind == ORDER_COMMAND) {
        run_command(in, &order);
    } else if (order.kind == ORDER_TEXT) {
        run_text(in, order.text);
    }
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

/* Who answers where the user has asked for somebody: perhaps another node than before. */
static const struct peer *who_is_up(struct interpreter *in, struct peer *asked)
{
    struct peer_view v;
    char *cause = NULL;
    if (asked == NULL)
        return NULL;
    peer_look(asked, &v);
    if (v.state == PEER_UP)
        return asked;
    const struct peer *there = node_find(in->node, span_of(v.address), &cause);
    free(cause);
    if (there == NULL)
        return NULL;
    peer_look(there, &v);
    return v.state == PEER_UP ? there : NULL;
}

static void answer(struct interpreter *in, enum waiting_result result)
{
    const struct waiting *w = &in->waiting;
    if (w->what == WAITING_PING) {
        reply_ping(in, w->command, w->peer_count > 0 ? peer_current(w->peers[0]) : NULL);
    } else if (w->what == WAITING_DIALS) {
        for (size_t i = 0; i < w->peer_count; i++) {
            const struct peer *peer = who_is_up(in, peer_current(w->peers[i]));
            if (peer != NULL)
                answer_connected(&in->answers, peer);
        }
    } else if (result == WAITING_TIMED_OUT) {
        log_error("/wait: %s: not within %s s", w->text, w->limit);
        raise_status(in, STATUS_TIMEOUT);
    }
}

void interpreter_turn(struct interpreter *in)
{
    for (;;) {
        if (in->waiting.what != WAITING_NOTHING) {
            enum waiting_result result = waiting_look(&in->waiting);
            if (result == WAITING_STILL)
                return;
            answer(in, result);
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

void interpreter_cancel(struct interpreter *in)
{
    waiting_end(&in->waiting);
    while (in->first != NULL)
        drop_queued(in);
}

void interpreter_await_target(struct interpreter *in, const char *who)
{
    in->awaited = who;
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
    in->awaited = NULL;
    return true;
}

const struct peer *interpreter_target(const struct interpreter *in)
{
    return in->target != NULL ? peer_current(in->target) : NULL;
}
