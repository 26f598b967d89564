/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words in quotes and out of them. It does not know what they are for.
 */
#include "config.h"

#include "base/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char blanks[] = " \t\n";

/* Copies what stands in quotes, from behind the opening one. Returns the closing one, or NULL. */
static const char *copy_quoted(const char *from, char quote, char **to)
{
    for (; *from != quote; from++) {
        bool plain = quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\');
        if (plain)
            from++;
        if (*from == '\0')
            return NULL;
        *(*to)++ = *from;
    }
    return from;
}

/* Copies one word. Returns its end, or NULL with *cause. */
static const char *copy_word(const char *from, char **to, const char **cause)
{
    for (; *from != '\0' && strchr(blanks, *from) == NULL; from++) {
        bool quoted = *from == '\'' || *from == '"';
        if (quoted) {
            *cause = *from == '"' ? "a \" is never closed" : "a ' is never closed";
            from = copy_quoted(from + 1, *from, to);
            if (from == NULL)
                return NULL;
            continue;
        }
        if (*from == '\\' && *++from == '\0') {
            *cause = "there is nothing behind the last backslash";
            return NULL;
        }
        *(*to)++ = *from;
    }
    *(*to)++ = '\0';
    return from;
}

char **words_cut(const char *text, const char **cause)
{
    size_t length = strlen(text), count = 0;
    size_t most = length / 2 + 1; /* a word and what separates it are at least two bytes */
    char **words = alloc_zero(1, (most + 1) * sizeof *words + length + 1);
    char *end = (char *)(words + most + 1);

    for (text += strspn(text, blanks); *text != '\0'; text += strspn(text, blanks)) {
        words[count++] = end;
        text = copy_word(text, &end, cause);
        if (text == NULL) {
            free(words);
            return NULL;
        }
    }
    if (count == 0 || words[0][0] == '\0') {
        *cause = "there is no program in it";
        free(words);
        return NULL;
    }
    return words;
}
