/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening and dialling, up to the connected descriptor. It must not know what is spoken, whom
 * the addresses belong to, or when to try again.
 */
#include "config.h"

#include "net/endpoint.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

/* A stream socket for an address of this family, non-blocking; -1 with errno. */
static int open_socket(const struct address *of)
{
    int domain = of->family == 6 ? AF_INET6 : AF_INET;
    int on = 1;
    int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= FD_SETSIZE) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0 && domain == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    /* We gather whole turns ourselves; the kernel need not wait for more. A listener's are born
     * with it. */
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int close_keep_errno(int fd)
{
    int error = errno;

    close(fd);
    errno = error;
    return -1;
}

/* ---- listening */

struct listener {
    struct loop *loop;
    int fd;
    struct address address;
    void (*accepted)(void *arg, int fd, const struct address *from);
    void *arg;
    struct timer rest;
    bool complained; /* since the last accept that succeeded */
};

static void accept_some(void *arg, int events);

static int open_listener(const struct address *at)
{
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(at, &name);
    int on = 1;
    int fd = open_socket(at);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, SOMAXCONN) != 0)
        return close_keep_errno(fd);
    return fd;
}

struct listener *listener_new(struct loop *loop, const struct address *at,
                              void (*accepted)(void *arg, int fd, const struct address *from),
                              void *arg)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    int fd = open_listener(at);

    if (fd < 0)
        return NULL;
    struct listener *l = alloc_zero(1, sizeof *l);
    l->loop = loop;
    l->fd = fd;
    l->address = *at;
    if (getsockname(fd, (struct sockaddr *)&name, &len) == 0)
        address_from_sockaddr(&name, &l->address);
    l->accepted = accepted;
    l->arg = arg;
    loop_watch(loop, fd, LOOP_READ, accept_some, l);
    return l;
}

void listener_free(struct listener *l)
{
    if (l == NULL)
        return;
    timer_stop(l->loop, &l->rest);
    loop_unwatch(l->loop, l->fd);
    close(l->fd);
    free(l);
}

void listener_address(const struct listener *l, struct address *out)
{
    *out = l->address;
}

static void wake(void *arg)
{
    struct listener *l = arg;

    loop_watch(l->loop, l->fd, LOOP_READ, accept_some, l);
}

/* The connection stays in the backlog, so select would report it again at once and for ever. */
static void rest(struct listener *l, int error)
{
    char text[ADDRESS_TEXT];

    loop_watch(l->loop, l->fd, 0, accept_some, l);
    timer_set(l->loop, &l->rest, loop_now(l->loop) + ENDPOINT_REST_US, wake, l);
    if (l->complained)
        return;
    l->complained = true;
    address_print(&l->address, text);
    log_error("cannot accept a connection on %s for now: %s", text, strerror(error));
}

/* 0, or the errno for which the listener has to stop for this pass. */
static int accept_one(struct listener *l)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    struct address from = {0};
    int fd = accept4(l->fd, (struct sockaddr *)&name, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return errno;
    if (fd >= FD_SETSIZE) {
        close(fd);
        return EMFILE;
    }
    l->complained = false;
    address_from_sockaddr(&name, &from);
    l->accepted(l->arg, fd, &from);
    return 0;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void accept_some(void *arg, int events)
{
    struct listener *l = arg;

    (void)events;
    for (int i = 0; i < ENDPOINT_ACCEPTS; i++) {
        int error = accept_one(l);

        if (is_shortage(error))
            rest(l, error);
        if (error != 0 && error != ECONNABORTED)
            return; /* nothing is waiting, or it is that one connection's error: accept(2) */
    }
}

/* ---- dialling */

struct attempt {
    struct dial *dial;
    int fd; /* -1: not begun, or over */
};

struct dial {
    struct loop *loop;
    struct address candidates[DIAL_CANDIDATES];
    struct attempt attempts[DIAL_CANDIDATES];
    size_t count;
    size_t begun;           /* the candidates before this one have been tried */
    struct address from[2]; /* by family: 4, 6; family 0 for none */
    struct timer next;      /* starts the next attempt */
    struct timer deadline;
    int error; /* of the last attempt that failed */
    void (*ended)(void *arg, int fd, int error);
    void *arg;
};

static void drop_attempt(struct attempt *a)
{
    if (a->fd < 0)
        return;
    loop_unwatch(a->dial->loop, a->fd);
    close(a->fd);
    a->fd = -1;
}

void dial_cancel(struct dial *d)
{
    if (d == NULL)
        return;
    timer_stop(d->loop, &d->next);
    timer_stop(d->loop, &d->deadline);
    for (size_t i = 0; i < d->begun; i++)
        drop_attempt(&d->attempts[i]);
    free(d);
}

/* fd, or -1 with an error. */
static void end_dial(struct dial *d, int fd, int error)
{
    void (*ended)(void *arg, int fd, int error) = d->ended;
    void *arg = d->arg;

    dial_cancel(d);
    ended(arg, fd, error);
}

static bool has_pending(const struct dial *d)
{
    for (size_t i = 0; i < d->begun; i++)
        if (d->attempts[i].fd >= 0)
            return true;
    return false;
}

/* A dial of a port of this machine that nobody listens on may be given that same port to leave
 * from: TCP then connects the socket to itself. */
static bool is_self_connected(int fd)
{
    struct sockaddr_storage name = {0};
    struct address here = {0}, there = {0};
    socklen_t len = sizeof name;

    if (getsockname(fd, (struct sockaddr *)&name, &len) != 0 ||
        !address_from_sockaddr(&name, &here))
        return false;
    len = sizeof name;
    return getpeername(fd, (struct sockaddr *)&name, &len) == 0 &&
           address_from_sockaddr(&name, &there) && address_equal(&here, &there);
}

/* errno of a connect(2) that has ended; 0 if the socket is connected. */
static int connect_result(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return errno;
    return error == 0 && is_self_connected(fd) ? ECONNREFUSED : error;
}

static void begin_next(void *arg);

static void attempt_ready(void *arg, int events)
{
    struct attempt *a = arg;
    struct dial *d = a->dial;
    int fd = a->fd;

    (void)events;
    d->error = connect_result(fd);
    if (d->error != 0) {
        drop_attempt(a);
        begin_next(d);
        return;
    }
    loop_unwatch(d->loop, fd);
    a->fd = -1; /* it is the owner's now */
    end_dial(d, fd, 0);
}

static int bind_from(int fd, const struct dial *d, int family)
{
    struct sockaddr_storage name;
    struct address from = d->from[family == 6];
    int on = 1;

    if (from.family == 0)
        return 0;
#ifdef IP_BIND_ADDRESS_NO_PORT
    /* The port is chosen by connect, which may share it among destinations. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
#endif
    from.port = 0;
    return bind(fd, (struct sockaddr *)&name, address_to_sockaddr(&from, &name));
}

/* A socket on its way to the address; -1 with errno. */
static int begin_connect(const struct dial *d, const struct address *to)
{
    struct sockaddr_storage name;
    socklen_t len = address_to_sockaddr(to, &name);
    int fd = open_socket(to);

    if (fd < 0)
        return -1;
    if (bind_from(fd, d, to->family) != 0 ||
        (connect(fd, (struct sockaddr *)&name, len) != 0 && errno != EINPROGRESS && errno != EINTR))
        return close_keep_errno(fd);
    return fd;
}

/* Begins the first of the remaining candidates that can be begun; ends the dial if none is left. */
static void begin_next(void *arg)
{
    struct dial *d = arg;

    timer_stop(d->loop, &d->next);
    while (d->begun < d->count) {
        struct attempt *a = &d->attempts[d->begun];

        a->dial = d;
        a->fd = begin_connect(d, &d->candidates[d->begun++]);
        if (a->fd >= 0) {
            loop_watch(d->loop, a->fd, LOOP_WRITE, attempt_ready, a);
            timer_set(d->loop, &d->next, loop_now(d->loop) + DIAL_STAGGER_US, begin_next, d);
            return;
        }
        d->error = errno;
    }
    if (!has_pending(d))
        end_dial(d, -1, d->error);
}

static void give_up(void *arg)
{
    end_dial(arg, -1, ETIMEDOUT);
}

struct dial *dial_start(struct loop *loop, const struct address *candidates, size_t count,
                        const struct address *from, size_t from_count,
                        void (*ended)(void *arg, int fd, int error), void *arg)
{
    struct dial *d = alloc_zero(1, sizeof *d);
    uint64_t now = loop_now(loop);

    d->loop = loop;
    d->count = count < DIAL_CANDIDATES ? count : DIAL_CANDIDATES;
    for (size_t i = 0; i < d->count; i++)
        d->candidates[i] = candidates[i];
    for (size_t i = 0; i < from_count; i++)
        d->from[from[i].family == 6] = from[i];
    d->error = EADDRNOTAVAIL; /* what a dial without candidates ends with */
    d->ended = ended;
    d->arg = arg;
    /* Even the first attempt waits for the loop: it may fail at once. */
    timer_set(loop, &d->next, now, begin_next, d);
    timer_set(loop, &d->deadline, now + DIAL_DEADLINE_US, give_up, d);
    return d;
}

/* ---- this machine */

size_t endpoint_local_addresses(struct address *out, size_t max)
{
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i != NULL && count < max; i = i->ifa_next) {
        struct sockaddr_storage name = {0};

        if (i->ifa_addr == NULL || !(i->ifa_flags & IFF_UP))
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            memcpy(&name, i->ifa_addr, sizeof(struct sockaddr_in));
        else if (i->ifa_addr->sa_family == AF_INET6)
            memcpy(&name, i->ifa_addr, sizeof(struct sockaddr_in6));
        if (address_from_sockaddr(&name, &out[count]))
            out[count++].port = 0;
    }
    freeifaddrs(all);
    return count;
}
