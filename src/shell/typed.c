/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readline's history and its file. What a line says is not its business.
 */
#include "config.h"

#include "shell/typed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>

#include "base/alloc.h"

static int added; /* lines that the file does not have */

void typed_load(const char *path)
{
    using_history();
    added = 0;
    history_write_timestamps = 1;
    history_comment_char = '#';
    history_multiline_entries = 1; /* or they come back split, a line each */
    if (path != NULL)
        read_history(path);
    bool too_long = history_length > 2 * TYPED_MAX;
    stifle_history(TYPED_MAX);
    if (too_long)
        write_history(path);
}

void typed_add(const char *line)
{
    const HIST_ENTRY *last = history_get(history_base + history_length - 1);

    if (line[0] == '\0' || line[0] == ' ' || (last != NULL && strcmp(line, last->line) == 0))
        return;
    add_history(line);
    if (added < TYPED_MAX)
        added++;
}

static int make_folders(const char *path)
{
    char *folder = alloc_string(path);
    char *slash = folder;
    int result = 0;

    while (result == 0 && (slash = strchr(slash + 1, '/')) != NULL) {
        *slash = '\0';
        if (mkdir(folder, 0700) == -1 && errno != EEXIST)
            result = -1;
        *slash = '/';
    }
    free(folder);
    return result;
}

/* Readline would leave the mode to the umask. */
static int make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1)
        return -1;
    int result = fchmod(fd, 0600);
    close(fd);
    return result;
}

int typed_save(const char *path)
{
    if (added == 0)
        return 0;
    if (path[0] == '\0' || make_folders(path) == -1 || make_file(path) == -1)
        return -1;
    errno = append_history(added, path);
    added = 0;
    return errno == 0 ? 0 : -1;
}
