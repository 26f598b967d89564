/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which node is meant, and the call.
 */
#include "config.h"

#include "attach.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/gate.h"
#include "home.h"
#include "shell/interpreter.h"
#include "shell/terminal.h"

enum {
    ANSWER_MAX = 1024,   /* bytes of a node that says that it is there */
    ANSWER_US = 1000000, /* for that */
};

static char *path_of_port(uint16_t port)
{
    char *path = home_of_port(port);
    if (path == NULL)
        log_error("there is no HOME where the node's state could be; name its folder");
    return path;
}

/* NULL if there is none; the log has said why. */
static char *choose_path(const struct options *o)
{
    uint64_t port;
    if (o->address_count == 0)
        return o->state != NULL ? alloc_string(o->state) : path_of_port(home_port(o));
    if (span_number(span_of(o->addresses[0]), &port) && port <= UINT16_MAX)
        return path_of_port((uint16_t)port);
    return alloc_string(o->addresses[0]);
}

bool attached_begin(struct attached *a, const struct caller_handlers *handlers, void *arg)
{
    a->caller = caller_new(a->loop, a->fd, handlers, arg);
    if (a->caller == NULL)
        log_error("cannot attach: %s", strerror(errno));
    return a->caller != NULL;
}

void attached_send(struct attached *a, const char *words)
{
    caller_send(a->caller, span_of(words));
    caller_send(a->caller, span_of("\n"));
}

void attached_ask(const struct attached *a, const char *words, uint64_t us, struct buffer *answer)
{
    char bytes[4096];
    uint64_t now = clock_now_us(), end = now + us;
    struct pollfd p = {.fd = gate_connect(a->path), .events = POLLIN};
    if (p.fd < 0)
        return;
    if (send(p.fd, words, strlen(words), MSG_NOSIGNAL) < 0)
        end = now;
    for (; now < end && poll(&p, 1, (int)((end - now) / 1000) + 1) > 0; now = clock_now_us()) {
        ssize_t n = recv(p.fd, bytes, sizeof bytes, 0);
        if (n <= 0 || !buffer_append(answer, span_make(bytes, (size_t)n)))
            break;
    }
    close(p.fd);
}

/* A node that still answers has closed us alone. That one can connect says less: one that dies
 * closes its listener last. */
static void say_why(const struct attached *a)
{
    struct buffer answer;
    buffer_init(&answer, ANSWER_MAX);
    attached_ask(a, "/detach\n", ANSWER_US, &answer);
    if (buffer_length(&answer) > 0)
        log_error("the node goes on, but has closed this connection: it was not read for too long");
    else
        log_error("the node has ended");
    buffer_free(&answer);
}

void attached_end(void *arg, int status)
{
    struct attached *a = arg;
    a->ended = true;
    a->status = status;
    if (status < 0) {
        say_why(a);
        a->status = STATUS_FAILED;
    }
    loop_again(a->loop);
}

void attached_signalled(void *arg, int signo)
{
    struct attached *a = arg;
    a->signal = signo;
    loop_stop(a->loop);
}

static bool call(struct attached *a)
{
    a->path = choose_path(a->options);
    if (a->path == NULL)
        return false;
    a->fd = gate_connect(a->path);
    if (a->fd < 0 && (errno == ENOENT || errno == ECONNREFUSED))
        log_error("%s: no node is running there", a->path);
    else if (a->fd < 0 && errno == EAGAIN)
        log_error("%s: the node there does not answer", a->path);
    else if (a->fd < 0)
        log_error("%s: %s", a->path, strerror(errno));
    return a->fd >= 0;
}

bool attach_is_possible(const struct options *o)
{
    char *path = o->no_store        ? NULL
                 : o->state != NULL ? alloc_string(o->state)
                                    : home_of_port(home_port(o));
    int fd = path != NULL ? gate_connect(path) : -1;
    free(path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int attach_run(const struct options *o)
{
    struct attached a = {.options = o, .status = STATUS_FAILED};
    if (!call(&a)) {
        free(a.path);
        return a.status;
    }
    a.loop = loop_new();
    if (a.loop == NULL)
        log_error("no descriptor to wait with: %s", strerror(errno));
    else if (terminal_possible() && o->command_count == 0 && !o->receive_only && !o->json)
        attach_serve_console(&a);
    else
        attach_serve_script(&a);
    caller_free(a.caller);
    loop_free(a.loop);
    free(a.path);
    if (a.signal != 0) {
        signal(a.signal, SIG_DFL);
        raise(a.signal);
    }
    return a.status;
}
