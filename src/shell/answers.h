/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the answers to commands are made of: which fields, in which order. Scripts rely on it. How
 * an answer is shown is the business of whoever takes the fields.
 */
#ifndef HASHFLOW_SHELL_ANSWERS_H
#define HASHFLOW_SHELL_ANSWERS_H

#include "mesh/node.h"
#include "shell/command.h"
#include "store/history.h"

struct answers {
    /* plain: the peer that it names speaks without encryption. */
    void (*reply)(void *arg, const char *command, const struct span *fields, size_t count,
                  bool plain);
    void *arg;
};

/* The names of the fields of a command's answers, in their order, with spaces between them; NULL if
 * it has none. One that ends with ? holds a dash where nothing is known, with ! that too, and is
 * the name of the peer that may be plain, with # a number, and with [] it stands for all that are
 * left. */
const char *answer_keys(const char *command);

/* A line of /connect or /trust. */
void answer_connected(const struct answers *a, enum command_id id, const struct peer *peer);
void answer_peer(const struct answers *a, const struct peer *peer); /* a line of /peers */

/* A line of /outbox; none if nothing waits for the peer. */
void answer_waiting(const struct answers *a, const struct peer *peer);

/* A line of what somebody answers to /ask. */
void answer_ask(const struct answers *a, const struct event *answer);

void answer_ping(const struct answers *a, const struct peer *peer);
void answer_whoami(const struct answers *a, const struct node *node);
void answer_joined(const struct answers *a, const struct peer *inviter);
void answer_known(const struct answers *a, const struct key_view *key); /* a line of /known */

/* A line of /history or /search. */
void answer_said(const struct answers *a, enum command_id id, const struct history_line *line);

void answer_help(const struct answers *a, const struct command *about, const char *help);
void answer_text(const struct answers *a, enum command_id id, struct span text);

#endif
