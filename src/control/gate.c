/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A UNIX stream socket in a folder. Its address has room for 107 bytes of a path: a longer one is
 * reached by way of a descriptor of its folder, see proc(5), /proc/PID/fd.
 */
#include "config.h"

#include "control/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"

enum { BACKLOG = 16 };

typedef int socket_call(int fd, const struct sockaddr *address, socklen_t len);

static int call(socket_call *what, int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, len);
    return what(fd, (struct sockaddr *)&address, sizeof address);
}

static int call_in_folder(socket_call *what, int fd, const char *folder, const char *name)
{
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -1;
    char *path = alloc_print("/proc/self/fd/%d/%s", at, name);
    int result = call(what, fd, path);
    int error = errno;
    free(path);
    close(at);
    errno = error;
    return result;
}

/* bind(2) or connect(2) for a path of any length. */
static int call_at(socket_call *what, int fd, const char *path)
{
    int result = call(what, fd, path);
    if (result == 0 || errno != ENAMETOOLONG)
        return result;
    char *folder = alloc_string(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        *slash = '\0';
        result = call_in_folder(what, fd, slash == folder ? "/" : folder, slash + 1);
    }
    free(folder);
    return result;
}

/* It does not block: connect(2) waits for a listener that has stopped. */
static int make_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int give_up(int fd)
{
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int gate_open(const char *folder)
{
    int fd = make_socket();
    if (fd < 0)
        return -1;
    char *path = alloc_print("%s/%s", folder, GATE_NAME);
    bool ready = (unlink(path) == 0 || errno == ENOENT) && call_at(bind, fd, path) == 0 &&
                 chmod(path, 0600) == 0 && listen(fd, BACKLOG) == 0;
    free(path);
    return ready ? fd : give_up(fd);
}

void gate_close(const char *folder)
{
    char *path = alloc_print("%s/%s", folder, GATE_NAME);
    unlink(path);
    free(path);
}

int gate_connect(const char *path)
{
    struct stat st;
    int fd = make_socket();
    if (fd < 0)
        return -1;
    bool inside = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    char *whole = inside ? alloc_print("%s/%s", path, GATE_NAME) : alloc_string(path);
    int result = call_at(connect, fd, whole);
    free(whole);
    return result == 0 ? fd : give_up(fd);
}

bool gate_trusts(int fd)
{
#ifdef SO_PEERCRED
    struct ucred other;
    socklen_t len = sizeof other;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &len) == 0 &&
           (other.uid == geteuid() || other.uid == 0);
#else
    uid_t user;
    gid_t group;
    return getpeereid(fd, &user, &group) == 0 && (user == geteuid() || user == 0);
#endif
}
