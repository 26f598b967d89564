/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each part as the options want it, joined to those that it needs: where news, answers and words
 * go. When a part is made, and when it has its turn, is not decided here.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "base/log.h"
#include "home.h"
#include "shell/answers.h"
#include "system_log.h"

/* --- joining the parts --- */

static void print_line(void *arg, const struct span *parts, size_t count)
{
    struct app *app = arg;
    if (app->output != NULL)
        output_write(app->output, parts, count);
    else
        console_print(app->console, parts[0]);
}

static void say(void *arg, enum log_level level, const char *line)
{
    static void (*const log[])(const char *format, ...) = {log_error, log_notice, log_detail};
    (void)arg;
    log[level]("%s", line);
}

static void complain(void *arg, const char *text)
{
    say(arg, LOG_ERROR, text);
}

static void node_event(void *arg, const struct event *event)
{
    struct app *app = arg;
    if (event_is_loss(event) && app->console != NULL)
        console_lost(app->console);
    chronicle_event(app->chronicle, event);
    report_event(app->report, event);
    if (app->interpreter != NULL)
        interpreter_event(app->interpreter, event);
    handlers_event(app->handlers, event);
    control_event(app->control, event);
}

static uint64_t sink_accepted(void *arg)
{
    const struct app *app = arg;
    return app->output != NULL ? output_accepted(app->output) : 0;
}

static uint64_t sink_written(void *arg)
{
    const struct app *app = arg;
    return app->output != NULL ? output_written(app->output) : 0;
}

static bool keep_group(void *arg, const struct group *group, char **cause)
{
    struct app *app = arg;
    return credentials_keep_group(&app->credentials, group, cause);
}

static void reply(void *arg, const char *command, const struct span *fields, size_t count)
{
    struct app *app = arg;
    report_reply(app->report, command, fields, count);
}

static bool history(void *arg, struct database **db)
{
    struct app *app = arg;
    *db = app->chronicle != NULL ? app->db : NULL;
    return app->chronicle == NULL || chronicle_is_settled(app->chronicle);
}

void app_flush(void *arg)
{
    struct app *app = arg;
    if (app_backlog(app) == 0)
        return;
    progress_make_way(app->progress);
    output_flush(app->output);
}

/* --- making them --- */

void app_make_node(struct app *app)
{
    const struct options *o = &app->options;
    const struct node_sink sink = {node_event,   app_flush,  sink_accepted,
                                   sink_written, keep_group, app};
    char *name = home_name(o, app->db);
    const struct node_config config = {
        .name = name,
        .passing = app->db == NULL && home_port(o) == 0,
        .family = o->family,
        .answers = o->answer.words != NULL,
        .receipts = o->events && (o->json || !isatty(STDOUT_FILENO)),
        .tally = o->progress,
        .no_exchange = o->no_exchange,
        .queue_lines = o->queue_lines,
        .queue_bytes = o->queue_bytes,
        .queue_age_s = o->queue_age_s,
        .heartbeat_us = o->heartbeat_us,
        .suspect_us = o->suspect_us,
        .down_us = o->down_us,
        .leave_from_listeners = o->listen_count > 0,
        .message_limit = o->count,
        .security = app->credentials.security,
        .rules = rulebook_rules(app->rulebook),
    };
    app->node = node_new(app->loop, app->db, &config, &sink);
    free(name);
}

void app_make_chronicle(struct app *app)
{
    if (app->db != NULL && !app->options.no_history)
        app->chronicle = chronicle_new(app->loop, app->db);
}

void app_make_quota(struct app *app)
{
    static const struct quota_handlers handlers = {app_backlog, app_enough, app_timed_out};
    const struct quota_config config = {
        .count = app->options.count,
        .idle_us = app->options.idle_us,
        .timeout_us = app->options.timeout_us,
        .listens =
            app->options.keep || app->options.receive_only || script_is_null_device(STDIN_FILENO),
    };
    app->quota = quota_new(app->loop, app->node, &config, &handlers, app);
}

void app_make_report(struct app *app)
{
    const struct options *o = &app->options;
    bool terminal = isatty(STDOUT_FILENO);
    const struct report_config config = {
        .style = o->json    ? REPORT_JSON
                 : terminal ? REPORT_PEOPLE
                            : REPORT_TEXT,
        .format = o->format,
        .keys = answer_keys,
        .events = o->events || app->interactive,
        .colour = app->interactive && report_may_colour(),
        .ascii = terminal,
        .ids = o->ids,
        .nul = o->nul && !terminal,
        .timestamps = o->timestamps,
    };
    const struct report_sink sink = {print_line, say, app};
    app->report = report_new(&config, &sink);
    if (!app->interactive)
        app->output = output_new(app->loop, STDOUT_FILENO, app_output_failed, app);
}

bool app_make_handlers(struct app *app)
{
    const struct options *o = &app->options;
    const struct handlers_config config = {
        .rules = o->on,
        .count = o->on_count,
        .answer = o->answer,
        .plain = o->on_plain,
        .jobs = o->on_jobs,
        .limit_us = o->on_limit_us,
        .umask = app->umask,
        .folder = o->daemon ? "/" : NULL, /* where it is to be itself */
        .state = app->state != NULL ? state_path(app->state) : NULL,
        .logged = app->interactive || app->progress != NULL || o->log == OPTIONS_LOG_SYSLOG,
    };
    if (o->on_count == 0 && o->answer.words == NULL)
        return true;
    app->handlers = handlers_new(app->loop, app->node, &config);
    if (app->handlers == NULL) {
        log_error("no program can be run: %s", strerror(errno));
        return false;
    }
    loop_on_turn(app->loop, handlers_turn, app->handlers);
    return true;
}

static void diagnostic(void *arg, enum log_level level, struct span line)
{
    struct app *app = arg;
    report_diagnostic(app->report, level, line);
    if (app->options.log == OPTIONS_LOG_SYSLOG)
        system_log_write(NULL, level, line);
}

static void show_recalled(void *arg, struct span line)
{
    struct app *app = arg;
    console_print(app->console, line);
}

bool app_make_console(struct app *app)
{
    const struct options *o = &app->options;
    if (!app->interactive)
        return true;
    char *typed_path = home_typed_path(o);
    app->console = console_new(app->loop, app->node, app->interpreter, typed_path, o->to != NULL,
                               app_insist, app);
    free(typed_path);
    if (app->console == NULL)
        return false;
    log_set_sink(diagnostic, app);
    if (app->chronicle != NULL && !o->json)
        chronicle_recall(app->chronicle, report_may_colour(), show_recalled, app);
    return true;
}

void app_make_input(struct app *app)
{
    const struct options *o = &app->options;
    for (size_t i = 0; i < o->command_count; i++)
        interpreter_queue(app->interpreter, span_of(o->commands[i]), false);
    if (o->errand != NULL)
        interpreter_queue(app->interpreter, span_of("/quit"), false);
    if (app->interactive || o->receive_only || o->errand != NULL ||
        (script_is_null_device(STDIN_FILENO) && o->command_count == 0))
        return; /* there is the console, or it is to receive only */
    app->script = script_new(app->loop, STDIN_FILENO, o->to != NULL, app->node, app->interpreter,
                             app_input_ended, app);
}

void app_make_control(struct app *app)
{
    const struct client_config config = {.loop = app->loop,
                                         .node = app->node,
                                         .drain_us = app->options.drain_us,
                                         .history = history,
                                         .quit = app_ordered_to_leave,
                                         .arg = app};
    if (app->state != NULL)
        app->control = control_new(state_path(app->state), &config);
}

void app_make_interpreter(struct app *app)
{
    static const struct interpreter_handlers handlers = {
        .reply = reply, .complain = complain, .quit = app_leave, .history = history};
    app->interpreter = interpreter_new(app->loop, app->node, &handlers, app);
    app->wants_target = app->options.to != NULL;
    interpreter_await_target(app->interpreter, app->options.to);
}
