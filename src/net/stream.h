/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of one connected socket that does not block: plain, or from some moment on inside TLS.
 * Results are those of recv(2) and send(2), and errno EAGAIN stands for every reason to wait. It
 * does not know the loop, nor what becomes of the bytes.
 */
#ifndef HASHFLOW_NET_STREAM_H
#define HASHFLOW_NET_STREAM_H

#include <sys/types.h>

#include "base/chunk.h"
#include "net/tls.h"
#include "wire/address.h"

enum { STREAM_WRITE_MAX = 256 * 1024 /* bytes per call */ };

struct stream {
    int fd;
    struct tls *tls;             /* NULL: plain */
    bool ready;                  /* no handshake is to be done */
    int read_waits, write_waits; /* after EAGAIN: for LOOP_READ or LOOP_WRITE of net/loop.h */
};

/* Takes fd, which is non-blocking. */
void stream_init(struct stream *s, int fd);
void stream_close(struct stream *s);

void stream_secure(struct stream *s, struct tls_context *context, bool dialer);
int stream_shake(struct stream *s); /* 0 when the handshake is done; -1: errno, see read_waits */

int stream_peek(const struct stream *s, unsigned char *byte); /* 1, and it stays; 0; -1: errno */

/* Inside TLS one record: size is at least TLS_RECORD_BYTES. */
ssize_t stream_read(struct stream *s, char *out, size_t size);

/* What it takes from the front of the queue, which is not empty; the caller consumes it. *offered
 * is how much it has tried. */
ssize_t stream_write(struct stream *s, const struct queue *queue, size_t *offered);

int stream_finish(struct stream *s); /* we send no more; -1: errno, see write_waits */

const char *stream_failure(const struct stream *s, int error); /* in words; borrowed */

/* See net/channel.h. */
void stream_local(const struct stream *s, struct address *out);
void stream_remote(const struct stream *s, struct address *out);
void stream_limit_silence(struct stream *s, uint64_t us);
bool stream_has_hung_up(const struct stream *s);
int stream_unacknowledged(const struct stream *s);

#endif
