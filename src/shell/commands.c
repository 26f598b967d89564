/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per command. A command that takes time leaves something in waiting, and is answered
 * when that has come true. When a line's turn comes is not decided here.
 */
#include "config.h"

#include "shell/commands.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "shell/belonging.h"
#include "shell/lookback.h"
#include "shell/saying.h"

enum { PING_DEADLINE_US = 10000000, ASK_DEADLINE_US = 10000000 };

void commands_complain(struct interpreter *in, int status, char *cause)
{
    in->complain(in->answers.arg, cause);
    free(cause);
    if (status > in->status)
        in->status = status;
}

void commands_fail(struct interpreter *in, const struct command *c, const char *cause)
{
    commands_complain(in, STATUS_FAILED, alloc_print("/%s: %s", c->name, cause));
}

void commands_fail_with(struct interpreter *in, const struct command *c, char *cause)
{
    commands_fail(in, c, cause);
    free(cause);
}

void commands_fail_for(struct interpreter *in, const struct command *c, const struct peer *peer,
                       const char *cause)
{
    struct peer_view v;
    peer_look(peer, &v);
    commands_fail_with(in, c,
                       alloc_print("%s %s%s: %s", v.address, v.plain ? "!" : "", v.name, cause));
}

/* --- commands --- */

static struct peer *find(struct interpreter *in, const struct command *c, struct span who)
{
    char *cause;
    struct peer *peer = node_find(in->node, who, &cause);
    if (peer == NULL)
        commands_fail_with(in, c, cause);
    return peer;
}

static struct span only_word(struct span arguments)
{
    struct span rest = span_skip_blanks(arguments);
    return span_cut_word(&rest);
}

static void run_connect(struct interpreter *in, const struct command *c, struct span arguments)
{
    waiting_begin(&in->waiting, WAITING_DIALS, c);
    while (arguments.len > 0) {
        char *cause;
        struct span word = span_cut_word(&arguments);
        if (word.len == 0)
            continue;
        struct peer *peer = node_connect(in->node, word, &cause);
        if (peer == NULL)
            commands_fail_with(in, c, cause);
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
    waiting_begin(&in->waiting, WAITING_PARTING, c);
    waiting_add_peer(&in->waiting, peer);
    order(in->node, peer);
}

static void run_disconnect(struct interpreter *in, const struct command *c, struct span arguments)
{
    part(in, c, arguments, node_disconnect);
}

/* What was meant for somebody who is not known must not go to everyone instead. */
static void run_to(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    struct span word = only_word(arguments);
    if (interpreter_set_target(in, word, &cause))
        return;
    char *who = alloc_print("%.*s", (int)word.len, word.at);
    interpreter_await_target(in, who);
    free(who);
    commands_fail_with(in, c, cause);
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
        commands_fail_for(in, c, peer, cause);
        return;
    }
    waiting_begin(&in->waiting, WAITING_PING, c);
    waiting_limit(&in->waiting, PING_DEADLINE_US);
    waiting_add_peer(&in->waiting, peer);
}

/* TEXT [SECS]: a number at the end, behind some text. */
static uint64_t cut_seconds(struct span *text)
{
    uint64_t us;
    const char *space = memrchr(text->at, ' ', text->len);
    size_t before = space != NULL ? (size_t)(space - text->at) : 0;
    if (span_skip_blanks(span_make(text->at, before)).len == 0 ||
        !waiting_seconds(span_after(*text, before + 1), &us))
        return ASK_DEADLINE_US;
    text->len = before;
    return us;
}

static void run_ask(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    const char *why;
    struct peer *peer = NULL;
    struct span text = span_skip_blanks(arguments);
    struct span who = span_cut_word(&text);
    if (!span_is(who, "all") && (peer = node_find_or_add(in->node, who, &cause)) == NULL) {
        commands_fail_with(in, c, cause);
        return;
    }
    uint64_t wait_us = cut_seconds(&text);
    struct question *question = node_ask(in->node, peer, text, wait_us, &why);
    if (question == NULL) {
        commands_fail(in, c, why);
        return;
    }
    waiting_begin(&in->waiting, WAITING_ANSWERS, c);
    in->waiting.question = question;
}

static void run_name(struct interpreter *in, const struct command *c, struct span arguments)
{
    const char *cause;
    struct span name = only_word(arguments);
    if (!node_rename(in->node, name, &cause))
        commands_fail_with(in, c, alloc_print("%.*s: %s", (int)name.len, name.at, cause));
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
        commands_fail_with(in, c, alloc_print("%.*s: %s", (int)arguments.len, arguments.at, cause));
}

static void run_echo(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    answer_text(&in->answers, COMMAND_echo, arguments);
}

static void run_history(struct interpreter *in, const struct command *c, struct span arguments)
{
    lookback_ask(in, c, arguments);
}

static void run_search(struct interpreter *in, const struct command *c, struct span arguments)
{
    lookback_ask(in, c, arguments);
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
        commands_fail_with(in, c, cause);
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

/* These have files of their own. */
#define run_group  belonging_group
#define run_invite belonging_invite
#define run_join   belonging_join
#define run_admit  belonging_admit
#define run_deny   belonging_deny
#define run_trust  belonging_trust
#define run_known  belonging_known
#define run_msg    saying_msg
#define run_bcast  saying_bcast

void commands_run(struct interpreter *in, const struct order *order)
{
    static void (*const run[])(struct interpreter * in, const struct command *c,
                               struct span arguments) = {
#define COMMAND(name, ...) [COMMAND_##name] = run_##name,
#include "shell/commands.def"
#undef COMMAND
    };
    run[order->command->id](in, order->command, order->arguments);
}

/* --- answers to those that took time --- */

static void answer_for_ping(struct interpreter *in, const struct command *c, struct peer *peer)
{
    struct peer_view v;
    if (peer == NULL) {
        commands_fail(in, c, "the peer was forgotten meanwhile");
        return;
    }
    peer_look(peer, &v);
    switch (peer_ping_state(peer)) {
    case PING_ANSWERED: answer_ping(&in->answers, peer); break;
    case PING_FAILED: commands_fail_for(in, c, peer, v.cause); break;
    case PING_WAITING: commands_fail_for(in, c, peer, "no answer within 10 s"); break;
    }
}

/* Those who have answered have been heard; now the others are named. */
static void answer_for_question(struct interpreter *in, const struct waiting *w)
{
    struct reply_view v;
    for (size_t i = 0; question_look(w->question, i, &v); i++) {
        if (v.state != REPLY_MISSING)
            continue;
        char *who =
            alloc_print("/ask: %s %s%s: %s", v.address, v.plain ? "!" : "", v.name, v.cause);
        commands_complain(in, STATUS_UNDELIVERED, who);
    }
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

void commands_answer(struct interpreter *in, enum waiting_result result)
{
    const struct waiting *w = &in->waiting;
    if (w->what == WAITING_PING) {
        answer_for_ping(in, w->command, w->peer_count > 0 ? peer_current(w->peers[0]) : NULL);
    } else if (w->what == WAITING_ANSWERS) {
        answer_for_question(in, w);
    } else if (w->what == WAITING_DIALS) {
        for (size_t i = 0; i < w->peer_count; i++) {
            const struct peer *peer = who_is_up(in, peer_current(w->peers[i]));
            if (peer != NULL)
                answer_connected(&in->answers, w->command->id, peer);
        }
    } else if (w->what == WAITING_JOIN) {
        belonging_joined(in);
    } else if (w->what == WAITING_CALLER) {
        lookback_answer(in);
    } else if (result == WAITING_TIMED_OUT) {
        commands_complain(in, STATUS_TIMEOUT,
                          alloc_print("/wait: %s: not within %s s", w->text, w->limit));
    }
}
