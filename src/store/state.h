/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state folder: where it is, that it is ours alone (0700), and that only one node uses it at a
 * time (a lock file that holds the pid). It does not know what is kept there, but for the id of its
 * node, which outlives a damaged database.
 */
#ifndef HASHFLOW_STORE_STATE_H
#define HASHFLOW_STORE_STATE_H

#include <stdbool.h>

struct state;

enum state_result {
    STATE_OK,
    STATE_BUSY,  /* another node holds it: *holder is its pid, or 0 if it cannot be read */
    STATE_ERROR, /* *cause says what is wrong and names the path */
};

/* "${XDG_STATE_HOME:-~/.local/state}/hashflow/NAME"; the caller frees it. NULL if there is neither
 * an absolute XDG_STATE_HOME nor a HOME. An empty NAME gives the folder above. */
char *state_default_path(const char *name);

/* Makes the folder and its parents, checks owner and mode, takes the lock. On STATE_ERROR *cause is
 * a new string that the caller frees. */
enum state_result state_open(const char *path, struct state **out, long *holder, char **cause);
void state_close(struct state *s); /* lets the lock go */

const char *state_path(const struct state *s);

/* The id in the folder's file "node": NULL, or a new string that the caller frees. */
char *state_id(const struct state *s);

/* Puts it there, on disk. false with errno. */
bool state_keep_id(const struct state *s, const char *id);

#endif
