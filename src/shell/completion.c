/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the word at the cursor and what the command table lets stand there. It must not know the
 * line editor, nor where peers come from.
 */
#include "config.h"

#include "shell/completion.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"

enum { FIRST_ROOM = 16 };

size_t completion_add(struct completion_list *list, struct span candidate)
{
    struct span prefix = list->prefix;

    if (list->count == COMPLETION_MAX || candidate.len < prefix.len ||
        !span_equal(span_make(candidate.at, prefix.len), prefix) || !text_is_one_word(candidate))
        return 0;
    if (list->count == list->room) {
        list->room = list->room > 0 ? 2 * list->room : FIRST_ROOM;
        list->items = alloc_resize(list->items, list->room, sizeof *list->items);
    }
    list->items[list->count++] = span_string(candidate);
    return 1;
}

void completion_clear(struct completion_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct completion_list){.count = 0};
}

/* The word that ends the line, perhaps empty; *before is how many words there are before it. */
static struct span last_word(struct span line, unsigned *before)
{
    *before = 0;
    for (;;) {
        size_t left = line.len;
        struct span word = span_cut_word(&line);
        if (word.len == left)
            return word;
        *before += word.len > 0;
    }
}

static enum completion_kind kind_after_command(struct span line, unsigned words_before)
{
    struct span rest = span_after(line, 1);
    char *cause = NULL;
    const struct command *c = command_find(span_cut_word(&rest), &cause);

    free(cause);
    if (c == NULL || (words_before > 1 && c->completes != COMPLETE_ADDRESS))
        return COMPLETE_NOTHING;
    return c->completes;
}

static enum completion_kind kind_at_end(struct span line, struct span *word)
{
    unsigned before;

    *word = last_word(line, &before);
    if (!span_starts(line, "/") || span_starts(line, "//") || memchr(line.at, '\n', line.len))
        return COMPLETE_NOTHING;
    return before == 0 ? COMPLETE_COMMAND : kind_after_command(line, before);
}

/* With the slash if it is typed, without it after /help. */
static void add_commands(struct completion_list *out)
{
    const struct command *c;

    for (size_t i = 0; (c = command_at(i)) != NULL; i++) {
        char *name = alloc_print("%s%s", span_starts(out->prefix, "/") ? "/" : "", c->name);
        completion_add(out, span_of(name));
        free(name);
    }
}

void completion_find(struct span line, completion_source *source, void *arg,
                     struct completion_list *out)
{
    enum completion_kind kind = kind_at_end(line, &out->prefix);

    if (kind == COMPLETE_COMMAND)
        add_commands(out);
    else if (kind != COMPLETE_NOTHING)
        source(arg, kind, out->prefix, out);
}
