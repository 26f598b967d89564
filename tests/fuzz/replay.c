/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds files to a fuzz target, so that a corpus is a test with any compiler. It knows neither the
 * target nor what is in the files.
 *
 * Files and folders are named on the command line. Without any, replay_NAME takes the folder
 * tests/data/fuzz/NAME of the sources. Prints TAP.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "target.h"

enum { FILE_MAX = 1024 * 1024 }; /* bytes; a larger file fails */

static int tests, failures;

static void report(const char *path, const char *problem)
{
    tests++;
    failures += problem != NULL;
    printf("%sok %d - %s%s%s\n", problem == NULL ? "" : "not ", tests, path,
           problem == NULL ? "" : ": ", problem == NULL ? "" : problem);
    fflush(stdout); /* the next file may end the program */
}

static void replay_file(const char *path, FILE *file)
{
    uint8_t *content = alloc_zero(FILE_MAX, 1);
    size_t size = fread(content, 1, FILE_MAX, file);

    if (ferror(file) || !feof(file)) {
        report(path, "cannot be read whole");
    } else {
        /* Exactly its size, so that the sanitizers see the end. */
        content = alloc_resize(content, size, 1);
        LLVMFuzzerTestOneInput(content, size);
        report(path, NULL);
    }
    free(content);
}

static int is_file_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_path(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_file_name, alphasort);

    if (count < 0 && errno == ENOTDIR) {
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            report(path, strerror(errno));
            return;
        }
        replay_file(path, file);
        fclose(file);
        return;
    }
    if (count <= 0)
        report(path, count < 0 ? strerror(errno) : "is empty");
    for (int i = 0; i < count; i++) {
        char *inner = alloc_print("%s/%s", path, entries[i]->d_name);
        replay_path(inner);
        free(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void replay_own_corpus(const char *program)
{
    const char *srcdir = getenv("HASHFLOW_SRCDIR");
    const char *slash = strrchr(program, '/');
    const char *file = slash == NULL ? program : slash + 1;
    size_t prefix = strncmp(file, "replay_", 7) == 0 ? 7 : 0;
    char *path = alloc_print("%s/tests/data/fuzz/%s", srcdir == NULL ? "." : srcdir, file + prefix);

    replay_path(path);
    free(path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay_path(argv[i]);
    if (argc == 1)
        replay_own_corpus(argv[0]);
    printf("1..%d\n", tests);
    return failures > 0;
}
