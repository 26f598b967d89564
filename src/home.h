/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a node is at home: the state folder that its options choose, and the name it goes by.
 */
#ifndef HASHFLOW_HOME_H
#define HASHFLOW_HOME_H

#include "options.h"
#include "store/database.h"
#include "store/state.h"

/* The port that the options name; 0 for a free one. */
uint16_t home_port(const struct options *o);

/* The state folder of the node on a port, where no other is named; the caller frees it. NULL if
 * there is no HOME. */
char *home_of_port(uint16_t port);

/* The file for the lines that are typed on a terminal; the caller frees it. NULL if there is to be
 * none, or no HOME. */
char *home_typed_path(const struct options *o);

/* A new string: what path means now, also when a daemon has changed its folder. NULL if that cannot
 * be told; the log has said why. */
char *home_absolute(const struct options *o, const char *path);

/* Opens the state folder and its database, or neither where nothing is to be kept; *o then says
 * no_store. *older: a node has been at home there before. false if that failed; the log has said
 * why. */
bool home_open(struct options *o, struct state **state, struct database **db, bool *older);

/* The name given, or the one of the last time, or the login name. The caller frees it. */
char *home_name(const struct options *o, struct database *db);

#endif
