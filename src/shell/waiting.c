/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The conditions of /wait are a table: a name and a function that looks.
 */
#include "config.h"

#include "shell/waiting.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { SECONDS_MAX = 1000000000, SECOND_US = 1000000 };

enum value_kind { VALUE_NONE, VALUE_NUMBER, VALUE_SECONDS, VALUE_PEER };

struct condition {
    const char *name;
    enum value_kind value;
    bool (*is_true)(struct waiting *w);
};

static bool is_up(struct waiting *w)
{
    return node_up_count(w->node) >= w->number;
}

static bool is_peer_up(struct waiting *w)
{
    char *cause = NULL;
    struct peer *peer = node_find(w->node, span_of(w->value), &cause);
    free(cause);
    if (peer == NULL)
        return false;
    struct peer_view v;
    peer_look(peer, &v);
    return v.state == PEER_UP;
}

static bool has_messages(struct waiting *w)
{
    return node_message_count(w->node) >= w->number;
}

static bool is_sent(struct waiting *w)
{
    return node_is_sent(w->node);
}

static bool is_delivered(struct waiting *w)
{
    return node_is_delivered(w->node);
}

static void wake(void *arg)
{
    (void)arg; /* the turn that follows looks */
}

static void wake_at(struct waiting *w, uint64_t due)
{
    if (w->deadline != 0 && w->deadline < due)
        due = w->deadline;
    timer_set(w->loop, &w->timer, due, wake, w);
}

static bool is_idle(struct waiting *w)
{
    uint64_t due = node_last_receipt(w->node) + w->number;
    if (loop_now(w->loop) >= due)
        return true;
    wake_at(w, due);
    return false;
}

static const struct condition conditions[] = {
    {"up=", VALUE_NUMBER, is_up},
    {"peer=", VALUE_PEER, is_peer_up},
    {"messages=", VALUE_NUMBER, has_messages},
    {"sent", VALUE_NONE, is_sent},
    {"delivered", VALUE_NONE, is_delivered},
    {"idle=", VALUE_SECONDS, is_idle},
};

enum { CONDITIONS = sizeof conditions / sizeof conditions[0] };

const char *waiting_condition_name(size_t index)
{
    return index < CONDITIONS ? conditions[index].name : NULL;
}

void waiting_init(struct waiting *w, struct loop *loop, struct node *node)
{
    *w = (struct waiting){.loop = loop, .node = node};
}

void waiting_end(struct waiting *w)
{
    for (size_t i = 0; i < w->peer_count; i++)
        peer_release(w->peers[i]);
    timer_stop(w->loop, &w->timer);
    question_free(w->question);
    free(w->peers);
    free(w->text);
    free(w->limit);
    free(w->value);
    waiting_init(w, w->loop, w->node);
}

void waiting_begin(struct waiting *w, enum waiting_what what, const struct command *command)
{
    w->what = what;
    w->command = command;
}

void waiting_limit(struct waiting *w, uint64_t us)
{
    w->deadline = loop_now(w->loop) + us;
    timer_set(w->loop, &w->timer, w->deadline, wake, w);
}

void waiting_add_peer(struct waiting *w, struct peer *peer)
{
    w->peers = alloc_resize(w->peers, w->peer_count + 1, sizeof(struct peer *));
    w->peers[w->peer_count++] = peer_hold(peer);
}

void waiting_begin_for(struct waiting *w, const struct command *command, struct span text,
                       bool (*is_true)(void *arg), void *arg)
{
    waiting_begin(w, WAITING_CALLER, command);
    w->text = span_string(text);
    w->is_true = is_true;
    w->arg = arg;
}

bool waiting_seconds(struct span text, uint64_t *us)
{
    const char *point = memchr(text.at, '.', text.len);
    size_t whole = point != NULL ? (size_t)(point - text.at) : text.len;
    uint64_t seconds;
    if (!span_number(span_make(text.at, whole), &seconds) || seconds > SECONDS_MAX)
        return false;
    *us = seconds * SECOND_US;
    uint64_t unit = SECOND_US / 10;
    for (size_t i = whole + 1; i < text.len; i++, unit /= 10) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        *us += (uint64_t)(text.at[i] - '0') * unit;
    }
    return point == NULL || whole + 1 < text.len;
}

static bool parse_value(const struct condition *c, struct span value, uint64_t *number,
                        const char **cause)
{
    if (c->value == VALUE_NONE && value.len > 0)
        *cause = "sent and delivered take no value";
    else if (c->value == VALUE_NUMBER && !span_number(value, number))
        *cause = "a number is needed after =";
    else if (c->value == VALUE_SECONDS && !waiting_seconds(value, number))
        *cause = "a number of seconds is needed after =";
    else if (c->value == VALUE_PEER && value.len == 0)
        *cause = "a peer is needed after =";
    else
        return true;
    return false;
}

bool waiting_parse(struct waiting *w, const struct command *command, struct span arguments,
                   const char **cause)
{
    struct span rest = span_skip_blanks(arguments);
    struct span word = span_cut_word(&rest);
    rest = span_skip_blanks(rest);
    struct span limit = span_cut_word(&rest);
    uint64_t limit_us = 0, number = 0;
    const struct condition *c = conditions;
    while (c < conditions + CONDITIONS && !span_starts(word, c->name))
        c++;
    if (c == conditions + CONDITIONS) {
        *cause = "no such condition; use up=N, peer=PEER, messages=N, sent, delivered or idle=SECS";
        return false;
    }
    struct span value = span_after(word, strlen(c->name));
    if (!parse_value(c, value, &number, cause))
        return false;
    if (limit.len > 0 && !waiting_seconds(limit, &limit_us)) {
        *cause = "the time limit is a number of seconds";
        return false;
    }
    waiting_begin(w, WAITING_CONDITION, command);
    if (limit.len > 0) {
        waiting_limit(w, limit_us);
        w->limit = span_string(limit);
    }
    w->condition = c;
    w->number = number;
    w->text = span_string(word);
    w->value = span_string(value);
    return true;
}

static bool all_dials_ended(const struct waiting *w)
{
    for (size_t i = 0; i < w->peer_count; i++) {
        struct peer *peer = peer_current(w->peers[i]);
        if (peer != NULL && !peer_dial_has_ended(peer))
            return false;
    }
    return true;
}

static bool has_parted(const struct waiting *w)
{
    struct peer *peer = peer_current(w->peers[0]);
    return peer == NULL || peer_has_parted(peer);
}

static bool ping_has_ended(const struct waiting *w)
{
    struct peer *peer = peer_current(w->peers[0]);
    return peer == NULL || peer_ping_state(peer) != PING_WAITING;
}

static bool join_has_ended(const struct waiting *w)
{
    struct peer *inviter;
    const char *cause;
    return node_join_state(w->node, &inviter, &cause) != JOIN_TRYING;
}

static bool has_come_true(struct waiting *w)
{
    switch (w->what) {
    case WAITING_DIALS: return all_dials_ended(w);
    case WAITING_PARTING: return has_parted(w);
    case WAITING_PING: return ping_has_ended(w);
    case WAITING_ANSWERS: return question_is_over(w->question);
    case WAITING_JOIN: return join_has_ended(w);
    case WAITING_CONDITION: return w->condition->is_true(w);
    case WAITING_CALLER: return w->is_true(w->arg);
    case WAITING_NOTHING: break;
    }
    return true;
}

enum waiting_result waiting_look(struct waiting *w)
{
    if (has_come_true(w))
        return WAITING_DONE;
    if (w->deadline != 0 && loop_now(w->loop) >= w->deadline)
        return WAITING_TIMED_OUT;
    return WAITING_STILL;
}
