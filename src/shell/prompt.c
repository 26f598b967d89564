/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mark follows the lines that one interpreter has sent; the words come from the node.
 */
#include "config.h"

#include "shell/prompt.h"

#include <langinfo.h>

#include "base/alloc.h"

void prompt_init(struct prompt *p, const struct node *node, const struct interpreter *interpreter)
{
    *p = (struct prompt){.node = node, .interpreter = interpreter};
}

void prompt_lost(struct prompt *p)
{
    p->lost = true;
}

/* Copies for those who were away do not count, unless there are no others. */
static bool has_arrived(const struct prompt *p)
{
    return node_is_sent(p->node) && (!p->alone || node_is_delivered(p->node));
}

/* Once everything has arrived there is nothing to ask until the next line. */
void prompt_update(struct prompt *p)
{
    uint64_t sent = interpreter_sent(p->interpreter);
    if (sent != p->sent) {
        p->sent = sent;
        p->mark = MARK_ON_ITS_WAY;
        p->alone = node_up_count(p->node) == 0;
    }
    if (p->lost)
        p->mark = MARK_NONE;
    else if (p->mark == MARK_ON_ITS_WAY && has_arrived(p))
        p->mark = MARK_DELIVERED;
    p->lost = false;
}

char *prompt_target(const struct prompt *p)
{
    const struct peer *target = interpreter_target(p->interpreter);
    if (interpreter_awaits_target(p->interpreter))
        return alloc_string("?");
    if (target == NULL)
        return NULL;
    struct peer_view v;
    peer_look(target, &v);
    return alloc_print("%s%s", v.plain ? "!" : "", strcmp(v.name, "-") != 0 ? v.name : v.address);
}

static const char *const mark_words[MARK_COUNT] = {
    [MARK_NONE] = "-", [MARK_ON_ITS_WAY] = ".", [MARK_DELIVERED] = "+"};

const char *prompt_mark_word(enum mark mark)
{
    return mark_words[mark];
}

enum mark prompt_mark(struct span word)
{
    for (int i = 0; i < MARK_COUNT; i++) {
        if (span_is(word, mark_words[i]))
            return (enum mark)i;
    }
    return MARK_NONE;
}

char *prompt_text(enum mark mark, const char *name, const char *whom, bool utf8)
{
    static const char *const signs[MARK_COUNT][2] = {
        [MARK_NONE] = {"", ""},
        [MARK_ON_ITS_WAY] = {". ", "\u2026 "},
        [MARK_DELIVERED] = {"+ ", "\u2713 "},
    };
    if (whom == NULL)
        return alloc_print("%s%s> ", signs[mark][utf8], name);
    return alloc_print("%s%s to %s> ", signs[mark][utf8], name, whom);
}

bool prompt_has_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
