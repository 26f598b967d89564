/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command as words of the command line: `hashflow group new`. It is run by the node that has the
 * state folder, or else by one of its own that leaves then.
 */
#ifndef HASHFLOW_ERRAND_H
#define HASHFLOW_ERRAND_H

#include "options.h"

/* If the first word is one of those commands, all of them become a line of --command. false: the
 * log has said what is wrong. */
bool errand_take(struct options *o);

/* No invitation stays where every user of the machine can read it: copies those arguments that have
 * one, and overwrites them. */
void errand_hide(int argc, char **argv, struct options *o);

#endif
