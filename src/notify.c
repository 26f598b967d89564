/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words to a service manager, each a datagram. Why they are said is not known here.
 */
#include "config.h"

#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

/* 0, or -1 with errno. An abstract name ends where its length says, not at a NUL. */
static int make_address(const char *name, struct sockaddr_un *out, socklen_t *len)
{
    size_t used = strlen(name);

    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (name[0] != '/' && name[0] != '@') {
        errno = EAFNOSUPPORT;
        return -1;
    }
    if (used >= sizeof out->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(out->sun_path, name, used + 1);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used + (name[0] == '/'));
    return 0;
}

static int send_to(const char *name, const char *words)
{
    struct sockaddr_un to;
    socklen_t len;

    if (make_address(name, &to, &len) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    ssize_t sent = sendto(fd, words, strlen(words), MSG_NOSIGNAL, (struct sockaddr *)&to, len);
    close(fd);
    return sent < 0 ? -1 : 0;
}

static void notify(const char *words)
{
    const char *name = getenv("NOTIFY_SOCKET");

    if (name != NULL && name[0] != '\0' && send_to(name, words) != 0)
        log_error("NOTIFY_SOCKET %s: %s", name, strerror(errno));
}

void notify_ready(const char *status)
{
    char *words = alloc_print("READY=1\nSTATUS=%s\n", status);

    notify(words);
    free(words);
}

void notify_stopping(void)
{
    notify("STOPPING=1\n");
}
