/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds the parts, joins them, runs the loop, and takes them down again.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "app.h"
#include "background.h"
#include "base/alloc.h"
#include "base/log.h"
#include "home.h"
#include "listening.h"
#include "notify.h"
#include "shell/answers.h"
#include "shell/terminal.h"
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
    bool lost = event->kind == EVENT_FAILED || event->kind == EVENT_KEPT;
    if (lost && app->console != NULL)
        console_lost(app->console);
    report_event(app->report, event);
    if (app->interpreter != NULL)
        interpreter_event(app->interpreter, event);
    handlers_event(app->handlers, event);
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

static void reply(void *arg, const char *command, const struct span *fields, size_t count)
{
    struct app *app = arg;
    report_reply(app->report, command, fields, count);
}

/* --- the turn --- */

/* Whom -t names may be known only when the -c lines have run and the first dials have ended. */
static void find_target(struct app *app)
{
    char *cause;
    if (interpreter_set_target(app->interpreter, span_of(app->options.to), &cause)) {
        app->wants_target = false;
        return;
    }
    if (interpreter_is_idle(app->interpreter) && node_is_settled(app->node)) {
        log_error("--to %s", cause);
        app_raise_status(app, STATUS_FAILED);
        app->wants_target = false;
        app_drop_script(app);
        app_leave(app);
    }
    free(cause);
}

static void take_orders(void *arg)
{
    struct app *app = arg;
    if (app->interpreter == NULL || app->phase == LEAVING)
        return;
    if (app->wants_target)
        find_target(app);
    interpreter_turn(app->interpreter);
    if (app->wants_target)
        find_target(app);
    if (app->script != NULL && app->phase == TALKING && !app->wants_target)
        script_turn(app->script);
    if (app->console != NULL)
        console_turn(app->console);
}

static void flush(void *arg)
{
    struct app *app = arg;
    if (app_backlog(app) == 0)
        return;
    progress_make_way(app->progress);
    output_flush(app->output);
}

/* --- start --- */

static void make_node(struct app *app)
{
    const struct options *o = &app->options;
    const struct node_sink sink = {node_event, flush, sink_accepted, sink_written, app};
    char *name = home_name(o, app->db);
    const struct node_config config = {
        .name = name,
        .passing = app->db == NULL && home_port(o) == 0,
        .family = o->family,
        .answers = o->answer.words != NULL,
        .receipts = o->events && (o->json || !isatty(STDOUT_FILENO)),
        .no_exchange = o->no_exchange,
        .queue_lines = o->queue_lines,
        .queue_bytes = o->queue_bytes,
        .queue_age_s = o->queue_age_s,
        .heartbeat_us = o->heartbeat_us,
        .suspect_us = o->suspect_us,
        .down_us = o->down_us,
        .leave_from_listeners = o->listen_count > 0,
        .message_limit = o->count,
    };
    app->node = node_new(app->loop, app->db, &config, &sink);
    free(name);
}

static void make_quota(struct app *app)
{
    static const struct quota_handlers handlers = {app_backlog, app_enough, app_timed_out};
    const struct quota_config config = {
        .count = app->options.count,
        .idle_us = app->options.idle_us,
        .timeout_us = app->options.timeout_us,
    };
    app->quota = quota_new(app->loop, app->node, &config, &handlers, app);
}

static void make_report(struct app *app)
{
    const struct options *o = &app->options;
    const char *no_colour = getenv("NO_COLOR");
    bool terminal = isatty(STDOUT_FILENO);
    const struct report_config config = {
        .style = o->json    ? REPORT_JSON
                 : terminal ? REPORT_PEOPLE
                            : REPORT_TEXT,
        .format = o->format,
        .keys = answer_keys,
        .events = o->events || app->interactive,
        .colour = app->interactive && (no_colour == NULL || no_colour[0] == '\0'),
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

static bool make_handlers(struct app *app)
{
    const struct options *o = &app->options;
    const struct handlers_config config = {
        .rules = o->on,
        .count = o->on_count,
        .answer = o->answer,
        .jobs = o->on_jobs,
        .limit_us = o->on_limit_us,
        .umask = app->umask,
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
    report_diagnostic(app->report, line);
    if (app->options.log == OPTIONS_LOG_SYSLOG)
        system_log_write(NULL, level, line);
}

static bool make_console(struct app *app)
{
    const struct options *o = &app->options;
    char *history = o->no_store        ? NULL
                    : o->state != NULL ? alloc_print("%s/history", o->state)
                                       : state_default_path("history");
    app->console = console_new(app->loop, app->node, app->interpreter, history, o->to != NULL,
                               app_insist, app);
    free(history);
    if (app->console == NULL) {
        log_error("the terminal belongs to another job; start me in the foreground");
        return false;
    }
    log_set_sink(diagnostic, app);
    return true;
}

static bool is_null_device(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static bool make_input(struct app *app)
{
    const struct options *o = &app->options;
    for (size_t i = 0; i < o->command_count; i++)
        interpreter_queue(app->interpreter, span_of(o->commands[i]), false);
    if (app->interactive)
        return make_console(app);
    if (o->receive_only || (is_null_device(STDIN_FILENO) && o->command_count == 0))
        return true; /* receive only */
    app->script = script_new(app->loop, STDIN_FILENO, o->to != NULL, app->node, app->interpreter,
                             app_input_ended, app);
    return true;
}

/* Descriptors 0 to 2 are always open, so that no socket is ever taken for one of them. */
static void open_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    }
}

static bool is_ignored(int signo)
{
    struct sigaction now;
    return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static void take_signals(struct app *app)
{
    loop_on_signal(app->loop, SIGTERM, app_signalled, app);
    if (!is_ignored(SIGHUP)) /* nohup(1) */
        loop_on_signal(app->loop, SIGHUP, app_signalled, app);
    if (!app->interactive)
        loop_on_signal(app->loop, SIGINT, app_signalled, app);
}

/* The same command line may be used on each of several machines, and names them all. */
static bool dial_addresses(struct app *app)
{
    for (size_t i = 0; i < app->options.address_count; i++) {
        char *cause;
        struct span address = span_of(app->options.addresses[i]);
        if (node_is_at(app->node, address)) {
            log_detail("%s: that is this node itself", app->options.addresses[i]);
            continue;
        }
        if (node_connect(app->node, address, &cause) != NULL)
            continue;
        log_error("%s", cause);
        free(cause);
        return false;
    }
    return true;
}

/* starting: whoever has started a daemon is still there to see what it says. */
static void choose_log(const struct app *app, bool starting)
{
    bool seen = app->interactive || (app->options.daemon && starting);
    system_log_choose(app->options.log == OPTIONS_LOG_SYSLOG, seen);
}

/* Whoever waits for us, a service manager or the one who started a daemon, learns that we listen. */
static bool tell_ready(struct app *app)
{
    const struct options *o = &app->options;
    if (o->daemon) {
        if (!background_ready(app->waiting, o->log == OPTIONS_LOG_SYSLOG))
            return false;
        choose_log(app, false);
    }
    char *where = listening_where(app->node);
    notify_ready(where);
    free(where);
    return true;
}

static int start(struct app *app)
{
    static const struct interpreter_handlers handlers = {
        .reply = reply, .complain = complain, .quit = app_leave};
    if (app->interactive && !app->options.port_given && app->options.listen_count == 0 &&
        !listening_ask(&app->options))
        return STATUS_FAILED;
    if (!home_open(&app->options, &app->state, &app->db))
        return STATUS_FAILED;
    app->loop = loop_new();
    take_signals(app);
    make_report(app);
    /* A turn: orders, then the node, then what that has led to. */
    loop_on_turn(app->loop, take_orders, app);
    make_node(app);
    loop_on_turn(app->loop, flush, app);
    make_quota(app);
    if (app->options.progress && !app->interactive)
        app->progress = progress_new(app->loop, app->node);
    if (!make_handlers(app))
        return STATUS_FAILED;
    loop_on_turn(app->loop, app_move_on, app);
    if (!listening_start(app->node, &app->options))
        return STATUS_FAILED;
    app->interpreter = interpreter_new(app->loop, app->node, &handlers, app);
    app->wants_target = app->options.to != NULL;
    interpreter_await_target(app->interpreter, app->options.to);
    node_start(app->node);
    if (!dial_addresses(app))
        return STATUS_USAGE;
    if (!make_input(app) || !tell_ready(app))
        return STATUS_FAILED;
    return 0;
}

/* --- end --- */

static void tear_down(struct app *app)
{
    choose_log(app, false);
    console_free(app->console);
    script_free(app->script);
    interpreter_free(app->interpreter);
    quota_free(app->quota);
    progress_free(app->progress);
    if (app->output != NULL)
        output_flush(app->output);
    node_free(app->node);
    handlers_free(app->handlers);
    output_free(app->output);
    report_free(app->report);
    database_close(app->db);
    state_close(app->state);
    if (app->loop != NULL)
        loop_free(app->loop);
    options_free(&app->options);
}

int main(int argc, char **argv)
{
    struct app app = {.phase = TALKING};
    open_standard_descriptors();
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* scripts read our numbers */
    signal(SIGPIPE, SIG_IGN);
    switch (options_parse(argc, argv, &app.options)) {
    case OPTIONS_DONE: return fflush(stdout) == 0 ? 0 : STATUS_FAILED;
    case OPTIONS_WRONG: return STATUS_USAGE;
    case OPTIONS_RUN: break;
    }
    log_set_level(app.options.verbose ? LOG_DETAIL : app.options.quiet ? LOG_ERROR : LOG_NOTICE);
    app.interactive = !app.options.receive_only && !app.options.daemon && terminal_possible();
    choose_log(&app, true);
    if (app.options.daemon && !background_enter(&app.waiting, &app.status)) {
        options_free(&app.options);
        return app.status;
    }
    app.umask = umask(077);
    app.status = start(&app);
    if (app.status == 0) {
        loop_run(app.loop);
        progress_finish(app.progress);
        app.status = app_final_status(&app);
    }
    int status = app.status;
    tear_down(&app);
    return status;
}
