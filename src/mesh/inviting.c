/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Invitations that we give out, and those who come with one. Each lets in one key, as often as that
 * asks while it is good: our first answer may have been lost. Kept in memory and in the store. It
 * does not know how a proof travels.
 */
#include "config.h"

#include "mesh/inviting.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "mesh/fence.h"
#include "mesh/internal.h"
#include "mesh/keeping.h"
#include "mesh/link.h"
#include "mesh/peer.h"
#include "store/invitations.h"

struct invited {
    struct invitation_row row;
    bool stored;
    bool told; /* that it was turned away */
};

static struct invited *find(const struct node *node, const char *id)
{
    for (size_t i = 0; i < node->invited_count; i++) {
        if (strcmp(node->invited[i].row.id, id) == 0)
            return &node->invited[i];
    }
    return NULL;
}

static void drop_first(struct node *node)
{
    if (node->db != NULL)
        invitations_remove(node->db, node->invited[0].row.id);
    node->dirty = true;
    node->invited_count--;
    memmove(&node->invited[0], &node->invited[1], node->invited_count * sizeof *node->invited);
    digest_wipe(&node->invited[node->invited_count], sizeof *node->invited);
}

static struct invited *append(struct node *node, const struct invitation_row *row)
{
    node->invited =
        alloc_grow(node->invited, node->invited_count, &node->invited_room, sizeof *node->invited);
    struct invited *i = &node->invited[node->invited_count++];
    *i = (struct invited){.row = *row};
    return i;
}

static void load(void *arg, const struct invitation_row *row)
{
    append(arg, row)->stored = true;
}

void inviting_load(struct node *node)
{
    if (node->db != NULL)
        invitations_load(node->db, load, node);
}

void inviting_free(struct node *node)
{
    if (node->invited != NULL)
        digest_wipe(node->invited, node->invited_room * sizeof *node->invited);
    free(node->invited);
}

void inviting_write(struct node *node)
{
    for (size_t i = 0; i < node->invited_count; i++) {
        if (!node->invited[i].stored)
            invitations_save(node->db, &node->invited[i].row);
    }
}

void inviting_written(struct node *node)
{
    for (size_t i = 0; i < node->invited_count; i++)
        node->invited[i].stored = true;
}

/* --- giving one out --- */

static int64_t wall_seconds(void)
{
    return (int64_t)(clock_wall_us() / 1000000);
}

/* Those that end first stand first. */
static void drop_old(struct node *node)
{
    while (node->invited_count > 0 &&
           (node->invited_count >= INVITING_KEPT ||
            node->invited[0].row.expires + INVITING_AFTER_S < wall_seconds()))
        drop_first(node);
}

static size_t count_open(const struct node *node)
{
    size_t open = 0;
    for (size_t i = 0; i < node->invited_count; i++) {
        const struct invitation_row *row = &node->invited[i].row;
        open += row->used_by[0] == '\0' && row->expires >= wall_seconds();
    }
    return open;
}

/* The port is ours unless the user has said another. */
static bool add_said(const struct node *node, struct span said, struct invitation *out,
                     char **cause)
{
    char host[ADDRESS_HOST], named[8];
    uint16_t port;
    const char *why;
    if (!address_split(said, host, &port, &why)) {
        *cause = alloc_print("%.*s: %s", (int)said.len, said.at, why);
        return false;
    }
    size_t len = (size_t)snprintf(named, sizeof named, ":%u", (unsigned)port);
    bool has_port = said.len > len && memcmp(said.at + said.len - len, named, len) == 0;
    address_join(host, has_port ? port : node->last_port, out->places[out->place_count++]);
    return true;
}

/* Where others can reach us; near: from this machine alone. A scope is a number of this machine. */
static void add_ours(const struct node *node, struct invitation *out, bool near)
{
    struct address at;
    for (size_t i = 0; out->place_count < INVITATION_ADDRESSES && node_address(node, i, &at); i++) {
        if (near == address_is_loopback(&at) && at.scope == 0)
            address_print(&at, out->places[out->place_count++]);
    }
}

static bool add_places(const struct node *node, const struct span *said, size_t count,
                       struct invitation *out, char **cause)
{
    for (size_t i = 0; i < count && i < INVITATION_ADDRESSES; i++) {
        if (!add_said(node, said[i], out, cause))
            return false;
    }
    if (count == 0)
        add_ours(node, out, false);
    if (out->place_count == 0)
        add_ours(node, out, true);
    if (out->place_count == 0)
        *cause = alloc_string("this node listens nowhere");
    return out->place_count > 0;
}

static void keep(struct node *node, struct invitation *out)
{
    unsigned char token[INVITATION_TOKEN_BYTES];
    struct invitation_row row = {.expires = wall_seconds() + INVITING_LIFE_S};
    clock_random_bytes(token, sizeof token);
    base32_encode(token, sizeof token, out->token);
    digest_wipe(token, sizeof token);
    invitation_key(out->token, row.key);
    invitation_id(row.key, row.id);
    append(node, &row);
    digest_wipe(&row, sizeof row);
    node->dirty = true;
}

bool node_invite(struct node *node, const struct span *places, size_t count, struct invitation *out,
                 char **cause)
{
    *cause = NULL;
    *out = (struct invitation){0};
    drop_old(node);
    if (node_group(node)->count == 0)
        *cause = alloc_string("there is no group to invite to; /group new makes one");
    else if (count_open(node) >= INVITING_OPEN)
        *cause = alloc_print("%d invitations are open already; each ends after a day or its use",
                             INVITING_OPEN);
    if (*cause != NULL || !add_places(node, places, count, out, cause))
        return false;
    span_copy(span_of(node->id), out->fingerprint, sizeof out->fingerprint);
    keep(node, out);
    loop_again(node->loop);
    return true;
}

/* --- letting in whoever has one --- */

/* NULL if it is good, else why not. */
static const char *fault(const struct node *node, const struct invitation_row *row,
                         const char *fingerprint)
{
    if (row->used_by[0] != '\0' && strcmp(row->used_by, fingerprint) != 0)
        return "was used already, by another key";
    if (row->expires < wall_seconds())
        return "has expired";
    if (node_group(node)->count == 0)
        return "is into a group that we have left";
    return NULL;
}

/* Before anything is given for it. */
static const char *burn(struct node *node, struct invited *invited, const char *fingerprint)
{
    if (invited->row.used_by[0] != '\0')
        return NULL;
    span_copy(span_of(fingerprint), invited->row.used_by, sizeof invited->row.used_by);
    invited->stored = false;
    node->dirty = true;
    keeping_save(node);
    if (node->db == NULL || invited->stored)
        return NULL;
    invited->row.used_by[0] = '\0';
    return "cannot be used, because that cannot be stored";
}

/* Once for each: whoever has one may come as often as he likes. */
static void tell_fault(struct link *link, struct invited *invited, const char *why)
{
    char text[ADDRESS_TEXT];
    if (invited->told)
        return;
    invited->told = true;
    fence_told(link->node, &link->remote); /* nothing more is to be said of it */
    address_print(&link->remote, text);
    log_notice("%s: turned away: its invitation %s", text, why);
}

bool inviting_admits(struct link *link, const struct hello *hello,
                     const struct proof_binding *binding, const char **cause)
{
    struct node *node = link->node;
    struct invited *invited = find(node, hello->invite);
    *cause = "that invitation is not good";
    if (invited == NULL ||
        !proof_holds(invited->row.key, PROOF_INVITATION, PROOF_DIAL, binding, hello->proof))
        return false;
    const char *why = fault(node, &invited->row, binding->dialer);
    if (why == NULL)
        why = burn(node, invited, binding->dialer);
    if (why != NULL) {
        tell_fault(link, invited, why);
        return false;
    }
    span_copy(span_of(invited->row.id), link->invitation, sizeof link->invitation);
    memcpy(link->secret, node_group(node)->secrets[0], sizeof link->secret);
    link->proved = true;
    return true;
}

bool inviting_key(const struct link *link, unsigned char key[PROOF_KEY_BYTES])
{
    const struct invited *invited =
        link->invitation[0] != '\0' ? find(link->node, link->invitation) : NULL;
    if (invited != NULL)
        memcpy(key, invited->row.key, PROOF_KEY_BYTES);
    return invited != NULL;
}

void inviting_welcome(struct link *link)
{
    struct buffer line;
    if (link->invitation[0] == '\0')
        return;
    log_notice("%s %s: has joined by an invitation", link->peer->text, link->peer->shown);
    buffer_init(&line, LINK_LINE);
    verb_format_group(&line, node_group(link->node));
    link_send(link, &line);
}
