/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A state folder of a test's own, the log lines that come meanwhile, and what can be done to the
 * files in it. To be included after cmocka.h.
 */
#ifndef HASHFLOW_TESTS_FOLDER_H
#define HASHFLOW_TESTS_FOLDER_H

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <unistd.h>

#include "base/log.h"
#include "scratch.h"
#include "store/database.h"

static char *folder_root;
static int folder_log_lines;
static char folder_last_line[1024];

static inline void folder_take_line(void *arg, enum log_level level, struct span line)
{
    (void)arg;
    (void)level;
    folder_log_lines++;
    span_copy(line, folder_last_line, sizeof folder_last_line);
}

static inline int folder_begin(void **state)
{
    (void)state;
    folder_root = scratch_new();
    folder_log_lines = 0;
    log_set_sink(folder_take_line, NULL);
    return 0;
}

static inline int folder_end(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    scratch_remove(folder_root);
    return 0;
}

/* A new string. */
static inline char *folder_path(const char *name)
{
    return alloc_print("%s/%s", folder_root, name);
}

static inline struct database *folder_open(void)
{
    char *cause = NULL;
    struct database *db = database_open(folder_root, &cause);

    if (db == NULL)
        fail_msg("cannot be opened: %s", cause);
    return db;
}

/* Overwrites so many bytes of a file, which is made if it is missing. */
static inline void folder_write(const char *name, long at, const void *bytes, size_t len)
{
    char *path = folder_path(name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(pwrite(fd, bytes, len, at), (ssize_t)len);
    close(fd);
    free(path);
}

static inline size_t folder_count(const char *pattern)
{
    char *path = folder_path(pattern);
    glob_t found;
    size_t count = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

    globfree(&found);
    free(path);
    return count;
}

#endif
