/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Joins the real mesh and store with the simulated world, and takes them apart again the way a kill
 * does: nothing that a process has not committed or sent by then will ever have been. It must not
 * know the rules of delivery.
 */
#include "config.h"

#include "process.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "disk.h"
#include "ledger.h"
#include "mesh/node.h"
#include "printer.h"
#include "sim_channel.h"
#include "sim_endpoint.h"
#include "sim_loop.h"

enum {
    PASS_MOST = 200,  /* us that a pass takes */
    STAY_DOWN = 60,   /* s, at most */
    READY = 64,       /* descriptors looked at in a pass */
    LINE_MOST = 2000, /* bytes of a usual line */
    TOGETHER = 12,    /* lines that are broadcast as one */
    DEATH_MOST = 30,  /* effects after a failed commit, if it ends the process */
    OTHER_PORTS = 7300,
    LEAVE_PATIENCE = 15, /* s for stdout */
};

enum phase { DOWN, UP, LEAVING };

struct process {
    struct machine *machine;
    bool stored;
    bool passing;
    bool talks_large;
    bool moves;                        /* to another port, now and then when it starts */
    uint64_t queue_lines, queue_age_s; /* as in struct node_config */
    uint64_t takes;                    /* messages; then it leaves; 0: it never has enough */
    uint64_t limit;                    /* the same for the present run */
    enum phase phase;
    struct database *db;
    struct node *node;
    struct printer out;
    enum order orders[ORDERS];
    size_t order_count;
    bool mended;
    bool parted;       /* it has disconnected the other at some time */
    uint64_t free_at;  /* it is busy, stopped or down until then */
    uint64_t leave_by; /* when it stops waiting for its stdout */
    uint64_t commits_fail_until;
    bool commit_failed; /* in this pass */
};

static struct process hosts[MACHINES];

static struct process *on(const struct machine *m)
{
    return &hosts[m - world.machines];
}

/* What is written to disk is an effect like any other, and may fail. */
static bool may_commit(void *arg)
{
    struct process *p = arg;

    if (!world_effect())
        return false;
    /* A disk without room for the first one is found out by opening the database. */
    if (world.now < p->commits_fail_until && ledger_has_stored(p->machine)) {
        p->commit_failed = true;
        if (one_in(8))
            process_kill_soon(p->machine, chance_spread(1, DEATH_MOST));
        return false;
    }
    ledger_commit(p->machine);
    return true;
}

/* ---- orders */

static char *other_address(const struct process *p)
{
    char text[ADDRESS_TEXT];

    address_print(&machine_other(p->machine)->address, text);
    return alloc_string(text);
}

static void connect_other(struct process *p)
{
    char *text = other_address(p), *cause;

    if (node_connect(p->node, span_of(text), &cause) == NULL) {
        violation("%c cannot connect: %s", p->machine->letter, cause);
        free(cause);
    }
    free(text);
}

/* Is this peer the process that runs there now? */
static bool is_known(const struct process *p, const struct peer *peer)
{
    struct peer_view view;

    peer_look(peer, &view);
    return view.node[0] != '\0' && ledger_knows(machine_other(p->machine), view.node);
}

/* Will it be, as far as anybody can tell? A former one may have introduced itself and be gone. */
static bool is_present(const struct process *p, const struct peer *peer)
{
    struct peer_view view;

    peer_look(peer, &view);
    return view.node[0] == '\0' ? !network_has_remains(p->machine) : is_known(p, peer);
}

static struct peer *find_peer(const struct process *p,
                              bool (*is_it)(const struct process *p, const struct peer *peer))
{
    size_t count;
    struct peer *const *peers = node_peers(p->node, &count);

    for (size_t i = 0; i < count; i++)
        if (is_it(p, peers[i]))
            return peers[i];
    return NULL;
}

/* The other one, as a user would name it: the node that is known, wherever it listens by now. */
static struct peer *find_other(struct process *p)
{
    struct peer *peer = find_peer(p, is_known);
    char *text, *cause;

    if (peer != NULL)
        return peer;
    text = other_address(p);
    peer = node_find_or_add(p->node, span_of(text), &cause);
    free(text);
    if (peer == NULL)
        free(cause);
    return peer;
}

static size_t line_size(const struct process *p)
{
    if (one_in(p->talks_large ? 2 : 500))
        return chance_spread(LINE_MOST, MESSAGE_TEXT_MAX);
    return chance_spread(LEDGER_TEXT_MIN, one_in(20) ? LINE_MOST : 100);
}

static bool is_nameless(const struct process *p, const struct peer *peer)
{
    struct peer_view view;

    (void)p;
    peer_look(peer, &view);
    return view.node[0] == '\0';
}

/* A new line; there is no promise for one to an address that the other may have left. */
static struct span new_line(struct process *p, bool present)
{
    struct span line = ledger_write(p->machine, line_size(p), present);

    if (on(machine_other(p->machine))->moves && find_peer(p, is_nameless) != NULL)
        ledger_promise_nothing(p->machine);
    return line;
}

static void send_to_other(struct process *p)
{
    const char *why;
    struct peer *peer = find_other(p);

    if (peer == NULL)
        return;
    struct span line = new_line(p, is_present(p, peer));
    if (!node_send(p->node, peer, line, &why))
        ledger_refused(p->machine, 0);
}

/* As a script does with what it has read at once. */
static void broadcast_all(struct process *p, const struct span *lines, size_t count)
{
    const char *why;

    for (size_t done = 0; done < count;) {
        size_t taken = node_broadcast(p->node, lines + done, count - done, &why);
        done += taken > 0 ? taken : 1;
        if (taken == 0)
            ledger_refused(p->machine, count - done);
    }
}

static void broadcast(struct process *p)
{
    char *texts[TOGETHER];
    struct span lines[TOGETHER];
    size_t count = one_in(3) ? chance_spread(2, TOGETHER) : 1;
    bool present = find_peer(p, is_present) != NULL;

    for (size_t i = 0; i < count; i++) {
        struct span line = new_line(p, present);
        texts[i] = span_string(line);
        lines[i] = span_make(texts[i], line.len);
        if (p->parted) /* it may be for a former node alone */
            ledger_promise_nothing(p->machine);
    }
    broadcast_all(p, lines, count);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
}

static void disconnect_other(struct process *p)
{
    struct peer *peer = find_other(p);

    p->parted = true;
    if (peer != NULL)
        node_disconnect(p->node, peer);
}

static void leave(struct process *p)
{
    p->phase = LEAVING;
    p->leave_by = world.now + LEAVE_PATIENCE * SECOND;
    node_leave(p->node);
}

static void take_orders(void *arg)
{
    static void (*const obey[])(struct process * p) = {
        [ORDER_MSG] = send_to_other,     [ORDER_BCAST] = broadcast,
        [ORDER_CONNECT] = connect_other, [ORDER_DISCONNECT] = disconnect_other,
        [ORDER_LEAVE] = leave,
    };
    struct process *p = arg;
    size_t done = 0;

    if (p->phase == UP && p->limit != 0 && node_message_count(p->node) >= p->limit)
        leave(p);
    while (done < p->order_count && p->phase == UP && !p->machine->dead &&
           !node_is_congested(p->node))
        obey[p->orders[done++]](p);
    p->order_count -= done;
    memmove(p->orders, p->orders + done, p->order_count * sizeof p->orders[0]);
}

void process_order(struct machine *m, enum order order)
{
    struct process *p = on(m);

    if (p->order_count < ORDERS)
        p->orders[p->order_count++] = order;
}

/* ---- the sink */

static const char *kind_name(enum event_kind kind)
{
    static const char *const names[] = {
        [EVENT_MESSAGE] = "message",     [EVENT_UP] = "up",
        [EVENT_DOWN] = "down",           [EVENT_UNREACHABLE] = "unreachable",
        [EVENT_NAME] = "name",           [EVENT_SUSPECT] = "suspect",
        [EVENT_BACK] = "back",           [EVENT_QUEUED] = "queued",
        [EVENT_SENT] = "sent",           [EVENT_DELIVERED] = "delivered",
        [EVENT_LOST] = "lost",           [EVENT_FAILED] = "failed",
        [EVENT_KEPT_BACK] = "kept back", [EVENT_KEPT] = "kept",
        [EVENT_REFUSED] = "refused",     [EVENT_SAID] = "said",
        [EVENT_QUESTION] = "question",   [EVENT_ANSWER] = "answer",
    };
    return names[kind];
}

static void sink_event(void *arg, const struct event *event)
{
    struct process *p = arg;

    if (!world_effect())
        return;
    trace("* %s %s %.*s seq %llu count %zu %s", kind_name(event->kind),
          event->address != NULL ? event->address : "",
          (int)(event->text.len < 20 ? event->text.len : 20),
          event->text.at != NULL ? event->text.at : "", (unsigned long long)event->id.seq,
          event->count, event->cause != NULL ? event->cause : "");
    world_note((uint64_t)event->kind << 32 | event->id.seq);
    /* Who passes is forgotten, with all that it has sent, once it has gone or is not reached. */
    if ((event->kind == EVENT_DOWN || event->kind == EVENT_UNREACHABLE) &&
        on(machine_other(p->machine))->passing)
        ledger_forget(p->machine);
    if (event->kind != EVENT_MESSAGE) {
        ledger_told(p->machine, event);
        return;
    }
    unsigned line = ledger_heard(p->machine, event);
    if (line != 0)
        printer_add(&p->out, line, event->text.len + 1);
}

static void sink_flush(void *arg)
{
    struct process *p = arg;

    printer_flush(&p->out);
}

static uint64_t sink_accepted(void *arg)
{
    const struct process *p = arg;

    return p->out.accepted;
}

static uint64_t sink_written(void *arg)
{
    const struct process *p = arg;

    return p->out.written;
}

/* Lines in plain form are promised to nobody. */
static void overhear(struct machine *m, struct span bytes)
{
    struct message message;

    while (bytes.len > 0 && bytes.at[0] != '/') {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        size_t len = end != NULL ? (size_t)(end - bytes.at) : bytes.len;
        if (message_parse(span_make(bytes.at, len), &message) && message.kind == MESSAGE_CHAT)
            ledger_sent_plain(m, message.text);
        bytes = span_after(bytes, end != NULL ? len + 1 : len);
    }
}

/* ---- a pass */

static bool is_due(const struct end *e)
{
    if (e->owner == NULL)
        return e->accept_at != 0 && e->accept_at <= world.now;
    return channel_due(e->owner) <= world.now;
}

static void deliver_one(struct machine *m, int fd)
{
    struct end *e = network_find(fd);

    if (fd == 0)
        printer_flush(&on(m)->out);
    else if (e != NULL && is_due(e) && e->owner == NULL)
        endpoint_accept(e);
    else if (e != NULL && is_due(e))
        channel_ready(e->owner);
}

/* What has come in, in any order; 0 stands for stdout. */
static void deliver(struct machine *m)
{
    int fds[READY] = {0};
    size_t count = printer_due(&on(m)->out) <= world.now;
    struct end *e;

    for (int fd = 0; (e = network_next(m, fd)) != NULL && count < READY;) {
        fd = e->fd;
        if (is_due(e))
            fds[count++] = fd;
    }
    while (count > 0 && !m->dead) {
        size_t i = chance(count);
        int fd = fds[i];
        fds[i] = fds[--count];
        deliver_one(m, fd);
    }
}

static uint64_t outside_due(const struct process *p)
{
    uint64_t due = printer_due(&p->out);
    struct end *e;

    for (int fd = 0; (e = network_next(p->machine, fd)) != NULL;) {
        uint64_t at = NEVER;
        fd = e->fd;
        if (e->owner != NULL)
            at = channel_due(e->owner);
        else if (e->accept_at != 0)
            at = e->accept_at;
        due = at < due ? at : due;
    }
    return due;
}

uint64_t process_due(const struct machine *m)
{
    const struct process *p = on(m);
    uint64_t due = 0;

    if (p->phase != DOWN && p->order_count == 0) {
        uint64_t inside = loop_due(m->loop), outside = outside_due(p);
        due = inside < outside ? inside : outside;
    }
    if (p->phase == LEAVING && p->leave_by < due)
        due = p->leave_by;
    return due > p->free_at ? due : p->free_at;
}

/* ---- life */

static void start(struct process *p)
{
    const struct node_sink sink = {.event = sink_event,
                                   .flush = sink_flush,
                                   .accepted = sink_accepted,
                                   .written = sink_written,
                                   .arg = p};
    const char name[] = {p->machine->letter, '\0'};
    p->limit = p->mended ? 0 : p->takes;
    struct node_config config = {
        .name = name,
        .passing = p->passing,
        .receipts = true,
        .queue_lines = p->queue_lines,
        .queue_age_s = p->queue_age_s,
        .message_limit = p->limit,
    };
    struct address at;
    bool moved = p->moves && one_in(2);

    if (moved)
        p->machine->address.port = (uint16_t)(OTHER_PORTS + chance(OTHER_PORTS));
    p->machine->dead = false;
    p->machine->loop = loop_new();
    p->phase = UP;
    if (p->stored)
        p->db = disk_database(p->machine, may_commit, p);
    loop_on_turn(p->machine->loop, take_orders, p);
    p->node = node_new(p->machine->loop, p->db, &config, &sink);
    ledger_start(p->machine, p->stored, node_id(p->node));
    trace("starts as %s", node_id(p->node));
    node_listen(p->node, &p->machine->address, &at);
    node_start(p->node);
    size_t known;
    node_peers(p->node, &known);
    /* Somebody has to say where the other is, or that it is wanted again. */
    if (known == 0 || moved || p->mended || one_in(4))
        connect_other(p);
}

/* What the kernel and the disk make of a process that is no more. */
static void clear_away(struct process *p)
{
    network_close_all(p->machine);
    node_free(p->node);
    database_close(p->db);
    loop_free(p->machine->loop);
    endpoint_forget(p->machine);
    printer_free(&p->out);
    p->node = NULL;
    p->db = NULL;
    p->machine->loop = NULL;
    p->machine->fuse = 0;
    p->phase = DOWN;
    p->order_count = 0;
}

static void rest(struct process *p)
{
    p->free_at = world.now + chance_spread(1000, (p->mended ? 1 : STAY_DOWN) * SECOND);
    if (p->stored &&
        one_in(4)) /* its clock is set, perhaps back; a later run is known by its boot */
        p->machine->skew = (int64_t)chance(86400 * UINT64_C(2000000)) - INT64_C(86400000000);
}

static void end_killed(struct process *p)
{
    ledger_killed(p->machine);
    clear_away(p);
    rest(p);
}

/* As main ends: the node first, then the database, which commits. What could not be stored by then
 * is gone, as if it had been killed. */
static void end_left(struct process *p)
{
    bool stored = node_is_stored(p->node);

    p->commit_failed = false;
    node_free(p->node);
    database_close(p->db);
    p->node = NULL;
    p->db = NULL;
    if (p->machine->dead || p->commit_failed || !stored)
        ledger_killed(p->machine);
    else
        ledger_left(p->machine);
    p->machine->dead = true;
    clear_away(p);
    rest(p);
    trace("has left");
}

void process_pass(struct machine *m)
{
    struct process *p = on(m);

    world.running = m;
    p->commit_failed = false;
    if (p->phase == DOWN)
        start(p);
    else
        loop_pass(m->loop, deliver);
    if (m->dead) {
        end_killed(p);
    } else {
        ledger_turn(m, !p->commit_failed && node_is_stored(p->node));
        p->free_at = world.now + 1 + chance(PASS_MOST);
        if (p->phase == LEAVING && node_has_left(p->node) &&
            (p->out.written == p->out.accepted || world.now >= p->leave_by))
            end_left(p);
    }
    world.running = NULL;
}

void process_begin(struct machine *m)
{
    struct process *p = on(m);

    *p = (struct process){.machine = m, .out = {.machine = m}};
    p->stored = !one_in(4);
    p->passing = !p->stored && one_in(2);
    p->free_at = world.now + chance_spread(1, SECOND);
    p->talks_large = one_in(100);
    p->moves = p->stored && one_in(8);
    p->queue_lines = one_in(8) ? chance_spread(3, 100) : 0;
    p->queue_age_s = one_in(8) ? chance_spread(1, 200) : 0;
    p->takes = one_in(6) ? chance_spread(1, 60) : 0;
    world.overhear = overhear;
    if (p->stored)
        disk_begin(m);
}

void process_end(struct machine *m)
{
    struct process *p = on(m);

    world.running = m;
    m->dead = true;
    if (p->phase != DOWN)
        clear_away(p);
    printer_free(&p->out);
    if (p->stored)
        disk_end(m);
    world.running = NULL;
}

/* ---- faults */

void process_kill_soon(struct machine *m, uint64_t effects)
{
    if (m->fuse == 0)
        m->fuse = effects;
}

void process_stall(struct machine *m, uint64_t until)
{
    if (on(m)->free_at < until)
        on(m)->free_at = until;
}

void process_slow_stdout(struct machine *m, uint64_t rate, uint64_t stuck_until)
{
    on(m)->out.rate = rate;
    on(m)->out.stuck_until = stuck_until;
}

void process_fail_commits(struct machine *m, uint64_t until)
{
    on(m)->commits_fail_until = until;
}

void process_mend(struct machine *m)
{
    struct process *p = on(m);

    m->fuse = 0;
    p->mended = true;
    p->commits_fail_until = 0;
    p->out.stuck_until = 0;
    p->out.rate = 0;
    p->out.ready_at = 0;
    if (p->free_at > world.now)
        p->free_at = world.now;
}

/* ---- how it is */

bool process_is_settled(const struct machine *m)
{
    const struct process *p = on(m);

    return p->phase == UP && p->order_count == 0 && p->out.written == p->out.accepted &&
           node_up_count(p->node) == 1;
}

size_t process_peers_up(const struct machine *m)
{
    return on(m)->node != NULL ? node_up_count(on(m)->node) : 0;
}

const char *process_kind(const struct machine *m)
{
    const struct process *p = on(m);

    return p->stored ? "stored" : p->passing ? "passing" : "not stored";
}
