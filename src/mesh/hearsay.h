/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trying whom others are connected to. For mesh/ alone.
 */
#ifndef HASHFLOW_MESH_HEARSAY_H
#define HASHFLOW_MESH_HEARSAY_H

struct address;
struct link;
struct node;
struct verb;

void hearsay_start(struct node *node);
void hearsay_free(struct node *node);
void hearsay_add(struct link *link, const struct verb *verb);  /* what it says with /peer */
void hearsay_gone(struct link *link, const struct verb *verb); /* and with /gone */
void hearsay_encrypt(struct link *link);                       /* it is dialled again, encrypted */
void hearsay_met(struct node *node, const struct address *a);  /* a node has answered there */

#endif
