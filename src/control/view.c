/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report and a prompt of the client's own, each line with the mark that says what it is.
 */
#include "config.h"

#include "control/view.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "control/follow.h"
#include "shell/answers.h"

enum { COMPLAINT_MAX = 4 * 1024 /* bytes; a longer one is cut */ };

static void print_line(void *arg, const struct span *parts, size_t count)
{
    struct view *v = arg;
    struct span mark = span_of("| ");
    if ((v->follow & FOLLOW_PEOPLE) != 0)
        v->send(v->arg, &mark, 1);
    v->send(v->arg, parts, count);
}

void view_complain(struct view *v, const char *text)
{
    struct buffer line;
    buffer_init(&line, COMPLAINT_MAX);
    text_escape(&line, span_of(text));
    const struct span parts[] = {span_of("! "), buffer_span(&line), span_of("\n")};
    v->send(v->arg, parts, 3);
    buffer_free(&line);
}

static void say(void *arg, enum log_level level, const char *line)
{
    struct view *v = arg;
    if (level == LOG_ERROR || (level == LOG_NOTICE && view_has_prompt(v)))
        view_complain(v, line);
}

static void make_report(struct view *v)
{
    struct report_config config = follow_form(v->follow);
    config.keys = answer_keys;
    const struct report_sink sink = {print_line, say, v};
    report_free(v->report);
    v->report = report_new(&config, &sink);
}

void view_init(struct view *v, const struct node *node, const struct interpreter *interpreter,
               void (*send)(void *arg, const struct span *parts, size_t count), void *arg)
{
    *v = (struct view){.node = node, .send = send, .arg = arg};
    prompt_init(&v->prompt, node, interpreter);
    make_report(v);
}

void view_free(struct view *v)
{
    report_free(v->report);
    free(v->shown);
}

bool view_follow(struct view *v, struct span words, char **cause)
{
    if (!follow_parse(words, &v->follow, cause))
        return false;
    make_report(v);
    free(v->shown);
    v->shown = NULL;
    return true;
}

bool view_has_prompt(const struct view *v)
{
    return (v->follow & FOLLOW_PROMPT) != 0;
}

void view_event(struct view *v, const struct event *event, bool lost)
{
    unsigned wanted = event->kind == EVENT_MESSAGE ? FOLLOW_MESSAGES : FOLLOW_EVENTS;
    if (lost)
        prompt_lost(&v->prompt);
    if (lost || (v->follow & wanted) != 0)
        report_event(v->report, event);
}

void view_reply(struct view *v, const char *command, const struct span *fields, size_t count,
                bool plain)
{
    report_reply(v->report, command, fields, count, plain);
}

void view_turn(struct view *v)
{
    if (!view_has_prompt(v))
        return;
    prompt_update(&v->prompt);
    char *target = prompt_target(&v->prompt);
    char *line = alloc_print("> %s %s %s\n", prompt_mark_word(v->prompt.mark), node_name(v->node),
                             target != NULL ? target : "all");
    struct span part = span_of(line);
    if (v->shown == NULL || strcmp(v->shown, line) != 0)
        v->send(v->arg, &part, 1);
    free(target);
    free(v->shown);
    v->shown = line;
}
