/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes to a descriptor that may be slow, closed, full or shared, without ever blocking the loop:
 * a pipe is reopened so that O_NONBLOCK is ours alone (open(2) of /proc/self/fd/N), a socket is
 * written with MSG_DONTWAIT, anything else gets at most PIPE_BUF bytes when select(2) says so.
 * It also notices a reader that goes away while nothing is written.
 */
#ifndef HASHFLOW_REPORT_OUTPUT_H
#define HASHFLOW_REPORT_OUTPUT_H

#include "base/chunk.h"
#include "net/loop.h"

struct output;

/* Borrows fd. failed(arg, error) is called once, from the loop, when nothing can be written any
 * more: EPIPE for a reader that has gone. What is queued then is dropped. */
struct output *output_new(struct loop *loop, int fd, void (*failed)(void *arg, int error),
                          void *arg);
void output_free(struct output *o); /* writes nothing more */

/* Queues the parts as one unbroken piece; they leave at output_flush(). */
void output_write(struct output *o, const struct span *parts, size_t count);
void output_flush(struct output *o);

uint64_t output_accepted(const struct output *o); /* bytes queued since the start */
uint64_t output_written(const struct output *o);  /* bytes that have left for good */
size_t output_waiting(const struct output *o);    /* bytes that wait to be written */

#endif
