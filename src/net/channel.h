/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connected stream socket: bytes in through a handler, bytes out through a queue of shared
 * slices. It bounds what it reads per turn and never blocks. It knows no dialect.
 */
#ifndef HASHFLOW_NET_CHANNEL_H
#define HASHFLOW_NET_CHANNEL_H

#include "base/chunk.h"
#include "net/loop.h"
#include "net/tls.h"
#include "wire/address.h"

enum {
    CHANNEL_READ_MAX = 128 * 1024, /* bytes taken per pass and channel: nobody starves the others */
};

struct channel;

struct channel_handlers {
    /* Optional: the first byte has come before we have said anything, and nothing is read yet.
     * channel_secure() in it encrypts. */
    void (*first)(void *arg, unsigned char byte);
    void (*secured)(void *arg);                 /* the handshake is done; needed for that alone */
    void (*data)(void *arg, struct span bytes); /* borrowed */
    void (*end)(void *arg, int error); /* once: 0 the other side has finished sending, else errno.
                                          After an errno nothing more can be sent either. If sending
                                          fails after the 0, the errno follows, once. */
    void (*written)(void *arg);        /* the kernel has taken bytes off our queue */
};
/* Handlers are called by the loop alone, never from inside a channel function. */

/* Takes fd, a connected socket that is non-blocking and close-on-exec, and watches it. NULL, with fd
 * closed and errno EMFILE, if there is no room to watch it. Handlers must not free the channel; they
 * note it and free it later (see mesh/link). */
struct channel *channel_new(struct loop *loop, int fd, const struct channel_handlers *handlers,
                            void *arg);

/*
 * From now on everything that passes is encrypted. Nothing has passed yet, either way, as is sure
 * in handlers->first. What is sent before handlers->secured waits for it. Borrows context. A
 * failure of the protocol ends the channel with EPROTO, as does an end that the other side has not
 * announced; channel_failure() has the words.
 */
void channel_secure(struct channel *c, struct tls_context *context, bool dialer);
bool channel_is_secure(const struct channel *c);          /* the handshake is done */
const char *channel_fingerprint(const struct channel *c); /* the other side's, once secured */
void channel_exporter(const struct channel *c, unsigned char out[TLS_EXPORTER_BYTES]);
const char *channel_failure(const struct channel *c, int error); /* why it ended; borrowed */

/* Closes at once; what is queued is lost, of which the other side learns inside TLS alone. */
void channel_free(struct channel *c);

/* Queues bytes; they leave at the end of the pass or when the socket can take them. */
void channel_send(struct channel *c, struct span bytes);        /* copies */
void channel_send_slice(struct channel *c, struct slice slice); /* takes the slice's reference */

/* Writes now what the socket takes, without waiting for the end of the pass. */
void channel_flush(struct channel *c);

size_t channel_queued(const struct channel *c);     /* bytes that the kernel has not taken */
uint64_t channel_written(const struct channel *c);  /* bytes that it has taken, since the start */
uint64_t channel_received(const struct channel *c); /* bytes read, since the start */
int channel_unacknowledged(
    const struct channel *c); /* bytes in the kernel's send queue (SIOCOUTQ) */

/* Sends FIN once the queue is empty. What is sent afterwards is dropped: to the other side we have
 * closed, and what it says meanwhile must not be able to make us stumble over an answer. */
void channel_finish(struct channel *c);
bool channel_is_finished(const struct channel *c); /* the FIN has been sent */

/* Neither side can say anything any more. A held channel learns of it in no other way. */
bool channel_has_hung_up(const struct channel *c);

/* A held channel reads nothing: the other side's writes fill the kernel's buffers and stop. A
 * handshake that has begun goes on. */
void channel_hold(struct channel *c, bool hold);

/* How long the other side may confirm nothing of what we send before the kernel ends the
 * connection (TCP_USER_TIMEOUT, where it exists), microseconds; 0: as long as the kernel likes. */
void channel_limit_silence(struct channel *c, uint64_t us);

/* As the kernel knows them now; all zero for none, as of a connection that was reset. */
void channel_local(const struct channel *c, struct address *out);
void channel_remote(const struct channel *c, struct address *out);

#endif
