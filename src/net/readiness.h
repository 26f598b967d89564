/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which descriptors are ready. The only place of the program that waits, in pselect(2): for one
 * descriptor of epoll(7) that stands for all of them, or where there is none, for each of them. It
 * knows nothing of handlers, timers and turns.
 */
#ifndef HASHFLOW_NET_READINESS_H
#define HASHFLOW_NET_READINESS_H

#include <signal.h>
#include <time.h>

#include "net/loop.h"

struct ready {
    int fd;
    int events; /* LOOP_READ, LOOP_WRITE; perhaps more than is wanted */
};

struct readiness;

struct readiness *readiness_new(void); /* NULL with errno */
void readiness_free(struct readiness *r);

/* From the next wait on; fd is below FD_SETSIZE. 0: nothing, but that may change again. */
void readiness_want(struct readiness *r, int fd, int interest);

/* Before the descriptor is closed, or somebody else's alone. */
void readiness_forget(struct readiness *r, int fd);

/* Waits until one is ready, a signal that mask lets in has come, or the time is over; NULL is no
 * limit, or no other mask. What has failed or was hung up can be read and written, a regular file
 * always can. Returns how many there are in found[], which has room for FD_SETSIZE, each once and
 * in any order; -1 if a signal has come. A limit of 0 may let none in. */
int readiness_wait(struct readiness *r, const struct timespec *limit, const sigset_t *mask,
                   struct ready found[]);

#endif
