/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading with every doubt about whose file it is, and writing through a second name, so that a
 * crash leaves the whole of it or nothing.
 */
#include "config.h"

#include "store/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

/* ---- reading */

/* The descriptor that path stands for, or -1. */
static int descriptor_of(const char *path)
{
    static const char folder[] = "/dev/fd/";
    struct span text = span_of(path);
    uint64_t number;

    if (!span_starts(text, folder) || !span_number(span_after(text, sizeof folder - 1), &number) ||
        number > INT_MAX)
        return -1;
    return (int)number;
}

bool private_file_is_descriptor(const char *path)
{
    return descriptor_of(path) >= 0;
}

/* NULL if the open file is fit to be believed, else what is wrong. */
static char *fault_of(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return alloc_print("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return alloc_print("%s: not a file", path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return alloc_print("%s belongs to another user", path);
    if (status.st_mode & 077)
        return alloc_print("%s is open to other users; cure: chmod 600 %s", path, path);
    return NULL;
}

/* -1 with errno; EFBIG if there is more. */
static int read_all(int fd, char *out, size_t size, size_t *len)
{
    char more;
    ssize_t got;

    *len = 0;
    do {
        bool full = *len == size;
        got = read(fd, full ? &more : out + *len, full ? 1 : size - *len);
        if (got > 0 && full) {
            errno = EFBIG;
            return -1;
        }
        *len += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    return got < 0 ? -1 : 0;
}

static char *open_fault(const char *path)
{
    return errno == ELOOP ? alloc_print("%s: a link, which is not followed", path)
                          : alloc_print("%s: %s", path, strerror(errno));
}

enum private_read private_file_read(const char *path, char *out, size_t size, size_t *len,
                                    char **cause)
{
    int given = descriptor_of(path);
    int fd = given >= 0 ? given : open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return PRIVATE_MISSING;
    *cause = fd < 0 ? open_fault(path) : given >= 0 ? NULL : fault_of(fd, path);
    if (*cause == NULL && read_all(fd, out, size, len) != 0)
        *cause = alloc_print("%s: %s", path, strerror(errno));
    if (fd > STDERR_FILENO)
        close(fd);
    return *cause == NULL ? PRIVATE_READ : PRIVATE_REFUSED;
}

/* ---- writing */

/* A name is on the disk when its folder is. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? alloc_string(".")
                                 : span_string(span_make(path, (size_t)(slash - path) + 1));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(folder);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

static int fill(int fd, struct span bytes)
{
    errno = ENOSPC; /* what a short write means */
    if (write(fd, bytes.at, bytes.len) != (ssize_t)bytes.len)
        return -1;
    return fsync(fd);
}

/* Nobody else has a name for it yet, so what a crash has left there may go. */
static int write_temporary(const char *temporary, struct span bytes)
{
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int result = fill(fd, bytes);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* link(2), unlike rename(2), leaves alone what is there. */
static int give_name(const char *temporary, const char *path, enum private_write how)
{
    return how == PRIVATE_NEW ? link(temporary, path) : rename(temporary, path);
}

bool private_file_write(const char *path, struct span bytes, enum private_write how, char **cause)
{
    char *temporary = alloc_print("%s.new", path);
    bool written = write_temporary(temporary, bytes) == 0 && give_name(temporary, path, how) == 0 &&
                   sync_folder_of(path) == 0;

    *cause = written ? NULL : alloc_print("%s: %s", path, strerror(errno));
    unlink(temporary); /* after a rename there is none */
    free(temporary);
    return written;
}

bool private_file_remove(const char *path, char **cause)
{
    bool gone = (unlink(path) == 0 || errno == ENOENT) && sync_folder_of(path) == 0;

    *cause = gone ? NULL : alloc_print("%s: %s", path, strerror(errno));
    return gone;
}
