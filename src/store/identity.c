/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The id in its file: read, or made and written so that a crash leaves the whole of it or nothing.
 * It must not know the database.
 */
#include "config.h"

#include "store/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

void identity_make(char out[IDENTITY_TEXT])
{
    clock_random_text(out, IDENTITY_TEXT);
}

static bool is_id(struct span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')))
            return false;
    }
    return id.len == IDENTITY_TEXT - 1;
}

/* NULL if there is none. */
static char *read_id(const char *path)
{
    char line[IDENTITY_TEXT + 1]; /* one more than it should have */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    ssize_t len = read(fd, line, sizeof line);
    close(fd);
    if (len == IDENTITY_TEXT && line[len - 1] == '\n' && is_id(span_make(line, (size_t)len - 1)))
        return span_string(span_make(line, (size_t)len - 1));
    log_error("%s holds no id of a node: it is written anew", path);
    return NULL;
}

static int write_line(int fd, const char *id)
{
    char line[IDENTITY_TEXT];

    memcpy(line, id, IDENTITY_TEXT - 1);
    line[IDENTITY_TEXT - 1] = '\n';
    errno = ENOSPC; /* what a short write means */
    if (write(fd, line, sizeof line) != (ssize_t)sizeof line)
        return -1;
    return fsync(fd);
}

/* The name is on the disk when its folder is. */
static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

/* 0, or -1 with errno. */
static int write_id(const char *folder, const char *path, const char *id)
{
    char *temporary = alloc_print("%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = fd < 0 ? -1 : write_line(fd, id);

    if (fd >= 0) {
        int error = errno;
        close(fd);
        errno = error;
    }
    if (result == 0)
        result = rename(temporary, path);
    if (result == 0)
        result = sync_folder(folder);
    free(temporary);
    return result;
}

char *identity_load(const char *folder, const char *former, char **cause)
{
    char *path = alloc_print("%s/node", folder);
    char *id = read_id(path);
    char made[IDENTITY_TEXT];

    if (id == NULL) {
        if (former == NULL || !is_id(span_of(former))) {
            identity_make(made);
            former = made;
        }
        if (write_id(folder, path, former) == 0)
            id = alloc_string(former);
        else
            *cause = alloc_print("%s: %s", path, strerror(errno));
    }
    free(path);
    return id;
}
