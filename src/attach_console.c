/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at a terminal, far from the node: lines are edited here and run there, and what is shown
 * comes ready from the node. To leave the console leaves the node as it is.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>

#include "attach.h"
#include "base/alloc.h"
#include "base/log.h"
#include "home.h"
#include "report/report.h"
#include "shell/console.h"
#include "shell/prompt.h"
#include "shell/terminal.h"

enum {
    COMPLETION_US = 200000,      /* for the node to say who its peers are */
    PEERS_MAX = 512 * 1024,      /* bytes of that */
    SHOWN_MAX = 2 * 1024 * 1024, /* bytes of a line with its LF and colour */
};

struct console_end {
    struct attached *attached;
    struct terminal *terminal;
    bool utf8;
    bool leaving; /* the node has been asked to let us go */
    bool quits;   /* it has been asked to leave itself */
};

/* --- what comes from the node --- */

static void show(struct console_end *c, const char *before, struct span text, const char *after)
{
    struct buffer line;
    buffer_init(&line, SHOWN_MAX);
    buffer_append(&line, span_of(before));
    buffer_append(&line, text);
    buffer_append(&line, span_of(after));
    terminal_print(c->terminal, buffer_span(&line));
    buffer_free(&line);
}

static void show_error(struct console_end *c, const char *before, struct span text)
{
    bool colour = report_may_colour();
    char *start = alloc_print("%s%s", colour ? "\033[31m" : "", before);
    show(c, start, text, colour ? "\033[0m\n" : "\n");
    free(start);
}

static void log_here(void *arg, enum log_level level, struct span line)
{
    if (level == LOG_ERROR)
        show_error(arg, "", line);
    else
        show(arg, "", line, "\n");
}

static void take_prompt(struct console_end *c, struct span words)
{
    enum mark mark = prompt_mark(span_cut_word(&words));
    char *name = span_string(span_cut_word(&words));
    char *whom = span_string(words);
    char *prompt = prompt_text(mark, name, strcmp(whom, "all") == 0 ? NULL : whom, c->utf8);
    terminal_prompt(c->terminal, prompt);
    free(prompt);
    free(name);
    free(whom);
}

static void take_line(void *arg, enum caller_kind kind, struct span text)
{
    struct console_end *c = arg;
    switch (kind) {
    case CALLER_PROMPT: take_prompt(c, text); break;
    case CALLER_COMPLAINT: show_error(c, "hashflow: ", text); break;
    case CALLER_SHOWN: show(c, "", text, "\n"); break;
    case CALLER_RECORD: break; /* asked for by a /follow that somebody has typed */
    }
}

static void take_end(void *arg, int status)
{
    struct console_end *c = arg;
    attached_end(c->attached, status);
    loop_stop(c->attached->loop);
}

/* --- what is typed --- */

static void warn_of_quit(struct console_end *c, struct span line)
{
    struct order order;
    char *cause = NULL;
    if (command_parse(line, &order, &cause) && order.kind == ORDER_COMMAND &&
        order.command->id == COMMAND_quit) {
        log_notice("the node is asked to leave, and delivers first what waits; Ctrl-C twice "
                   "leaves it alone with that");
        c->quits = true;
    }
    free(cause);
}

/* Only the first line of a paste can be a command: a slash more makes the others text. */
static void typed(void *arg, struct span line, bool pasted)
{
    struct console_end *c = arg;
    struct caller *caller = c->attached->caller;
    if (line.len == 0)
        return;
    if (!pasted)
        warn_of_quit(c, line);
    else if (line.at[0] == '/')
        caller_send(caller, span_of("/"));
    caller_send(caller, line);
    caller_send(caller, span_of("\n"));
}

static void cancelled(void *arg)
{
    struct console_end *c = arg;
    attached_send(c->attached, "/cancel");
    if (c->leaving) /* what was cancelled includes that */
        attached_send(c->attached, "/detach");
}

static void leave(void *arg)
{
    struct console_end *c = arg;
    c->leaving = true;
    attached_send(c->attached, "/detach");
}

static void interrupted(void *arg)
{
    struct console_end *c = arg;
    if (c->leaving || c->quits) {
        c->attached->status = 0;
        loop_stop(c->attached->loop);
        return;
    }
    leave(c);
}

/* --- completion --- */

static size_t offer_peer(struct span row, enum completion_kind kind, struct completion_list *out)
{
    size_t added = 0;
    if (!span_is(span_cut_word(&row), "/peers"))
        return 0;
    struct span address = span_cut_word(&row);
    struct span name = span_cut_word(&row);
    if (kind == COMPLETE_PEER && !span_is(name, "-"))
        added += completion_add(out, name);
    return added + completion_add(out, address);
}

static size_t complete(void *arg, enum completion_kind kind, struct span prefix,
                       struct completion_list *out)
{
    struct console_end *c = arg;
    struct buffer answer;
    size_t added = 0;
    (void)prefix;
    if (kind == COMPLETE_CONDITION)
        return console_add_conditions(out);
    buffer_init(&answer, PEERS_MAX);
    attached_ask(c->attached, "/peers\n/detach\n", COMPLETION_US, &answer);
    struct span rest = buffer_span(&answer);
    while (rest.len > 0)
        added += offer_peer(span_cut_line(&rest), kind, out);
    buffer_free(&answer);
    return added;
}

/* --- the beginning --- */

static bool open_terminal(struct console_end *c)
{
    static const struct terminal_handlers handlers = {.line = typed,
                                                      .cancel = cancelled,
                                                      .interrupt = interrupted,
                                                      .end = leave,
                                                      .complete = complete};
    char *typed_path = home_typed_path(c->attached->options);
    c->utf8 = prompt_has_utf8();
    c->terminal = terminal_new(c->attached->loop, typed_path, &handlers, c);
    free(typed_path);
    return c->terminal != NULL;
}

void attach_serve_console(struct attached *a)
{
    static const struct caller_handlers handlers = {.line = take_line, .end = take_end};
    struct console_end c = {.attached = a};
    if (!attached_begin(a, &handlers, &c))
        return;
    loop_on_signal(a->loop, SIGTERM, attached_signalled, a);
    loop_on_signal(a->loop, SIGHUP, attached_signalled, a);
    if (!open_terminal(&c))
        return;
    log_set_sink(log_here, &c);
    attached_send(a, report_may_colour() ? "/follow console colour" : "/follow console");
    log_notice("attached to the node at %s; Ctrl-D leaves it running, /quit ends it", a->path);
    loop_run(a->loop);
    log_set_sink(NULL, NULL);
    terminal_free(c.terminal);
}
