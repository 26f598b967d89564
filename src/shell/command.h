/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command table, and how a typed line is read: a command, or text for the current target.
 * Pure. It does not know what a command does; commands.c does.
 */
#ifndef HASHFLOW_SHELL_COMMAND_H
#define HASHFLOW_SHELL_COMMAND_H

#include "base/span.h"

enum completion_kind {
    COMPLETE_NOTHING,
    COMPLETE_COMMAND,
    COMPLETE_PEER,
    COMPLETE_ADDRESS,
    COMPLETE_CONDITION,
};

enum command_id {
#define COMMAND(name, ...) COMMAND_##name,
#include "shell/commands.def"
#undef COMMAND
    COMMAND_COUNT
};

struct command {
    enum command_id id;
    const char *name;      /* without the slash */
    const char *arguments; /* for people */
    unsigned least, most;  /* words after the command */
    enum completion_kind completes;
    const char *help;
    const char *manual;
};

/* Index 0 and up; NULL at the end. */
const struct command *command_at(size_t index);

/* word without its slash: a whole name, or a prefix that only one command begins with. NULL with
 * *cause, a new string that the caller frees. */
const struct command *command_find(struct span word, char **cause);

enum order_kind {
    ORDER_NOTHING, /* an empty line */
    ORDER_TEXT,    /* text for the current target */
    ORDER_COMMAND,
};

struct order {
    enum order_kind kind;
    const struct command *command;
    struct span arguments; /* ORDER_COMMAND: the rest of the line; borrowed */
    struct span text;      /* ORDER_TEXT: //x has become /x; borrowed */
};

/* Is the line text for the current target, and no command? *text is then what is to be sent. */
bool command_is_text(struct span line, struct span *text);

/* false with *cause, a new string that the caller frees: no such command, or the wrong number of
 * words. */
bool command_parse(struct span line, struct order *out, char **cause);

/* Does a typed text contain an invitation, so that it is to be kept nowhere? */
bool command_holds_secret(struct span text);

#endif
