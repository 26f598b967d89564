/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command table made from commands.def, look-up by unambiguous prefix, and the first cut of a
 * typed line.
 */
#include "config.h"

#include "shell/command.h"

#include <limits.h>

#include "base/alloc.h"
#include "wire/invitation.h"

#define MANY UINT_MAX

static const struct command commands[] = {
#define COMMAND(word, words, fewest, greatest, kind, line, paragraph)                              \
    {                                                                                              \
        .id = COMMAND_##word,                                                                      \
        .name = #word,                                                                             \
        .arguments = words,                                                                        \
        .least = fewest,                                                                           \
        .most = greatest,                                                                          \
        .completes = kind,                                                                         \
        .help = line,                                                                              \
        .manual = paragraph,                                                                       \
    },
#include "shell/commands.def"
#undef COMMAND
};

const struct command *command_at(size_t index)
{
    return index < COMMAND_COUNT ? &commands[index] : NULL;
}

const struct command *command_find(struct span word, char **cause)
{
    const struct command *found = NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *c = &commands[i];
        if (span_is(word, c->name))
            return c;
        if (word.len == 0 || word.len > strlen(c->name) || memcmp(c->name, word.at, word.len) != 0)
            continue;
        if (found != NULL) {
            *cause = alloc_print("/%.*s: could be /%s or /%s", (int)word.len, word.at, found->name,
                                 c->name);
            return NULL;
        }
        found = c;
    }
    if (found == NULL)
        *cause = alloc_print("/%.*s: no such command; /help lists them, //text sends /text",
                             (int)(word.len < 40 ? word.len : 40), word.at);
    return found;
}

static unsigned count_words(struct span rest)
{
    unsigned words = 0;
    while (rest.len > 0) {
        if (span_cut_word(&rest).len > 0)
            words++;
    }
    return words;
}

bool command_is_text(struct span line, struct span *text)
{
    if (line.len == 0 || (line.at[0] == '/' && (line.len == 1 || line.at[1] != '/')))
        return false;
    *text = span_after(line, line.at[0] == '/');
    return true;
}

bool command_parse(struct span line, struct order *out, char **cause)
{
    *out = (struct order){.kind = ORDER_NOTHING};
    if (line.len == 0)
        return true;
    if (command_is_text(line, &out->text)) {
        out->kind = ORDER_TEXT;
        return true;
    }
    struct span rest = span_after(line, 1);
    struct span word = span_cut_word(&rest);
    const struct command *c = command_find(word, cause);
    if (c == NULL)
        return false;
    unsigned words = count_words(rest);
    if (words < c->least || words > c->most) {
        *cause = alloc_print("usage: /%s%s%s", c->name, c->arguments[0] != '\0' ? " " : "",
                             c->arguments);
        return false;
    }
    *out = (struct order){.kind = ORDER_COMMAND, .command = c, .arguments = rest};
    return true;
}

bool command_holds_secret(struct span text)
{
    return memmem(text.at, text.len, INVITATION_SCHEME, strlen(INVITATION_SCHEME)) != NULL;
}
