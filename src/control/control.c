/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A short list of clients, and the door to it.
 */
#include "config.h"

#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "control/gate.h"

enum { RETRY_US = 1000000 /* after an accept(2) that failed */ };

struct control {
    struct client_config config;
    char *folder;
    int fd;
    struct timer retry;
    bool failing; /* that was said once, until one succeeds */
    struct client *clients[CONTROL_CLIENTS];
    size_t count;
};

static void knocked(void *arg, int events);

static void listen_again(void *arg)
{
    struct control *c = arg;
    loop_watch(c->config.loop, c->fd, LOOP_READ, knocked, c);
}

/* Why the one who has come cannot be let in; NULL if it can. */
static const char *refusal(const struct control *c, int fd)
{
    if (!gate_trusts(fd))
        return "! this node belongs to another user\n/detach 1\n";
    if (c->count == CONTROL_CLIENTS)
        return "! too many clients are attached to this node\n/detach 1\n";
    return NULL;
}

static void take_in(struct control *c, int fd)
{
    const char *cause = refusal(c, fd);
    if (cause != NULL) {
        (void)!send(fd, cause, strlen(cause), MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
        return;
    }
    struct client *client = client_new(&c->config, fd);
    if (client == NULL)
        log_error("a client of the control socket was refused: %s", strerror(errno));
    else
        c->clients[c->count++] = client;
}

static void knocked(void *arg, int events)
{
    struct control *c = arg;
    (void)events;
    int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        c->failing = false;
        take_in(c, fd);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED) {
        if (!c->failing)
            log_error("nobody can attach for now: %s", strerror(errno));
        c->failing = true;
        loop_watch(c->config.loop, c->fd, 0, knocked, c);
        timer_set(c->config.loop, &c->retry, loop_now(c->config.loop) + RETRY_US, listen_again, c);
    }
}

void control_event(struct control *c, const struct event *event)
{
    for (size_t i = 0; c != NULL && i < c->count; i++)
        client_event(c->clients[i], event);
}

void control_turn(struct control *c, bool open)
{
    if (c == NULL)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++)
        client_turn(c->clients[i], open);
    for (size_t i = 0; i < c->count; i++) {
        if (client_is_done(c->clients[i]))
            client_free(c->clients[i]);
        else
            c->clients[kept++] = c->clients[i];
    }
    c->count = kept;
}

struct control *control_new(const char *folder, const struct client_config *config)
{
    int fd = gate_open(folder);
    if (fd < 0) {
        log_error("%s/%s: %s; this node cannot be attached to", folder, GATE_NAME, strerror(errno));
        return NULL;
    }
    struct control *c = alloc_zero(1, sizeof *c);
    c->config = *config;
    c->folder = alloc_string(folder);
    c->fd = fd;
    listen_again(c);
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->count; i++) {
        client_dismiss(c->clients[i]);
        client_free(c->clients[i]);
    }
    timer_stop(c->config.loop, &c->retry);
    loop_unwatch(c->config.loop, c->fd);
    gate_close(c->folder);
    close(c->fd);
    free(c->folder);
    free(c);
}
