/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Binding, the question for a port, and the two ways of saying where we listen.
 */
#include "config.h"

#include "listening.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

enum { FREE_PORT_TRIES = 16 };

bool listening_ask(struct options *o)
{
    /* Byte by byte: what is typed ahead belongs to the line editor. */
    for (;;) {
        char text[16];
        size_t n = 0;
        char c = '\0';
        uint64_t port;
        printf("Port [%d]: ", ADDRESS_DEFAULT_PORT);
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
            if (n < sizeof text)
                text[n++] = c;
        }
        if (c != '\n')
            return false;
        if (n == 0)
            return true;
        if (span_number(span_make(text, n), &port) && port <= UINT16_MAX) {
            o->port = (uint16_t)port;
            o->port_given = true;
            return true;
        }
        log_error("a port is a number from 0 to 65535");
    }
}

static bool failed(const struct address *at)
{
    char text[ADDRESS_TEXT];
    address_print(at, text);
    if (errno == EADDRINUSE && address_is_any(at))
        log_error("port %u is in use; choose another with --port, 0 takes a free one", at->port);
    else if (errno == EADDRINUSE)
        log_error("%s is in use; choose another port with --listen, 0 takes a free one", text);
    else
        log_error("%s: cannot listen: %s", text, strerror(errno));
    return false;
}

static bool has_family(const struct options *o, int family)
{
    return o->family == 0 || o->family == family;
}

/* Both families on one port. A machine may lack one of them. */
static bool listen_everywhere(struct node *node, const struct options *o)
{
    for (int tries = 0; tries < FREE_PORT_TRIES; tries++) {
        struct address any4 = {.family = 4, .port = o->port}, any6 = {.family = 6}, at;
        bool heard = false;
        any6.port = o->port;
        if (has_family(o, 4)) {
            heard = node_listen(node, &any4, &at) == 0;
            if (!heard && (errno == EADDRINUSE || errno == EACCES || o->family == 4))
                return failed(&any4);
            if (heard)
                any6.port = at.port;
        }
        if (!has_family(o, 6) || node_listen(node, &any6, &at) == 0)
            return true;
        if (errno != EADDRINUSE)
            return heard || failed(&any6);
        if (o->port != 0)
            return failed(&any6);
        node_stop_listening(node); /* the other family has that port: draw again */
    }
    errno = EADDRINUSE;
    return failed(&(struct address){.family = 6});
}

/* One address that a program on this machine can dial. */
static void write_ready(struct node *node, const struct options *o)
{
    char text[ADDRESS_TEXT];
    struct address at = {.family = 0}, a;
    if (o->listen_count > 0) {
        node_address(node, 0, &at);
    } else {
        for (size_t i = 0; node_address(node, i, &a); i++) {
            if (at.family == 0 || (address_is_loopback(&a) && !address_is_loopback(&at)) ||
                (address_is_loopback(&a) && a.family == 4 && at.family == 6))
                at = a;
        }
    }
    address_print(&at, text);
    if (dprintf(o->ready_fd, "%s\n", text) < 0)
        log_error("--ready-fd %d: %s", o->ready_fd, strerror(errno));
    close(o->ready_fd);
}

char *listening_where(const struct node *node)
{
    struct address a;
    char *line = alloc_string("listening on");
    for (size_t i = 0; node_address(node, i, &a); i++) {
        char text[ADDRESS_TEXT];
        address_print(&a, text);
        char *longer = alloc_print("%s %s", line, text);
        free(line);
        line = longer;
    }
    return line;
}

bool listening_start(struct node *node, const struct options *o)
{
    for (size_t i = 0; i < o->listen_count; i++) {
        struct address at;
        if (node_listen(node, &o->listen[i], &at) < 0)
            return failed(&o->listen[i]);
    }
    if (o->listen_count == 0 && !listen_everywhere(node, o))
        return false;
    char *where = listening_where(node);
    log_notice("%s", where);
    free(where);
    if (o->ready_fd >= 0)
        write_ready(node, o);
    return true;
}
