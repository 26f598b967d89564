/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at a terminal: keys are read, lines come out, and the signals that a keyboard sends are
 * obeyed, in the loop and never in a handler. It must not know what a line means.
 */
#include "config.h"

#include "shell/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "shell/editor.h"
#include "shell/job.h"
#include "shell/keys.h"
#include "shell/typed.h"

enum { READ_MAX = 4096 }; /* bytes: what a terminal hands out at most */

struct terminal {
    struct loop *loop;
    const struct terminal_handlers *handlers;
    void *arg;
    struct editor *editor;
    struct keys *keys;
    struct timer overdue; /* keys that wait for the rest of a sequence */
    bool closed;          /* no more keys: Ctrl-D, or the terminal is gone */
    bool interrupted;     /* nothing was typed since the last Ctrl-C */
    char *typed_path;     /* NULL: none is kept */
};

bool terminal_possible(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && kind != NULL && kind[0] != '\0' &&
           strcmp(kind, "dumb") != 0;
}

void terminal_prompt(struct terminal *t, const char *prompt)
{
    editor_prompt(t->editor, prompt);
}

void terminal_print(struct terminal *t, struct span text)
{
    editor_print(t->editor, text);
}

void terminal_restore(void)
{
    editor_restore();
}

/* ---- keys and lines */

static void close_input(struct terminal *t)
{
    t->closed = true;
    loop_unwatch(t->loop, STDIN_FILENO);
    timer_stop(t->loop, &t->overdue);
    editor_close(t->editor);
    t->handlers->end(t->arg);
}

/* A paste of several lines comes as one. Enter belongs to the paste only if readline was in a state
 * in which it did not notice it. */
static void line_typed(void *arg, const char *line)
{
    struct terminal *t = arg;
    bool pasted = keys_in_paste(t->keys);

    if (line == NULL) {
        close_input(t);
        return;
    }
    if (!command_holds_secret(span_of(line)))
        typed_add(line);
    struct span rest = span_of(line);
    do {
        const char *lf = memchr(rest.at, '\n', rest.len);
        size_t len = lf != NULL ? (size_t)(lf - rest.at) : rest.len;
        t->handlers->line(t->arg, span_make(rest.at, len), pasted);
        rest = span_after(rest, len + (lf != NULL));
        pasted = true;
    } while (rest.len > 0);
}

static size_t complete(void *arg, enum completion_kind kind, struct span prefix,
                       struct completion_list *out)
{
    struct terminal *t = arg;

    return t->handlers->complete(t->arg, kind, prefix, out);
}

static const struct editor_handlers editor_handlers = {
    .line = line_typed,
    .complete = complete,
};

static void keys_overdue(void *arg);

static void wait_for_rest(struct terminal *t)
{
    uint64_t due = keys_due(t->keys);

    if (due > 0)
        timer_set(t->loop, &t->overdue, due, keys_overdue, t);
    else
        timer_stop(t->loop, &t->overdue);
}

static void hand_over_keys(struct terminal *t)
{
    editor_take_keys(t->editor);
    if (t->closed)
        return;
    wait_for_rest(t);
    size_t refused = keys_refused(t->keys);
    if (refused > 0)
        log_error("a paste of %zu bytes is left out: %d are the most", refused, KEYS_PASTE_MAX);
}

static void keys_overdue(void *arg)
{
    struct terminal *t = arg;

    keys_expire(t->keys, loop_now(t->loop));
    hand_over_keys(t);
}

/* Since the loop found keys we may have been stopped, and the shell may have read them. */
static bool keys_are_there(void)
{
    struct pollfd keyboard = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&keyboard, 1, 0) > 0;
}

static void input_ready(void *arg, int events)
{
    struct terminal *t = arg;
    char bytes[READ_MAX];

    (void)events;
    if (!keys_are_there())
        return;
    ssize_t len = read(STDIN_FILENO, bytes, sizeof bytes);
    if (len < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (len <= 0) {
        close_input(t);
        return;
    }
    t->interrupted = false;
    keys_put(t->keys, span_make(bytes, (size_t)len), loop_now(t->loop));
    hand_over_keys(t);
}

/* ---- signals */

static void interrupt(void *arg, int signo)
{
    struct terminal *t = arg;
    bool again = t->interrupted || t->closed;

    (void)signo;
    t->interrupted = true;
    t->handlers->cancel(t->arg);
    if (again) {
        t->handlers->interrupt(t->arg);
        return;
    }
    keys_cancel(t->keys);
    wait_for_rest(t);
    editor_clear_line(t->editor);
}

static void resize(void *arg, int signo)
{
    struct terminal *t = arg;

    (void)signo;
    editor_resize(t->editor);
}

/* An orphan is not stopped and nobody lets it go on: it tells itself. Not by raise(3), whose signal
 * to the thread would come besides the shell's to the process. */
static void suspend(void *arg, int signo)
{
    struct terminal *t = arg;

    editor_suspend(t->editor);
    job_take_default_action(signo);
    kill(getpid(), SIGCONT);
}

static void resume(void *arg, int signo)
{
    struct terminal *t = arg;

    (void)signo;
    if (t->closed)
        return;
    if (job_wait_for_foreground())
        editor_resume(t->editor);
    else
        close_input(t);
}

static void die(void *arg, int signo)
{
    (void)arg;
    editor_restore();
    job_take_default_action(signo);
}

/* ---- start and end */

struct terminal *terminal_new(struct loop *loop, const char *typed_path,
                              const struct terminal_handlers *handlers, void *arg)
{
    if (!job_wait_for_foreground()) {
        log_error("the terminal belongs to another job; start me in the foreground");
        return NULL;
    }
    struct terminal *t = alloc_zero(1, sizeof *t);
    t->loop = loop;
    t->handlers = handlers;
    t->arg = arg;
    t->keys = keys_new();
    t->typed_path = typed_path != NULL ? alloc_string(typed_path) : NULL;
    typed_load(typed_path);
    loop_on_signal(loop, SIGINT, interrupt, t);
    loop_on_signal(loop, SIGQUIT, die, t);
    loop_on_signal(loop, SIGTSTP, suspend, t);
    loop_on_signal(loop, SIGCONT, resume, t);
    loop_on_signal(loop, SIGWINCH, resize, t);
    t->editor = editor_new(loop, t->keys, &editor_handlers, t);
    loop_watch(loop, STDIN_FILENO, LOOP_READ, input_ready, t);
    return t;
}

void terminal_free(struct terminal *t)
{
    if (t == NULL)
        return;
    if (t->typed_path != NULL && typed_save(t->typed_path) == -1)
        log_error("%s: %s", t->typed_path, strerror(errno));
    loop_unwatch(t->loop, STDIN_FILENO);
    timer_stop(t->loop, &t->overdue);
    editor_free(t->editor);
    keys_free(t->keys);
    free(t->typed_path);
    free(t);
}
