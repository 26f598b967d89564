/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One function per answer.
 */
#include "config.h"

#include "shell/answers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fingerprint.h"

/* msg and bcast: the report answers for them when something was not delivered. */
static const char *const keys[COMMAND_COUNT] = {
    [COMMAND_connect] = "address name! dialect",
    [COMMAND_msg] = "result address name! cause",
    [COMMAND_bcast] = "result address name! cause",
    [COMMAND_peers] = "address name! dialect state rtt_ms# seen? key?",
    [COMMAND_outbox] = "address name! lines# bytes# cause",
    [COMMAND_group] = "state",
    [COMMAND_invite] = "invitation",
    [COMMAND_join] = "address name!",
    [COMMAND_trust] = "address name! dialect",
    [COMMAND_known] = "key address? name? verdict? seen?",
    [COMMAND_ping] = "address name! rtt_ms#",
    [COMMAND_ask] = "address name! text",
    [COMMAND_history] = "time address name! direction text",
    [COMMAND_search] = "time address name! direction text",
    [COMMAND_whoami] = "name node addresses[]",
    [COMMAND_echo] = "text",
    [COMMAND_help] = "text",
};

const char *answer_keys(const char *command)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(command, command_at(i)->name) == 0)
            return keys[i];
    }
    return NULL;
}

static void reply(const struct answers *a, enum command_id id, const struct span *fields,
                  size_t count, bool plain)
{
    a->reply(a->arg, command_at(id)->name, fields, count, plain);
}

void answer_connected(const struct answers *a, enum command_id id, const struct peer *peer)
{
    struct peer_view v;
    peer_look(peer, &v);
    const struct span fields[] = {span_of(v.address), span_of(v.name),
                                  span_of(dialect_name(v.dialect))};
    reply(a, id, fields, 3, v.plain);
}

static void print_rtt(int64_t us, char out[32])
{
    if (us < 0)
        snprintf(out, 32, "-");
    else
        snprintf(out, 32, "%.*fms", us < 10000 ? 2 : 0, (double)us / 1000);
}

/* The beginning of its key's fingerprint, or that there is none. */
static struct span key_field(const struct peer_view *v)
{
    struct span id = span_of(v->node);
    if (fingerprint_is(id))
        return span_make(id.at, FINGERPRINT_SHORT);
    return span_of(v->plain ? "plain" : "-");
}

void answer_peer(const struct answers *a, const struct peer *peer)
{
    static const char *const states[] = {
        [PEER_DOWN] = "down", [PEER_DIALING] = "dialing", [PEER_UNREACHABLE] = "unreachable",
        [PEER_UP] = "up",     [PEER_BANNED] = "banned",
    };
    struct peer_view v;
    char rtt[32], seen[CLOCK_TEXT] = "-";
    peer_look(peer, &v);
    print_rtt(v.rtt_us, rtt);
    if (v.seen > 0)
        clock_print(v.seen, seen);
    const struct span fields[] = {span_of(v.address),
                                  span_of(v.name),
                                  span_of(dialect_name(v.dialect)),
                                  span_of(states[v.state]),
                                  span_of(rtt),
                                  span_of(seen),
                                  key_field(&v)};
    reply(a, COMMAND_peers, fields, 7, v.plain);
}

void answer_waiting(const struct answers *a, const struct peer *peer)
{
    static const char *const reasons[] = {
        [PEER_DOWN] = "it is away",
        [PEER_DIALING] = "it is being dialled",
        [PEER_UNREACHABLE] = "it cannot be reached",
        [PEER_UP] = "on its way",
        [PEER_BANNED] = "it is banned",
    };
    struct peer_view v;
    char lines[32], bytes[32];
    peer_look(peer, &v);
    if (v.waiting == 0)
        return;
    bool has_cause = v.cause[0] != '\0' && v.state != PEER_UP && v.state != PEER_DIALING;
    snprintf(lines, sizeof lines, "%llu", (unsigned long long)v.waiting);
    snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)v.waiting_bytes);
    const struct span fields[] = {span_of(v.address), span_of(v.name), span_of(lines),
                                  span_of(bytes), span_of(has_cause ? v.cause : reasons[v.state])};
    reply(a, COMMAND_outbox, fields, 5, v.plain);
}

void answer_ping(const struct answers *a, const struct peer *peer)
{
    struct peer_view v;
    char rtt[32];
    peer_look(peer, &v);
    print_rtt(v.rtt_us, rtt);
    const struct span fields[] = {span_of(v.address), span_of(v.name), span_of(rtt)};
    reply(a, COMMAND_ping, fields, 3, v.plain);
}

void answer_ask(const struct answers *a, const struct event *answer)
{
    const struct span fields[] = {span_of(answer->address), span_of(answer->name), answer->text};
    reply(a, COMMAND_ask, fields, 3, answer->plain);
}

void answer_whoami(const struct answers *a, const struct node *node)
{
    enum { MOST = 16 };
    char text[MOST][ADDRESS_TEXT];
    struct span fields[MOST + 2] = {span_of(node_name(node)), span_of(node_id(node))};
    struct address at;
    size_t n = 0;
    while (n < MOST && node_address(node, n, &at)) {
        address_print(&at, text[n]);
        fields[2 + n] = span_of(text[n]);
        n++;
    }
    reply(a, COMMAND_whoami, fields, 2 + n, false);
}

void answer_joined(const struct answers *a, const struct peer *inviter)
{
    struct peer_view v;
    peer_look(inviter, &v);
    const struct span fields[] = {span_of(v.address), span_of(v.name)};
    reply(a, COMMAND_join, fields, 2, v.plain);
}

void answer_known(const struct answers *a, const struct key_view *key)
{
    static const char *const verdicts[] = {
        [VERDICT_NONE] = "-", [VERDICT_ALLOWED] = "admitted", [VERDICT_DENIED] = "denied"};
    char seen[CLOCK_TEXT] = "-";
    if (key->seen > 0)
        clock_print(key->seen, seen);
    const struct span fields[] = {span_of(key->fingerprint), span_of(key->address),
                                  span_of(key->name), span_of(verdicts[key->verdict]),
                                  span_of(seen)};
    reply(a, COMMAND_known, fields, 5, false);
}

void answer_said(const struct answers *a, enum command_id id, const struct history_line *line)
{
    char time[CLOCK_TEXT];
    clock_print(line->at, time);
    const struct span fields[] = {span_of(time), line->address, line->name,
                                  span_of(line->ours ? "out" : "in"), line->text};
    reply(a, id, fields, 5, line->plain);
}

void answer_help(const struct answers *a, const struct command *about, const char *help)
{
    char *usage = alloc_print("/%s%s%s", about->name, about->arguments[0] != '\0' ? " " : "",
                              about->arguments);
    char *padded = alloc_print("%-25s %s", usage, help);
    answer_text(a, COMMAND_help, span_of(padded));
    free(usage);
    free(padded);
}

void answer_text(const struct answers *a, enum command_id id, struct span text)
{
    reply(a, id, &text, text.len > 0, false);
}
