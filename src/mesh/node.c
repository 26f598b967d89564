/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's face: it builds the parts, says who it is, ends each turn in the right order, and
 * leaves. What users order is the business of the other files of mesh/.
 */
#include "config.h"

#include "mesh/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/key.h"
#include "mesh/admission.h"
#include "mesh/answering.h"
#include "mesh/arrivals.h"
#include "mesh/confirm.h"
#include "mesh/congestion.h"
#include "mesh/dialer.h"
#include "mesh/door.h"
#include "mesh/forms.h"
#include "mesh/hearsay.h"
#include "mesh/internal.h"
#include "mesh/inviting.h"
#include "mesh/joining.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/losses.h"
#include "mesh/membership.h"
#include "mesh/names.h"
#include "mesh/oneshot.h"
#include "mesh/peer.h"
#include "mesh/pump.h"
#include "mesh/questions.h"
#include "mesh/standing.h"
#include "mesh/tombs.h"
#include "store/identity.h"

enum {
    LEAVE_DEADLINE_US = 2000000,
    HOLD_PLAIN_BYTES = 1 << 20, /* of the sink's backlog: plain connections are not read */
    HOLD_ALL_BYTES = 64 << 20,  /* nor are sessions */
};

/* --- identity --- */

/* A plain id is anybody's to claim; that of a key is not. */
static void load_ids(struct node *node)
{
    const struct key *key = node->config.security.key;
    if (node->db == NULL)
        identity_make(node->plain_id);
    else
        span_copy(span_of(database_node(node->db)), node->plain_id, sizeof node->plain_id);
    span_copy(span_of(key != NULL ? key_fingerprint(key) : node->plain_id), node->id,
              sizeof node->id);
}

static void load_identity(struct node *node)
{
    char text[24];
    uint64_t last = 0;
    node->boot = clock_wall_us();
    load_ids(node);
    if (node->db == NULL)
        return;
    char *boot = database_get(node->db, "boot");
    if (boot != NULL && span_number(span_of(boot), &last) && last >= node->boot)
        node->boot = last + 1;
    free(boot);
    snprintf(text, sizeof text, "%llu", (unsigned long long)node->boot);
    database_set(node->db, "boot", text);
    database_set(node->db, "name", node->name);
}

/* --- turns --- */

static void hold_back(struct node *node)
{
    uint64_t backlog = node->sink.accepted(node->sink.arg) - node->sink.written(node->sink.arg);
    bool plain = backlog > HOLD_PLAIN_BYTES;
    bool all = backlog > HOLD_ALL_BYTES || node->arrived_bytes > HOLD_ALL_BYTES;
    if (plain == node->held_plain && all == node->held_all)
        return;
    node->held_plain = plain;
    node->held_all = all;
    link_hold_all(node);
}

static void turn(void *arg)
{
    struct node *node = arg;
    node->wall_us = clock_wall_us();
    keeping_save(node);
    node->sink.flush(node->sink.arg);
    arrivals_settle(node);
    hold_back(node);
    pump_turn(node);
    questions_turn(node); /* behind what was sent before */
    joining_turn(node);
    link_reap(node);
    membership_turn(node);
}

/* --- life --- */

static struct node_config with_defaults(const struct node_config *config)
{
    struct node_config c = *config;
    c.queue_lines = c.queue_lines != 0 ? c.queue_lines : NODE_QUEUE_LINES;
    c.queue_bytes = c.queue_bytes != 0 ? c.queue_bytes : NODE_QUEUE_BYTES;
    c.queue_age_s = c.queue_age_s != 0 ? c.queue_age_s : NODE_EXPIRY_S;
    /* A visitor introduces nobody, and stays with its host. */
    c.no_exchange = c.no_exchange || c.passing;
    c.heartbeat_us = c.heartbeat_us != 0 ? c.heartbeat_us : NODE_HEARTBEAT_US;
    c.suspect_us = c.suspect_us != 0 ? c.suspect_us : NODE_SUSPECT_US;
    c.down_us = c.down_us != 0 ? c.down_us : NODE_DOWN_US;
    return c;
}

struct node *node_new(struct loop *loop, struct database *db, const struct node_config *config,
                      const struct node_sink *sink)
{
    struct node *node = alloc_zero(1, sizeof *node);
    node->loop = loop;
    node->db = db;
    node->config = with_defaults(config);
    node->sink = *sink;
    node->fd_limit = loop_fd_limit();
    node->last_receipt = loop_now(loop);
    node->wall_us = clock_wall_us();
    span_copy(span_of(config->name), node->name, sizeof node->name);
    load_identity(node);
    keeping_start(node);
    if (db != NULL)
        database_commit(db);
    hearsay_start(node);
    node->met_end = &node->met;
    form_start(node);
    spool_init(&node->arrived);
    spool_init(&node->recalled);
    node->local_count =
        endpoint_local_addresses(node->local, sizeof node->local / sizeof node->local[0]);
    loop_on_turn(loop, turn, node);
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    node->leaving = true;
    while (node->links != NULL)
        link_kill(node->links, "the node ends");
    node_stop_listening(node);
    arrivals_settle(node);
    keeping_save(node);
    arrivals_free(node);
    answering_free(node);
    node->db = NULL; /* the peers go, but their rows stay */
    while (node->peer_count > 0)
        membership_remove(node->peers[node->peer_count - 1]);
    pump_turn(node);
    link_reap(node);
    membership_turn(node);
    keeping_free(node);
    form_free(node);
    spool_free(&node->arrived);
    spool_free(&node->recalled);
    resolver_free(node->resolver);
    timer_stop(node->loop, &node->leave);
    timer_stop(node->loop, &node->tell);
    timer_stop(node->loop, &node->gather);
    timer_stop(node->loop, &node->retry);
    timer_stop(node->loop, &node->expiry);
    joining_free(node);
    inviting_free(node);
    standing_free(node);
    tombs_free(node);
    hearsay_free(node);
    free(node->peers);
    free(node->ready);
    congestion_free(node);
    free(node->buried);
    free(node);
}

int node_listen(struct node *node, const struct address *at, struct address *out)
{
    struct listener *l = listener_new(node->loop, at, door_accepted, node);
    if (l == NULL)
        return -1;
    node->listeners[node->listener_count++] = l;
    listener_address(l, out);
    node->last_port = out->port;
    return 0;
}

void node_stop_listening(struct node *node)
{
    for (size_t i = 0; i < node->listener_count; i++)
        listener_free(node->listeners[i]);
    node->listener_count = 0;
}

void node_start(struct node *node)
{
    arrivals_load(node);
    membership_load(node);
    if (node->db != NULL)
        confirm_expire(node);
    dialer_start(node);
}

static void leave_overdue(void *arg)
{
    struct node *node = arg;
    while (node->links != NULL)
        link_kill(node->links, "did not take our goodbye");
    for (size_t i = 0; i < node->peer_count; i++)
        oneshot_cancel(node->peers[i]);
}

void node_leave(struct node *node)
{
    if (node->leaving)
        return;
    node->leaving = true;
    timer_stop(node->loop, &node->retry); /* once more */
    node_stop_listening(node);
    keeping_save(node); /* before the last lines leave with the goodbyes */
    keeping_give_up(node);
    losses_kept_back(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        bool says_exit = peer->link == NULL && peer_is_up(peer);
        dialer_cancel(peer);
        oneshot_interrupt(peer); /* an exit on its way is what we want */
        if (says_exit && peer->oneshot == NULL)
            oneshot_exit(peer);
    }
    for (struct link *l = node->links; l != NULL; l = l->next)
        link_bye(l, "leaving", "we leave");
    timer_set(node->loop, &node->leave, loop_now(node->loop) + LEAVE_DEADLINE_US, leave_overdue,
              node);
    loop_again(node->loop);
}

void node_hurry(struct node *node, uint64_t us)
{
    timer_set(node->loop, &node->leave, loop_now(node->loop) + us, leave_overdue, node);
}

bool node_has_left(const struct node *node)
{
    if (!node->leaving || node->links != NULL)
        return false;
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peers[i]->oneshot != NULL)
            return false;
    }
    return true;
}

/* --- who --- */

const char *node_name(const struct node *node)
{
    return node->name;
}

const char *node_id(const struct node *node)
{
    return node->id;
}

bool node_address(const struct node *node, size_t index, struct address *out)
{
    for (size_t i = 0; i < node->listener_count; i++) {
        struct address at;
        listener_address(node->listeners[i], &at);
        if (!address_is_any(&at)) {
            if (index-- == 0) {
                *out = at;
                return true;
            }
            continue;
        }
        for (size_t k = 0; k < node->local_count; k++) {
            if (node->local[k].family != at.family || index-- > 0)
                continue;
            *out = node->local[k];
            out->port = at.port;
            return true;
        }
    }
    return false;
}

uint16_t node_port(const struct node *node, const struct address *at)
{
    uint16_t port = 0;
    for (size_t i = 0; i < node->listener_count; i++) {
        struct address mine;
        listener_address(node->listeners[i], &mine);
        if (address_same_host(&mine, at))
            return mine.port;
        if (port == 0 || mine.family == at->family)
            port = mine.port;
    }
    return port != 0 ? port : node->last_port;
}

bool node_rename(struct node *node, struct span name, const char **cause)
{
    if (!name_check(name, cause))
        return false;
    char former[NAME_TEXT];
    snprintf(former, sizeof former, "%s", node->name);
    span_copy(name, node->name, sizeof node->name);
    names_ours(node, former);
    node->dirty = true;
    for (struct link *l = node->links; l != NULL; l = l->next) {
        if (link_is_session(l))
            link_name(l);
    }
    return true;
}

struct peer *const *node_peers(const struct node *node, size_t *count)
{
    *count = node->peer_count;
    return node->peers;
}
