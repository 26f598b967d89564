/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A configuration file: its text, and the settings in it, one a line: a name, or a name and a
 * value. It does not know what settings there are.
 */
#ifndef HASHFLOW_CONFIGURATION_H
#define HASHFLOW_CONFIGURATION_H

#include <stdbool.h>

enum { CONFIGURATION_MAX = 1024 * 1024 /* bytes of a file */ };

struct setting {
    const char *name;
    const char *value; /* NULL if there is none */
    unsigned line;     /* where it stands, from 1 on; 0 before the first */
};

/* "${XDG_CONFIG_HOME:-~/.config}/hashflow/config"; the caller frees it. NULL if there is neither an
 * absolute XDG_CONFIG_HOME nor a HOME. */
char *configuration_default_path(void);

/* The text of a file, empty for one that is not there if it may be missing; the caller frees it.
 * NULL if it cannot be had: *cause is a new string that says why and names the path. */
char *configuration_read(const char *path, bool may_be_missing, char **cause);

/* Cuts the next setting off *text, which is changed, into *setting, which goes on borrowing it.
 * false when there are no more. */
bool configuration_next(char **text, struct setting *setting);

#endif
