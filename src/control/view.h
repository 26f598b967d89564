/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one client of the control socket sees: answers, complaints, what it follows and in which
 * form, and its prompt. It does not know how lines get to the client.
 */
#ifndef HASHFLOW_CONTROL_VIEW_H
#define HASHFLOW_CONTROL_VIEW_H

#include "report/report.h"
#include "shell/prompt.h"

struct view {
    const struct node *node;
    void (*send)(void *arg, const struct span *parts, size_t count); /* whole lines, in pieces */
    void *arg;
    unsigned follow; /* see control/follow.h */
    struct report *report;
    struct prompt prompt;
    char *shown; /* the prompt that was sent last; NULL for none */
};

/* Borrows all of it. At first nothing is followed. */
void view_init(struct view *v, const struct node *node, const struct interpreter *interpreter,
               void (*send)(void *arg, const struct span *parts, size_t count), void *arg);
void view_free(struct view *v);

/* words: what stands behind /follow. false with *cause, a new string that the caller frees. */
bool view_follow(struct view *v, struct span words, char **cause);

/* Is it a console, with a person who sees the prompt? */
bool view_has_prompt(const struct view *v);

/* lost: the event tells of a loss that concerns this client, so it is shown in any case. */
void view_event(struct view *v, const struct event *event, bool lost);
void view_reply(struct view *v, const char *command, const struct span *fields, size_t count,
                bool plain);
void view_complain(struct view *v, const char *text); /* neither escaped nor with an LF */
void view_turn(struct view *v);                       /* the prompt, if it has changed */

#endif
