/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is let in: a newcomer gets a connection while there are descriptors, or the place of one that
 * has been silent for long; else it is told why not. It does not know what is said.
 */
#include "config.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "mesh/internal.h"

enum {
    RESERVE = 100,                   /* descriptors kept for dials, files and the like */
    STRANGER_PATIENCE_US = 10000000, /* a silent connection makes room after so long */
    LISTENER_PATIENCE_US = 60000000,
};

/* How long the connection must have been silent to make room for another: one that has not said
 * who it is not for long, a person who listens longer, anybody else for ever. */
static uint64_t patience(const struct link *link)
{
    if (link->role == SESSION_DIALER || link->closing)
        return UINT64_MAX;
    if (link->peer == NULL)
        return STRANGER_PATIENCE_US;
    return link->peer->transient ? LISTENER_PATIENCE_US : UINT64_MAX;
}

static struct link *find_silent(struct node *node)
{
    struct link *silent = NULL;
    for (struct link *l = node->links; l != NULL; l = l->next) {
        uint64_t silence = loop_now(node->loop) - l->heard;
        if (silence < patience(l))
            continue;
        if (silent == NULL || patience(l) < patience(silent) ||
            (patience(l) == patience(silent) && l->heard < silent->heard))
            silent = l;
    }
    return silent;
}

static bool fits(int fd)
{
    int limit = loop_fd_limit();
    int reserve = limit / 8 < RESERVE ? limit / 8 : RESERVE;
    return fd < limit - reserve;
}

static void refuse(int fd)
{
    static const char words[] = "/error full no free connection, try again later\n";
    (void)!send(fd, words, sizeof words - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

void door_accepted(void *arg, int fd, const struct address *from)
{
    struct node *node = arg;
    if (node->leaving) {
        close(fd);
        return;
    }
    if (!fits(fd)) {
        struct link *silent = find_silent(node);
        if (silent == NULL) {
            char text[ADDRESS_TEXT];
            address_print(from, text);
            if (!node->full)
                log_error("%s: refused, all %d descriptors are in use; raise ulimit -n", text,
                          loop_fd_limit());
            node->full = true;
            refuse(fd);
            return;
        }
        link_kill(silent, "made room for another");
    } else {
        node->full = false;
    }
    struct link *link = link_new(node, fd, SESSION_LISTENER, NULL);
    if (link == NULL)
        log_error("a connection was refused: select() cannot watch it");
    else
        link->remote = *from; /* also of a connection that has been reset meanwhile */
}
