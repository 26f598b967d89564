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

enum { FENCE_TOLD = 64 }; /* hosts of whom it is told; of more nothing is said */

bool fence_lets(const struct node *node, const struct address *a);

/* A stranger at that address is turned away, for whatever reason: told once for each host. */
void fence_tell(struct node *node, const struct address *a, const char *cause);
void fence_told(struct node *node, const struct address *a); /* the log has said so already */

#endif
