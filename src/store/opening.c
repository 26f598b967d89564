/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens the database's file, checks it, and brings it up to this version. A damaged one is moved
 * aside. It must not know what is done with the open file.
 */
#include "config.h"

#include "store/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/schema.h"

enum {
    BUSY_MS = 250,         /* for somebody who looks in with sqlite3(1); the loop stands still */
    CHUNK_BYTES = 1 << 16, /* by which the file grows */
};

static const char settle[] = "PRAGMA journal_mode = WAL;"
                             "PRAGMA synchronous = FULL;"
                             "PRAGMA foreign_keys = ON;"
                             "PRAGMA temp_store = MEMORY;"
                             /* Some systems have it on: what goes would be written twice. */
                             "PRAGMA secure_delete = FAST;"
                             /* A journal not larger than the ballast can always be let go. */
                             "PRAGMA wal_autocheckpoint = 250;"
                             "PRAGMA journal_size_limit = 4194304;";

bool opening_is_full(sqlite3 *handle, int result)
{
    int error = sqlite3_system_errno(handle);

    return (result & 0xff) == SQLITE_FULL ||
           ((result & 0xff) == SQLITE_IOERR && (error == ENOSPC || error == EDQUOT));
}

/* ---- each step returns an SQLite result code, and the handle knows its text */

static int check_pages(sqlite3 *handle)
{
    sqlite3_stmt *s;
    int result = sqlite3_prepare_v2(handle, "PRAGMA quick_check(1)", -1, &s, NULL);

    if (result != SQLITE_OK)
        return result;
    const unsigned char *verdict = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_text(s, 0) : NULL;
    bool good = verdict != NULL && strcmp((const char *)verdict, "ok") == 0;
    result = sqlite3_finalize(s); /* what the step has come to */
    return result == SQLITE_OK && !good ? SQLITE_CORRUPT : result;
}

/* SQLite would give the file the umask's mode; what it puts beside the file takes the file's. */
static int make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -1;
    int result = fchmod(fd, 0600);
    close(fd);
    return result;
}

/* SQLITE_OK with *handle, or another code with *cause. */
static int open_file(const char *path, sqlite3 **handle, char **cause)
{
    int chunk = CHUNK_BYTES;

    *handle = NULL;
    *cause = NULL;
    if (make_private(path) != 0) {
        *cause = alloc_print("%s", strerror(errno));
        return SQLITE_CANTOPEN;
    }
    int result = sqlite3_open_v2(path, handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_busy_timeout(*handle, BUSY_MS);
    if (result == SQLITE_OK)
        result = sqlite3_exec(*handle, settle, NULL, NULL, NULL);
    if (result == SQLITE_OK) /* a wish: not every kind of file knows it */
        sqlite3_file_control(*handle, NULL, SQLITE_FCNTL_CHUNK_SIZE, &chunk);
    if (result == SQLITE_OK)
        result = check_pages(*handle);
    if (result == SQLITE_OK)
        result = schema_migrate(*handle, cause);
    if (result == SQLITE_OK)
        return SQLITE_OK;
    if (*cause == NULL)
        *cause = alloc_string(opening_is_full(*handle, result) ? strerror(ENOSPC)
                                                               : sqlite3_errstr(result));
    /* Whatever it is, it stays as it was found. */
    if (*handle != NULL)
        sqlite3_db_config(*handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(*handle);
    *handle = NULL;
    return result;
}

/* ---- a damaged file */

static char *aside_name(const char *path)
{
    char time[CLOCK_TEXT];
    char stamp[CLOCK_TEXT];
    size_t len = 0;

    clock_print((int64_t)(clock_wall_us() / 1000000), time);
    for (const char *at = time; *at != '\0'; at++)
        if (*at != '-' && *at != ':')
            stamp[len++] = *at;
    stamp[len] = '\0';
    return alloc_print("%s.corrupt-%s", path, stamp);
}

static int move_one(const char *from, const char *to, const char *suffix)
{
    char *old = alloc_print("%s%s", from, suffix);
    char *new = alloc_print("%s%s", to, suffix);
    int result = rename(old, new);

    free(old);
    free(new);
    return result;
}

/* The main file goes last: until it has gone, the next start finds the damage again. */
static bool move_aside(const char *path, const char *why)
{
    char *aside = aside_name(path);
    bool moved;

    move_one(path, aside, "-wal");
    move_one(path, aside, "-shm");
    moved = move_one(path, aside, "") == 0;
    if (moved)
        log_error("%s is damaged (%s): moved to %s, and a new one begun", path, why, aside);
    free(aside);
    return moved;
}

int opening_open(const char *path, struct ballast *ballast, sqlite3 **handle, char **cause)
{
    int result = open_file(path, handle, cause);
    int kind = result & 0xff;
    bool again = false;

    if (kind == SQLITE_NOTADB || kind == SQLITE_CORRUPT)
        again = move_aside(path, *cause);
    else if (kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN)
        again = ballast_drop(ballast, 0);
    if (!again)
        return result;
    free(*cause);
    return open_file(path, handle, cause);
}
