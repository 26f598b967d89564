/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What we have taken from others, until it has left. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_ARRIVALS_H
#define HASHFLOW_MESH_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct peer;
struct verb;

void arrivals_load(struct node *node); /* what a former run has left */
void arrivals_free(struct node *node);
void arrivals_meet(struct peer *peer, uint64_t epoch); /* its numbering, as said in its /hello */
void arrivals_add(struct peer *peer, const struct verb *verb);
void arrivals_settle(struct node *node); /* stores, commits, and confirms to the senders */
/* Has it sent more than its window? It is not read until enough of that has left. */
bool arrivals_overrun(const struct peer *peer);

#endif
