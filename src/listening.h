/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the node listens: the addresses named, or every interface; and telling it to whoever
 * started us.
 */
#ifndef HASHFLOW_LISTENING_H
#define HASHFLOW_LISTENING_H

#include "mesh/node.h"
#include "options.h"

/* On a terminal, where nobody named a port: asks for one, Enter takes the default. */
bool listening_ask(struct options *o);

/* Listens as the options say, and says where. false if that failed; the log has said why. */
bool listening_start(struct node *node, const struct options *o);

/* "listening on" and all addresses; the caller frees it. */
char *listening_where(const struct node *node);

#endif
