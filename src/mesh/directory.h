/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is known by which name, node id, address or place: look-ups that do not go through all peers.
 * For mesh/ alone. Where several are found, the one that was met first comes first.
 */
#ifndef HASHFLOW_MESH_DIRECTORY_H
#define HASHFLOW_MESH_DIRECTORY_H

#include "base/index.h"
#include "wire/address.h"

struct node;
struct peer;

enum known_by {
    BY_NAME,    /* as it looks; not those without one */
    BY_NODE,    /* its id; not those without one */
    BY_ADDRESS, /* each of them */
    BY_PLACE,   /* its text and its alias */
    BY_SOURCE,  /* the host that has claimed it, for a claimed peer */
    KNOWN_BY_COUNT
};

struct directory {
    struct index by[KNOWN_BY_COUNT];
    uint64_t entered; /* peers, ever */
};

/* A peer comes in behind all others, and goes; its name is listed and struck by names.c. */
void directory_enter(struct peer *peer);
void directory_leave(struct peer *peer);

/* Before what it is known by changes, and after. Nothing happens to a peer that is not in it. */
void directory_strike(struct peer *peer, enum known_by by);
void directory_list(struct peer *peer, enum known_by by);

/* Their items are peers; borrowed until somebody comes, goes or changes. */
struct matches directory_named(const struct node *node, struct span name); /* or like it */
struct matches directory_known(const struct node *node, const char *id);
struct matches directory_at(const struct node *node, const struct address *a);
struct matches directory_placed(const struct node *node, struct span place);

/* Claimed peers: all of them, and those of one host. */
size_t directory_claimed(const struct node *node);
size_t directory_claimed_from(const struct node *node, const struct address *source);

#endif
