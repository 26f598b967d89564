/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a file to a key and back. What passes through memory on the way is wiped.
 */
#include "config.h"

#include "store/key_file.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "store/private_file.h"

static enum private_read read_key(const char *path, struct key **out, char **cause)
{
    char pem[KEY_PEM_MAX];
    size_t len = 0;
    const char *reason;
    enum private_read result = private_file_read(path, pem, sizeof pem, &len, cause);

    if (result == PRIVATE_READ) {
        *out = key_parse(span_make(pem, len), &reason);
        if (*out == NULL) {
            *cause = alloc_print("%s: %s", path, reason);
            result = PRIVATE_REFUSED;
        }
    }
    digest_wipe(pem, sizeof pem);
    return result;
}

struct key *key_file_read(const char *path, char **cause)
{
    struct key *key = NULL;

    if (read_key(path, &key, cause) == PRIVATE_MISSING)
        *cause = alloc_print("%s: no such file; cure: openssl genpkey -algorithm ed25519 -out %s",
                             path, path);
    return key;
}

static struct key *make_key(const char *path, char **cause)
{
    struct key *key = key_make();
    struct buffer pem;

    buffer_init(&pem, KEY_PEM_MAX);
    key_format(key, &pem);
    bool written = private_file_write(path, buffer_span(&pem), PRIVATE_NEW, cause);
    digest_wipe(pem.data, pem.end);
    buffer_free(&pem);
    if (written)
        return key;
    key_free(key);
    return NULL;
}

struct key *key_file_load(const char *folder, char **cause)
{
    struct key *key = NULL;
    char *path = alloc_print("%s/key.pem", folder);

    if (read_key(path, &key, cause) == PRIVATE_MISSING)
        key = make_key(path, cause);
    free(path);
    return key;
}
