/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arguments and answers of the commands that look back. When and how lines are kept is not decided
 * here.
 */
#include "config.h"

#include "shell/lookback.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "store/history.h"

enum { LINES = 20 }; /* unless the user says otherwise */

_Static_assert(HISTORY_LINES == 10000, "the complaint names it");

static void fail(struct interpreter *in, const char *cause)
{
    commands_complain(in, STATUS_FAILED, alloc_print("/%s: %s", in->waiting.command->name, cause));
}

static bool is_settled(void *arg)
{
    struct interpreter *in = arg;
    struct database *db;
    return in->history(in->answers.arg, &db);
}

void lookback_ask(struct interpreter *in, const struct command *c, struct span arguments)
{
    struct database *db = NULL;
    if (in->history != NULL)
        in->history(in->answers.arg, &db);
    if (db == NULL)
        commands_complain(
            in, STATUS_FAILED,
            alloc_print("/%s: no history is kept: --no-history, --no-store or -p 0", c->name));
    else
        waiting_begin_for(&in->waiting, c, arguments, is_settled, in);
}

static void answer_line(void *arg, const struct history_line *line)
{
    struct interpreter *in = arg;
    answer_said(&in->answers, in->waiting.command->id, line);
}

static struct span cut_next_word(struct span *rest)
{
    *rest = span_skip_blanks(*rest);
    return span_cut_word(rest);
}

/* [PEER] [N]; who is empty for all. */
static bool parse(struct span arguments, struct span *who, uint64_t *count)
{
    struct span first = cut_next_word(&arguments);
    struct span second = cut_next_word(&arguments);
    bool alone = second.len == 0;
    *count = LINES;
    *who = span_of("");
    if (first.len > 0 && !(alone && span_number(first, count))) {
        *who = first;
        if (!alone && !span_number(second, count))
            return false;
    }
    return *count >= 1 && *count <= HISTORY_LINES;
}

static void answer_history(struct interpreter *in, struct database *db, struct span arguments)
{
    struct span who;
    uint64_t count;
    struct peer_view v;
    if (!parse(arguments, &who, &count)) {
        fail(in, "N is a number from 1 to 10000");
        return;
    }
    if (who.len == 0) {
        history_last(db, NULL, (size_t)count, answer_line, in);
        return;
    }
    char *cause;
    const struct peer *peer = node_find(in->node, who, &cause);
    if (peer == NULL) {
        fail(in, cause);
        free(cause);
        return;
    }
    peer_look(peer, &v);
    history_last(db, &(struct history_peer){v.node, v.address}, (size_t)count, answer_line, in);
}

static void answer_search(struct interpreter *in, struct database *db, struct span words)
{
    char *cause;
    if (history_find(db, words, answer_line, in, &cause))
        return;
    fail(in, cause);
    free(cause);
}

void lookback_answer(struct interpreter *in)
{
    struct database *db;
    struct span arguments = span_of(in->waiting.text);
    in->history(in->answers.arg, &db);
    if (in->waiting.command->id == COMMAND_history)
        answer_history(in, db, arguments);
    else
        answer_search(in, db, arguments);
}
