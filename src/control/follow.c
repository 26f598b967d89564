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
    {"times", FOLLOW_TIMES},
    {"json", FOLLOW_JSON},
    {"ascii", FOLLOW_ASCII},
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

/* What is wrong with the words together; NULL if nothing is. */
static const char *fault(unsigned follow)
{
    static const struct {
        unsigned both;
        const char *cause;
    } rivals[] = {
        {FOLLOW_JSON | FOLLOW_PEOPLE, "json is not for people"},
        {FOLLOW_JSON | FOLLOW_IDS, "json has the ids"},
        {FOLLOW_JSON | FOLLOW_TIMES, "json has the times"},
        {FOLLOW_PEOPLE | FOLLOW_IDS, "people are not shown ids"},
    };
    for (size_t i = 0; i < sizeof rivals / sizeof rivals[0]; i++) {
        if ((follow & rivals[i].both) == rivals[i].both)
            return rivals[i].cause;
    }
    if ((follow & (FOLLOW_ASCII | FOLLOW_JSON)) == FOLLOW_ASCII)
        return "ascii is for json";
    if ((follow & (FOLLOW_COLOUR | FOLLOW_PEOPLE)) == FOLLOW_COLOUR)
        return "colour is for people, or a console";
    return NULL;
}

bool follow_parse(struct span words, unsigned *follow, char **cause)
{
    unsigned found = 0, count = 0;
    *cause = NULL;
    for (words = span_skip_blanks(words); words.len > 0; words = span_skip_blanks(words)) {
        struct span word = span_cut_word(&words);
        count++;
        if (add_word(word, &found))
            continue;
        *cause = alloc_print("%.*s: no such thing to follow; see hashflow(1), ATTACHING",
                             (int)(word.len < 40 ? word.len : 40), word.at);
        return false;
    }
    const char *wrong = count == 0 ? "say what, or none" : fault(found);
    if (wrong != NULL)
        *cause = alloc_string(wrong);
    else
        *follow = found;
    return wrong == NULL;
}

struct report_config follow_form(unsigned follow)
{
    return (struct report_config){
        .style = (follow & FOLLOW_JSON) != 0     ? REPORT_JSON
                 : (follow & FOLLOW_PEOPLE) != 0 ? REPORT_PEOPLE
                                                 : REPORT_TEXT,
        .events = (follow & FOLLOW_EVENTS) != 0,
        .colour = (follow & FOLLOW_COLOUR) != 0,
        .ascii = (follow & FOLLOW_ASCII) != 0,
        .ids = (follow & FOLLOW_IDS) != 0,
        .timestamps = (follow & FOLLOW_TIMES) != 0,
    };
}
