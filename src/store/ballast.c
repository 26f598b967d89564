/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ballast on the disk. It must not know when a disk is full, nor what for room is needed.
 */
#include "config.h"

#include "store/ballast.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"

enum { ROOM_BYTES = BALLAST_BYTES + BALLAST_BYTES / 4 };

struct ballast {
    char *path;
    bool there;
    uint64_t retry; /* not before; 0 at first */
};

struct ballast *ballast_new(const char *folder)
{
    struct ballast *b = alloc_zero(1, sizeof *b);

    b->path = alloc_print("%s/ballast", folder);
    return b;
}

void ballast_free(struct ballast *b)
{
    if (b == NULL)
        return;
    free(b->path);
    free(b);
}

/* Taking the last room would only bring the next failure about. */
static bool has_room(int fd)
{
    struct statvfs disk;

    return fstatvfs(fd, &disk) == 0 && disk.f_bavail >= ROOM_BYTES / disk.f_frsize;
}

static bool is_whole(int fd)
{
    struct stat file;

    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size >= BALLAST_BYTES &&
           file.st_blocks >= BALLAST_BYTES / 512;
}

void ballast_keep(struct ballast *b, uint64_t now)
{
    if (b->there || now < b->retry)
        return;
    b->retry = now + BALLAST_RETRY_US;
    int fd = open(b->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    b->there = is_whole(fd) || (has_room(fd) && posix_fallocate(fd, 0, BALLAST_BYTES) == 0);
    close(fd);
    if (!b->there)
        unlink(b->path);
}

bool ballast_is_kept(const struct ballast *b)
{
    return b->there;
}

bool ballast_drop(struct ballast *b, uint64_t now)
{
    b->there = false;
    b->retry = now + BALLAST_RETRY_US;
    return unlink(b->path) == 0;
}
