/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of /follow as a table.
 */
#include "config.h"

#include "control/follow.h"

#include "base/alloc.h"

static const struct {
    const char *word;
    unsigned means;
} rows[] = {
    {"none", 0},
    {"messages", FOLLOW_MESSAGES},
    {"events", FOLLOW_EVENTS},
    {"ids", FOLLOW_IDS},
    {"people", FOLLOW_PEOPLE},
    {"colour", FOLLOW_COLOUR},
    {"console", FOLLOW_MESSAGES | FOLLOW_EVENTS | FOLLOW_PEOPLE | FOLLOW_PROMPT},
};

static bool add_word(struct span word, unsigned *follow)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (span_is(word, rows[i].word)) {
            *follow |= rows[i].means;
            return true;
        }
    }
    return false;
}

bool follow_parse(struct span words, unsigned *follow, char **cause)
{
    unsigned found = 0, count = 0;
    *cause = NULL;
    while (words.len > 0) {
        struct span word = span_cut_word(&words);
        if (word.len == 0)
            continue;
        if (!add_word(word, &found)) {
            *cause = alloc_print("%.*s: not messages, events, ids, people, colour, console or none",
                                 (int)(word.len < 40 ? word.len : 40), word.at);
            return false;
        }
        count++;
    }
    if (count == 0)
        *cause = alloc_string("say what: messages, events, ids, people, colour, console or none");
    else if ((found & FOLLOW_PEOPLE) != 0 && (found & FOLLOW_IDS) != 0)
        *cause = alloc_string("people are not shown ids");
    else if ((found & FOLLOW_COLOUR) != 0 && (found & FOLLOW_PEOPLE) == 0)
        *cause = alloc_string("colour is for people, or a console");
    else
        *follow = found;
    return *cause == NULL;
}
