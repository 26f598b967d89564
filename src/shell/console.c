/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of one terminal.
 */
#include "config.h"

#include "shell/console.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "shell/prompt.h"
#include "shell/terminal.h"
#include "shell/waiting.h"

struct console {
    struct node *node;
    struct interpreter *interpreter;
    struct terminal *terminal;
    bool text;
    bool utf8;
    struct prompt prompt;
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

size_t console_add_conditions(struct completion_list *out)
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
        return console_add_conditions(out);
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
                            const char *typed_path, bool text, void (*quit)(void *arg), void *arg)
{
    static const struct terminal_handlers handlers = {
        .line = typed, .cancel = cancelled, .interrupt = ended, .end = ended, .complete = complete};
    struct console *c = alloc_zero(1, sizeof *c);
    c->node = node;
    c->interpreter = interpreter;
    c->text = text;
    c->quit = quit;
    c->arg = arg;
    c->utf8 = prompt_has_utf8();
    prompt_init(&c->prompt, node, interpreter);
    c->terminal = terminal_new(loop, typed_path, &handlers, c);
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
    prompt_lost(&c->prompt);
}

void console_turn(struct console *c)
{
    prompt_update(&c->prompt);
    char *target = prompt_target(&c->prompt);
    char *prompt = prompt_text(c->prompt.mark, node_name(c->node), target, c->utf8);
    terminal_prompt(c->terminal, prompt);
    free(target);
    free(prompt);
}
