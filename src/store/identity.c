/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The id in its file: read, or made and written. It must not know the database.
 */
#include "config.h"

#include "store/identity.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/private_file.h"

void identity_make(char out[IDENTITY_TEXT])
{
    clock_random_text(out, IDENTITY_TEXT);
}

static bool is_id(struct span id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '2' && c <= '7')))
            return false;
    }
    return id.len == IDENTITY_TEXT - 1;
}

/* NULL if there is none. */
static char *read_id(const char *path)
{
    char line[IDENTITY_TEXT + 1]; /* one more than it should have */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    ssize_t len = read(fd, line, sizeof line);
    close(fd);
    if (len == IDENTITY_TEXT && line[len - 1] == '\n' && is_id(span_make(line, (size_t)len - 1)))
        return span_string(span_make(line, (size_t)len - 1));
    log_error("%s holds no id of a node: it is written anew", path);
    return NULL;
}

static bool write_id(const char *path, const char *id, char **cause)
{
    char line[IDENTITY_TEXT];

    memcpy(line, id, IDENTITY_TEXT - 1);
    line[IDENTITY_TEXT - 1] = '\n';
    return private_file_write(path, span_make(line, sizeof line), PRIVATE_REPLACE, cause);
}

char *identity_load(const char *folder, const char *former, char **cause)
{
    char *path = alloc_print("%s/node", folder);
    char *id = read_id(path);
    char made[IDENTITY_TEXT];

    if (id == NULL) {
        if (former == NULL || !is_id(span_of(former))) {
            identity_make(made);
            former = made;
        }
        if (write_id(path, former, cause))
            id = alloc_string(former);
    }
    free(path);
    return id;
}

bool identity_is_kept(const char *folder)
{
    char *path = alloc_print("%s/node", folder);
    bool kept = access(path, F_OK) == 0;

    free(path);
    return kept;
}
