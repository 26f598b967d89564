/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes from the -c lines and stdin to the node, lines from it to stdout and stderr; neither faster
 * than the other side takes them. What they mean is the node's business, and the order in which
 * they are answered too.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "attach.h"
#include "base/log.h"
#include "report/output.h"
#include "report/report.h"
#include "shell/interpreter.h"
#include "shell/script.h"

enum {
    READ_MAX = 64 * 1024,     /* bytes at a time */
    WAITING_MAX = 256 * 1024, /* bytes that wait, either way; then nothing more is read */
};

struct porter {
    struct attached *attached;
    struct output *output;
    bool reads;    /* stdin */
    bool watching; /* it */
    bool in_line;  /* what was read last has not come to the end of a line */
    int signals;
};

/* --- out --- */

static void take_line(void *arg, enum caller_kind kind, struct span text)
{
    struct porter *p = arg;
    if (kind == CALLER_COMPLAINT) {
        fprintf(stderr, "hashflow: %.*s\n", (int)text.len, text.at);
        return;
    }
    const struct span parts[] = {text, span_of("\n")};
    if (kind != CALLER_PROMPT)
        output_write(p->output, parts, 2);
}

static void take_end(void *arg, int status)
{
    struct porter *p = arg;
    attached_end(p->attached, status);
}

static void reader_has_gone(void *arg, int error)
{
    struct porter *p = arg;
    log_error("stdout: %s", error == EPIPE ? "its reader has gone" : strerror(error));
    p->attached->status = STATUS_FAILED;
    loop_stop(p->attached->loop);
}

/* --- in --- */

/* The connection stays open, so that a signal can still give up what is waited for. */
static void end_input(struct porter *p)
{
    struct attached *a = p->attached;
    p->reads = false;
    loop_unwatch(a->loop, STDIN_FILENO);
    if (p->in_line)
        attached_send(a, "");
    if (!a->options->keep)
        attached_send(a, "/detach");
}

static void readable(void *arg, int events)
{
    struct porter *p = arg;
    char bytes[READ_MAX];
    (void)events;
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        log_error("stdin: %s", strerror(errno));
    if (n <= 0) {
        end_input(p);
        return;
    }
    caller_send(p->attached->caller, span_make(bytes, (size_t)n));
    p->in_line = bytes[n - 1] != '\n';
}

static void watch_input(struct porter *p)
{
    bool wanted = p->reads && caller_queued(p->attached->caller) < WAITING_MAX;
    if (wanted != p->watching)
        loop_watch(p->attached->loop, STDIN_FILENO, wanted ? LOOP_READ : 0, readable, p);
    p->watching = wanted;
}

static void turn(void *arg)
{
    struct porter *p = arg;
    struct attached *a = p->attached;
    output_flush(p->output);
    if (a->ended) {
        if (output_waiting(p->output) == 0)
            loop_stop(a->loop);
        return;
    }
    caller_hold(a->caller, output_waiting(p->output) > WAITING_MAX);
    if (p->reads)
        watch_input(p);
}

/* What has been said is answered as far as it need not be waited for; a second signal ends us. */
static void signalled(void *arg, int signo)
{
    struct porter *p = arg;
    if (++p->signals > 1 || p->attached->ended) {
        attached_signalled(p->attached, signo);
        return;
    }
    p->reads = false;
    loop_unwatch(p->attached->loop, STDIN_FILENO);
    attached_send(p->attached, "\n/cancel");
    caller_finish(p->attached->caller);
}

/* --- the beginning --- */

/* Nothing is to be said at all: then it is there to listen. */
static bool only_listens(const struct options *o)
{
    return o->receive_only || (o->command_count == 0 && script_is_null_device(STDIN_FILENO));
}

static void follow(const struct attached *a, bool wanted, const char *word)
{
    if (!wanted)
        return;
    caller_send(a->caller, span_of(" "));
    caller_send(a->caller, span_of(word));
}

static void ask_for_news(const struct attached *a)
{
    const struct options *o = a->options;
    bool terminal = isatty(STDOUT_FILENO), people = terminal && !o->json;
    caller_send(a->caller, span_of("/follow none"));
    follow(a, o->keep || only_listens(o), "messages");
    follow(a, o->events, "events");
    follow(a, o->ids && !people, "ids");
    follow(a, o->timestamps, "times");
    follow(a, o->json, "json");
    follow(a, o->json && terminal, "ascii");
    follow(a, people, "people");
    follow(a, people && report_may_colour(), "colour");
    caller_send(a->caller, span_of("\n"));
}

static void start_input(struct porter *p)
{
    struct attached *a = p->attached;
    const struct options *o = a->options;
    bool by_hand = o->command_count > 0 && (o->errand != NULL || isatty(STDIN_FILENO));
    ask_for_news(a);
    for (size_t i = 0; i < o->command_count; i++)
        attached_send(a, o->commands[i]);
    p->reads = !by_hand && !only_listens(o) && !script_is_null_device(STDIN_FILENO);
    if (!p->reads && !only_listens(o))
        end_input(p);
}

void attach_serve_script(struct attached *a)
{
    static const struct caller_handlers handlers = {.line = take_line, .end = take_end};
    struct porter p = {.attached = a};
    if (!attached_begin(a, &handlers, &p))
        return;
    if (isatty(STDOUT_FILENO))
        caller_shows_all(a->caller);
    p.output = output_new(a->loop, STDOUT_FILENO, reader_has_gone, &p);
    loop_on_turn(a->loop, turn, &p);
    loop_on_signal(a->loop, SIGTERM, signalled, &p);
    loop_on_signal(a->loop, SIGHUP, signalled, &p);
    loop_on_signal(a->loop, SIGINT, signalled, &p);
    start_input(&p);
    loop_run(a->loop);
    loop_unwatch(a->loop, STDIN_FILENO);
    output_free(p.output);
}
