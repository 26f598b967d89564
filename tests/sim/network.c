/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Connections, as far as the kernels and the wire between them make them. It must not know who
 * reads and writes, or what.
 */
#include "config.h"

#include "network.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"

enum {
    FIRST_FD = 1 << 20, /* real descriptors are below: a close(2) of one of ours does no harm */
    EPHEMERAL = 40000,
    SEGMENTS = 64, /* under way in one direction; more arrive together with the last */
    PIPE_LEAST = 1 << 11,
    PIPE_MOST = 1 << 18,
    DELAY_LEAST = 20, /* us, one way */
    DELAY_MOST = 100000,
    STRAY_ONE_IN = 50, /* so many segments are sent again */
    STRAY_MOST = 900000,
};

struct segment {
    uint64_t arrives;
    size_t len;
};

/* One direction of a connection: what one end has written and the other has not read. */
struct pipe {
    struct buffer bytes;
    struct segment segments[SEGMENTS];
    size_t first, count;
    size_t room;      /* of both kernels' buffers */
    uint64_t room_at; /* when the writer hears of what was read */
    bool begun;       /* something was written */
    bool finished;    /* a FIN follows the bytes */
    uint64_t fin_at;
};

struct connection {
    struct connection *next;
    struct pipe pipes[2]; /* each by the end that writes it */
    struct end ends[2];
    uint64_t delay; /* us, one way, on average */
};

static struct connection *connections;
static int last_fd;
static uint64_t blocked_until[MACHINES]; /* by who sends */

/* ---- paths */

static uint64_t travel(const struct machine *from, uint64_t delay)
{
    uint64_t at = world.now + delay / 2 + chance(delay + 1);
    uint64_t until = blocked_until[from - world.machines];

    if (one_in(STRAY_ONE_IN))
        at += chance(STRAY_MOST);
    return at >= until ? at : until + chance_spread(1000, 3 * SECOND);
}

uint64_t network_arrival(const struct machine *from)
{
    return travel(from, chance_spread(DELAY_LEAST, DELAY_MOST));
}

bool network_is_blocked(const struct machine *from)
{
    return blocked_until[from - world.machines] > world.now;
}

/* Bytes of one direction stay in order. */
static uint64_t arrival(const struct end *from, const struct pipe *p)
{
    uint64_t at = travel(from->machine, from->connection->delay);

    if (p->count > 0) {
        uint64_t last = p->segments[(p->first + p->count - 1) % SEGMENTS].arrives;
        if (at < last)
            at = last;
    }
    return at;
}

static struct pipe *outgoing(const struct end *e)
{
    return &e->connection->pipes[e == &e->connection->ends[1]];
}

static struct end *opposite(const struct end *e)
{
    return &e->connection->ends[e == &e->connection->ends[0]];
}

static struct pipe *incoming(const struct end *e)
{
    return outgoing(opposite(e));
}

static void postpone(struct pipe *p, uint64_t until)
{
    uint64_t at = until + chance_spread(1000, 3 * SECOND);

    for (size_t i = 0; i < p->count; i++) {
        struct segment *s = &p->segments[(p->first + i) % SEGMENTS];
        if (s->arrives > world.now && s->arrives < at)
            s->arrives = at;
    }
    if (p->finished && p->fin_at > world.now && p->fin_at < at)
        p->fin_at = at;
}

void network_block(const struct machine *from, uint64_t until)
{
    blocked_until[from - world.machines] = until;
    for (struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++)
            if (c->ends[i].machine == from && until > world.now)
                postpone(&c->pipes[i], until);
}

/* ---- connections */

static void drop(struct connection *c)
{
    buffer_free(&c->pipes[0].bytes);
    buffer_free(&c->pipes[1].bytes);
    free(c);
}

void network_reset_all(void)
{
    while (connections != NULL) {
        struct connection *c = connections;

        connections = c->next;
        drop(c);
    }
    last_fd = FIRST_FD;
    for (int i = 0; i < MACHINES; i++)
        blocked_until[i] = 0;
}

static void init_end(struct end *e, struct machine *m, struct connection *c)
{
    *e = (struct end){.fd = ++last_fd, .machine = m, .connection = c, .open = true};
    e->broken_at = NEVER;
    e->local = m->address;
}

struct end *network_connect(struct machine *from, struct machine *to, uint16_t port)
{
    struct connection *c = alloc_zero(1, sizeof *c);

    c->delay = chance_spread(DELAY_LEAST, DELAY_MOST);
    for (int i = 0; i < 2; i++) {
        c->pipes[i].room = chance_spread(PIPE_LEAST, PIPE_MOST);
        buffer_init(&c->pipes[i].bytes, PIPE_MOST);
    }
    init_end(&c->ends[0], from, c);
    init_end(&c->ends[1], to, c);
    c->ends[0].local.port = (uint16_t)(EPHEMERAL + (last_fd - FIRST_FD) % 20000);
    c->ends[1].local.port = port;
    c->ends[0].remote = c->ends[1].local;
    c->ends[1].remote = c->ends[0].local;
    c->next = connections;
    connections = c;
    return &c->ends[0];
}

struct end *network_find(int fd)
{
    for (struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++)
            if (c->ends[i].fd == fd && c->ends[i].open)
                return &c->ends[i];
    return NULL;
}

struct end *network_next(const struct machine *m, int after)
{
    struct end *found = NULL;

    for (struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++) {
            struct end *e = &c->ends[i];
            if (e->open && e->machine == m && e->fd > after && (found == NULL || e->fd < found->fd))
                found = e;
        }
    return found;
}

size_t network_count(void)
{
    size_t count = 0;

    for (const struct connection *c = connections; c != NULL; c = c->next)
        count += c->ends[0].open && c->ends[1].open && c->ends[0].broken_at == NEVER &&
                 c->ends[1].broken_at == NEVER;
    return count;
}

bool network_has_remains(const struct machine *m)
{
    for (const struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++)
            if (c->ends[i].open && c->ends[i].machine == m && !c->ends[!i].open)
                return true;
    return false;
}

/* ---- bytes */

static bool is_broken(const struct end *e)
{
    return e->broken_at <= world.now;
}

static size_t arrived(const struct end *e)
{
    const struct pipe *p = incoming(e);
    uint64_t until = e->broken_at < world.now ? e->broken_at : world.now;
    size_t len = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct segment *s = &p->segments[(p->first + i) % SEGMENTS];
        if (s->arrives > until)
            break;
        len += s->len;
    }
    return len;
}

static void take(struct pipe *p, size_t len)
{
    buffer_consume(&p->bytes, len);
    while (len > 0) {
        struct segment *s = &p->segments[p->first];
        size_t part = s->len < len ? s->len : len;

        s->len -= part;
        len -= part;
        if (s->len == 0) {
            p->first = (p->first + 1) % SEGMENTS;
            p->count--;
        }
    }
}

bool end_peek(const struct end *e, unsigned char *byte)
{
    if (arrived(e) == 0)
        return false;
    *byte = (unsigned char)buffer_span(&incoming(e)->bytes).at[0];
    return true;
}

long end_read(struct end *e, char *out, size_t size)
{
    struct pipe *p = incoming(e);
    size_t len = arrived(e);

    if (len > size)
        len = size;
    if (len > 1 && one_in(3))
        len = 1 + chance(len);
    if (len > 0) {
        memcpy(out, buffer_span(&p->bytes).at, len);
        take(p, len);
        if (p->room_at <= world.now)
            p->room_at = travel(e->machine, e->connection->delay);
        return (long)len;
    }
    if (is_broken(e))
        return -e->error;
    return p->finished && p->fin_at <= world.now && p->count == 0 ? 0 : -EAGAIN;
}

static void add_segment(struct end *e, struct pipe *p, size_t len)
{
    uint64_t at = arrival(e, p);

    if (p->count == SEGMENTS) {
        struct segment *last = &p->segments[(p->first + p->count - 1) % SEGMENTS];
        last->len += len;
        last->arrives = at;
        return;
    }
    p->segments[(p->first + p->count) % SEGMENTS] = (struct segment){.arrives = at, .len = len};
    p->count++;
}

long end_write(struct end *e, struct span bytes)
{
    struct pipe *p = outgoing(e);
    size_t held = buffer_length(&p->bytes);
    size_t len = p->room > held ? p->room - held : 0;

    if (is_broken(e) || p->finished)
        return is_broken(e) && e->error != 0 ? -e->error : -EPIPE;
    if (len == 0)
        return -EAGAIN;
    if (len > bytes.len)
        len = bytes.len;
    buffer_append(&p->bytes, span_make(bytes.at, len));
    p->begun = true;
    for (size_t rest = len; rest > 0;) {
        size_t part = rest > 1 && one_in(4) ? 1 + chance(rest) : rest;
        add_segment(e, p, part);
        rest -= part;
    }
    return (long)len;
}

size_t end_unacknowledged(const struct end *e)
{
    return buffer_length(&outgoing(e)->bytes);
}

uint64_t end_readable_at(const struct end *e)
{
    const struct pipe *p = incoming(e);
    uint64_t at = e->broken_at;

    if (p->count > 0 && p->segments[p->first].arrives < at)
        at = p->segments[p->first].arrives;
    if (p->count == 0 && p->finished && p->fin_at < at)
        at = p->fin_at;
    return at;
}

uint64_t end_writable_at(const struct end *e)
{
    const struct pipe *p = outgoing(e);

    if (buffer_length(&p->bytes) < p->room && p->room_at < e->broken_at)
        return p->room_at;
    return e->broken_at;
}

/* ---- ends of connections */

void end_shutdown(struct end *e)
{
    struct pipe *p = outgoing(e);

    if (p->finished)
        return;
    p->finished = true;
    p->fin_at = arrival(e, p);
}

static void break_at(struct end *e, uint64_t at, int error)
{
    if (at >= e->broken_at)
        return;
    e->broken_at = at;
    e->error = error;
}

/* A RST; the network may lose it, and does not send it again. */
static void refuse(struct end *from)
{
    struct end *to = opposite(from);

    if (to->open && !network_is_blocked(from->machine))
        break_at(to, travel(from->machine, from->connection->delay), ECONNRESET);
}

static void forget(struct connection *c)
{
    struct connection **at = &connections;

    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    drop(c);
}

/* What nobody has read makes a kernel say so. One that is killed before its first word does the same
 * here: it could not be told from a program that never has one, and would be taken for that. */
static bool ends_rudely(const struct end *e)
{
    bool mute = e->accept_at != 0 && (e->owner == NULL || e->machine->dead);

    return arrived(e) > 0 || (mute && !outgoing(e)->begun);
}

void end_close(struct end *e)
{
    bool rude = ends_rudely(e);

    assert(e->open);
    e->open = false;
    if (!opposite(e)->open)
        forget(e->connection);
    else if (is_broken(e))
        return;
    else if (rude)
        refuse(e);
    else
        end_shutdown(e);
}

void network_reset(struct end *e, bool both)
{
    break_at(e, both ? travel(e->machine, e->connection->delay) : world.now,
             both ? ECONNRESET : ETIMEDOUT);
    if (both)
        refuse(e);
}

void network_close_all(struct machine *m)
{
    struct end *e;

    for (int fd = 0; (e = network_next(m, fd)) != NULL;) {
        fd = e->fd;
        end_close(e);
    }
}

/* ---- what arrives where nobody is */

/* The end that gets a RST for what it has sent, and when. */
static uint64_t refusal_due(const struct end *writer)
{
    const struct end *reader = opposite(writer);
    const struct pipe *p = outgoing(writer);
    bool gone = !reader->open || reader->broken_at <= world.now;

    if (!gone || !writer->open || writer->broken_at != NEVER || p->count == 0)
        return NEVER;
    return p->segments[p->first].arrives;
}

uint64_t network_due(void)
{
    uint64_t due = NEVER;

    for (const struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++) {
            uint64_t at = refusal_due(&c->ends[i]);
            if (at < due)
                due = at;
        }
    return due;
}

void network_run(void)
{
    for (struct connection *c = connections; c != NULL; c = c->next)
        for (int i = 0; i < 2; i++) {
            struct pipe *p = &c->pipes[i];
            if (refusal_due(&c->ends[i]) > world.now)
                continue;
            refuse(&c->ends[!i]);
            if (c->ends[i].broken_at == NEVER) /* lost: it is sent again */
                p->segments[p->first].arrives = network_arrival(c->ends[i].machine) + SECOND;
        }
}
