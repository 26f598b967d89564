/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stands in for net/endpoint and net/resolver: listeners, and dials that take their time, hang or
 * fail. Hosts are only ever named by address here, so that nothing is looked up.
 */
#include "config.h"

#include "sim_endpoint.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "net/resolver.h"
#include "sim_loop.h"

enum {
    DIAL_FAILS_ONE_IN = 30,
    DIAL_HANGS_ONE_IN = 40,
};

struct listener {
    struct listener *next;
    struct machine *machine;
    struct address address;
    void (*accepted)(void *arg, int fd, const struct address *from);
    void *arg;
};

static struct listener *listeners;

/* ---- listening */

struct listener *listener_new(struct loop *loop, const struct address *at,
                              void (*accepted)(void *arg, int fd, const struct address *from),
                              void *arg)
{
    struct listener *l = alloc_zero(1, sizeof *l);

    l->machine = loop_machine(loop);
    l->address = *at;
    l->accepted = accepted;
    l->arg = arg;
    l->next = listeners;
    listeners = l;
    return l;
}

static void unlist(struct listener *l)
{
    struct listener **at = &listeners;

    while (*at != NULL && *at != l)
        at = &(*at)->next;
    if (*at == l)
        *at = l->next;
}

void listener_free(struct listener *l)
{
    struct end *e;

    if (l == NULL)
        return;
    if (world_effect())
        for (int fd = 0; (e = network_next(l->machine, fd)) != NULL;) {
            fd = e->fd;
            if (e->accept_at != 0 && e->owner == NULL)
                end_close(e);
        }
    unlist(l);
    free(l);
}

void listener_address(const struct listener *l, struct address *out)
{
    *out = l->address;
}

static struct listener *find_listener(const struct machine *m, uint16_t port)
{
    for (struct listener *l = listeners; l != NULL; l = l->next)
        if (l->machine == m && l->address.port == port && !m->dead)
            return l;
    return NULL;
}

void endpoint_accept(struct end *e)
{
    struct listener *l = find_listener(e->machine, e->local.port);
    int fd = e->fd;

    if (l == NULL || !world_effect())
        return;
    trace("%d is accepted", fd);
    l->accepted(l->arg, fd, &e->remote);
    /* It was close(2)d instead of being made a channel. */
    e = network_find(fd);
    if (e != NULL && e->owner == NULL && !e->machine->dead)
        end_close(e);
}

/* ---- dialling */

struct dial {
    struct loop *loop;
    struct address to;
    struct timer timer;
    uint64_t deadline;
    int fd; /* of the connection, once it stands; or 0 */
    void (*ended)(void *arg, int fd, int error);
    void *arg;
    int error; /* what it will end with */
};

void dial_cancel(struct dial *d)
{
    if (d == NULL)
        return;
    timer_stop(d->loop, &d->timer);
    struct end *e = d->fd != 0 ? network_find(d->fd) : NULL;
    if (e != NULL && world_effect())
        end_close(e);
    free(d);
}

static void end_dial(void *arg)
{
    struct dial *d = arg;
    void (*ended)(void *arg, int fd, int error) = d->ended;
    void *owner = d->arg;
    int fd = d->fd != 0 ? d->fd : -1, error = d->error;

    if (!world_effect())
        return;
    trace("the dial ends with %d, %s", fd, strerror(error));
    free(d);
    ended(owner, fd, error);
}

static void end_later(struct dial *d, int error)
{
    uint64_t at = network_arrival(loop_machine(d->loop));

    d->error = error;
    if (at > d->deadline) {
        at = d->deadline;
        d->error = d->fd == 0 ? ETIMEDOUT : error;
    }
    timer_set(d->loop, &d->timer, at, end_dial, d);
}

static void hang(struct dial *d)
{
    d->error = ETIMEDOUT;
    timer_set(d->loop, &d->timer, d->deadline, end_dial, d);
}

/* The SYN has come there. */
static void knock(void *arg)
{
    struct dial *d = arg;
    struct machine *from = loop_machine(d->loop), *to = machine_at(&d->to);

    if (to == NULL || one_in(DIAL_HANGS_ONE_IN) || network_is_blocked(to)) {
        hang(d);
    } else if (find_listener(to, d->to.port) == NULL || one_in(DIAL_FAILS_ONE_IN)) {
        end_later(d, one_in(2) ? ECONNREFUSED : EHOSTUNREACH);
    } else {
        struct end *e = network_connect(from, to, d->to.port);
        struct end *there = network_next(to, e->fd);
        there->accept_at = network_arrival(from);
        d->fd = e->fd;
        end_later(d, 0);
    }
}

struct dial *dial_start(struct loop *loop, const struct address *candidates, size_t count,
                        const struct address *from, size_t from_count,
                        void (*ended)(void *arg, int fd, int error), void *arg)
{
    struct dial *d = alloc_zero(1, sizeof *d);
    uint64_t arrives = network_arrival(loop_machine(loop));

    (void)from;
    (void)from_count;
    assert(count > 0);
    d->loop = loop;
    d->ended = ended;
    d->arg = arg;
    d->to = candidates[0];
    for (size_t i = count; i-- > 0;) {
        struct machine *to = machine_at(&candidates[i]);
        if (to != NULL && find_listener(to, candidates[i].port) != NULL)
            d->to = candidates[i];
    }
    d->deadline = loop_now(loop) + DIAL_DEADLINE_US;
    trace("dials port %u", d->to.port);
    if (arrives >= d->deadline)
        hang(d);
    else
        timer_set(loop, &d->timer, arrives, knock, d);
    return d;
}

void endpoint_forget(const struct machine *m)
{
    for (struct listener *l = listeners, *next; l != NULL; l = next) {
        next = l->next;
        if (l->machine == m)
            unlist(l);
    }
}

size_t endpoint_local_addresses(struct address *out, size_t max)
{
    assert(max > 0);
    out[0] = world.running->address;
    out[0].port = 0;
    return 1;
}

/* ---- names */

struct resolver *resolver_new(struct loop *loop)
{
    (void)loop;
    abort();
}

void resolver_free(struct resolver *r)
{
    assert(r == NULL);
}

struct lookup *resolver_lookup(struct resolver *r, const char *host, uint16_t port, int family,
                               void (*ended)(void *arg, const struct address *addresses,
                                             size_t count, const char *cause),
                               void *arg)
{
    (void)r, (void)host, (void)port, (void)family, (void)ended, (void)arg;
    abort();
}

void lookup_cancel(struct lookup *l)
{
    assert(l == NULL);
}
