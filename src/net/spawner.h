/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small process that starts programs for us and ends with us. It is forked before there is much
 * to copy and before we give up rights; what it may run, and most of the environment, is settled by
 * then, so that whoever has taken us over can have nothing else run. For net/child alone.
 */
#ifndef HASHFLOW_NET_SPAWNER_H
#define HASHFLOW_NET_SPAWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum {
    SPAWNER_SLOTS = 128,              /* programs at a time */
    SPAWNER_SOURCES = 3,              /* descriptors of each: stdin, stdout and stderr */
    SPAWNER_ORDER_BYTES = 128 * 1024, /* of one program's own variables; E2BIG beyond */
};

/* Borrowed until spawner_start() returns. */
struct spawner_plan {
    char *const *const *programs; /* words: the program, looked for in PATH, and its arguments */
    size_t count;
    char *const *environment; /* of each, NAME=VALUE; NULL behind the last */
    const char *prefix;       /* that the names of a program's own variables begin with */
    const char *folder;       /* where they start; NULL for where we are now */
    mode_t umask;
};

struct spawner_report {
    int slot;
    int error;  /* errno, if it could not be run; else 0 */
    int status; /* as of waitpid(2) */
};

/* Our end of its socket, which does not block, or -1 with errno. It kills all that still runs and
 * ends when that is closed. */
int spawner_start(const struct spawner_plan *plan, pid_t *pid);

/* The slot is the caller's choice and must be free; it is free again when a report of it was read.
 * variables: NULL behind the last. source: what becomes its descriptors. 0, or -1 with errno. */
int spawner_run(int fd, int slot, size_t program, char *const *variables,
                const int source[SPAWNER_SOURCES]);

/* To the program's group; nothing happens if that has ended. */
void spawner_signal(int fd, int slot, int signo);

enum spawner_news { SPAWNER_REPORT, SPAWNER_NOTHING, SPAWNER_GONE };

enum spawner_news spawner_read(int fd, struct spawner_report *out);

#endif
