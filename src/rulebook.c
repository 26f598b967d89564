/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules from the command line and from files, all or nothing: one that is wrong, or a list of those
 * who are allowed that names nobody, changes nothing. For a list that is cut short would let in
 * whom it was to keep out.
 */
#include "config.h"

#include "rulebook.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "configuration.h"

struct source {
    enum verdict verdict;
    bool is_file;
    char *text; /* WHOM, or an absolute path */
};

struct rulebook {
    struct source *sources;
    size_t count;
    struct rules *rules;
};

static bool names_file(const char *whom)
{
    return whom[0] == '@';
}

bool rulebook_check(const char *whom, const char **cause)
{
    if (names_file(whom)) {
        *cause = "a file is needed behind the @";
        return whom[1] != '\0';
    }
    struct rules *trial = rules_new();
    bool right = rules_add(trial, VERDICT_ALLOWED, span_of(whom), cause);
    rules_free(trial);
    return right;
}

/* --- reading --- */

/* A pipe would hold us up, and has nothing to say a second time. */
static char *read_file(const char *path, char **cause)
{
    struct stat status;
    if (stat(path, &status) != 0)
        *cause = alloc_print("%s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        *cause = alloc_print("%s: not a file that can be read again", path);
    else
        return configuration_read(path, false, cause);
    return NULL;
}

/* One WHOM a line; behind it there may be a comment. */
static bool add_line(struct rules *rules, enum verdict verdict, const struct setting *line,
                     const char *path, char **cause)
{
    const char *why = "only one stands on a line";
    bool alone = line->value == NULL || line->value[0] == '#';
    if (alone && rules_add(rules, verdict, span_of(line->name), &why))
        return true;
    *cause = alloc_print("%s:%u: %s: %s", path, line->line, line->name, why);
    return false;
}

static bool add_file(struct rules *rules, const struct source *source, char **cause)
{
    struct setting line = {.line = 0};
    bool right = true, empty = true;
    char *text = read_file(source->text, cause), *rest = text;
    while (text != NULL && right && configuration_next(&rest, &line)) {
        right = add_line(rules, source->verdict, &line, source->text, cause);
        empty = false;
    }
    if (text != NULL && empty && source->verdict == VERDICT_ALLOWED) {
        *cause = alloc_print("%s: allows nobody, which is taken for a mistake", source->text);
        right = false;
    }
    free(text);
    return text != NULL && right;
}

static bool add_word(struct rules *rules, const struct source *source, char **cause)
{
    const char *why;
    if (rules_add(rules, source->verdict, span_of(source->text), &why))
        return true;
    *cause = alloc_print("%s: %s", source->text, why);
    return false;
}

struct rules *rulebook_read(struct rulebook *book, char **cause)
{
    struct rules *fresh = rules_new();
    struct rules *former = book->rules;
    bool right = true;
    for (size_t i = 0; right && i < book->count; i++) {
        const struct source *source = &book->sources[i];
        right = source->is_file ? add_file(fresh, source, cause) : add_word(fresh, source, cause);
    }
    if (!right) {
        rules_free(fresh);
        return NULL;
    }
    book->rules = fresh;
    return former;
}

/* --- life --- */

/* A daemon goes to another folder. */
static char *absolute(const char *path)
{
    char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *result = folder == NULL ? alloc_string(path) : alloc_print("%s/%s", folder, path);
    free(folder);
    return result;
}

struct rulebook *rulebook_new(const struct rulebook_entry *entries, size_t count, char **cause)
{
    struct rulebook *book = alloc_zero(1, sizeof *book);
    book->sources = alloc_zero(count, sizeof *book->sources);
    book->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *whom = entries[i].whom;
        bool is_file = names_file(whom);
        book->sources[i] =
            (struct source){.verdict = entries[i].verdict,
                            .is_file = is_file,
                            .text = is_file ? absolute(whom + 1) : alloc_string(whom)};
    }
    book->rules = rules_new();
    struct rules *none = rulebook_read(book, cause);
    if (none == NULL) {
        rulebook_free(book);
        return NULL;
    }
    rules_free(none);
    return book;
}

void rulebook_free(struct rulebook *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < book->count; i++)
        free(book->sources[i].text);
    free(book->sources);
    rules_free(book->rules);
    free(book);
}

const struct rules *rulebook_rules(const struct rulebook *book)
{
    return book == NULL ? NULL : book->rules;
}

const char **rulebook_files(const struct rulebook *book, size_t *count)
{
    const char **files = NULL;
    *count = 0;
    for (size_t i = 0; book != NULL && i < book->count; i++) {
        if (!book->sources[i].is_file)
            continue;
        files = alloc_resize(files, *count + 1, sizeof *files);
        files[(*count)++] = book->sources[i].text;
    }
    return files;
}
