/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves bytes between a stream socket and its owner: reads at most one buffer per pass, gathers
 * queued slices into large writes at the end of the pass. It must not look at the bytes.
 */
#include "config.h"

#include "net/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "base/alloc.h"

enum {
    CHANNEL_WRITE_MAX = 64 * 1024, /* bytes per system call */
    CHANNEL_WRITES = 16,           /* calls per pass: one fast reader does not hold up the others */
    CHANNEL_IOV = 64,
};

struct channel {
    struct loop *loop;
    const struct channel_handlers *handlers;
    void *arg;
    int fd;
    struct queue queue;
    struct task task; /* sends, and tells what sending has led to */
    uint64_t written;
    uint64_t received;
    uint64_t told; /* of written, what the owner has been told about */
    struct address local, remote;
    int failure; /* errno of a failed send; 0 */
    bool full;   /* the socket took less than we had */
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

static void update_interest(struct channel *c)
{
    int interest = 0;

    if ((!c->held || c->failure != 0) && !c->end_read)
        interest |= LOOP_READ;
    if (c->full)
        interest |= LOOP_WRITE;
    loop_watch(c->loop, c->fd, interest, become_ready, c);
}

/* ---- beginning and end */

static void read_addresses(struct channel *c)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;

    if (getsockname(c->fd, (struct sockaddr *)&name, &len) == 0)
        address_from_sockaddr(&name, &c->local);
    len = sizeof name;
    if (getpeername(c->fd, (struct sockaddr *)&name, &len) == 0)
        address_from_sockaddr(&name, &c->remote);
}

static void prepare_socket(int fd)
{
    int on = 1;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* We gather whole turns ourselves; the kernel need not wait for more. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

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
    prepare_socket(fd);
    c->loop = loop;
    c->handlers = handlers;
    c->arg = arg;
    c->fd = fd;
    queue_init(&c->queue);
    read_addresses(c);
    return c;
}

void channel_free(struct channel *c)
{
    if (c == NULL)
        return;
    task_stop(&c->task);
    loop_unwatch(c->loop, c->fd);
    close(c->fd);
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

static void read_some(struct channel *c)
{
    ssize_t len = recv(c->fd, read_buffer, sizeof read_buffer, 0);

    if (len > 0) {
        c->received += (uint64_t)len;
        c->handlers->data(c->arg, span_make(read_buffer, (size_t)len));
    } else if (len == 0) {
        tell_end(c, c->failure);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        c->failure = errno;
        c->full = false;
        tell_end(c, c->failure);
    }
}

/* ---- out */

/* Nothing more goes out, but what came in before may still be unread: the end is told when reading
 * has come to it, which the shutdown makes sure of. If it had before, tell_written() says so. */
static void fail(struct channel *c, int error)
{
    c->failure = error;
    shutdown(c->fd, SHUT_RDWR);
    update_interest(c); /* held or not, its end is to be noticed */
}

/* Fills iov with at most CHANNEL_WRITE_MAX bytes from the front of the queue. */
static int gather(const struct channel *c, struct iovec iov[CHANNEL_IOV], size_t *total)
{
    int count = queue_iov(&c->queue, iov, CHANNEL_IOV);
    int used = 0;

    *total = 0;
    while (used < count && *total < CHANNEL_WRITE_MAX) {
        if (iov[used].iov_len > CHANNEL_WRITE_MAX - *total)
            iov[used].iov_len = CHANNEL_WRITE_MAX - *total;
        *total += iov[used++].iov_len;
    }
    return used;
}

/* One system call; false if the socket takes no more for now. */
static bool write_once(struct channel *c)
{
    struct iovec iov[CHANNEL_IOV];
    size_t total;
    struct msghdr message = {.msg_iov = iov};

    message.msg_iovlen = gather(c, iov, &total);
    ssize_t len = sendmsg(c->fd, &message, MSG_NOSIGNAL);
    if (len < 0) {
        if (errno == EINTR)
            return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS && errno != ENOMEM)
            fail(c, errno);
        return false;
    }
    c->written += (uint64_t)len;
    queue_consume(&c->queue, (size_t)len);
    return (size_t)len == total;
}

static void write_some(struct channel *c)
{
    for (int i = 0; i < CHANNEL_WRITES && c->queue.bytes > 0; i++)
        if (!write_once(c))
            break;
    c->full = c->queue.bytes > 0 && c->failure == 0;
    if (c->finish && !c->finished && c->queue.bytes == 0 && c->failure == 0) {
        c->finished = true;
        shutdown(c->fd, SHUT_WR);
    }
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

    if (!c->full && c->failure == 0)
        write_some(c);
    /* Handlers that run here run after the turns: give those another look. */
    if (c->told != c->written || c->failure != 0)
        loop_again(c->loop);
    tell_written(c);
}

static void become_ready(void *arg, int events)
{
    struct channel *c = arg;

    if (events & LOOP_READ)
        read_some(c);
    if ((events & LOOP_WRITE) && c->full) {
        c->full = false;
        write_some(c);
        tell_written(c);
    }
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
    task_set(c->loop, &c->task, run_task, c);
}

void channel_hold(struct channel *c, bool hold)
{
    c->held = hold;
    update_interest(c);
}

void channel_limit_silence(struct channel *c, uint64_t us)
{
#ifdef TCP_USER_TIMEOUT
    unsigned ms = (unsigned)((us + 999) / 1000);
    setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
#else
    (void)c;
    (void)us;
#endif
}

/* ---- what is known of it */

bool channel_is_finished(const struct channel *c)
{
    return c->finished;
}

bool channel_has_hung_up(const struct channel *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
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
    int bytes = 0;

#ifdef SIOCOUTQ
    if (ioctl(c->fd, SIOCOUTQ, &bytes) != 0)
        return 0;
#endif
    return bytes;
}

void channel_local(const struct channel *c, struct address *out)
{
    *out = c->local;
}

void channel_remote(const struct channel *c, struct address *out)
{
    *out = c->remote;
}
