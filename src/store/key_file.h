/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's key in its file, PEM of PKCS#8 as `openssl genpkey` writes it.
 */
#ifndef HASHFLOW_STORE_KEY_FILE_H
#define HASHFLOW_STORE_KEY_FILE_H

#include "base/key.h"

/* NULL with *cause, a new string: there is none, or it is not safe there (private_file.h). */
struct key *key_file_read(const char *path, char **cause);

/* The key in the folder's file "key.pem", which is made where it is missing. A file that holds no
 * key is never replaced: it may be all that is left of one. NULL with *cause, as above. */
struct key *key_file_load(const char *folder, char **cause);

#endif
