/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two processes of a start into the background and the pipe between them: a byte in it says
 * that the child is ready, its end that it never will be.
 */
#include "config.h"

#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum { CANNOT = 1, KILLED = 128 /* and the signal's number: exit statuses, as a shell has them */ };

static bool to_null(int fd, int mode)
{
    int null = open("/dev/null", mode | O_CLOEXEC);
    if (null < 0 || dup2(null, fd) < 0) {
        log_error("/dev/null: %s", strerror(errno));
        return false;
    }
    close(null);
    return true;
}

static int wait_for_end(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return CANNOT;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status);
}

static int wait_until_ready(pid_t child, int from_child)
{
    char byte;
    ssize_t got;
    while ((got = read(from_child, &byte, 1)) < 0 && errno == EINTR)
        ;
    return got == 1 ? 0 : wait_for_end(child);
}

bool background_enter(int *waiting, int *status)
{
    int ends[2];
    pid_t child;
    *status = CANNOT;
    if (pipe2(ends, O_CLOEXEC) != 0 || (child = fork()) < 0) {
        log_error("cannot go into the background: %s", strerror(errno));
        return false;
    }
    if (child == 0) {
        close(ends[0]);
        setsid();
        *waiting = ends[1];
        return to_null(STDIN_FILENO, O_RDONLY) && to_null(STDOUT_FILENO, O_WRONLY);
    }
    close(ends[1]);
    *status = wait_until_ready(child, ends[0]);
    close(ends[0]);
    return false;
}

bool background_ready(int waiting, bool quiet)
{
    if (chdir("/") != 0) {
        log_error("/: %s", strerror(errno));
        return false;
    }
    if (quiet && !to_null(STDERR_FILENO, O_WRONLY))
        return false;
    bool heard = write(waiting, "", 1) == 1;
    if (!heard)
        log_error("whoever started me did not wait");
    close(waiting);
    return heard;
}
