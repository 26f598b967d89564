/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of one terminal.
 */
#include "config.h"

#include "shell/console.h"

#include <langinfo.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "shell/terminal.h"
#include "shell/waiting.h"

/* How far the lines that were sent have come. */
enum mark { MARK_NONE, MARK_ON_ITS_WAY, MARK_DELIVERED };

struct console {
    struct node *node;
    struct interpreter *interpreter;
    struct terminal *terminal;
    bool text;
    bool utf8;
    enum mark mark;
    uint64_t sent; /* lines, when the mark was set */
    bool alone;    /* nobody was up then */
    bool lost;     /* something, since the last turn */
    void (*quit)(void *arg);
    void *arg;
};

static void typed(void *arg, struct span line, bool pasted)
{
    struct console *c = arg;
    if (line.len > 0)
        interpreter_queue(c->interpreter, line, pasted || c->text);
}

static void cancelled(void *arg)
{
    struct console *c = arg;
    interpreter_cancel(c->interpreter);
}

static void ended(void *arg)
{
    struct console *c = arg;
    c->quit(c->arg);
}

static size_t complete_condition(struct completion_list *out)
{
    size_t added = 0;
    for (size_t i = 0; waiting_condition_name(i) != NULL; i++)
        added += completion_add(out, span_of(waiting_condition_name(i)));
    return added;
}

static size_t complete(void *arg, enum completion_kind kind, struct span prefix,
                       struct completion_list *out)
{
    struct console *c = arg;
    size_t count, added = 0;
    (void)prefix;
    if (kind == COMPLETE_CONDITION)
        return complete_condition(out);
    struct peer *const *peers = node_peers(c->node, &count);
    for (size_t i = 0; i < count; i++) {
        struct peer_view v;
        peer_look(peers[i], &v);
        if (kind == COMPLETE_PEER && strcmp(v.name, "-") != 0)
            added += completion_add(out, span_of(v.name));
        added += completion_add(out, span_of(v.address));
    }
    return added;
}

struct console *console_new(struct loop *loop, struct node *node, struct interpreter *interpreter,
                            const char *history, bool text, void (*quit)(void *arg), void *arg)
{
    static const struct terminal_handlers handlers = {
        .line = typed, .cancel = cancelled, .interrupt = ended, .end = ended, .complete = complete};
    struct console *c = alloc_zero(1, sizeof *c);
    c->node = node;
    c->interpreter = interpreter;
    c->text = text;
    c->quit = quit;
    c->arg = arg;
    /* Asked now: the line editor takes UTF-8 for granted. */
    c->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    c->terminal = terminal_new(loop, history, &handlers, c);
    if (c->terminal == NULL) {
        free(c);
        return NULL;
    }
    console_turn(c);
    return c;
}

void console_free(struct console *c)
{
    if (c == NULL)
        return;
    terminal_free(c->terminal);
    free(c);
}

void console_print(struct console *c, struct span line)
{
    terminal_print(c->terminal, line);
}

void console_lost(struct console *c)
{
    c->lost = true;
}

/* Copies for those who were away do not count, unless there are no others. */
static bool has_arrived(const struct console *c)
{
    return node_is_sent(c->node) && (!c->alone || node_is_delivered(c->node));
}

/* Once everything has arrived there is nothing to ask until the next line. */
static void update_mark(struct console *c)
{
    uint64_t sent = interpreter_sent(c->interpreter);
    if (sent != c->sent) {
        c->sent = sent;
        c->mark = MARK_ON_ITS_WAY;
        c->alone = node_up_count(c->node) == 0;
    }
    if (c->lost)
        c->mark = MARK_NONE;
    else if (c->mark == MARK_ON_ITS_WAY && has_arrived(c))
        c->mark = MARK_DELIVERED;
    c->lost = false;
}

static const char *mark_text(const struct console *c)
{
    static const char *const signs[][2] = {
        [MARK_NONE] = {"", ""},
        [MARK_ON_ITS_WAY] = {". ", "\u2026 "},
        [MARK_DELIVERED] = {"+ ", "\u2713 "},
    };
    return signs[c->mark][c->utf8];
}

static char *make_prompt(const struct console *c)
{
    const struct peer *target = interpreter_target(c->interpreter);
    if (target == NULL)
        return alloc_print("%s%s> ", mark_text(c), node_name(c->node));
    struct peer_view v;
    peer_look(target, &v);
    const char *whom = strcmp(v.name, "-") != 0 ? v.name : v.address;
    return alloc_print("%s%s to %s> ", mark_text(c), node_name(c->node), whom);
}

void console_turn(struct console *c)
{
    update_mark(c);
    char *prompt = make_prompt(c);
    terminal_prompt(c->terminal, prompt);
    free(prompt);
}
