/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From an event to the programs that want it, and from a program's output to who has asked. News
 * and questions have each their own jobs, so that a slow handler keeps nobody waiting for an
 * answer. It does not know how programs are run.
 */
#include "config.h"

#include "handlers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/words.h"
#include "facts.h"
#include "jobs.h"

_Static_assert(2 * HANDLERS_JOBS_MAX < CHILDREN_MAX, "and some that are being killed");

struct handlers {
    struct node *node;
    struct children *children;
    struct handlers_config config;
    struct jobs *news, *answers;
    struct program **programs; /* of the rules, in their order */
    struct program *answerer;
    bool leaving;
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

bool handler_command_parse(const char *text, struct handler_command *out, const char **cause)
{
    *out = (struct handler_command){words_cut(text, cause), text};
    return out->words != NULL;
}

bool handler_rule_parse(const char *text, struct handler_rule *out, const char **cause)
{
    const char *equals = strchr(text, '=');
    struct span name = span_make(text, equals == NULL ? 0 : (size_t)(equals - text));
    for (size_t i = 0; i < KINDS; i++) {
        if (!span_is(name, kinds[i].name))
            continue;
        out->kind = kinds[i].kind;
        if (!handler_command_parse(equals + 1, &out->command, cause))
            return false;
        out->command.text = text;
        return true;
    }
    *cause =
        "use KIND=COMMAND, where KIND is message, up, down, unreachable, name, suspect or back";
    return false;
}

/* Whoever speaks without encryption may be anybody: nothing runs for that, unless it is wanted. */
static bool is_for_programs(const struct handlers *h, const struct event *event)
{
    return !event->plain || h->config.plain;
}

/* ---- answers */

static bool answer_said(void *arg, size_t question, struct span line)
{
    struct handlers *h = arg;
    return node_answer(h->node, question, line);
}

static void answer_ended(void *arg, size_t question, enum job_result result)
{
    static const enum answer_status status[] = {
        [JOB_DONE] = ANSWER_OK, [JOB_FAILED] = ANSWER_FAILED, [JOB_ENDLESS] = ANSWER_CUT};
    struct handlers *h = arg;
    node_answer_end(h->node, question, status[result]);
}

static void take_question(struct handlers *h, const struct event *event)
{
    if (!is_for_programs(h, event))
        node_answer_end(h->node, event->count, ANSWER_NONE);
    else if (h->leaving || !jobs_add(h->answers, h->answerer, "question", event->count, event))
        node_answer_end(h->node, event->count, ANSWER_BUSY);
}

bool handlers_owe_answers(const struct handlers *h)
{
    return h != NULL && !jobs_have_ended(h->answers);
}

/* ---- news */

static void take_news(struct handlers *h, const struct event *event)
{
    for (size_t i = 0; i < h->config.count && is_for_programs(h, event); i++) {
        if (h->config.rules[i].kind == event->kind)
            jobs_add(h->news, h->programs[i], kind_name(event->kind), 0, event);
    }
}

void handlers_event(struct handlers *h, const struct event *event)
{
    if (h == NULL)
        return;
    if (event->kind == EVENT_QUESTION)
        take_question(h, event);
    else if (event->kind == EVENT_MESSAGE || !h->leaving)
        take_news(h, event);
}

void handlers_turn(void *arg)
{
    struct handlers *h = arg;
    jobs_turn(h->answers);
    jobs_turn(h->news);
}

/* ---- the beginning and the end */

static void make_jobs(struct handlers *h, struct loop *loop)
{
    static const struct jobs_taker taker = {answer_said, answer_ended};
    const struct handlers_config *c = &h->config;
    struct jobs_config config = {
        .option = "--on", .most = c->jobs, .limit_us = c->limit_us, .logged = c->logged, .arg = h};
    h->news = jobs_new(loop, h->children, &config);
    config.option = "--answer";
    config.taker = &taker;
    h->answers = jobs_new(loop, h->children, &config);
}

/* Programs may go elsewhere, where a relative path would lead nowhere. */
static char *state_variable(const char *folder)
{
    char *path = folder != NULL ? realpath(folder, NULL) : NULL;
    char *variable = path != NULL ? alloc_print("HASHFLOW_STATE=%s", path) : NULL;
    free(path);
    return variable;
}

/* The rules' programs in their order, then the one that answers. */
static struct children *make_children(struct loop *loop, const struct handlers_config *config)
{
    char *const **programs = alloc_zero(config->count + 1, sizeof *programs);
    char *state = state_variable(config->state);
    char **environment = facts_environment(state);
    for (size_t i = 0; i < config->count; i++)
        programs[i] = config->rules[i].command.words;
    programs[config->count] = config->answer.words;
    const struct spawner_plan plan = {
        .programs = programs,
        .count = config->count + (config->answer.words != NULL),
        .environment = environment,
        .prefix = FACTS_PREFIX,
        .folder = config->folder,
        .umask = config->umask,
    };
    struct children *children = children_new(loop, &plan);
    int error = errno;
    free(environment);
    free(state);
    free(programs);
    errno = error;
    return children;
}

static struct program *make_program(struct jobs *jobs, size_t place,
                                    const struct handler_command *command)
{
    return jobs_program(jobs, place, command->words[0], command->text);
}

struct handlers *handlers_new(struct loop *loop, struct node *node,
                              const struct handlers_config *config)
{
    struct children *children = make_children(loop, config);
    if (children == NULL)
        return NULL;
    struct handlers *h = alloc_zero(1, sizeof *h);
    h->node = node;
    h->children = children;
    h->config = *config;
    make_jobs(h, loop);
    h->programs = alloc_zero(config->count, sizeof *h->programs);
    for (size_t i = 0; i < config->count; i++)
        h->programs[i] = make_program(h->news, i, &config->rules[i].command);
    if (config->answer.words != NULL)
        h->answerer = make_program(h->answers, config->count, &config->answer);
    return h;
}

void handlers_leave(struct handlers *h, uint64_t deadline)
{
    if (h == NULL)
        return;
    h->leaving = true;
    jobs_leave(h->news, deadline);
    jobs_leave(h->answers, deadline);
}

bool handlers_have_ended(const struct handlers *h)
{
    return h == NULL || (jobs_have_ended(h->news) && jobs_have_ended(h->answers));
}

bool handlers_finish(struct handlers *h)
{
    if (h == NULL)
        return true;
    bool news = jobs_finish(h->news);
    bool answers = jobs_finish(h->answers);
    return news && answers;
}

void handlers_free(struct handlers *h)
{
    if (h == NULL)
        return;
    jobs_free(h->news);
    jobs_free(h->answers);
    children_free(h->children);
    free(h->programs);
    free(h);
}
