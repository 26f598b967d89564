/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts the parts in their order, runs the loop, and takes them down again.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app.h"
#include "attach.h"
#include "background.h"
#include "base/alloc.h"
#include "base/log.h"
#include "hardening.h"
#include "home.h"
#include "listening.h"
#include "notify.h"
#include "sandbox.h"
#include "shell/terminal.h"
#include "system_log.h"
#include "user.h"

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
    control_turn(app->control, app->phase == TALKING);
}

/* --- start --- */

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

static void read_rules_again(void *arg, int signo)
{
    struct app *app = arg;
    (void)signo;
    char *cause;
    struct rules *former = rulebook_read(app->rulebook, &cause);
    if (former == NULL) {
        log_error("%s; the former rules stay", cause);
        free(cause);
        return;
    }
    node_set_rules(app->node, rulebook_rules(app->rulebook));
    rules_free(former);
    log_notice("the rules were read again");
}

static void take_signals(struct app *app)
{
    loop_on_signal(app->loop, SIGTERM, app_signalled, app);
    if (app->rule_file_count > 0)
        loop_on_signal(app->loop, SIGHUP, read_rules_again, app);
    else if (!is_ignored(SIGHUP)) /* nohup(1) */
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

/* A service manager, and whoever has started a daemon, wait to hear that we listen. */
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

static void enter_sandbox(const struct app *app)
{
    char *typed = app->console != NULL ? home_typed_path(&app->options) : NULL;
    const struct sandbox_config config = {
        .state = app->state != NULL ? state_path(app->state) : NULL,
        .typed = typed,
        .again = app->rule_files,
        .again_count = app->rule_file_count,
    };
    if (app->options.sandbox)
        sandbox_enter(&config);
    free(typed);
}

static bool open_home(struct app *app)
{
    bool older = false;
    return home_open(&app->options, &app->state, &app->db, &older) &&
           credentials_load(&app->credentials, app->state != NULL ? state_path(app->state) : NULL,
                            app->db, older);
}

static int start(struct app *app)
{
    if (app->options.user != NULL && !user_become(app->options.user))
        return STATUS_FAILED;
    if (app->interactive && !app->options.port_given && app->options.listen_count == 0 &&
        !listening_ask(&app->options))
        return STATUS_FAILED;
    if (!open_home(app))
        return STATUS_FAILED;
    app->loop = loop_new();
    if (app->loop == NULL) {
        log_error("no descriptor to wait with: %s", strerror(errno));
        return STATUS_FAILED;
    }
    take_signals(app);
    app_make_report(app);
    /* A turn: orders, then the node, then what that has led to. */
    loop_on_turn(app->loop, take_orders, app);
    app_make_node(app);
    app_make_chronicle(app);
    loop_on_turn(app->loop, app_flush, app);
    app_make_quota(app);
    if (app->options.progress && !app->interactive)
        app->progress = progress_new(app->loop, app->node);
    if (!app_make_handlers(app))
        return STATUS_FAILED;
    loop_on_turn(app->loop, app_move_on, app);
    app_make_control(app); /* it is there when we say that we listen */
    if (!listening_start(app->node, &app->options) || (app->options.user != NULL && !user_settle()))
        return STATUS_FAILED;
    app_make_interpreter(app);
    if (!app_make_console(app))
        return STATUS_FAILED;
    node_start(app->node); /* which may tell of lines that a former run has not printed */
    if (!dial_addresses(app))
        return STATUS_USAGE;
    app_make_input(app);
    enter_sandbox(app);
    if (!tell_ready(app))
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
    control_free(app->control);
    quota_free(app->quota);
    progress_free(app->progress);
    if (app->output != NULL)
        output_flush(app->output);
    node_free(app->node);
    handlers_free(app->handlers);
    chronicle_free(app->chronicle);
    output_free(app->output);
    report_free(app->report);
    database_close(app->db);
    state_close(app->state);
    if (app->loop != NULL)
        loop_free(app->loop);
}

/* Before anything is begun: what is wrong in a file is an argument that is wrong. */
static bool read_rules(struct app *app)
{
    const struct options *o = &app->options;
    char *cause;
    if (o->rule_count == 0)
        return true;
    app->rulebook = rulebook_new(o->rules, o->rule_count, &cause);
    app->rule_files = rulebook_files(app->rulebook, &app->rule_file_count);
    if (app->rulebook != NULL)
        return true;
    log_error("%s", cause);
    free(cause);
    return false;
}

/* Returns the exit status; in the process that has started a daemon, as soon as that listens. */
static int run_node(struct app *app)
{
    int status;
    const struct options *o = &app->options;
    app->interactive = !o->receive_only && !o->daemon && o->errand == NULL && terminal_possible();
    choose_log(app, true);
    if (!credentials_read(&app->credentials, &app->options) || !read_rules(app))
        return STATUS_USAGE;
    if (app->options.daemon && !background_enter(&app->waiting, &status))
        return status;
    app->status = start(app);
    if (app->status == 0) {
        loop_run(app->loop);
        progress_finish(app->progress);
        app->status = app_final_status(app);
    }
    status = app->status;
    tear_down(app);
    return status;
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
    app.umask = umask(077);
    hardening_start();
    log_set_level(app.options.verbose ? LOG_DETAIL : app.options.quiet ? LOG_ERROR : LOG_NOTICE);
    bool attach =
        app.options.attach || (app.options.errand != NULL && attach_is_possible(&app.options));
    int status = attach ? attach_run(&app.options) : run_node(&app);
    credentials_free(&app.credentials);
    rulebook_free(app.rulebook);
    free(app.rule_files);
    options_free(&app.options);
    return status;
}
