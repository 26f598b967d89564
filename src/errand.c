/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Words of the command line that are a command. What it does is not known here.
 */
#include "config.h"

#include "errand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "shell/command.h"
#include "wire/invitation.h"

enum { WORDS_MAX = 16 * 1024 /* bytes */ };

static const enum command_id errands[] = {COMMAND_group, COMMAND_invite, COMMAND_join,
                                          COMMAND_admit, COMMAND_deny,   COMMAND_trust,
                                          COMMAND_known};

static bool is_errand(const char *word)
{
    for (size_t i = 0; i < sizeof errands / sizeof errands[0]; i++) {
        if (strcmp(command_at((size_t)errands[i])->name, word) == 0)
            return true;
    }
    return false;
}

static bool read_line(struct buffer *out)
{
    char c = '\0';
    ssize_t got;
    while ((got = read(STDIN_FILENO, &c, 1)) > 0 || (got < 0 && errno == EINTR)) {
        if (got > 0 && c == '\n')
            return true;
        if (got > 0 && !buffer_append(out, span_make(&c, 1))) {
            log_error("stdin: its first line is longer than %d bytes", WORDS_MAX);
            return false;
        }
    }
    if (got < 0)
        log_error("stdin: %s", strerror(errno));
    return got == 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* For what nobody else is to see. What another hashflow has answered may come as it is. */
static bool add_last_word(struct buffer *line)
{
    struct buffer typed;
    buffer_init(&typed, WORDS_MAX);
    if (isatty(STDIN_FILENO))
        log_notice("the line that - stands for is read from the terminal");
    bool whole = read_line(&typed);
    struct span text = buffer_span(&typed);
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    size_t start = text.len;
    while (start > 0 && !is_blank(text.at[start - 1]))
        start--;
    whole = whole && buffer_append(line, span_after(text, start));
    buffer_free(&typed);
    return whole;
}

static bool add_word(struct buffer *line, const char *word)
{
    if (strcmp(word, "-") == 0)
        return add_last_word(line);
    if (strchr(word, '\n') == NULL && buffer_append(line, span_of(word)))
        return true;
    log_error("the command is one line of at most %d bytes", WORDS_MAX);
    return false;
}

static bool make_line(const struct options *o, struct buffer *line)
{
    buffer_append(line, span_of("/"));
    for (size_t i = 0; i < o->address_count; i++) {
        if (i > 0)
            buffer_append(line, span_of(" "));
        if (!add_word(line, o->addresses[i]))
            return false;
    }
    return true;
}

bool errand_take(struct options *o)
{
    struct buffer line;
    if (o->attach || o->address_count == 0 || !is_errand(o->addresses[0]))
        return true;
    buffer_init(&line, WORDS_MAX);
    bool made = make_line(o, &line);
    if (made) {
        o->errand = span_string(buffer_span(&line));
        o->commands = alloc_resize(o->commands, o->command_count + 1, sizeof *o->commands);
        o->commands[o->command_count++] = o->errand;
        o->address_count = 0;
        o->keep = o->daemon = o->receive_only = false; /* what the file says of a node that stays */
        o->to = NULL;
    }
    buffer_free(&line);
    return made;
}

/* --- secrets --- */

static void move_commands(struct options *o, const char *from, const char *to)
{
    for (size_t i = 0; i < o->command_count; i++) {
        if (o->commands[i] >= from && o->commands[i] <= from + strlen(from))
            o->commands[i] = to + (o->commands[i] - from);
    }
}

void errand_hide(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        char *secret = strstr(argv[i], INVITATION_SCHEME);
        if (secret == NULL)
            continue;
        char *copy = alloc_string(argv[i]);
        o->hidden = alloc_resize(o->hidden, o->hidden_count + 1, sizeof *o->hidden);
        o->hidden[o->hidden_count++] = copy;
        move_commands(o, argv[i], copy);
        memset(secret, 'x', strlen(secret));
    }
}
