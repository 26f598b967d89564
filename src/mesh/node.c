/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's face: it builds the parts, takes orders, ends each turn in the right order, and
 * leaves. What the orders set off is the business of the other files of mesh/.
 */
#include "config.h"

#include "mesh/node.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mesh/internal.h"

enum {
    LEAVE_DEADLINE_US = 2000000,
    HOLD_PLAIN_BYTES = 1 << 20,  /* of the sink's backlog: plain connections are not read */
    HOLD_ALL_BYTES = 64 << 20,   /* nor are sessions */
    ID_CHARS = 26,               /* 128 bits in base32 */
};

/* --- identity --- */

static void load_identity(struct node *node)
{
    char text[24];
    uint64_t last = 0;
    node->boot = clock_wall_us();
    clock_random_text(node->id, ID_CHARS + 1);
    if (node->db == NULL)
        return;
    char *id = database_get(node->db, "node");
    char *boot = database_get(node->db, "boot");
    if (id != NULL && strlen(id) == ID_CHARS)
        span_copy(span_of(id), node->id, sizeof node->id);
    if (boot != NULL && span_number(span_of(boot), &last) && last >= node->boot)
        node->boot = last + 1;
    free(id);
    free(boot);
    snprintf(text, sizeof text, "%llu", (unsigned long long)node->boot);
    database_set(node->db, "node", node->id);
    database_set(node->db, "boot", text);
    database_set(node->db, "name", node->name);
    database_commit(node->db);
}

/* --- turns --- */

static void hold_back(struct node *node)
{
    uint64_t backlog =
        node->sink.accepted(node->sink.arg) - node->sink.written(node->sink.arg);
    bool plain = backlog > HOLD_PLAIN_BYTES, all = backlog > HOLD_ALL_BYTES;
    if (plain == node->held_plain && all == node->held_all)
        return;
    node->held_plain = plain;
    node->held_all = all;
    for (struct link *l = node->links; l != NULL; l = l->next)
        link_hold(l);
}

static void answer_pings(struct node *node)
{
    for (struct link *l = node->links, *next; l != NULL && node->awaited > 0; l = next) {
        next = l->next;
        link_answer_pings(l);
    }
}

static void turn(void *arg)
{
    struct node *node = arg;
    node->wall_us = clock_wall_us();
    hold_back(node);
    answer_pings(node);
    delivery_turn(node);
    membership_save(node);
    link_reap(node);
    membership_turn(node);
}

/* --- life --- */

struct node *node_new(struct loop *loop, struct database *db, const struct node_config *config,
                      const struct node_sink *sink)
{
    struct node *node = alloc_zero(1, sizeof *node);
    node->loop = loop;
    node->db = db;
    node->config = *config;
    node->sink = *sink;
    node->last_receipt = loop_now(loop);
    node->wall_us = clock_wall_us();
    span_copy(span_of(config->name), node->name, sizeof node->name);
    load_identity(node);
    spool_init(&node->verbs);
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
    while (node->peer_count > 0)
        membership_remove(node->peers[node->peer_count - 1]);
    delivery_turn(node);
    link_reap(node);
    membership_turn(node);
    for (size_t i = 0; i < node->plain_count; i++) {
        slice_release(node->plain[i].last);
        spool_free(&node->plain[i].spool);
    }
    spool_free(&node->verbs);
    resolver_free(node->resolver);
    timer_stop(node->loop, &node->leave);
    timer_stop(node->loop, &node->tell);
    free(node->plain);
    free(node->peers);
    free(node->ready);
    free(node->buried);
    free(node);
}

int node_listen(struct node *node, const struct address *at, struct address *out)
{
    struct listener *l = listener_new(node->loop, at, link_accepted, node);
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
    membership_load(node);
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
    node_stop_listening(node);
    delivery_kept_back(node);
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        bool says_exit = peer->link == NULL && peer_is_up(peer);
        dialer_cancel(peer);
        oneshot_cancel(peer);
        if (says_exit)
            oneshot_exit(peer);
    }
    for (struct link *l = node->links; l != NULL; l = l->next)
        link_bye(l, "leaving");
    timer_set(node->loop, &node->leave, loop_now(node->loop) + LEAVE_DEADLINE_US, leave_overdue,
              node);
    loop_again(node->loop);
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
    span_copy(name, node->name, sizeof node->name);
    if (node->db != NULL)
        database_set(node->db, "name", node->name);
    for (struct link *l = node->links; l != NULL; l = l->next) {
        if (!link_is_session(l))
            continue;
        struct buffer line;
        buffer_init(&line, NAME_TEXT + 16);
        verb_format_name(&line, node->name);
        link_send(l, &line);
    }
    return true;
}

/* --- orders about peers --- */

struct peer *const *node_peers(const struct node *node, size_t *count)
{
    *count = node->peer_count;
    return node->peers;
}

/* NAME@ADDRESS as one word, for a list of candidates; grown in *list. */
static void add_candidate(char **list, const struct peer *peer)
{
    char *longer = alloc_print("%s %s@%s", *list != NULL ? *list : "", peer->row.name, peer->text);
    free(*list);
    *list = longer;
}

static struct peer *find_name(struct node *node, struct span name, char **cause)
{
    struct peer *found = NULL;
    char *candidates = NULL;
    for (size_t i = 0; i < node->peer_count; i++) {
        struct peer *peer = node->peers[i];
        if (span_is(name, "-") || !span_is(name, peer->row.name))
            continue;
        add_candidate(&candidates, peer);
        if (found != NULL)
            *cause = candidates;
        found = peer;
    }
    if (*cause != NULL) {
        *cause = alloc_print("%.*s: more than one peer is called so:%s", (int)name.len, name.at,
                             candidates);
        found = NULL;
    }
    free(candidates);
    return found;
}

static struct peer *find_named_host(struct node *node, struct span text)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (span_is(text, node->peers[i]->text))
            return node->peers[i];
    }
    return NULL;
}

static struct peer *find_at(struct node *node, struct span name, struct span at, char **cause)
{
    struct address a;
    struct peer *peer = address_parse(at, &a) ? membership_by_address(node, &a) : NULL;
    if (peer != NULL && span_is(name, peer->row.name))
        return peer;
    *cause = alloc_print("%.*s@%.*s: no such peer; /peers lists them", (int)name.len, name.at,
                         (int)at.len, at.at);
    return NULL;
}

struct peer *node_find(struct node *node, struct span who, char **cause)
{
    struct address a;
    *cause = NULL;
    const char *sign = memrchr(who.at, '@', who.len);
    if (sign != NULL) {
        size_t name = (size_t)(sign - who.at);
        return find_at(node, span_make(who.at, name), span_after(who, name + 1), cause);
    }
    struct peer *peer = address_parse(who, &a) ? membership_by_address(node, &a)
                                               : find_name(node, who, cause);
    if (peer == NULL && *cause == NULL)
        peer = find_named_host(node, who);
    if (peer == NULL && *cause == NULL)
        *cause = alloc_print("%.*s: no such peer; /peers lists them", (int)who.len, who.at);
    return peer;
}

static struct peer *add_named(struct node *node, struct span text, char **cause)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    struct address a;
    const char *why;
    if (!address_split(text, host, &port, &why)) {
        *cause = alloc_print("%.*s: %s", (int)text.len, text.at, why);
        return NULL;
    }
    if (address_parse_host(host, port, &a)) {
        if (membership_is_own(node, &a)) {
            *cause = alloc_print("%.*s: that is this node itself", (int)text.len, text.at);
            return NULL;
        }
        struct peer *known = membership_by_address(node, &a);
        return known != NULL ? known : membership_add(node, &a);
    }
    char *named = alloc_print("%s:%u", host, port);
    struct peer *peer = find_named_host(node, span_of(named));
    if (peer == NULL) {
        peer = membership_add(node, NULL);
        peer->host = alloc_string(named);
        span_copy(span_of(named), peer->text, sizeof peer->text);
    }
    free(named);
    return peer;
}

struct peer *node_find_or_add(struct node *node, struct span who, char **cause)
{
    struct address a;
    struct peer *peer = node_find(node, who, cause);
    if (peer != NULL || memchr(who.at, '@', who.len) != NULL)
        return peer;
    /* Without a colon it was meant for a name. */
    if (!address_parse(who, &a) && memchr(who.at, ':', who.len) == NULL)
        return NULL;
    free(*cause);
    peer = add_named(node, who, cause);
    if (peer != NULL && !peer->reached)
        peer->named = true;
    return peer;
}

struct peer *node_connect(struct node *node, struct span address, char **cause)
{
    struct peer *peer = add_named(node, address, cause);
    if (peer == NULL)
        return NULL;
    peer->named = true;
    peer->row.quiet = false;
    peer->left = false;
    if (peer_is_up(peer))
        return peer;
    peer->tried = false;
    peer->failing = false;
    dialer_dial(peer);
    return peer;
}

void node_disconnect(struct node *node, struct peer *peer)
{
    (void)node;
    dialer_cancel(peer);
    peer->row.quiet = true;
    peer->named = false;
    peer_touch(peer);
    if (peer->link != NULL)
        link_bye(peer->link, "disconnect");
    else if (peer_is_up(peer))
        oneshot_exit(peer);
    if (peer->link == NULL) {
        delivery_give_up(peer, "disconnected");
        peer_left(peer, "disconnected");
    }
}

void node_forget(struct node *node, struct peer *peer)
{
    struct link *link = peer->link;
    dialer_cancel(peer);
    if (link != NULL) {
        delivery_flush(peer);
        delivery_disconnected(peer, "forgotten");
        peer->link = NULL;
        link->peer = NULL;
        link_bye(link, "forget");
    }
    peer_settle(peer, "forgotten");
    membership_remove(peer);
    loop_again(node->loop);
}

bool node_ping(struct node *node, struct peer *peer, const char **cause)
{
    if (peer->row.dialect == DIALECT_ONESHOT || peer->row.dialect == DIALECT_STREAM) {
        *cause = "it speaks plain lines, which have no round trip";
        return false;
    }
    if (peer->link == NULL || !link_is_session(peer->link)) {
        *cause = peer->cause[0] != '\0' ? peer->cause : "it is not connected";
        return false;
    }
    char token[VERB_TOKEN_MAX];
    struct buffer line;
    peer->ping = ++node->tokens;
    peer->ping_at = loop_now(node->loop);
    peer->ping_state = PING_WAITING;
    snprintf(token, sizeof token, "%c%llu", TOKEN_PING, (unsigned long long)peer->ping);
    buffer_init(&line, VERB_TOKEN_MAX + 16);
    verb_format_ping(&line, token);
    link_send(peer->link, &line);
    return true;
}

/* --- questions --- */

bool node_is_sent(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peers[i]->box.held && node->peers[i]->box.lines.bytes > 0)
            return false;
    }
    return true;
}

bool node_is_congested(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct outbox *box = &node->peers[i]->box;
        if (box->lines.bytes >= NODE_OUTBOX_MAX && timer_is_set(&box->check))
            return true;
    }
    return false;
}

bool node_is_settled(const struct node *node)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        if (node->peers[i]->named && !node->peers[i]->tried)
            return false;
    }
    return true;
}

bool node_reached_all(const struct node *node, const char **which)
{
    for (size_t i = 0; i < node->peer_count; i++) {
        const struct peer *peer = node->peers[i];
        if (peer->named && !peer->reached) {
            *which = peer->text;
            return false;
        }
    }
    return true;
}

size_t node_up_count(const struct node *node)
{
    size_t up = 0;
    for (size_t i = 0; i < node->peer_count; i++)
        up += peer_is_up(node->peers[i]);
    return up;
}

uint64_t node_message_count(const struct node *node)
{
    return node->messages;
}

uint64_t node_last_receipt(const struct node *node)
{
    return node->last_receipt;
}
