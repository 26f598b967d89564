/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From lines to secrets and back. What passes through memory on the way is wiped.
 */
#include "config.h"

#include "store/group_file.h"

#include <errno.h>

#include "base/alloc.h"
#include "store/private_file.h"

enum { FILE_MAX = GROUP_SECRETS * GROUP_TEXT }; /* with an LF in the place of each NUL */

/* NULL, or what is wrong. */
static const char *parse(struct span text, struct group *out)
{
    out->count = 0;
    while (text.len > 0) {
        struct span line = span_cut_line(&text);
        if (out->count == GROUP_SECRETS)
            return "it holds more than two secrets";
        if (!base32_decode(line, out->secrets[out->count], PROOF_KEY_BYTES))
            return "a line of it is no secret: 52 characters of a-z and 2-7";
        out->count++;
    }
    return out->count == 0 ? "it holds no secret" : NULL;
}

bool group_file_read(const char *path, bool needed, struct group *out, char **cause)
{
    char text[FILE_MAX];
    size_t len = 0;

    *out = (struct group){.count = 0};
    *cause = NULL;
    switch (private_file_read(path, text, sizeof text, &len, cause)) {
    case PRIVATE_READ: {
        const char *fault = parse(span_make(text, len), out);
        if (fault != NULL)
            *cause = alloc_print("%s: %s", path, fault);
        break;
    }
    case PRIVATE_MISSING:
        if (needed)
            *cause = alloc_print("%s: %s", path, strerror(ENOENT));
        break;
    case PRIVATE_REFUSED: break;
    }
    digest_wipe(text, sizeof text);
    if (*cause != NULL)
        digest_wipe(out, sizeof *out);
    return *cause == NULL;
}

bool group_file_write(const char *path, const struct group *group, char **cause)
{
    char text[FILE_MAX];
    size_t len = 0;

    if (group->count == 0)
        return private_file_remove(path, cause);
    for (size_t i = 0; i < group->count; i++) {
        base32_encode(group->secrets[i], PROOF_KEY_BYTES, text + len);
        len += GROUP_TEXT;
        text[len - 1] = '\n';
    }
    bool written = private_file_write(path, span_make(text, len), PRIVATE_REPLACE, cause);
    digest_wipe(text, sizeof text);
    return written;
}
