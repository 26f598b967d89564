/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small files that nobody else may read or change: what is secret, or says who we are. They are
 * whole or not there. It does not know what they hold.
 */
#ifndef HASHFLOW_STORE_PRIVATE_FILE_H
#define HASHFLOW_STORE_PRIVATE_FILE_H

#include "base/span.h"

enum private_read {
    PRIVATE_READ,
    PRIVATE_MISSING, /* there is no such file */
    PRIVATE_REFUSED, /* *cause, a new string, names the path and says why */
};

/* Into out, of at most size bytes; a longer file is refused. It must be a regular file of ours or
 * of root, no link, closed to group and others. The path /dev/fd/N stands for that descriptor,
 * which whoever has opened it answers for: it is read to its end, which may take a while, and
 * closed unless it is a standard one. */
enum private_read private_file_read(const char *path, char *out, size_t size, size_t *len,
                                    char **cause);

bool private_file_is_descriptor(const char *path);

enum private_write {
    PRIVATE_NEW,    /* fails if there is a file of that name */
    PRIVATE_REPLACE /* what was there is gone */
};

/* Whole and on the disk, with mode 0600, or false with *cause as above. */
bool private_file_write(const char *path, struct span bytes, enum private_write how, char **cause);

/* The same for taking it away; it need not be there. */
bool private_file_remove(const char *path, char **cause);

#endif
