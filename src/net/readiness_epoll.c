/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel keeps what is wanted, in epoll(7), so that a wait costs the same however many are
 * idle. It is told late, once before a wait, and only what has changed by then. It must not know
 * what any descriptor is for.
 */
#include "config.h"

#include "net/readiness.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

#include "base/alloc.h"

/* How long what the kernel has had no memory for waits to be told once more. */
static const struct timespec retry = {.tv_nsec = 100 * 1000 * 1000};

struct watched {
    unsigned char wanted, told; /* LOOP_READ, LOOP_WRITE */
    bool pending;
    bool file; /* epoll takes none: it is always ready */
};

struct readiness {
    int kernel;
    struct watched watched[FD_SETSIZE];
    int pending[FD_SETSIZE]; /* those the kernel may not watch as they are wanted */
    int pending_count;
    struct epoll_event events[FD_SETSIZE];
};

struct readiness *readiness_new(void)
{
    int kernel = epoll_create1(EPOLL_CLOEXEC);

    if (kernel < 0)
        return NULL;
    if (kernel >= FD_SETSIZE) {
        close(kernel);
        errno = EMFILE;
        return NULL;
    }
    struct readiness *r = alloc_zero(1, sizeof *r);
    r->kernel = kernel;
    return r;
}

void readiness_free(struct readiness *r)
{
    close(r->kernel);
    free(r);
}

/* ---- what is wanted */

void readiness_want(struct readiness *r, int fd, int interest)
{
    struct watched *w = &r->watched[fd];

    w->wanted = (unsigned char)interest;
    if (w->pending || w->wanted == w->told)
        return;
    w->pending = true;
    r->pending[r->pending_count++] = fd;
}

/* What is not wanted must not be there with no events: it would still be told to have failed. */
static void tell(struct readiness *r, int fd)
{
    struct watched *w = &r->watched[fd];
    struct epoll_event event = {
        .events = (w->wanted & LOOP_READ ? EPOLLIN : 0U) | (w->wanted & LOOP_WRITE ? EPOLLOUT : 0U),
        .data.fd = fd,
    };
    int change = w->told == 0 ? EPOLL_CTL_ADD : w->wanted == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (w->wanted == w->told || w->file)
        return;
    if (epoll_ctl(r->kernel, change, fd, &event) == 0) {
        w->told = w->wanted;
        return;
    }
    /* Anything else: somebody has closed a descriptor and not said so. */
    assert(errno == EPERM || errno == ENOMEM || errno == ENOSPC);
    w->file = errno == EPERM;
}

/* At once, for the kernel forgets it only when nobody has it open any more. */
void readiness_forget(struct readiness *r, int fd)
{
    struct watched *w = &r->watched[fd];

    w->wanted = 0;
    tell(r, fd);
    w->file = false;
}

/* Files stay pending, as does what the kernel has refused. Returns how many files are ready. */
static int tell_all(struct readiness *r, struct ready *found)
{
    int files = 0, kept = 0;

    for (int i = 0; i < r->pending_count; i++) {
        int fd = r->pending[i];
        struct watched *w = &r->watched[fd];

        tell(r, fd);
        if (w->file && w->wanted != 0)
            found[files++] = (struct ready){.fd = fd, .events = w->wanted};
        w->pending = w->wanted != w->told;
        if (w->pending)
            r->pending[kept++] = fd;
    }
    r->pending_count = kept;
    return files;
}

/* ---- the wait */

static bool is_later(const struct timespec *limit, const struct timespec *than)
{
    return limit == NULL || limit->tv_sec > than->tv_sec ||
           (limit->tv_sec == than->tv_sec && limit->tv_nsec > than->tv_nsec);
}

/* As pselect(2) does. */
static int wait_for_kernel(struct readiness *r, const struct timespec *limit, const sigset_t *mask)
{
    fd_set kernel;

    FD_ZERO(&kernel);
    FD_SET(r->kernel, &kernel);
    int count = pselect(r->kernel + 1, &kernel, NULL, NULL, limit, mask);
    assert(count >= 0 || errno == EINTR);
    return count;
}

static int collect(struct readiness *r, struct ready *found, int room)
{
    int count = epoll_wait(r->kernel, r->events, room, 0);

    assert(count >= 0 || errno == EINTR);
    for (int i = 0; i < count; i++) {
        uint32_t events = r->events[i].events;
        bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;

        found[i] = (struct ready){
            .fd = r->events[i].data.fd,
            .events = (broken || events & EPOLLIN ? LOOP_READ : 0) |
                      (broken || events & EPOLLOUT ? LOOP_WRITE : 0),
        };
    }
    return count > 0 ? count : 0;
}

int readiness_wait(struct readiness *r, const struct timespec *limit, const sigset_t *mask,
                   struct ready found[])
{
    static const struct timespec none = {0};
    int files = tell_all(r, found);

    if (files == 0 && r->pending_count > 0 && is_later(limit, &retry))
        limit = &retry;
    if (files == 0 && is_later(limit, &none)) {
        int count = wait_for_kernel(r, limit, mask);
        if (count <= 0)
            return count;
    }
    return files + collect(r, found + files, FD_SETSIZE - files);
}
