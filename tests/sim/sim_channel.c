/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for net/channel over the simulated network, with the same moments: what is queued
 * leaves in a task at the end of the pass or at once by a flush, handlers are called by the loop
 * alone. A killed process's channels do nothing.
 */
#include "config.h"

#include "sim_channel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "network.h"
#include "sim_loop.h"

enum {
    CHANNEL_WRITES = 16, /* per pass */
    CHANNEL_WRITE_MAX = 64 * 1024,
};

struct channel {
    struct loop *loop;
    const struct channel_handlers *handlers;
    void *arg;
    struct machine *machine;
    struct end *end;
    struct address local, remote;
    struct queue queue;
    struct task task;
    uint64_t written, received, told;
    size_t window; /* what our /hello is made to say; 0 for what it says by itself */
    int failure;
    bool first_due, full, held, end_read, dead, finish, finished;
};

static char read_buffer[CHANNEL_READ_MAX];
static struct spool copies;

static void run_task(void *arg);

struct channel *channel_new(struct loop *loop, int fd, const struct channel_handlers *handlers,
                            void *arg)
{
    struct channel *c = alloc_zero(1, sizeof *c);

    c->loop = loop;
    c->machine = loop_machine(loop);
    c->handlers = handlers;
    c->arg = arg;
    c->first_due = handlers->first != NULL;
    c->end = network_find(fd);
    assert(c->end != NULL && c->end->owner == NULL);
    c->end->owner = c;
    c->local = c->end->local;
    c->remote = c->end->remote;
    c->window = one_in(4) ? chance_spread(100, 1 << 20) : 0;
    queue_init(&c->queue);
    return c;
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    task_stop(&c->task);
    if (world_effect())
        end_close(c->end);
    queue_clear(&c->queue);
    free(c);
}

/* ---- in */

static void tell_end(struct channel *c, int error)
{
    if (c->dead || (error == 0 && c->end_read))
        return;
    c->end_read = true;
    c->dead = error != 0;
    trace("%d ends: %s", c->end->fd, error == 0 ? "EOF" : strerror(error));
    c->handlers->end(c->arg, error);
}

static void show_first(struct channel *c)
{
    unsigned char byte;

    if (c->first_due && end_peek(c->end, &byte)) {
        c->first_due = false;
        c->handlers->first(c->arg, byte);
    }
}

static void read_some(struct channel *c)
{
    long len = end_read(c->end, read_buffer, sizeof read_buffer);

    if (len > 0) {
        c->received += (uint64_t)len;
        trace("%d <- %.*s", c->end->fd, (int)(len < 160 ? len : 160), read_buffer);
        c->handlers->data(c->arg, span_make(read_buffer, (size_t)len));
    } else if (len == 0) {
        tell_end(c, c->failure);
    } else if (len != -EAGAIN) {
        c->failure = (int)-len;
        c->full = false;
        tell_end(c, c->failure);
    }
}

/* ---- out */

static bool write_once(struct channel *c)
{
    struct span run = queue_peek(&c->queue, 0);

    if (run.len > CHANNEL_WRITE_MAX)
        run.len = CHANNEL_WRITE_MAX;
    if (!world_effect())
        return false;
    long len = end_write(c->end, run);
    if (len < 0) {
        if (len != -EAGAIN) {
            c->failure = (int)-len;
            network_reset(c->end, false); /* shutdown(2): reading comes to an end as well */
        }
        return false;
    }
    c->written += (uint64_t)len;
    queue_consume(&c->queue, (size_t)len);
    return (size_t)len == run.len;
}

static void write_some(struct channel *c)
{
    for (int i = 0; i < CHANNEL_WRITES && c->queue.bytes > 0; i++)
        if (!write_once(c))
            break;
    c->full = c->queue.bytes > 0 && c->failure == 0;
    if (c->finish && !c->finished && c->queue.bytes == 0 && c->failure == 0 && world_effect()) {
        c->finished = true;
        end_shutdown(c->end);
    }
}

static void tell_written(struct channel *c)
{
    if (c->told != c->written) {
        c->told = c->written;
        if (c->handlers->written != NULL)
            c->handlers->written(c->arg);
    }
    if (c->failure != 0 && c->end_read)
        tell_end(c, c->failure);
}

static void run_task(void *arg)
{
    struct channel *c = arg;

    if (!c->full && c->failure == 0)
        write_some(c);
    if (c->told != c->written || c->failure != 0)
        loop_again(c->loop);
    if (!c->machine->dead)
        tell_written(c);
}

/* A process may take less than the whole window: the others must bear any. */
static void narrow_window(const struct channel *c, char *line, size_t len)
{
    char *at = memmem(line, len, "window=", 7);
    uint64_t rest = c->window;

    if (at == NULL || rest == 0)
        return;
    char *end = at += 7;
    while (end < line + len && *end >= '0' && *end <= '9')
        end++;
    while (end > at) {
        *--end = (char)('0' + rest % 10);
        rest /= 10;
    }
}

void channel_send(struct channel *c, struct span bytes)
{
    char *line = span_string(bytes);
    const struct span copy = span_make(line, bytes.len);

    if (span_starts(copy, "/hello "))
        narrow_window(c, line, bytes.len);
    channel_send_slice(c, spool_write(&copies, &copy, 1));
    free(line);
}

void channel_send_slice(struct channel *c, struct slice slice)
{
    if (c->finish || c->machine->dead) {
        slice_release(slice);
        return;
    }
    trace("%d -> %.*s", c->end->fd, (int)(slice.len < 160 ? slice.len : 160), slice_span(slice).at);
    c->first_due = false;
    world.overhear(c->machine, slice_span(slice));
    queue_push(&c->queue, slice);
    task_set(c->loop, &c->task, run_task, c);
}

void channel_flush(struct channel *c)
{
    if (c->full || c->failure != 0 || c->machine->dead)
        return;
    write_some(c);
    task_set(c->loop, &c->task, run_task, c);
}

void channel_finish(struct channel *c)
{
    c->finish = true;
    c->first_due = false;
    task_set(c->loop, &c->task, run_task, c);
}

void channel_hold(struct channel *c, bool hold)
{
    c->held = hold;
}

/* This kernel is more patient than the node. */
void channel_limit_silence(struct channel *c, uint64_t us)
{
    (void)c;
    (void)us;
}

/* The nodes here have no key. */
void channel_secure(struct channel *c, struct tls_context *context, bool dialer)
{
    (void)c, (void)context, (void)dialer;
    assert(!"a node without a key encrypts");
}

/* ---- what is known of it */

bool channel_is_secure(const struct channel *c)
{
    (void)c;
    return false;
}

const char *channel_fingerprint(const struct channel *c)
{
    (void)c;
    assert(!"a plain peer has no fingerprint");
    return NULL;
}

void channel_exporter(const struct channel *c, unsigned char out[TLS_EXPORTER_BYTES])
{
    (void)c, (void)out;
    assert(!"nothing is exported from plain text");
}

const char *channel_failure(const struct channel *c, int error)
{
    (void)c;
    return strerror(error);
}

bool channel_is_finished(const struct channel *c)
{
    return c->finished;
}

size_t channel_queued(const struct channel *c)
{
    return c->queue.bytes;
}

uint64_t channel_written(const struct channel *c)
{
    return c->written;
}

uint64_t channel_received(const struct channel *c)
{
    return c->received;
}

int channel_unacknowledged(const struct channel *c)
{
    return c->machine->dead ? 0 : (int)end_unacknowledged(c->end);
}

void channel_local(const struct channel *c, struct address *out)
{
    *out = c->local;
}

void channel_remote(const struct channel *c, struct address *out)
{
    *out = c->remote;
}

/* ---- the loop's side */

void channel_begin(void)
{
    spool_free(&copies);
}

static bool reads(const struct channel *c)
{
    return (!c->held || c->failure != 0) && !c->end_read;
}

uint64_t channel_due(const struct channel *c)
{
    uint64_t due = reads(c) ? end_readable_at(c->end) : NEVER;

    if (c->full && end_writable_at(c->end) < due)
        due = end_writable_at(c->end);
    return due;
}

void channel_ready(struct channel *c)
{
    bool writable = c->full && end_writable_at(c->end) <= world.now;

    if (!world_effect())
        return;
    if (reads(c) && end_readable_at(c->end) <= world.now)
        show_first(c);
    if (reads(c) && end_readable_at(c->end) <= world.now)
        read_some(c);
    if (writable && c->full && !c->machine->dead) {
        c->full = false;
        write_some(c);
        if (!c->machine->dead)
            tell_written(c);
    }
}
