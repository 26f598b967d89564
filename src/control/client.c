/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An interpreter of its own behind one channel. What can be said here beyond the commands of every
 * input: /follow, /cancel and /detach.
 */
#include "config.h"

#include "control/client.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "control/intake.h"
#include "control/view.h"
#include "net/channel.h"
#include "wire/line.h"

enum { LOOK_US = 1000000 /* between two looks whether a client that is not read is still there */ };

struct client {
    struct client_config config;
    struct channel *channel;
    struct interpreter *interpreter;
    struct view view;
    struct intake intake;
    bool held;            /* it has said so much that it is not read */
    bool running;         /* one of its lines, now */
    bool said[2];         /* has it sent anything, by enum event_scope? */
    uint64_t first, last; /* the numbers of the lines that it sent; 0 for none */
    int status;
    bool gone;    /* it does not hear us either */
    bool quits;   /* it has asked the node to leave */
    bool told;    /* how it went; nothing follows */
    bool dead;    /* of no use any more */
    bool hurried; /* the drain time is over */
    struct timer drain, look;
};

/* --- what it hears --- */

static void die(struct client *c)
{
    c->dead = true;
    loop_again(c->config.loop);
}

static void send_parts(void *arg, const struct span *parts, size_t count)
{
    struct client *c = arg;
    if (c->dead || c->told)
        return;
    for (size_t i = 0; i < count; i++)
        channel_send(c->channel, parts[i]);
    if (channel_queued(c->channel) <= CLIENT_OUTPUT_MAX)
        return;
    log_error("a client of the control socket does not read what it has asked for: closed");
    die(c);
}

static void complain(void *arg, const char *text)
{
    struct client *c = arg;
    view_complain(&c->view, text);
}

static void raise_status(struct client *c, int status)
{
    if (status > c->status)
        c->status = status;
}

static void fail(struct client *c, char *cause)
{
    raise_status(c, STATUS_FAILED);
    complain(c, cause);
    free(cause);
}

static void reply(void *arg, const char *command, const struct span *fields, size_t count,
                  bool plain)
{
    struct client *c = arg;
    view_reply(&c->view, command, fields, count, plain);
}

static bool history(void *arg, struct database **db)
{
    struct client *c = arg;
    return c->config.history(c->config.arg, db);
}

static void quit(void *arg)
{
    struct client *c = arg;
    c->quits = true;
    log_notice("a client of the control socket has asked this node to leave");
    c->config.quit(c->config.arg);
}

/* Whose lines were lost is not known, only how they were sent: every client that has sent some so
 * is told. */
static bool concerns(const struct client *c, const struct event *e)
{
    return e->kind == EVENT_FAILED ? c->said[e->scope] : c->said[0] || c->said[1];
}

void client_event(struct client *c, const struct event *event)
{
    interpreter_event(c->interpreter, event);
    bool lost = event_is_loss(event) && concerns(c, event);
    if (event->kind == EVENT_SAID && c->running)
        c->said[event->scope] = true;
    if (lost)
        raise_status(c, STATUS_UNDELIVERED);
    view_event(&c->view, event, lost);
}

/* --- what it says --- */

static void end_input(struct client *c)
{
    intake_drop(&c->intake);
    channel_hold(c->channel, true);
}

static void run_follow(struct client *c, struct span words)
{
    char *cause;
    if (view_follow(&c->view, words, &cause))
        return;
    fail(c, alloc_print("/follow: %s", cause));
    free(cause);
}

static void run_order(struct client *c, struct span line)
{
    uint64_t sent = interpreter_sent(c->interpreter);
    c->running = true;
    interpreter_run(c->interpreter, line, false);
    c->running = false;
    if (interpreter_sent(c->interpreter) == sent)
        return;
    c->last = node_last_number(c->config.node);
    if (c->first == 0)
        c->first = c->last;
}

static void run_line(struct client *c, struct span line)
{
    struct span rest = line;
    struct span word = span_cut_word(&rest);
    if (span_is(word, "/follow")) {
        run_follow(c, rest);
    } else if (span_is(word, "/detach")) {
        end_input(c);
    } else if (!span_is(word, "/cancel")) { /* obeyed when it was read */
        run_order(c, line);
    }
}

static bool may_run(const struct client *c)
{
    return !c->dead && !c->quits && interpreter_is_idle(c->interpreter) &&
           !node_is_congested(c->config.node) && channel_queued(c->channel) <= CLIENT_ANSWERS_MAX;
}

static void refuse_long_line(struct client *c)
{
    fail(c, alloc_print("a line is longer than %d bytes and was not run; send it in parts",
                        LINE_MAX_BYTES - 1));
}

static void run_lines(struct client *c)
{
    struct span line;
    enum intake_result got;
    while (may_run(c) && (got = intake_next(&c->intake, &line)) != INTAKE_NONE) {
        if (got == INTAKE_LINE)
            run_line(c, line);
        else
            refuse_long_line(c);
        intake_done(&c->intake);
        loop_again(c->config.loop);
    }
    if (intake_overruns(&c->intake))
        refuse_long_line(c);
}

static void hold_input(struct client *c)
{
    c->held = intake_room(&c->intake) < CHANNEL_READ_MAX;
    channel_hold(c->channel, c->intake.ended || c->held);
}

/* --- the channel --- */

static void came(void *arg, struct span bytes)
{
    struct client *c = arg;
    if (c->intake.ended)
        return;
    if (intake_add(&c->intake, bytes))
        interpreter_cancel(c->interpreter);
    hold_input(c);
}

static void closed(void *arg, int error)
{
    struct client *c = arg;
    intake_end(&c->intake);
    c->gone = c->gone || error != 0;
}

/* --- its end --- */

static void drain_is_over(void *arg)
{
    struct client *c = arg;
    c->hurried = true;
}

static void look_now(void *arg)
{
    (void)arg; /* the turn that follows does */
}

static void look_again(struct client *c)
{
    if (!timer_is_set(&c->look))
        timer_set(c->config.loop, &c->look, loop_now(c->config.loop) + LOOK_US, look_now, c);
}

static void limit_end(struct client *c)
{
    struct loop *loop = c->config.loop;
    if (!c->hurried && !timer_is_set(&c->drain))
        timer_set(loop, &c->drain, loop_now(loop) + c->config.drain_us, drain_is_over, c);
}

static void tell_outcome(struct client *c)
{
    raise_status(c, interpreter_status(c->interpreter));
    char *line = alloc_print("/detach %d\n", c->status);
    struct span part = span_of(line);
    send_parts(c, &part, 1);
    free(line);
    c->told = true;
    channel_finish(c->channel);
}

/* A person sees at the prompt what becomes of a line, and need not be kept waiting for it. */
static bool is_delivered(const struct client *c)
{
    return c->first == 0 || view_has_prompt(&c->view) ||
           node_are_sent(c->config.node, c->first, c->last);
}

/* Whoever is not read has an end that is not read either: it goes if nothing moves. */
static void watch_held(struct client *c)
{
    if (!c->held) {
        timer_stop(c->config.loop, &c->drain);
        return;
    }
    look_again(c);
    if (channel_has_hung_up(c->channel))
        limit_end(c);
    if (c->hurried)
        die(c);
}

static void settle(struct client *c)
{
    look_again(c);
    c->gone = c->gone || channel_has_hung_up(c->channel);
    bool idle = intake_is_empty(&c->intake) && interpreter_is_idle(c->interpreter);
    if (c->gone) {
        limit_end(c);
        c->dead = idle || c->hurried;
        return;
    }
    if (!idle)
        return;
    if (!is_delivered(c) && !c->hurried) {
        limit_end(c);
        return;
    }
    node_tell_losses(c->config.node);
    if (!is_delivered(c)) {
        raise_status(c, STATUS_UNDELIVERED);
        complain(c, "not everything that was sent is delivered yet; the node goes on trying");
    }
    tell_outcome(c);
}

void client_turn(struct client *c, bool open)
{
    if (c->dead)
        return;
    if (c->told) {
        c->dead = channel_is_finished(c->channel) || channel_has_hung_up(c->channel);
        return;
    }
    interpreter_turn(c->interpreter);
    if (open)
        run_lines(c);
    if (!c->intake.ended)
        hold_input(c);
    view_turn(&c->view);
    if (c->quits)
        return;
    if (c->intake.ended)
        settle(c);
    else
        watch_held(c);
}

bool client_is_done(const struct client *c)
{
    return c->dead;
}

void client_dismiss(struct client *c)
{
    if (!c->told) {
        if (!c->quits)
            fail(c, alloc_string("the node has left"));
        tell_outcome(c);
    }
    channel_flush(c->channel);
}

/* --- */

struct client *client_new(const struct client_config *config, int fd)
{
    static const struct channel_handlers channel_handlers = {.data = came, .end = closed};
    static const struct interpreter_handlers handlers = {
        .reply = reply, .complain = complain, .quit = quit, .history = history};
    struct client *c = alloc_zero(1, sizeof *c);
    c->config = *config;
    c->channel = channel_new(config->loop, fd, &channel_handlers, c);
    if (c->channel == NULL) {
        free(c);
        return NULL;
    }
    intake_init(&c->intake);
    c->interpreter = interpreter_new(config->loop, config->node, &handlers, c);
    view_init(&c->view, config->node, c->interpreter, send_parts, c);
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    timer_stop(c->config.loop, &c->drain);
    timer_stop(c->config.loop, &c->look);
    interpreter_free(c->interpreter);
    view_free(&c->view);
    channel_free(c->channel);
    intake_free(&c->intake);
    free(c);
}
