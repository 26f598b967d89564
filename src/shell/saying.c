/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines that go out: to one, to everyone, or to whoever is the target. Texts for everyone that come
 * together are given to the node as one. It does not know where lines come from.
 */
#include "config.h"

#include "shell/saying.h"

#include "base/alloc.h"

static void send_to(struct interpreter *in, const struct command *c, struct peer *peer,
                    struct span text)
{
    const char *cause;
    if (node_send(in->node, peer, text, &cause))
        in->sent++;
    else
        commands_fail_for(in, c, peer, cause);
}

void saying_msg(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause;
    struct span text = span_skip_blanks(arguments);
    struct span who = span_cut_word(&text);
    struct peer *peer = node_find_or_add(in->node, who, &cause);
    if (peer == NULL)
        commands_fail_with(in, c, cause);
    else
        send_to(in, c, peer, text);
}

/* Returns for how many of the texts that is settled, one way or the other. */
static size_t broadcast(struct interpreter *in, const struct span *texts, size_t count)
{
    const char *cause;
    size_t taken = node_broadcast(in->node, texts, count, &cause);
    in->sent += taken;
    if (taken == 0)
        commands_fail(in, command_at(COMMAND_bcast), cause);
    return taken > 0 ? taken : 1;
}

void saying_bcast(struct interpreter *in, const struct command *c, struct span arguments)
{
    (void)c;
    broadcast(in, &arguments, 1);
}

static void to_target(struct interpreter *in, struct span text)
{
    const struct command *to = command_at(COMMAND_to);
    struct peer *peer = in->target != NULL ? peer_current(in->target) : NULL;
    if (in->awaited != NULL)
        commands_fail_with(
            in, to,
            alloc_print("%s is not known: the line went nowhere; say /to PEER or /to all",
                        in->awaited));
    else if (peer == NULL)
        commands_fail(in, to, "the peer that lines went to was forgotten; choose another");
    else
        send_to(in, command_at(COMMAND_msg), peer, text);
}

void saying_texts(struct interpreter *in, const struct span *texts, size_t count)
{
    bool for_all = in->awaited == NULL && in->target == NULL;
    for (size_t i = 0; i < count && !for_all; i++)
        to_target(in, texts[i]);
    for (size_t i = 0; i < count && for_all;)
        i += broadcast(in, texts + i, count - i);
}
