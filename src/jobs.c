/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The queue of events for programs, the programs that run, and the complaints about them, of which
 * there is one line for each kind and program in a second at most. It does not know how a program
 * is run.
 */
#include "config.h"

#include "jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/log.h"
#include "facts.h"
#include "wire/line.h"

enum {
    COMPLAINTS_US = 1000000, /* between two lines of one kind about one program */
    CAUSE_TEXT = 80,         /* bytes; a longer one is cut */
};

enum trouble { LEFT_OUT, NOT_RUN, OVERDUE, KILLED, TROUBLES };

struct complaint {
    size_t count; /* since the last line about it */
    char cause[CAUSE_TEXT];
};

struct program {
    struct program *next;
    struct jobs *jobs;
    size_t place;
    const char *name, *text;
    struct complaint complaints[TROUBLES];
    struct timer quiet; /* set: the next lines must wait */
};

struct job {
    struct job *next;
    struct program *program;
    size_t tag;
    struct facts facts;
};

struct run {
    struct run *next;
    struct program *program;
    size_t tag;
    struct child *child;
    struct line_cutter lines[CHILD_STREAMS];
    bool stopped; /* its output is not taken any more */
    bool endless; /* for that reason */
};

struct jobs {
    struct loop *loop;
    struct children *children;
    struct jobs_config config;
    struct program *programs;
    struct job *first, **last; /* what waits */
    size_t waiting, bytes;
    struct run *runs;
    size_t running;
    size_t stopped; /* on leaving */
    bool over;      /* nothing is started any more */
    bool failed;
    struct timer deadline;
};

/* ---- complaints */

struct program *jobs_program(struct jobs *jobs, size_t place, const char *name, const char *text)
{
    struct program *p = alloc_zero(1, sizeof *p);
    *p = (struct program){
        .next = jobs->programs, .jobs = jobs, .place = place, .name = name, .text = text};
    jobs->programs = p;
    return p;
}

static void say_complaints(void *arg)
{
    struct program *p = arg;
    struct loop *loop = p->jobs->loop;
    for (int i = 0; i < TROUBLES; i++) {
        struct complaint *c = &p->complaints[i];
        if (c->count == 0)
            continue;
        log_error("%s %s: %s, %zu time%s", p->jobs->config.option, p->text, c->cause, c->count,
                  c->count == 1 ? "" : "s");
        c->count = 0;
        timer_set(loop, &p->quiet, loop_now(loop) + COMPLAINTS_US, say_complaints, p);
    }
}

static void complain(struct program *p, enum trouble trouble, const char *cause)
{
    struct complaint *c = &p->complaints[trouble];
    p->jobs->failed = true;
    c->count++;
    snprintf(c->cause, sizeof c->cause, "%s", cause);
    if (!timer_is_set(&p->quiet))
        say_complaints(p);
}

static void complain_of_end(struct program *p, const struct child_end *end)
{
    char cause[CAUSE_TEXT];
    if (end->error != 0) {
        snprintf(cause, sizeof cause, "cannot be run: %s", strerror(end->error));
        complain(p, NOT_RUN, cause);
    } else if (end->overdue) {
        snprintf(cause, sizeof cause, "stopped after %g s", (double)p->jobs->config.limit_us / 1e6);
        complain(p, OVERDUE, cause);
    } else if (WIFSIGNALED(end->status)) {
        snprintf(cause, sizeof cause, "ended by signal %d", WTERMSIG(end->status));
        complain(p, KILLED, cause);
    } else if (WEXITSTATUS(end->status) != 0) {
        log_detail("%s %s: exit status %d", p->jobs->config.option, p->text,
                   WEXITSTATUS(end->status));
    }
}

/* ---- what runs */

static bool is_taken(const struct run *run, enum child_stream stream)
{
    return stream == CHILD_OUTPUT && run->program->jobs->config.taker != NULL;
}

static void stop(struct run *run)
{
    run->stopped = true;
    child_stop(run->child);
}

static void hear_line(struct run *run, enum child_stream stream, struct span line)
{
    const struct jobs_config *config = &run->program->jobs->config;
    if (!is_taken(run, stream))
        log_notice("%s: %.*s", run->program->name, (int)line.len, line.at);
    else if (!run->stopped && !config->taker->said(config->arg, run->tag, line))
        stop(run);
}

static void program_wrote(void *arg, enum child_stream stream, struct span bytes)
{
    struct run *run = arg;
    struct span line;
    enum line_result result;
    while ((result = line_next(&run->lines[stream], &bytes, &line)) != LINE_NONE) {
        if (result == LINE_WHOLE) {
            hear_line(run, stream, line);
        } else if (is_taken(run, stream) && !run->stopped) {
            run->endless = true;
            stop(run);
        }
    }
}

/* A last line counts without a line feed too. */
static void hear_rest(struct run *run)
{
    for (int i = 0; i < CHILD_STREAMS; i++) {
        struct span rest = line_partial(&run->lines[i]);
        if (rest.len > 0)
            hear_line(run, (enum child_stream)i, rest);
    }
}

static void run_free(struct run *run)
{
    for (int i = 0; i < CHILD_STREAMS; i++)
        line_free(&run->lines[i]);
    free(run);
}

static void end_run(struct run *run, const struct child_end *end)
{
    struct jobs *jobs = run->program->jobs;
    bool well = end->error == 0 && WIFEXITED(end->status) && WEXITSTATUS(end->status) == 0;
    if (!run->stopped && !jobs->over)
        complain_of_end(run->program, end);
    if (jobs->config.taker != NULL)
        jobs->config.taker->ended(jobs->config.arg, run->tag,
                                  run->endless ? JOB_ENDLESS
                                  : well       ? JOB_DONE
                                               : JOB_FAILED);
    run_free(run);
}

static void program_ended(void *arg, const struct child_end *end)
{
    struct run *run = arg;
    struct jobs *jobs = run->program->jobs;
    struct run **link = &jobs->runs;
    while (*link != run)
        link = &(*link)->next;
    *link = run->next;
    jobs->running--;
    hear_rest(run);
    end_run(run, end);
}

static struct run *run_new(const struct job *job)
{
    struct run *run = alloc_zero(1, sizeof *run);
    run->program = job->program;
    run->tag = job->tag;
    for (int i = 0; i < CHILD_STREAMS; i++) {
        line_init(&run->lines[i]);
        run->lines[i].keep_cr = is_taken(run, (enum child_stream)i);
    }
    return run;
}

static void start_job(struct jobs *jobs, const struct job *job)
{
    static const struct child_handlers calls = {program_wrote, program_ended};
    struct run *run = run_new(job);
    struct span text = span_make(job->facts.text, job->facts.length);
    const struct child_order order = {
        .program = job->program->place,
        .variables = job->facts.fields,
        .input = job->facts.text != NULL ? &text : NULL,
        .limit_us = jobs->config.limit_us,
        .takes = {jobs->config.logged || jobs->config.taker != NULL, jobs->config.logged},
    };
    run->child = child_start(jobs->children, &order, &calls, run);
    if (run->child == NULL) {
        end_run(run, &(struct child_end){.error = errno});
    } else {
        run->next = jobs->runs;
        jobs->runs = run;
        jobs->running++;
    }
}

/* ---- what waits */

static struct job *take_first(struct jobs *jobs)
{
    struct job *job = jobs->first;
    jobs->first = job->next;
    if (jobs->first == NULL)
        jobs->last = &jobs->first;
    jobs->waiting--;
    jobs->bytes -= job->facts.bytes;
    return job;
}

static void job_free(struct job *job)
{
    facts_drop(&job->facts);
    free(job);
}

bool jobs_add(struct jobs *jobs, struct program *program, const char *kind, size_t tag,
              const struct event *event)
{
    if (jobs->waiting == JOBS_WAITING || jobs->bytes + event->text.len > JOBS_WAITING_BYTES) {
        complain(program, LEFT_OUT, "not run, too many events are waiting");
        return false;
    }
    struct job *job = alloc_zero(1, sizeof *job);
    job->program = program;
    job->tag = tag;
    facts_take(&job->facts, kind, event);
    *jobs->last = job;
    jobs->last = &job->next;
    jobs->waiting++;
    jobs->bytes += job->facts.bytes;
    return true;
}

void jobs_turn(struct jobs *jobs)
{
    while (!jobs->over && jobs->first != NULL && jobs->running < jobs->config.most) {
        struct job *job = take_first(jobs);
        start_job(jobs, job);
        job_free(job);
    }
}

/* ---- the beginning and the end */

struct jobs *jobs_new(struct loop *loop, struct children *children,
                      const struct jobs_config *config)
{
    struct jobs *jobs = alloc_zero(1, sizeof *jobs);
    jobs->loop = loop;
    jobs->children = children;
    jobs->config = *config;
    jobs->last = &jobs->first;
    return jobs;
}

static void give_up(void *arg)
{
    struct jobs *jobs = arg;
    jobs->over = true;
    jobs->stopped = jobs->running;
    for (struct run *run = jobs->runs; run != NULL; run = run->next)
        child_stop(run->child);
}

void jobs_leave(struct jobs *jobs, uint64_t deadline)
{
    timer_set(jobs->loop, &jobs->deadline, deadline, give_up, jobs);
}

bool jobs_have_ended(const struct jobs *jobs)
{
    return jobs->running == 0 && (jobs->over || jobs->first == NULL);
}

bool jobs_finish(struct jobs *jobs)
{
    if (!jobs_have_ended(jobs))
        give_up(jobs);
    for (struct program *p = jobs->programs; p != NULL; p = p->next)
        say_complaints(p);
    if (jobs->waiting + jobs->stopped == 0)
        return !jobs->failed;
    log_error("on leaving %zu program%s of %s %s not run, and %zu stopped", jobs->waiting,
              jobs->waiting == 1 ? "" : "s", jobs->config.option,
              jobs->waiting == 1 ? "was" : "were", jobs->stopped);
    return false;
}

void jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    timer_stop(jobs->loop, &jobs->deadline);
    while (jobs->first != NULL)
        job_free(take_first(jobs));
    while (jobs->runs != NULL) {
        struct run *run = jobs->runs;
        jobs->runs = run->next;
        run_free(run);
    }
    while (jobs->programs != NULL) {
        struct program *p = jobs->programs;
        jobs->programs = p->next;
        timer_stop(jobs->loop, &p->quiet);
        free(p);
    }
    free(jobs);
}
