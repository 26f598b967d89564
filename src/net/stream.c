/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One socket. Plain bytes are gathered into one large system call; inside TLS they are copied
 * together, so that many short lines make few records. It must not look at the bytes.
 */
#include "config.h"

#include "net/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "net/loop.h"

enum { STREAM_IOV = 64 };

/* ---- the socket */

void stream_init(struct stream *s, int fd)
{
    *s = (struct stream){.fd = fd, .ready = true};
    s->read_waits = LOOP_READ;
    s->write_waits = LOOP_WRITE;
}

void stream_close(struct stream *s)
{
    tls_free(s->tls);
    close(s->fd);
}

void stream_local(const struct stream *s, struct address *out)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;

    getsockname(s->fd, (struct sockaddr *)&name, &len);
    address_from_sockaddr(&name, out);
}

void stream_remote(const struct stream *s, struct address *out)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;

    getpeername(s->fd, (struct sockaddr *)&name, &len);
    address_from_sockaddr(&name, out);
}

void stream_limit_silence(struct stream *s, uint64_t us)
{
#ifdef TCP_USER_TIMEOUT
    unsigned ms = (unsigned)((us + 999) / 1000);
    setsockopt(s->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
#else
    (void)s;
    (void)us;
#endif
}

bool stream_has_hung_up(const struct stream *s)
{
    struct pollfd p = {.fd = s->fd};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR)) != 0;
}

int stream_unacknowledged(const struct stream *s)
{
    int bytes = 0;

#ifdef SIOCOUTQ
    if (ioctl(s->fd, SIOCOUTQ, &bytes) != 0)
        return 0;
#else
    (void)s;
#endif
    return bytes;
}

const char *stream_failure(const struct stream *s, int error)
{
    const char *cause = s->tls != NULL && error == EPROTO ? tls_cause(s->tls) : NULL;
    return cause != NULL ? cause : strerror(error);
}

/* ---- plain */

static ssize_t one_reason_to_wait(ssize_t result)
{
    if (result < 0 && (errno == EWOULDBLOCK || errno == EINTR))
        errno = EAGAIN;
    return result;
}

/* Fills iov with at most max bytes from the front of the queue. */
static int gather(const struct queue *queue, size_t max, struct iovec iov[STREAM_IOV],
                  size_t *total)
{
    int count = queue_iov(queue, iov, STREAM_IOV);
    int used = 0;

    *total = 0;
    while (used < count && *total < max) {
        if (iov[used].iov_len > max - *total)
            iov[used].iov_len = max - *total;
        *total += iov[used++].iov_len;
    }
    return used;
}

static ssize_t send_plain(const struct stream *s, const struct queue *queue, size_t *offered)
{
    struct iovec iov[STREAM_IOV];
    struct msghdr message = {.msg_iov = iov};

    message.msg_iovlen = (size_t)gather(queue, STREAM_WRITE_MAX, iov, offered);
    ssize_t len = sendmsg(s->fd, &message, MSG_NOSIGNAL);
    if (len < 0 && (errno == ENOBUFS || errno == ENOMEM))
        errno = EAGAIN;
    return one_reason_to_wait(len);
}

int stream_peek(const struct stream *s, unsigned char *byte)
{
    return (int)one_reason_to_wait(recv(s->fd, byte, 1, MSG_PEEK));
}

/* ---- inside TLS */

void stream_secure(struct stream *s, struct tls_context *context, bool dialer)
{
    s->tls = tls_new(context, s->fd, dialer);
    s->ready = false;
}

/* As a system call would say it: len, 0 at the end, or -1. */
static ssize_t outcome(enum tls_result result, size_t len, int *waits)
{
    if (result == TLS_DONE)
        return (ssize_t)len;
    if (result == TLS_ENDED)
        return 0;
    if (result == TLS_READ || result == TLS_WRITE) {
        *waits = result == TLS_READ ? LOOP_READ : LOOP_WRITE;
        errno = EAGAIN;
    }
    return -1;
}

int stream_shake(struct stream *s)
{
    if (outcome(tls_handshake(s->tls), 0, &s->read_waits) != 0)
        return -1;
    s->read_waits = LOOP_READ;
    s->ready = true;
    return 0;
}

/* As many bytes of the front as a record holds, in one run. */
static struct span join(const struct queue *queue)
{
    static char record[TLS_RECORD_BYTES];
    struct iovec iov[STREAM_IOV];
    size_t total, len = 0;
    int count = gather(queue, sizeof record, iov, &total);

    if (count == 1)
        return span_make(iov[0].iov_base, total);
    for (int i = 0; i < count; len += iov[i++].iov_len)
        memcpy(record + len, iov[i].iov_base, iov[i].iov_len);
    return span_make(record, len);
}

static ssize_t send_encrypted(struct stream *s, const struct queue *queue, size_t *offered)
{
    struct span bytes = join(queue);
    size_t len;

    *offered = bytes.len;
    s->write_waits = LOOP_WRITE;
    enum tls_result result = tls_write(s->tls, bytes, &len);
    return outcome(result, len, &s->write_waits);
}

static ssize_t read_encrypted(struct stream *s, char *out)
{
    size_t len;

    s->read_waits = LOOP_READ;
    enum tls_result result = tls_read(s->tls, out, &len);
    return outcome(result, len, &s->read_waits);
}

/* ---- either */

ssize_t stream_read(struct stream *s, char *out, size_t size)
{
    if (s->tls != NULL)
        return read_encrypted(s, out);
    return one_reason_to_wait(recv(s->fd, out, size, 0));
}

ssize_t stream_write(struct stream *s, const struct queue *queue, size_t *offered)
{
    return s->tls != NULL ? send_encrypted(s, queue, offered) : send_plain(s, queue, offered);
}

int stream_finish(struct stream *s)
{
    if (s->tls != NULL && outcome(tls_finish(s->tls), 0, &s->write_waits) != 0)
        return -1;
    shutdown(s->fd, SHUT_WR);
    return 0;
}
