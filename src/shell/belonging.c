/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Arguments and answers of the commands that say who belongs. What a secret is worth, and how it is
 * kept, is not known here.
 */
#include "config.h"

#include "shell/belonging.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

static struct span next_word(struct span *rest)
{
    *rest = span_skip_blanks(*rest);
    return span_cut_word(rest);
}

/* --- the group --- */

/* Newer members may be here before older ones have heard. */
static bool renew(struct group *group, const char **cause)
{
    (void)cause;
    memcpy(group->secrets[1], group->secrets[0], PROOF_KEY_BYTES);
    clock_random_bytes(group->secrets[0], PROOF_KEY_BYTES);
    if (group->count < GROUP_SECRETS)
        group->count++;
    return true;
}

static bool retire(struct group *group, const char **cause)
{
    *cause = "there is no former secret";
    if (group->count < GROUP_SECRETS)
        return false;
    digest_wipe(group->secrets[1], PROOF_KEY_BYTES);
    group->count = 1;
    return true;
}

static bool leave(struct group *group, const char **cause)
{
    *cause = "there is no group";
    if (group->count == 0)
        return false;
    digest_wipe(group, sizeof *group);
    return true;
}

static const struct change {
    const char *word;
    bool (*make)(struct group *group, const char **cause);
} changes[] = {{"new", renew}, {"retire", retire}, {"leave", leave}};

static void answer_state(struct interpreter *in)
{
    static const char *const states[] = {"open", "closed", "changing"};
    size_t secrets = node_group(in->node)->count;
    answer_text(&in->answers, COMMAND_group, span_of(states[secrets]));
}

static void change_group(struct interpreter *in, const struct command *c,
                         const struct change *change)
{
    const char *why;
    char *cause;
    struct group group = *node_group(in->node);
    if (!change->make(&group, &why))
        commands_fail(in, c, why);
    else if (!node_set_group(in->node, &group, &cause))
        commands_fail_with(in, c, cause);
    else
        answer_state(in);
    digest_wipe(&group, sizeof group);
}

void belonging_group(struct interpreter *in, const struct command *c, struct span arguments)
{
    struct span word = next_word(&arguments);
    if (word.len == 0) {
        answer_state(in);
        return;
    }
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (span_is(word, changes[i].word)) {
            change_group(in, c, &changes[i]);
            return;
        }
    }
    commands_fail(in, c, "new, retire or leave is needed, or nothing");
}

/* --- invitations --- */

void belonging_invite(struct interpreter *in, const struct command *c, struct span arguments)
{
    struct span places[INVITATION_ADDRESSES];
    size_t count = 0;
    struct invitation invitation;
    struct buffer line;
    char *cause;
    while (arguments.len > 0 && count < INVITATION_ADDRESSES) {
        struct span word = next_word(&arguments);
        if (word.len > 0)
            places[count++] = word;
    }
    if (!node_invite(in->node, places, count, &invitation, &cause)) {
        commands_fail_with(in, c, cause);
        return;
    }
    buffer_init(&line, INVITATION_LINE);
    invitation_format(&line, &invitation);
    answer_text(&in->answers, COMMAND_invite, buffer_span(&line));
    buffer_free(&line);
    digest_wipe(&invitation, sizeof invitation);
}

void belonging_join(struct interpreter *in, const struct command *c, struct span arguments)
{
    struct invitation invitation;
    const char *cause;
    if (!invitation_parse(arguments, &invitation, &cause) ||
        !node_join(in->node, &invitation, &cause))
        commands_fail(in, c, cause);
    else
        waiting_begin(&in->waiting, WAITING_JOIN, c);
    digest_wipe(&invitation, sizeof invitation);
}

void belonging_joined(struct interpreter *in)
{
    struct peer *inviter;
    const char *cause;
    enum join_state state = node_join_state(in->node, &inviter, &cause);
    if (state != JOIN_DONE)
        commands_complain(in, state == JOIN_REFUSED ? STATUS_REFUSED : STATUS_FAILED,
                          alloc_print("/%s: %s", in->waiting.command->name, cause));
    else if (inviter != NULL)
        answer_joined(&in->answers, inviter);
}

/* --- keys --- */

static void judge(struct interpreter *in, const struct command *c, struct span arguments,
                  enum verdict verdict)
{
    char fingerprint[FINGERPRINT_TEXT];
    const char *why;
    char *cause = NULL;
    if (!node_find_key(in->node, next_word(&arguments), fingerprint, &cause))
        commands_fail_with(in, c, cause);
    else if (!node_judge(in->node, fingerprint, verdict, &why))
        commands_fail(in, c, why);
}

void belonging_admit(struct interpreter *in, const struct command *c, struct span arguments)
{
    judge(in, c, arguments, VERDICT_ALLOWED);
}

void belonging_deny(struct interpreter *in, const struct command *c, struct span arguments)
{
    judge(in, c, arguments, VERDICT_DENIED);
}

/* Answered when it is known whether that key lets us in. */
void belonging_trust(struct interpreter *in, const struct command *c, struct span arguments)
{
    char *cause = NULL;
    struct peer *peer = node_find(in->node, next_word(&arguments), &cause);
    if (peer == NULL || !node_trust(in->node, peer, next_word(&arguments), &cause)) {
        commands_fail_with(in, c, cause);
        return;
    }
    waiting_begin(&in->waiting, WAITING_DIALS, c);
    waiting_add_peer(&in->waiting, peer);
}

void belonging_known(struct interpreter *in, const struct command *c, struct span arguments)
{
    struct key_view key;
    (void)c;
    (void)arguments;
    for (size_t i = 0; node_key_look(in->node, i, &key); i++)
        answer_known(&in->answers, &key);
}
