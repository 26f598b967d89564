/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue of events for programs, the programs that run, and the complaints about them, of which
 * there is one line for each kind and program in a second at most. It does not know how a program
 * is run.
 */
#include "config.h"

#include "handlers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/words.h"
#include "facts.h"
#include "wire/line.h"

enum { COMPLAINTS_US = 1000000 /* between two lines of one kind about one program */ };

enum trouble { LEFT_OUT, NOT_RUN, OVERDUE, KILLED, TROUBLES };

struct complaint {
    size_t count; /* since the last line about it */
    char cause[80];
};

/* A rule, and what is to be said about its program. */
struct handler {
    struct handlers *handlers;
    const struct handler_rule *rule;
    struct complaint complaints[TROUBLES];
    struct timer quiet; /* set: the next lines must wait */
};

struct job {
    struct job *next;
    struct handler *handler;
    struct facts facts;
};

struct run {
    struct run *next;
    struct handler *handler;
    struct child *child;
    struct line_cutter lines[CHILD_STREAMS]; /* on a terminal: what it writes */
};

struct handlers {
    struct loop *loop;
    struct children *children;
    struct handlers_config config;
    struct handler *list;
    struct job *first, **last; /* what waits */
    size_t waiting, bytes;
    struct run *runs;
    size_t running;
    size_t stopped; /* on leaving */
    bool leaving;
    bool over; /* nothing is started any more */
    bool failed;
    struct timer deadline;
};

/* ---- rules */

static const struct kind {
    const char *name;
    enum event_kind kind;
} kinds[] = {
    {"message", EVENT_MESSAGE},
    {"up", EVENT_UP},
    {"down", EVENT_DOWN},
    {"name", EVENT_NAME},
    {"suspect", EVENT_SUSPECT},
    {"back", EVENT_BACK},
    {"unreachable", EVENT_UNREACHABLE},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const char *kind_name(enum event_kind kind)
{
    size_t i = 0;
    while (kinds[i].kind != kind)
        i++;
    return kinds[i].name;
}

bool handler_rule_parse(const char *text, struct handler_rule *out, const char **cause)
{
    const char *equals = strchr(text, '=');
    struct span name = span_make(text, equals == NULL ? 0 : (size_t)(equals - text));
    for (size_t i = 0; i < KINDS; i++) {
        if (!span_is(name, kinds[i].name))
            continue;
        *out = (struct handler_rule){.kind = kinds[i].kind, .text = text};
        out->words = words_cut(equals + 1, cause);
        return out->words != NULL;
    }
    *cause =
        "use KIND=COMMAND, where KIND is message, up, down, unreachable, name, suspect or back";
    return false;
}

/* ---- complaints */

static void say_complaints(void *arg)
{
    struct handler *h = arg;
    struct loop *loop = h->handlers->loop;
    for (int i = 0; i < TROUBLES; i++) {
        struct complaint *c = &h->complaints[i];
        if (c->count == 0)
            continue;
        log_error("--on %s: %s, %zu time%s", h->rule->text, c->cause, c->count,
                  c->count == 1 ? "" : "s");
        c->count = 0;
        timer_set(loop, &h->quiet, loop_now(loop) + COMPLAINTS_US, say_complaints, h);
    }
}

static void complain(struct handler *h, enum trouble trouble, const char *cause)
{
    struct complaint *c = &h->complaints[trouble];
    h->handlers->failed = true;
    c->count++;
    snprintf(c->cause, sizeof c->cause, "%s", cause);
    if (!timer_is_set(&h->quiet))
        say_complaints(h);
}

/* ---- what runs */

static void say_line(const struct handler *h, struct span line)
{
    log_notice("--on %s: %.*s", kind_name(h->rule->kind), (int)line.len, line.at);
}

static void program_wrote(void *arg, enum child_stream stream, struct span bytes)
{
    struct run *run = arg;
    struct line_cutter *lines = &run->lines[stream];
    struct span line;
    enum line_result result;
    while ((result = line_next(lines, &bytes, &line)) != LINE_NONE) {
        if (result == LINE_WHOLE)
            say_line(run->handler, line);
    }
}

static void run_free(struct run *run)
{
    for (int i = 0; i < CHILD_STREAMS; i++)
        line_free(&run->lines[i]);
    free(run);
}

static void say_rest(const struct run *run)
{
    for (int i = 0; i < CHILD_STREAMS; i++) {
        struct span rest = line_partial(&run->lines[i]);
        if (rest.len > 0)
            say_line(run->handler, rest);
    }
}

static void complain_of_end(struct handler *h, const struct child_end *end)
{
    char cause[80];
    if (end->error != 0) {
        snprintf(cause, sizeof cause, "cannot be run: %s", strerror(end->error));
        complain(h, NOT_RUN, cause);
    } else if (end->overdue) {
        snprintf(cause, sizeof cause, "stopped after %g s",
                 (double)h->handlers->config.limit_us / 1e6);
        complain(h, OVERDUE, cause);
    } else if (WIFSIGNALED(end->status) && !h->handlers->over) {
        snprintf(cause, sizeof cause, "ended by signal %d", WTERMSIG(end->status));
        complain(h, KILLED, cause);
    } else if (WIFEXITED(end->status) && WEXITSTATUS(end->status) != 0) {
        log_detail("--on %s: exit status %d", h->rule->text, WEXITSTATUS(end->status));
    }
}

static void program_ended(void *arg, const struct child_end *end)
{
    struct run *run = arg;
    struct handlers *h = run->handler->handlers;
    struct run **link = &h->runs;
    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    h->running--;
    say_rest(run);
    complain_of_end(run->handler, end);
    run_free(run);
}

static void start_job(struct handlers *h, const struct job *job)
{
    static const struct child_handlers calls = {program_wrote, program_ended};
    struct run *run = alloc_zero(1, sizeof *run);
    char **environment = facts_environment(&job->facts);
    struct span text = span_make(job->facts.text, job->facts.length);
    const struct child_order order = {
        .words = job->handler->rule->words,
        .environment = environment,
        .input = job->facts.text != NULL ? &text : NULL,
        .umask = h->config.umask,
        .limit_us = h->config.limit_us,
        .takes = {h->config.terminal, h->config.terminal},
    };
    run->handler = job->handler;
    for (int i = 0; i < CHILD_STREAMS; i++)
        line_init(&run->lines[i]);
    run->child = child_start(h->children, &order, &calls, run);
    if (run->child == NULL) {
        complain_of_end(run->handler, &(struct child_end){.error = errno});
        run_free(run);
    } else {
        run->next = h->runs;
        h->runs = run;
        h->running++;
    }
    free(environment);
}

/* ---- what waits */

static struct job *take_first(struct handlers *h)
{
    struct job *job = h->first;
    h->first = job->next;
    if (h->first == NULL)
        h->last = &h->first;
    h->waiting--;
    h->bytes -= job->facts.bytes;
    return job;
}

static void job_free(struct job *job)
{
    facts_drop(&job->facts);
    free(job);
}

static void add_job(struct handler *handler, const struct event *event)
{
    struct handlers *h = handler->handlers;
    if (h->waiting == HANDLERS_QUEUE || h->bytes + event->text.len > HANDLERS_QUEUE_BYTES) {
        complain(handler, LEFT_OUT, "not run, too many events are waiting");
        return;
    }
    struct job *job = alloc_zero(1, sizeof *job);
    job->handler = handler;
    facts_take(&job->facts, kind_name(event->kind), event);
    *h->last = job;
    h->last = &job->next;
    h->waiting++;
    h->bytes += job->facts.bytes;
}

void handlers_event(struct handlers *h, const struct event *event)
{
    if (h == NULL || (h->leaving && event->kind != EVENT_MESSAGE))
        return;
    for (size_t i = 0; i < h->config.count; i++) {
        if (h->list[i].rule->kind == event->kind)
            add_job(&h->list[i], event);
    }
}

void handlers_turn(void *arg)
{
    struct handlers *h = arg;
    if (h == NULL || h->over)
        return;
    while (h->first != NULL && h->running < h->config.jobs) {
        struct job *job = take_first(h);
        start_job(h, job);
        job_free(job);
    }
}

/* ---- the beginning and the end */

struct handlers *handlers_new(struct loop *loop, struct children *children,
                              const struct handlers_config *config)
{
    struct handlers *h = alloc_zero(1, sizeof *h);
    h->loop = loop;
    h->children = children;
    h->config = *config;
    h->last = &h->first;
    h->list = alloc_zero(config->count, sizeof *h->list);
    for (size_t i = 0; i < config->count; i++)
        h->list[i] = (struct handler){.handlers = h, .rule = &config->rules[i]};
    return h;
}

static void give_up(void *arg)
{
    struct handlers *h = arg;
    h->over = true;
    h->stopped = h->running;
    for (struct run *run = h->runs; run != NULL; run = run->next)
        child_stop(run->child);
}

void handlers_leave(struct handlers *h, uint64_t deadline)
{
    if (h == NULL)
        return;
    h->leaving = true;
    timer_set(h->loop, &h->deadline, deadline, give_up, h);
}

bool handlers_have_ended(const struct handlers *h)
{
    return h == NULL || (h->running == 0 && (h->over || h->first == NULL));
}

bool handlers_have_succeeded(struct handlers *h)
{
    if (h == NULL)
        return true;
    if (!handlers_have_ended(h))
        give_up(h);
    for (size_t i = 0; i < h->config.count; i++)
        say_complaints(&h->list[i]);
    if (h->waiting + h->stopped == 0)
        return !h->failed;
    log_error("on leaving %zu handler%s not run, and %zu stopped", h->waiting,
              h->waiting == 1 ? " was" : "s were", h->stopped);
    return false;
}

void handlers_free(struct handlers *h)
{
    if (h == NULL)
        return;
    timer_stop(h->loop, &h->deadline);
    while (h->first != NULL)
        job_free(take_first(h));
    while (h->runs != NULL) {
        struct run *run = h->runs;
        h->runs = run->next;
        run_free(run);
    }
    for (size_t i = 0; i < h->config.count; i++)
        timer_stop(h->loop, &h->list[i].quiet);
    free(h->list);
    free(h);
}
