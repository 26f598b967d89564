/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of options.def as functions. For options.c alone.
 */
#ifndef HASHFLOW_ARGUMENTS_H
#define HASHFLOW_ARGUMENTS_H

#include "options.h"

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "options.def"
#undef OPTION
    OPTION_COUNT
};

/* value is NULL for an option that takes none. where stands before its name in what is said about
 * it: "--", or a place in a file. false: it is wrong, and the log has said why. */
bool option_take(enum option_id id, struct options *o, const char *value, const char *where);

#endif
