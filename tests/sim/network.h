/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simulated network, as the kernels at its ends show it: connections of two byte streams with
 * delays, splits, limited buffers, resets, and paths that take nothing for a while. It knows
 * descriptors and bytes, neither channels nor nodes.
 */
#ifndef HASHFLOW_TESTS_NETWORK_H
#define HASHFLOW_TESTS_NETWORK_H

#include "base/buffer.h"
#include "world.h"

struct connection;

/* One end of a connection: what a descriptor refers to. */
struct end {
    int fd; /* never used again for another end */
    struct machine *machine;
    struct connection *connection;
    struct address local, remote;
    bool open;
    void *owner;        /* the channel that has taken it; NULL in a queue of a listener */
    uint64_t accept_at; /* when a listener's queue has it; 0 for the dialling end */
    uint64_t broken_at; /* from when it is reset; NEVER */
    int error;          /* the errno of that */
};

void network_reset_all(void); /* no connections, no partitions: for a new seed */

/* Both ends, open; the handshake is the caller's business. */
struct end *network_connect(struct machine *from, struct machine *to, uint16_t port);

struct end *network_find(int fd);                             /* NULL if it is not open */
struct end *network_next(const struct machine *m, int after); /* by fd, from after + 1; or NULL */
size_t network_count(void); /* connections of which both ends are open and unbroken */

/* Is there an end whose other side is gone? What that had said may still be read. */
bool network_has_remains(const struct machine *m);

/* As recv(2) and send(2), but with the errno as a negative result. */
long end_read(struct end *e, char *out, size_t size);
bool end_peek(const struct end *e, unsigned char *byte); /* false: nothing is there to be read */
long end_write(struct end *e, struct span bytes);
void end_shutdown(struct end *e);
void end_close(struct end *e);
size_t end_unacknowledged(const struct end *e);

/* When a read or a write will not say EAGAIN; NEVER. */
uint64_t end_readable_at(const struct end *e);
uint64_t end_writable_at(const struct end *e);

/* When a packet sent now from there would arrive. */
uint64_t network_arrival(const struct machine *from);
bool network_is_blocked(const struct machine *from);

/* What a machine sends is not delivered until then. */
void network_block(const struct machine *from, uint64_t until);

/* Breaks a connection at both ends, or at one that tells the other only when that sends. */
void network_reset(struct end *e, bool both);

/* The process on it is no more: its kernel closes what it had. */
void network_close_all(struct machine *m);

/* What happens without a process: answers to what arrives at closed ends. */
uint64_t network_due(void);
void network_run(void);

#endif
