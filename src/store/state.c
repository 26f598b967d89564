/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The folder that a node calls its own, and the lock that keeps a second node out. But for the
 * node's id it must not know what is stored there, nor print anything: what is wrong is the caller's to say.
 */
#include "config.h"

#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/span.h"

enum { PID_TEXT = 32, ID_TEXT = 80 };

struct state {
    char *path;
    int lock; /* the descriptor that holds the lock; the kernel lets go when we die */
};

char *state_default_path(const char *name)
{
    const char *base = getenv("XDG_STATE_HOME");
    const char *under = "";

    /* A relative path is to be ignored, says the XDG base directory specification. */
    if (base == NULL || base[0] != '/') {
        base = getenv("HOME");
        under = "/.local/state";
    }
    if (base == NULL || base[0] == '\0')
        return NULL;
    return alloc_print("%s%s/hashflow%s%s", base, under, name[0] == '\0' ? "" : "/", name);
}

/* ---- the folder */

/* Makes path and what is missing above it; what is made is ours alone. 0, or -1 with errno. */
static int make_folders(const char *path)
{
    char *part = alloc_string(path);
    size_t len = strlen(part);
    int result = 0;

    for (size_t i = 1; i <= len && result == 0; i++) {
        if (part[i] != '/' && i != len)
            continue;
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            result = -1;
        part[i] = path[i];
    }
    free(part);
    return result;
}

/* NULL if the open folder is fit to keep secrets in, else what is wrong. */
static char *folder_fault(int folder, const char *path)
{
    struct stat status;

    if (fstat(folder, &status) != 0)
        return alloc_print("%s: %s", path, strerror(errno));
    if (status.st_uid != geteuid())
        return alloc_print("%s belongs to another user", path);
    if (status.st_mode & 077)
        return alloc_print("%s is open to other users; cure: chmod 700 %s", path, path);
    return NULL;
}

/* The open folder, or -1 with *cause. */
static int open_folder(const char *path, char **cause)
{
    int folder = -1;

    if (make_folders(path) == 0)
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        *cause = errno == ENOTDIR ? alloc_print("%s: not a folder", path)
                                  : alloc_print("%s: %s", path, strerror(errno));
        return -1;
    }
    *cause = folder_fault(folder, path);
    if (*cause != NULL) {
        close(folder);
        return -1;
    }
    return folder;
}

/* ---- the lock */

static long read_holder(int lock)
{
    char text[PID_TEXT];
    ssize_t len = pread(lock, text, sizeof text, 0);
    uint64_t pid;

    if (len < 2 || text[len - 1] != '\n' || !span_number(span_make(text, (size_t)len - 1), &pid))
        return 0;
    return (long)pid;
}

static int write_holder(int lock)
{
    char text[PID_TEXT];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(lock, 0) != 0)
        return -1;
    return pwrite(lock, text, (size_t)len, 0) == len ? 0 : -1;
}

static enum state_result take_lock(struct state *s, int folder, long *holder, char **cause)
{
    s->lock = openat(folder, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0) {
        if (write_holder(s->lock) == 0)
            return STATE_OK;
    } else if (s->lock >= 0 && errno == EWOULDBLOCK) {
        *holder = read_holder(s->lock);
        return STATE_BUSY;
    }
    *cause = alloc_print("%s/lock: %s", s->path, strerror(errno));
    return STATE_ERROR;
}

static void free_state(struct state *s)
{
    if (s->lock >= 0)
        close(s->lock);
    free(s->path);
    free(s);
}

enum state_result state_open(const char *path, struct state **out, long *holder, char **cause)
{
    int folder = open_folder(path, cause);

    if (folder < 0)
        return STATE_ERROR;
    struct state *s = alloc_zero(1, sizeof *s);
    s->path = alloc_string(path);
    enum state_result result = take_lock(s, folder, holder, cause);
    close(folder);
    if (result == STATE_OK)
        *out = s;
    else
        free_state(s);
    return result;
}

/* The lock file stays: to remove it would open a race with a node that is just starting. */
void state_close(struct state *s)
{
    if (s == NULL)
        return;
    free_state(s);
}

const char *state_path(const struct state *s)
{
    return s->path;
}

/* --- the id */

static int open_id(const struct state *s, int flags)
{
    char *path = alloc_print("%s/node", s->path);
    int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    return fd;
}

char *state_id(const struct state *s)
{
    char text[ID_TEXT];
    int fd = open_id(s, O_RDONLY);
    if (fd < 0)
        return NULL;
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    if (len <= 0)
        return NULL;
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return alloc_string(text);
}

bool state_keep_id(const struct state *s, const char *id)
{
    int fd = open_id(s, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0)
        return false;
    bool kept = dprintf(fd, "%s\n", id) > 0 && fsync(fd) == 0;
    int error = errno;
    close(fd);
    errno = error;
    return kept;
}
