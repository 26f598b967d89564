/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An interpreter and a report of its own on either side of one channel. What is said here beyond
 * the commands of every input: /follow, /cancel and /detach.
 */
#include "config.h"

#include "control/client.h"

#include <poll.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "control/follow.h"
#include "net/channel.h"
#include "report/report.h"
#include "shell/answers.h"
#include "shell/prompt.h"
#include "wire/line.h"

enum {
    LOOK_US = 1000000, /* between two looks whether a client that says no more is still there */
    COMPLAINT_MAX = 4 * 1024, /* bytes; a longer one is cut */
};

struct client {
    struct client_config config;
    int fd; /* the channel's */
    struct channel *channel;
    struct interpreter *interpreter;
    struct report *report;
    unsigned follow;
    struct prompt prompt;
    char *shown;          /* the prompt that it was told last; or NULL */
    struct buffer input;  /* from the beginning of a line on */
    bool skipping;        /* the rest of a line that is too long */
    bool held;            /* it has said so much that it is not read */
    bool running;         /* one of its lines, now */
    bool said[2];         /* has it sent anything, by enum event_scope? */
    uint64_t first, last; /* the numbers of the lines that it sent; 0 for none */
    int status;
    bool ended;   /* it says no more: its end, or /detach */
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

static void send_parts(struct client *c, const struct span *parts, size_t count)
{
    if (c->dead || c->told)
        return;
    for (size_t i = 0; i < count; i++)
        channel_send(c->channel, parts[i]);
    if (channel_queued(c->channel) <= CLIENT_OUTPUT_MAX)
        return;
    log_error("a client of the control socket does not read what it has asked for: closed");
    die(c);
}

static void print_line(void *arg, const struct span *parts, size_t count)
{
    struct client *c = arg;
    struct span mark = span_of("| ");
    if ((c->follow & FOLLOW_PEOPLE) != 0)
        send_parts(c, &mark, 1);
    send_parts(c, parts, count);
}

static void complain(void *arg, const char *text)
{
    struct client *c = arg;
    struct buffer line;
    buffer_init(&line, COMPLAINT_MAX);
    text_escape(&line, span_of(text));
    const struct span parts[] = {span_of("! "), buffer_span(&line), span_of("\n")};
    send_parts(c, parts, 3);
    buffer_free(&line);
}

static void say(void *arg, enum log_level level, const char *line)
{
    const struct client *c = arg;
    if (level == LOG_ERROR || (level == LOG_NOTICE && (c->follow & FOLLOW_PROMPT) != 0))
        complain(arg, line);
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

static void reply(void *arg, const char *command, const struct span *fields, size_t count)
{
    struct client *c = arg;
    report_reply(c->report, command, fields, count);
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

static void make_report(struct client *c)
{
    const unsigned follow = c->follow;
    const struct report_config config = {
        .style = (follow & FOLLOW_JSON) != 0     ? REPORT_JSON
                 : (follow & FOLLOW_PEOPLE) != 0 ? REPORT_PEOPLE
                                                 : REPORT_TEXT,
        .keys = answer_keys,
        .events = (follow & FOLLOW_EVENTS) != 0,
        .colour = (follow & FOLLOW_COLOUR) != 0,
        .ascii = (follow & FOLLOW_ASCII) != 0,
        .ids = (follow & FOLLOW_IDS) != 0,
        .timestamps = (follow & FOLLOW_TIMES) != 0,
    };
    const struct report_sink sink = {print_line, say, c};
    report_free(c->report);
    c->report = report_new(&config, &sink);
}

static bool is_loss(const struct event *e)
{
    return e->kind == EVENT_FAILED || e->kind == EVENT_KEPT;
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
    bool message = event->kind == EVENT_MESSAGE;
    bool lost = is_loss(event) && concerns(c, event);
    if (event->kind == EVENT_SAID && c->running)
        c->said[event->scope] = true;
    if (lost) {
        raise_status(c, STATUS_UNDELIVERED);
        prompt_lost(&c->prompt);
    }
    if (lost || (c->follow & (message ? FOLLOW_MESSAGES : FOLLOW_EVENTS)) != 0)
        report_event(c->report, event);
}

static void show_prompt(struct client *c)
{
    static const char marks[MARK_COUNT] = {
        [MARK_NONE] = '-', [MARK_ON_ITS_WAY] = '.', [MARK_DELIVERED] = '+'};
    if ((c->follow & FOLLOW_PROMPT) == 0)
        return;
    prompt_update(&c->prompt);
    const char *target = prompt_target(&c->prompt);
    char *line = alloc_print("> %c %s %s\n", marks[c->prompt.mark], node_name(c->config.node),
                             target != NULL ? target : "all");
    struct span part = span_of(line);
    if (c->shown == NULL || strcmp(c->shown, line) != 0)
        send_parts(c, &part, 1);
    free(c->shown);
    c->shown = line;
}

/* --- what it says --- */

static void end_input(struct client *c)
{
    c->ended = true;
    buffer_consume(&c->input, buffer_length(&c->input));
    channel_hold(c->channel, true);
}

static void run_follow(struct client *c, struct span words)
{
    char *cause;
    if (!follow_parse(words, &c->follow, &cause)) {
        fail(c, alloc_print("/follow: %s", cause));
        free(cause);
        return;
    }
    make_report(c);
    free(c->shown);
    c->shown = NULL;
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
    if (!c->skipping)
        fail(c, alloc_print("a line is longer than %d bytes and was not run; send it in parts",
                            LINE_MAX_BYTES - 1));
    c->skipping = true;
}

/* The next line without LF and CR, and how many bytes it has with them; false if none is whole. At
 * the end of its input the rest is one. */
static bool next_line(const struct client *c, struct span *line, size_t *bytes)
{
    struct span all = buffer_span(&c->input);
    const char *lf = all.len > 0 ? memchr(all.at, '\n', all.len) : NULL;
    if (lf == NULL && (!c->ended || all.len == 0))
        return false;
    *line = span_make(all.at, lf != NULL ? (size_t)(lf - all.at) : all.len);
    *bytes = line->len + (lf != NULL);
    if (line->len > 0 && line->at[line->len - 1] == '\r')
        line->len--;
    return true;
}

static void run_lines(struct client *c)
{
    struct span line;
    size_t bytes;
    while (may_run(c) && next_line(c, &line, &bytes)) {
        if (line.len >= LINE_MAX_BYTES)
            refuse_long_line(c);
        else if (!c->skipping)
            run_line(c, line);
        c->skipping = false;
        /* /detach has dropped it, and what comes after it. */
        if (buffer_length(&c->input) > 0)
            buffer_consume(&c->input, bytes);
        loop_again(c->config.loop);
    }
    if (!c->ended && buffer_length(&c->input) >= LINE_MAX_BYTES && !next_line(c, &line, &bytes)) {
        refuse_long_line(c);
        buffer_consume(&c->input, buffer_length(&c->input));
    }
}

/* /cancel is obeyed ahead of its turn: what came before it and was not run is dropped. */
static void look_for_cancel(struct client *c)
{
    static const char word[] = "/cancel";
    struct span all = buffer_span(&c->input);
    size_t after = 0;
    for (size_t at = 0; at < all.len;) {
        struct span rest = span_after(all, at);
        bool whole = memchr(rest.at, '\n', rest.len) != NULL;
        struct span line = span_cut_line(&rest);
        at = all.len - rest.len;
        if (line.len > 0 && line.at[line.len - 1] == '\r')
            line.len--;
        if (whole && span_is(line, word))
            after = at;
    }
    if (after == 0)
        return;
    interpreter_cancel(c->interpreter);
    buffer_consume(&c->input, after);
    c->skipping = false;
}

static void hold_input(struct client *c)
{
    c->held = buffer_length(&c->input) > CLIENT_INPUT_MAX - CHANNEL_READ_MAX;
    channel_hold(c->channel, c->ended || c->held);
}

/* --- the channel --- */

static void came(void *arg, struct span bytes)
{
    struct client *c = arg;
    if (c->ended)
        return;
    buffer_append(&c->input, bytes);
    look_for_cancel(c);
    hold_input(c);
}

static void closed(void *arg, int error)
{
    struct client *c = arg;
    c->ended = true;
    c->gone = c->gone || error != 0;
}

static void taken(void *arg)
{
    (void)arg; /* the loop gives us a turn */
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

static bool has_hung_up(const struct client *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
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

/* Waits for what it has sent, unless a person watches. */
static bool is_delivered(const struct client *c)
{
    return c->first == 0 || (c->follow & FOLLOW_PROMPT) != 0 ||
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
    if (has_hung_up(c))
        limit_end(c);
    if (c->hurried)
        die(c);
}

static void settle(struct client *c)
{
    look_again(c);
    c->gone = c->gone || has_hung_up(c);
    bool idle = buffer_length(&c->input) == 0 && interpreter_is_idle(c->interpreter);
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
        c->dead = channel_is_finished(c->channel) || has_hung_up(c);
        return;
    }
    interpreter_turn(c->interpreter);
    if (open)
        run_lines(c);
    if (!c->ended)
        hold_input(c);
    show_prompt(c);
    if (c->quits)
        return;
    if (c->ended)
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
    static const struct channel_handlers channel_handlers = {
        .data = came, .end = closed, .written = taken};
    static const struct interpreter_handlers handlers = {
        .reply = reply, .complain = complain, .quit = quit, .history = history};
    struct client *c = alloc_zero(1, sizeof *c);
    c->config = *config;
    c->fd = fd;
    c->channel = channel_new(config->loop, fd, &channel_handlers, c);
    if (c->channel == NULL) {
        free(c);
        return NULL;
    }
    buffer_init(&c->input, CLIENT_INPUT_MAX);
    c->interpreter = interpreter_new(config->loop, config->node, &handlers, c);
    prompt_init(&c->prompt, config->node, c->interpreter);
    make_report(c);
    return c;
}

void client_free(struct client *c)
{
    if (c == NULL)
        return;
    timer_stop(c->config.loop, &c->drain);
    timer_stop(c->config.loop, &c->look);
    interpreter_free(c->interpreter);
    report_free(c->report);
    channel_free(c->channel);
    buffer_free(&c->input);
    free(c->shown);
    free(c);
}
