/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves bytes between a stream socket and its owner: reads at most one buffer per pass, writes what
 * is queued at the end of the pass. It must not look at the bytes, nor know what becomes of them on
 * the way.
 */
#include "config.h"

#include "net/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/stream.h"

enum {
    CHANNEL_WRITES = 16,  /* calls per pass: one fast reader does not hold up the others, */
    CHANNEL_RECORDS = 64, /* nor does one that sends many small TLS records */
};

struct channel {
    struct loop *loop;
    const struct channel_handlers *handlers;
    void *arg;
    struct stream stream;
    struct queue queue;
    struct task task; /* sends, and tells what sending has led to */
    uint64_t written;
    uint64_t received;
    uint64_t told;  /* of written, what the owner has been told about */
    int failure;    /* errno of a failed send; 0 */
    bool first_due; /* nothing has passed */
    bool full;      /* the socket took less than we had */
    bool held;
    bool end_read; /* the other side's FIN, or an error, has been read and told */
    bool dead;     /* an errno has been told */
    bool finish;   /* FIN once the queue is empty */
    bool finished;
};

/* What is copied goes into one stock for all channels: control lines are short and leave soon. */
static struct spool copies;

static char read_buffer[CHANNEL_READ_MAX];

static void run_task(void *arg);
static void become_ready(void *arg, int events);

/* A handshake is nothing that the owner would have to take in. */
static bool is_reading(const struct channel *c)
{
    return !c->end_read && (!c->held || c->failure != 0 || !c->stream.ready);
}

static void update_interest(struct channel *c)
{
    int interest = 0;

    if (is_reading(c))
        interest |= c->stream.read_waits;
    if (c->full)
        interest |= c->stream.write_waits;
    loop_watch(c->loop, c->stream.fd, interest, become_ready, c);
}

/* ---- beginning and end */

struct channel *channel_new(struct loop *loop, int fd, const struct channel_handlers *handlers,
                            void *arg)
{
    struct channel *c = alloc_zero(1, sizeof *c);

    if (loop_watch(loop, fd, LOOP_READ, become_ready, c) != 0) {
        free(c);
        close(fd);
        errno = EMFILE;
        return NULL;
    }
    c->loop = loop;
    c->handlers = handlers;
    c->arg = arg;
    c->first_due = handlers->first != NULL;
    stream_init(&c->stream, fd);
    queue_init(&c->queue);
    return c;
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    task_stop(&c->task);
    loop_unwatch(c->loop, c->stream.fd);
    /* As a plain socket's end says that nothing is missing. */
    if (channel_is_secure(c) && c->queue.bytes == 0 && c->failure == 0 && !c->finished)
        stream_finish(&c->stream);
    stream_close(&c->stream);
    queue_clear(&c->queue);
    free(c);
}

/* ---- in */

/* The end of the socket, once for each of its two forms; see struct channel_handlers. */
static void tell_end(struct channel *c, int error)
{
    if (c->dead || (error == 0 && c->end_read))
        return;
    c->end_read = true;
    c->dead = error != 0;
    update_interest(c);
    c->handlers->end(c->arg, error);
}

static void fail_to_read(struct channel *c, int error)
{
    if (c->failure == 0)
        c->failure = error;
    c->full = false;
    tell_end(c, c->failure);
}

/* One system call or one record; true if there may be more. */
static bool read_once(struct channel *c)
{
    ssize_t len = stream_read(&c->stream, read_buffer, sizeof read_buffer);

    if (len > 0) {
        c->received += (uint64_t)len;
        c->handlers->data(c->arg, span_make(read_buffer, (size_t)len));
    } else if (len == 0) {
        tell_end(c, c->failure);
    } else if (errno != EAGAIN) {
        fail_to_read(c, errno);
    }
    return len > 0;
}

static void read_some(struct channel *c)
{
    uint64_t enough = c->received + CHANNEL_READ_MAX - TLS_RECORD_BYTES;
    int calls = c->stream.tls != NULL ? CHANNEL_RECORDS : 1;

    while (calls-- > 0 && is_reading(c) && c->received <= enough)
        if (!read_once(c))
            break;
    update_interest(c);
}

/* Whatever else the peek finds, reading finds too. False if it has found nothing yet. */
static bool show_first(struct channel *c)
{
    unsigned char byte;
    int len = stream_peek(&c->stream, &byte);

    if (len < 0 && errno == EAGAIN)
        return false;
    if (len == 1) {
        c->first_due = false;
        c->handlers->first(c->arg, byte);
    }
    return true;
}

/* What the owner sends when it hears of it leaves with what has waited. */
static void shake(struct channel *c)
{
    if (c->dead)
        return;
    int error = stream_shake(&c->stream) == 0 ? 0 : errno;
    update_interest(c);
    if (error == EAGAIN)
        return;
    loop_again(c->loop);
    if (error != 0) {
        fail_to_read(c, error);
        return;
    }
    task_set(c->loop, &c->task, run_task, c);
    c->handlers->secured(c->arg);
}

/* ---- out */

/* Nothing more goes out, but what came in before may still be unread: the end is told when reading
 * has come to it, which the shutdown makes sure of. If it had before, tell_written() says so. */
static void fail(struct channel *c, int error)
{
    c->failure = error;
    shutdown(c->stream.fd, SHUT_RDWR);
    update_interest(c); /* held or not, its end is to be noticed */
}

/* False if the socket takes no more for now. */
static bool write_once(struct channel *c)
{
    size_t offered;
    ssize_t len = stream_write(&c->stream, &c->queue, &offered);

    if (len < 0) {
        if (errno != EAGAIN)
            fail(c, errno);
        return false;
    }
    c->written += (uint64_t)len;
    queue_consume(&c->queue, (size_t)len);
    return (size_t)len == offered;
}

static void finish(struct channel *c)
{
    c->finished = stream_finish(&c->stream) == 0;
    c->full = !c->finished && errno == EAGAIN;
    if (!c->finished && !c->full)
        fail(c, errno);
}

static void write_some(struct channel *c)
{
    if (!c->stream.ready)
        return;
    for (int i = 0; i < CHANNEL_WRITES && c->queue.bytes > 0; i++)
        if (!write_once(c))
            break;
    c->full = c->queue.bytes > 0 && c->failure == 0;
    if (c->finish && !c->finished && c->queue.bytes == 0 && c->failure == 0)
        finish(c);
    update_interest(c);
}

/* Tells what write_some() has done. Only the loop calls it. */
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

    if (!c->stream.ready)
        shake(c);
    else if (!c->full && c->failure == 0)
        write_some(c);
    /* Handlers that run here run after the turns: give those another look. */
    if (c->told != c->written || c->failure != 0)
        loop_again(c->loop);
    tell_written(c);
}

static void become_readable(struct channel *c)
{
    if (c->first_due && !show_first(c))
        return;
    if (!c->stream.ready)
        shake(c);
    else if (is_reading(c))
        read_some(c);
}

static void become_ready(void *arg, int events)
{
    struct channel *c = arg;
    bool writable = (events & c->stream.write_waits) != 0;

    if ((events & c->stream.read_waits) && is_reading(c))
        become_readable(c);
    if (writable && c->full) {
        c->full = false;
        write_some(c);
        tell_written(c);
    }
}

void channel_secure(struct channel *c, struct tls_context *context, bool dialer)
{
    assert(c->stream.tls == NULL && c->received == 0 && c->written == 0);
    c->first_due = false;
    stream_secure(&c->stream, context, dialer);
    task_set(c->loop, &c->task, run_task, c);
}

void channel_send(struct channel *c, struct span bytes)
{
    channel_send_slice(c, spool_write(&copies, &bytes, 1));
}

void channel_send_slice(struct channel *c, struct slice slice)
{
    if (c->finish) {
        slice_release(slice);
        return;
    }
    c->first_due = false;
    queue_push(&c->queue, slice);
    task_set(c->loop, &c->task, run_task, c);
}

void channel_flush(struct channel *c)
{
    if (c->full || c->failure != 0)
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
    update_interest(c);
}

void channel_limit_silence(struct channel *c, uint64_t us)
{
    stream_limit_silence(&c->stream, us);
}

/* ---- what is known of it */

bool channel_is_secure(const struct channel *c)
{
    return c->stream.tls != NULL && c->stream.ready;
}

const char *channel_fingerprint(const struct channel *c)
{
    return tls_fingerprint(c->stream.tls);
}

void channel_exporter(const struct channel *c, unsigned char out[TLS_EXPORTER_BYTES])
{
    tls_exporter(c->stream.tls, out);
}

const char *channel_failure(const struct channel *c, int error)
{
    return stream_failure(&c->stream, error);
}

bool channel_is_finished(const struct channel *c)
{
    return c->finished;
}

bool channel_has_hung_up(const struct channel *c)
{
    return stream_has_hung_up(&c->stream);
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
    return stream_unacknowledged(&c->stream);
}

void channel_local(const struct channel *c, struct address *out)
{
    stream_local(&c->stream, out);
}

void channel_remote(const struct channel *c, struct address *out)
{
    stream_remote(&c->stream, out);
}
