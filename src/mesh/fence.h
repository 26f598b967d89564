/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With which addresses we have to do at all, by the rules of the user. For mesh/ alone; see
 * wire/rules.h. Whom they keep out is neither heard nor dialled.
 */
#ifndef HASHFLOW_MESH_FENCE_H
#define HASHFLOW_MESH_FENCE_H

#include <stdbool.h>

struct address;
struct node;

#define FENCE_CAUSE "--allow or --deny keeps it out"

enum { FENCE_TOLD = 64 }; /* hosts whose knocking is told; of more nothing is said */

bool fence_lets(const struct node *node, const struct address *a);

/* Is this the first time that somebody at that host is turned away, for whatever reason? */
bool fence_is_news(struct node *node, const struct address *a);

/* Somebody at that address has knocked in vain: told once for each host. */
void fence_tell(struct node *node, const struct address *a);

#endif
