/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One writer per descriptor: a queue of shared chunks, and the way of writing that suits what the
 * descriptor is.
 */
#include "config.h"

#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { OUTPUT_IOV = 16 };

enum output_way {
    WAY_NONBLOCKING, /* a pipe of our own: as much as it takes */
    WAY_SOCKET,
    WAY_DIRECT,  /* a file: it never makes us wait */
    WAY_CAREFUL, /* blocking: a little, and only when select says so */
};

struct output {
    struct loop *loop;
    int fd;
    bool owned; /* fd is a reopened one */
    enum output_way way;
    bool waiting; /* for room */
    bool deaf;    /* readable for another reason: not watched for a reader that goes */
    bool dead;
    struct spool spool;
    struct queue queue;
    uint64_t accepted;
    uint64_t written; /* of those, for good: what a reader that has gone did not get never is */
    void (*failed)(void *arg, int error);
    void *arg;
};

static void ready(void *arg, int events);

static void watch(struct output *o)
{
    int interest = o->way == WAY_DIRECT ? 0 : (o->waiting ? LOOP_WRITE : 0);
    /* A pipe's write end becomes readable when its last reader goes. */
    if (o->way != WAY_DIRECT && !o->deaf)
        interest |= LOOP_READ;
    if (loop_watch(o->loop, o->fd, interest, ready, o) < 0 && interest != 0)
        o->way = WAY_DIRECT;
}

static void fail(struct output *o, int error)
{
    if (o->dead)
        return;
    o->dead = true;
    queue_clear(&o->queue);
    loop_unwatch(o->loop, o->fd);
    o->failed(o->arg, error);
}

static ssize_t write_some(struct output *o)
{
    struct iovec iov[OUTPUT_IOV];
    int count = queue_iov(&o->queue, iov, OUTPUT_IOV);
    if (o->way == WAY_SOCKET) {
        struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)count};
        return sendmsg(o->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    if (o->way == WAY_CAREFUL)
        return write(o->fd, iov[0].iov_base, iov[0].iov_len < PIPE_BUF ? iov[0].iov_len : PIPE_BUF);
    return writev(o->fd, iov, count);
}

static bool has_room(const struct output *o)
{
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    return o->way != WAY_CAREFUL || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0);
}

void output_flush(struct output *o)
{
    bool waiting = false;
    while (!o->dead && o->queue.bytes > 0) {
        if (!has_room(o)) {
            waiting = true;
            break;
        }
        ssize_t n = write_some(o);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            waiting = true;
            break;
        }
        if (n < 0) {
            fail(o, errno);
            return;
        }
        queue_consume(&o->queue, (size_t)n);
        o->written += (uint64_t)n;
    }
    if (waiting != o->waiting && !o->dead) {
        o->waiting = waiting;
        watch(o);
    }
}

static void ready(void *arg, int events)
{
    struct output *o = arg;
    if ((events & LOOP_READ) != 0) {
        struct pollfd p = {.fd = o->fd};
        if (poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
            fail(o, EPIPE);
            return;
        }
        o->deaf = true; /* somebody writes to our stdout: that says nothing about its reader */
        watch(o);
    }
    output_flush(o);
}

static void choose_way(struct output *o)
{
    struct stat st;
    o->way = WAY_CAREFUL;
    if (fstat(o->fd, &st) < 0)
        return;
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
        o->way = WAY_DIRECT;
    } else if (S_ISSOCK(st.st_mode)) {
        o->way = WAY_SOCKET;
    } else if (S_ISFIFO(st.st_mode)) {
        char path[40];
        snprintf(path, sizeof path, "/proc/self/fd/%d", o->fd);
        int own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (own < 0)
            return;
        o->fd = own;
        o->owned = true;
        o->way = WAY_NONBLOCKING;
    }
}

struct output *output_new(struct loop *loop, int fd, void (*failed)(void *arg, int error),
                          void *arg)
{
    struct output *o = alloc_zero(1, sizeof *o);
    o->loop = loop;
    o->fd = fd;
    o->failed = failed;
    o->arg = arg;
    spool_init(&o->spool);
    queue_init(&o->queue);
    choose_way(o);
    watch(o);
    return o;
}

void output_free(struct output *o)
{
    if (o == NULL)
        return;
    loop_unwatch(o->loop, o->fd);
    queue_clear(&o->queue);
    spool_free(&o->spool);
    if (o->owned)
        close(o->fd);
    free(o);
}

void output_write(struct output *o, const struct span *parts, size_t count)
{
    struct slice slice = spool_write(&o->spool, parts, count);
    o->accepted += slice.len;
    if (o->dead)
        slice_release(slice);
    else
        queue_push(&o->queue, slice);
}

uint64_t output_accepted(const struct output *o)
{
    return o->accepted;
}

size_t output_waiting(const struct output *o)
{
    return o->queue.bytes;
}

uint64_t output_written(const struct output *o)
{
    return o->written;
}
