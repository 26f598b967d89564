/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When and how the program ends: the drain, the goodbyes, the last bytes on stdout, and what the
 * outcome amounts to.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "app.h"
#include "base/log.h"
#include "notify.h"
#include "shell/terminal.h"

enum {
    OUTPUT_PATIENCE_US = 10000000, /* for a reader of stdout that has stopped, at the end */
    HASTE_US = 500000,             /* for our goodbyes when that reader has gone */
    LAST_MOMENT_US = 200000,       /* for each, and for programs, when --timeout is over */
};

static void drained(void *arg)
{
    struct app *app = arg;
    app->phase = LEAVING;
    handlers_leave(app->handlers, app->leave_by);
    node_leave(app->node);
}

void app_leave(void *arg)
{
    struct app *app = arg;
    if (app->phase != TALKING)
        return;
    app->phase = DRAINING;
    notify_stopping();
    app->leave_by = loop_now(app->loop) + app->options.drain_us;
    timer_set(app->loop, &app->drain, app->leave_by, drained, app);
    loop_again(app->loop);
    if (app->console != NULL && !node_is_sent(app->node))
        log_notice("waiting until everything is delivered, at most %llu s; Ctrl-C leaves at once",
                   (unsigned long long)(app->options.drain_us / 1000000));
}

static void drain_no_longer(struct app *app)
{
    timer_stop(app->loop, &app->drain);
    app->leave_by = loop_now(app->loop);
    drained(app);
}

/* A person who asks to leave, perhaps for the second time. */
void app_insist(void *arg)
{
    struct app *app = arg;
    if (app->phase == DRAINING)
        drain_no_longer(app);
    app_leave(app);
}

void app_input_ended(void *arg)
{
    struct app *app = arg;
    if (!app->options.keep)
        app_leave(app);
}

void app_raise_status(struct app *app, int status)
{
    if (status > app->status)
        app->status = status;
}

void app_drop_script(struct app *app)
{
    if (app->script == NULL)
        return;
    app_raise_status(app, script_status(app->script));
    script_free(app->script);
    app->script = NULL;
}

void app_signalled(void *arg, int signo)
{
    struct app *app = arg;
    if (++app->signals > 1) {
        terminal_restore();
        progress_finish(app->progress);
        signal(signo, SIG_DFL);
        raise(signo);
        return; /* it is delivered as soon as the loop waits again */
    }
    app_ordered_to_leave(app);
}

void app_ordered_to_leave(void *arg)
{
    struct app *app = arg;
    interpreter_cancel(app->interpreter);
    app_drop_script(app);
    app_leave(app);
}

void app_enough(void *arg)
{
    struct app *app = arg;
    app->enough = true;
    app_leave(app);
}

static void stop(void *arg)
{
    struct app *app = arg;
    loop_stop(app->loop);
}

void app_output_failed(void *arg, int error)
{
    struct app *app = arg;
    log_error("stdout: %s", error == EPIPE ? "its reader has gone" : strerror(error));
    app_raise_status(app, STATUS_FAILED);
    if (app->phase == TALKING)
        notify_stopping();
    app->phase = LEAVING;
    timer_set(app->loop, &app->drain, loop_now(app->loop) + HASTE_US, stop, app);
    node_leave(app->node);
}

static void wait_for_output(struct app *app);

uint64_t app_backlog(void *arg)
{
    const struct app *app = arg;
    return app->output == NULL ? 0 : output_waiting(app->output);
}

static void give_up_output(void *arg)
{
    struct app *app = arg;
    if (!app->hasty && app_backlog(app) < app->backlog) {
        wait_for_output(app);
        return;
    }
    log_error("stdout: its reader has stopped, %llu bytes were not written",
              (unsigned long long)app_backlog(app));
    app_raise_status(app, STATUS_FAILED);
    loop_stop(app->loop);
}

/* What was printed is to arrive, for as long as its reader goes on reading. */
static void wait_for_output(struct app *app)
{
    uint64_t patience = app->hasty ? LAST_MOMENT_US : OUTPUT_PATIENCE_US;
    app->backlog = app_backlog(app);
    timer_set(app->loop, &app->drain, loop_now(app->loop) + patience, give_up_output, app);
}

static bool has_backlog(struct app *app)
{
    if (app_backlog(app) == 0)
        return false;
    if (!timer_is_set(&app->drain))
        wait_for_output(app);
    return true;
}

static void tell_what_was_missed(const struct app *app, const char *what)
{
    const char *command = interpreter_command(app->interpreter);
    double seconds = (double)app->options.timeout_us / 1e6;
    if (app->phase != TALKING)
        log_error("--timeout is over before all was done");
    else if (command != NULL)
        log_error("/%s: not answered within the %g s of --timeout", command, seconds);
    else if (app->wants_target)
        log_error("--to %s: not known within the %g s of --timeout", app->options.to, seconds);
    else
        log_error("%s", what);
}

static void last_moment_is_over(void *arg)
{
    struct app *app = arg;
    app->abrupt = true;
}

void app_timed_out(void *arg, const char *what)
{
    struct app *app = arg;
    bool done =
        app->phase == LEAVING && app_backlog(app) == 0 && handlers_have_ended(app->handlers);
    if (!done) {
        tell_what_was_missed(app, what);
        app_raise_status(app, STATUS_TIMEOUT);
    }
    if (app->phase == TALKING)
        notify_stopping();
    app->hasty = true;
    timer_set(app->loop, &app->moment, loop_now(app->loop) + LAST_MOMENT_US, last_moment_is_over,
              app);
    interpreter_cancel(app->interpreter);
    app_drop_script(app);
    drain_no_longer(app);
    node_hurry(app->node, LAST_MOMENT_US);
}

/* Whoever has enough waits for no dial, but those who have sent it are to know that we have it. */
static bool has_finished(struct app *app)
{
    if (app->enough && !node_has_confirmed(app->node)) {
        if (app_backlog(app) == 0 && node_is_stored(app->node))
            loop_again(app->loop);
        return false;
    }
    return app->enough || node_is_settled(app->node);
}

void app_move_on(void *arg)
{
    struct app *app = arg;
    if (app->phase == DRAINING && interpreter_is_idle(app->interpreter) && has_finished(app) &&
        node_is_sent(app->node) && !handlers_owe_answers(app->handlers)) {
        timer_stop(app->loop, &app->drain);
        drained(app);
    }
    if (app->phase == LEAVING && node_has_left(app->node) &&
        (app->abrupt || handlers_have_ended(app->handlers)) && !has_backlog(app))
        loop_stop(app->loop);
}

int app_final_status(struct app *app)
{
    const char *which;
    app_raise_status(app, interpreter_status(app->interpreter));
    app_drop_script(app);
    if (report_has_losses(app->report))
        app_raise_status(app, STATUS_UNDELIVERED);
    if (!node_is_stored(app->node)) /* the log has said why */
        app_raise_status(app, STATUS_FAILED);
    if (!handlers_finish(app->handlers))
        app_raise_status(app, STATUS_FAILED);
    bool counted = app->options.count != 0 && node_message_count(app->node) >= app->options.count;
    if (!counted && !node_reached_all(app->node, &which)) {
        log_error("%s was never reached", which);
        app_raise_status(app, STATUS_FAILED);
    }
    if (node_was_refused(app->node, &which)) /* the log has said why */
        app_raise_status(app, STATUS_REFUSED);
    return app->status;
}
