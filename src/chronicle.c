/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines wait as records in blocks, oldest first; blocks that the history would let go of at once go
 * here already. They are written after the turns of a pass, when no transaction of theirs is open,
 * and seldom enough to take only a small part of the time.
 */
#include "config.h"

#include "chronicle.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "report/recall.h"
#include "store/history.h"

enum {
    DELAY_US = 1000000,
    STREAM_US = 10000000,    /* so long nothing is written of a stream of which little would stay */
    RETRY_US = 10000000,     /* after a failure */
    REST = 40,               /* times as long as writing has taken, nothing is written */
    BLOCK_BYTES = 256 << 10, /* written at once: the database's journal stays small */
    BLOCKS_BYTES = HISTORY_BYTES + 512 * HISTORY_LINES, /* a line is its text, and less than 512 */
};

/* Of each line a struct history_line, then what its spans stand for. */
struct block {
    struct block *next;
    size_t lines, used, room; /* the last two are bytes */
    char bytes[];
};

struct chronicle {
    struct loop *loop;
    struct database *db;
    struct block *first, *last; /* NULL if nothing waits */
    size_t lines, used;         /* in all blocks */
    size_t came;                /* lines since the timer was set */
    struct timer timer;
    struct task write, calm;
    uint64_t latest;        /* monotonic us: then it is written even in the middle of a stream */
    uint64_t rested;        /* monotonic us: nothing is written before, unless somebody asks */
    uint64_t pass, pass_at; /* the loop's time, and what it is in wall seconds */
    bool tried;             /* in the last pass it was written, or could not be */
    bool complained;        /* since something was written */
};

struct chronicle *chronicle_new(struct loop *loop, struct database *db)
{
    struct chronicle *c = alloc_zero(1, sizeof *c);
    c->loop = loop;
    c->db = db;
    return c;
}

/* --- records --- */

static struct span cut(struct span *rest, size_t len)
{
    struct span piece = span_make(rest->at, len);
    *rest = span_after(*rest, len);
    return piece;
}

static struct history_line cut_record(struct span *rest)
{
    struct history_line line;
    memcpy(&line, rest->at, sizeof line);
    *rest = span_after(*rest, sizeof line);
    line.address = cut(rest, line.address.len);
    line.name = cut(rest, line.name.len);
    line.node = cut(rest, line.node.len);
    line.text = cut(rest, line.text.len);
    return line;
}

static void drop_first(struct chronicle *c)
{
    struct block *b = c->first;
    c->lines -= b->lines;
    c->used -= b->used;
    c->first = b->next;
    if (c->first == NULL)
        c->last = NULL;
    free(b);
}

static void add_block(struct chronicle *c, size_t least)
{
    size_t room = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    struct block *b = alloc_resize(NULL, 1, sizeof *b + room);
    *b = (struct block){.room = room};
    while (c->first != NULL && (c->lines - c->first->lines >= HISTORY_LINES ||
                                c->used - c->first->used >= BLOCKS_BYTES))
        drop_first(c);
    if (c->last == NULL)
        c->first = b;
    else
        c->last->next = b;
    c->last = b;
}

static void append(struct chronicle *c, const struct history_line *line)
{
    const struct span parts[] = {span_make((const char *)line, sizeof *line), line->address,
                                 line->name, line->node, line->text};
    const size_t count = sizeof parts / sizeof parts[0];
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].len;
    if (c->last == NULL || c->last->room - c->last->used < size)
        add_block(c, size);
    struct block *b = c->last;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(b->bytes + b->used, parts[i].at, parts[i].len);
        b->used += parts[i].len;
    }
    b->lines++;
    c->lines++;
    c->came++;
    c->used += size;
}

/* --- writing --- */

static bool write_first(struct chronicle *c, char **cause)
{
    struct history_batch batch;
    struct span rest = span_make(c->first->bytes, c->first->used);
    if (!history_begin(&batch, c->db, cause))
        return false;
    while (rest.len > 0) {
        struct history_line line = cut_record(&rest);
        history_add(&batch, &line);
    }
    if (!history_end(&batch, cause))
        return false;
    drop_first(c);
    return true;
}

static void complain(struct chronicle *c, const char *cause)
{
    if (!c->complained)
        log_error("what is said now is not kept for /history: %s", cause);
    c->complained = true;
}

/* How long to let it be, in us. */
static uint64_t write_all(struct chronicle *c)
{
    char *cause = NULL;
    uint64_t began = clock_now_us();
    while (c->first != NULL && write_first(c, &cause))
        c->complained = false;
    if (cause != NULL) {
        complain(c, cause);
        free(cause);
        return RETRY_US;
    }
    return REST * (clock_now_us() - began);
}

static void write_due(void *arg);

static void set_timer(struct chronicle *c)
{
    uint64_t due = loop_now(c->loop) + DELAY_US;
    if (due < c->rested)
        due = c->rested;
    c->came = 0;
    timer_set(c->loop, &c->timer, due, write_due, c);
}

static void begin_to_wait(struct chronicle *c)
{
    if (timer_is_set(&c->timer))
        return;
    set_timer(c);
    c->latest = loop_now(c->loop) + STREAM_US;
}

static void calm_down(void *arg)
{
    struct chronicle *c = arg;
    c->tried = false;
}

static void write_now(void *arg)
{
    struct chronicle *c = arg;
    timer_stop(c->loop, &c->timer);
    uint64_t rest = write_all(c);
    c->rested = clock_now_us() + rest;
    if (c->first != NULL)
        begin_to_wait(c);
    c->tried = true;
    task_set(c->loop, &c->calm, calm_down, c); /* in the next pass */
}

static void write_after_turns(struct chronicle *c)
{
    task_set(c->loop, &c->write, write_now, c);
}

static void write_due(void *arg)
{
    struct chronicle *c = arg;
    if (c->came >= HISTORY_LINES && loop_now(c->loop) < c->latest)
        set_timer(c);
    else
        write_after_turns(c);
}

bool chronicle_is_settled(struct chronicle *c)
{
    if (c->first == NULL || c->tried)
        return true;
    write_after_turns(c);
    return false;
}

void chronicle_free(struct chronicle *c)
{
    if (c == NULL)
        return;
    write_all(c);
    while (c->first != NULL)
        drop_first(c);
    timer_stop(c->loop, &c->timer);
    task_stop(&c->write);
    task_stop(&c->calm);
    free(c);
}

/* --- taking --- */

static struct span or_else(const char *text, const char *otherwise)
{
    return span_of(text != NULL && text[0] != '\0' ? text : otherwise);
}

/* Read once for a pass. */
static int64_t wall_seconds(struct chronicle *c)
{
    if (c->pass != loop_now(c->loop)) {
        c->pass = loop_now(c->loop);
        c->pass_at = clock_wall_us() / 1000000;
    }
    return (int64_t)c->pass_at;
}

static void append_text(struct chronicle *c, const struct event *event, struct span text)
{
    const char *sender = event->id.node != NULL ? event->id.node : "";
    append(c, &(struct history_line){.at = wall_seconds(c),
                                     .address = or_else(event->address, "all"),
                                     .name = or_else(event->name, "-"),
                                     .node = or_else(event->node, sender),
                                     .ours = event->kind == EVENT_SAID,
                                     .direct = event->scope == SCOPE_DIRECT,
                                     .plain = event->plain,
                                     .numbered = event->id.node != NULL,
                                     .epoch = event->id.epoch,
                                     .seq = event->id.seq,
                                     .text = text});
}

void chronicle_event(struct chronicle *c, const struct event *event)
{
    if (c == NULL || (event->kind != EVENT_MESSAGE && event->kind != EVENT_SAID))
        return;
    if (event->kind == EVENT_MESSAGE)
        append_text(c, event, event->text);
    for (size_t i = 0; event->kind == EVENT_SAID && i < event->count; i++)
        append_text(c, event, event->texts[i]);
    begin_to_wait(c);
}

/* --- the last lines of former runs --- */

struct recall {
    bool colour;
    void (*print)(void *arg, struct span line);
    void *arg;
};

static void recall_line(void *arg, const struct history_line *line)
{
    const struct recall *r = arg;
    struct buffer out;
    buffer_init(&out, RECALL_MAX);
    recall_format(&out, line, r->colour);
    r->print(r->arg, buffer_span(&out));
    buffer_free(&out);
}

void chronicle_recall(struct chronicle *c, bool colour, void (*print)(void *arg, struct span line),
                      void *arg)
{
    struct recall r = {colour, print, arg};
    history_last(c->db, NULL, CHRONICLE_RECALLED, recall_line, &r);
}
