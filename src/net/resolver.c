/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs c-ares inside the loop: its sockets are watched, its time-outs are a timer. It must not
 * know why a name is looked up, nor dial anything.
 */
#include "config.h"

#include "net/resolver.h"

#include <ares.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"

enum {
    RESOLVER_ADDRESSES = 16, /* of a host with more, the others are left out */
    RESOLVER_SOCKETS = 16,   /* c-ares' own limit; one more is not heard, and its query times out */
    RESOLVER_TRY_MS = 2000,  /* before the next name server is asked */
    RESOLVER_TRIES = 3,
};

struct watched {
    struct resolver *resolver;
    int fd; /* -1: free */
};

struct resolver {
    struct loop *loop;
    ares_channel ares; /* NULL while nothing is looked up: so resolv.conf is read afresh */
    struct timer timeout;
    struct watched sockets[RESOLVER_SOCKETS];
    struct lookup *lookups;
};

/* Lives until it is told or cancelled, and until c-ares, which cannot drop a single query, has
 * called back. */
struct lookup {
    struct lookup *next, **link;
    struct resolver *resolver;
    uint16_t port;
    int family;     /* 4, 6 or 0 for both */
    bool localhost; /* this machine, whatever files and name servers say (RFC 6761 section 6.3) */
    void (*ended)(void *arg, const struct address *addresses, size_t count, const char *cause);
    void *arg;         /* ended is NULL once it was told or cancelled */
    bool asking;       /* c-ares will call back */
    struct timer told; /* the deadline, then the moment to tell what was found */
    struct address addresses[RESOLVER_ADDRESSES];
    size_t count;
    const char *cause;
};

static const struct cause {
    int status;
    const char *text;
} causes[] = {
    {ARES_ENOTFOUND, "no such host"},
    {ARES_ENONAME, "no such host"},
    {ARES_EBADNAME, "that is no name of a host"},
    {ARES_ENODATA, "the host has no address of that kind"},
    {ARES_ETIMEOUT, "the name server did not answer"},
    {ARES_ECONNREFUSED, "no name server can be reached"},
    {ARES_ESERVFAIL, "the name server has failed"},
    {ARES_EREFUSED, "the name server refuses to answer"},
};

static const char *cause_of(int status)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (causes[i].status == status)
            return causes[i].text;
    return "the name cannot be looked up";
}

/* ---- c-ares in the loop */

static void settle(struct resolver *r);

static void socket_ready(void *arg, int events)
{
    const struct watched *w = arg;
    struct resolver *r = w->resolver;
    int fd = w->fd;

    ares_process_fd(r->ares, events & LOOP_READ ? fd : ARES_SOCKET_BAD,
                    events & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
    settle(r);
}

static struct watched *find_socket(struct resolver *r, int fd)
{
    for (size_t i = 0; i < RESOLVER_SOCKETS; i++)
        if (r->sockets[i].fd == fd)
            return &r->sockets[i];
    return NULL;
}

static void socket_wants(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = arg;
    struct watched *w = find_socket(r, fd);
    int interest = (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0);

    if (interest == 0) {
        loop_unwatch(r->loop, fd);
        if (w != NULL)
            w->fd = -1;
        return;
    }
    if (w == NULL)
        w = find_socket(r, -1);
    if (w != NULL && loop_watch(r->loop, fd, interest, socket_ready, w) == 0)
        w->fd = fd;
}

static void time_out(void *arg)
{
    struct resolver *r = arg;

    ares_process_fd(r->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    settle(r);
}

static bool open_ares(struct resolver *r)
{
    struct ares_options options = {
        .timeout = RESOLVER_TRY_MS,
        .tries = RESOLVER_TRIES,
        .sock_state_cb = socket_wants,
        .sock_state_cb_data = r,
    };

    return r->ares != NULL || ares_init_options(&r->ares, &options,
                                                ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                                    ARES_OPT_SOCK_STATE_CB) == ARES_SUCCESS;
}

static void close_ares(struct resolver *r)
{
    timer_stop(r->loop, &r->timeout);
    if (r->ares != NULL)
        ares_destroy(r->ares);
    r->ares = NULL;
}

static bool is_awaited(const struct resolver *r)
{
    for (const struct lookup *l = r->lookups; l != NULL; l = l->next)
        if (l->asking && l->ended != NULL)
            return true;
    return false;
}

/* To be called after c-ares has been, and never from a callback of its. */
static void settle(struct resolver *r)
{
    struct timeval left;

    if (!is_awaited(r))
        close_ares(r);
    else if (ares_timeout(r->ares, NULL, &left) != NULL)
        timer_set(r->loop, &r->timeout,
                  loop_now(r->loop) + (uint64_t)left.tv_sec * 1000000 + (uint64_t)left.tv_usec,
                  time_out, r);
}

/* ---- lookups */

static void lookup_free(struct lookup *l)
{
    *l->link = l->next;
    if (l->next != NULL)
        l->next->link = l->link;
    free(l);
}

/* The owner is done with it; c-ares may still refer to it. */
static void lookup_leave(struct lookup *l)
{
    timer_stop(l->resolver->loop, &l->told);
    l->ended = NULL;
    if (!l->asking)
        lookup_free(l);
}

static void tell(void *arg)
{
    struct lookup *l = arg;
    struct resolver *r = l->resolver;
    struct lookup found = *l;

    if (l->asking)
        found.cause = cause_of(ARES_ETIMEOUT);
    lookup_leave(l);
    settle(r);
    found.ended(found.arg, found.addresses, found.count, found.cause);
}

static bool is_known(const struct address *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(&list[i], a))
            return true;
    return false;
}

/* The addresses of one family, in the order in which c-ares has sorted them by RFC 6724. */
static size_t pick(const struct lookup *l, const struct ares_addrinfo *found, int family,
                   struct address out[RESOLVER_ADDRESSES])
{
    size_t count = 0;

    for (const struct ares_addrinfo_node *n = found->nodes; n != NULL; n = n->ai_next) {
        struct sockaddr_storage name = {0};
        struct address a;

        if (count == RESOLVER_ADDRESSES || n->ai_addrlen > sizeof name)
            break;
        memcpy(&name, n->ai_addr, n->ai_addrlen);
        if (!address_from_sockaddr(&name, &a) || a.family != family)
            continue;
        a.port = l->port;
        if (!is_known(out, count, &a))
            out[count++] = a;
    }
    return count;
}

/* IPv6 and IPv4 by turns, so that a family that does not work costs one attempt at a time. */
static void take_addresses(struct lookup *l, const struct ares_addrinfo *found)
{
    struct address six[RESOLVER_ADDRESSES], four[RESOLVER_ADDRESSES];
    size_t sixes = pick(l, found, 6, six);
    size_t fours = pick(l, found, 4, four);

    for (size_t i = 0; i < RESOLVER_ADDRESSES; i++) {
        if (i < sixes && l->count < RESOLVER_ADDRESSES)
            l->addresses[l->count++] = six[i];
        if (i < fours && l->count < RESOLVER_ADDRESSES)
            l->addresses[l->count++] = four[i];
    }
}

static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    size_t len = strlen(host), last = sizeof name - 1;

    return len >= last && strcasecmp(host + len - last, name) == 0 &&
           (len == last || host[len - last - 1] == '.');
}

static void take_loopback(struct lookup *l)
{
    static const struct {
        const char *host;
        int family;
    } both[] = {{"::1", 6}, {"127.0.0.1", 4}};

    for (size_t i = 0; i < 2; i++)
        if ((l->family == 0 || l->family == both[i].family) &&
            address_parse_host(both[i].host, l->port, &l->addresses[l->count]))
            l->count++;
}

/* c-ares calls it, perhaps from within ares_getaddrinfo(): the owner is told from the loop. */
static void take_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    struct lookup *l = arg;

    (void)timeouts;
    l->asking = false;
    if (l->ended == NULL) {
        lookup_free(l);
    } else {
        if (status == ARES_SUCCESS && found != NULL)
            take_addresses(l, found);
        if (l->count == 0 && l->localhost)
            take_loopback(l);
        if (l->count == 0)
            l->cause = cause_of(status == ARES_SUCCESS ? ARES_ENODATA : status);
        timer_set(l->resolver->loop, &l->told, 0, tell, l);
    }
    if (found != NULL)
        ares_freeaddrinfo(found);
}

static void ask(struct lookup *l, const char *host)
{
    struct resolver *r = l->resolver;
    struct ares_addrinfo_hints hints = {
        .ai_family = l->family == 4   ? AF_INET
                     : l->family == 6 ? AF_INET6
                                      : AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };

    if (!open_ares(r)) {
        l->cause = cause_of(ARES_ENOTINITIALIZED);
        timer_set(r->loop, &l->told, 0, tell, l);
        return;
    }
    l->asking = true;
    ares_getaddrinfo(r->ares, host, NULL, &hints, take_answer, l);
    settle(r);
}

struct lookup *resolver_lookup(struct resolver *r, const char *host, uint16_t port, int family,
                               void (*ended)(void *arg, const struct address *addresses,
                                             size_t count, const char *cause),
                               void *arg)
{
    struct lookup *l = alloc_zero(1, sizeof *l);

    l->resolver = r;
    l->port = port;
    l->family = family;
    l->localhost = is_localhost(host);
    l->ended = ended;
    l->arg = arg;
    l->next = r->lookups;
    l->link = &r->lookups;
    if (l->next != NULL)
        l->next->link = &l->next;
    r->lookups = l;
    timer_set(r->loop, &l->told, loop_now(r->loop) + RESOLVER_DEADLINE_US, tell, l);
    ask(l, host);
    return l;
}

void lookup_cancel(struct lookup *l)
{
    if (l == NULL)
        return;
    struct resolver *r = l->resolver;
    lookup_leave(l);
    settle(r);
}

/* ---- beginning and end */

struct resolver *resolver_new(struct loop *loop)
{
    int status = ares_library_init(ARES_LIB_INIT_ALL);

    if (status != ARES_SUCCESS) {
        log_error("cannot look up names of hosts: %s", ares_strerror(status));
        return NULL;
    }
    struct resolver *r = alloc_zero(1, sizeof *r);
    r->loop = loop;
    for (size_t i = 0; i < RESOLVER_SOCKETS; i++)
        r->sockets[i] = (struct watched){.resolver = r, .fd = -1};
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    for (struct lookup *l = r->lookups, *next; l != NULL; l = next) {
        next = l->next;
        lookup_leave(l);
    }
    close_ares(r);
    ares_library_cleanup();
    free(r);
}
