/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a configuration file and cutting it into settings. Whether they are right is decided by
 * whoever asks for them.
 */
#include "config.h"

#include "configuration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"

static const char blanks[] = " \t\r";

char *configuration_default_path(void)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *under = "";

    /* A relative path is to be ignored, says the XDG base directory specification. */
    if (base == NULL || base[0] != '/') {
        base = getenv("HOME");
        under = "/.config";
    }
    if (base == NULL || base[0] == '\0')
        return NULL;
    return alloc_print("%s%s/hashflow/config", base, under);
}

/* ---- the text */

/* NULL, or what is wrong. */
static char *read_all(int fd, const char *path, struct buffer *into)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return alloc_print("%s: %s", path, strerror(errno));
        if (!buffer_append(into, span_make(bytes, (size_t)got)))
            return alloc_print("%s: longer than %d bytes", path, CONFIGURATION_MAX);
    }
    if (buffer_length(into) > 0 && memchr(buffer_span(into).at, '\0', buffer_length(into)) != NULL)
        return alloc_print("%s: not a text file", path);
    return NULL;
}

/* What lies in a folder that is closed to us cannot be told from what is not there. */
static bool is_there(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

char *configuration_read(const char *path, bool may_be_missing, char **cause)
{
    struct buffer text;
    char *whole = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        *cause = alloc_print("%s: %s", path, strerror(errno));
        if (!may_be_missing || is_there(path))
            return NULL;
        free(*cause);
        return alloc_string("");
    }
    buffer_init(&text, CONFIGURATION_MAX);
    *cause = read_all(fd, path, &text);
    close(fd);
    if (*cause == NULL)
        whole = span_string(buffer_span(&text));
    buffer_free(&text);
    return whole;
}

/* ---- settings */

/* Cuts a line off *text, without the blanks at its ends. NULL at the end. */
static char *cut_line(char **text)
{
    if (**text == '\0')
        return NULL;
    char *line = *text;
    size_t len = strcspn(line, "\n");

    *text += line[len] == '\n' ? len + 1 : len;
    while (len > 0 && strchr(blanks, line[len - 1]) != NULL)
        len--;
    line[len] = '\0';
    return line + strspn(line, blanks);
}

bool configuration_next(char **text, struct setting *setting)
{
    char *line;

    while ((line = cut_line(text)) != NULL) {
        setting->line++;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        char *rest = line + strcspn(line, blanks);
        setting->name = line;
        setting->value = rest[0] == '\0' ? NULL : rest + 1 + strspn(rest + 1, blanks);
        rest[0] = '\0';
        return true;
    }
    return false;
}
