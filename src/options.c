/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One small function per option, called through a table made from options.def.
 */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "mesh/node.h"
#include "shell/waiting.h"
#include "wire/message.h"

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "options.def"
#undef OPTION
    OPTION_COUNT
};

static const struct row {
    const char *name;
    char letter; /* 0 if there is none */
    const char *argument;
    const char *help;
} rows[] = {
#define OPTION(id, long_name, short_name, argument_name, line, paragraph)                          \
    [OPTION_##id] = {long_name, short_name, argument_name, line},
#include "options.def"
#undef OPTION
};

static bool wrong(const char *name, const char *value, const char *cause)
{
    log_error("--%s %s: %s", name, value, cause);
    return false;
}

/* An option without an argument. */
#define FLAG(id, field)                                                                            \
    static bool take_##id(struct options *o, const char *value)                                    \
    {                                                                                              \
        (void)value;                                                                               \
        o->field = true;                                                                           \
        return true;                                                                               \
    }
FLAG(KEEP, keep)
FLAG(EVENTS, events)
FLAG(IDS, ids)
FLAG(NO_STORE, no_store)
FLAG(NO_EXCHANGE, no_exchange)
FLAG(QUIET, quiet)
FLAG(VERBOSE, verbose)
#undef FLAG

static bool take_PORT(struct options *o, const char *value)
{
    uint64_t port;
    if (!span_number(span_of(value), &port) || port > UINT16_MAX)
        return wrong("port", value, "a port is a number from 0 to 65535");
    o->port = (uint16_t)port;
    o->port_given = true;
    return true;
}

static bool take_LISTEN(struct options *o, const char *value)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    const char *cause;
    if (o->listen_count == OPTIONS_LISTEN_MAX)
        return wrong("listen", value, "too many addresses to listen on");
    struct address *a = &o->listen[o->listen_count];
    const char *colon = strrchr(value, ':');
    bool any_port = colon != NULL && strcmp(colon, ":0") == 0;
    struct span text = span_make(value, any_port ? (size_t)(colon - value) : strlen(value));
    if (!address_split(text, host, &port, &cause) ||
        !address_parse_host(host, any_port ? 0 : port, a))
        return wrong("listen", value,
                     "use ADDR:PORT or [IPv6]:PORT with an address of this machine");
    o->listen_count++;
    return true;
}

static bool take_NAME(struct options *o, const char *value)
{
    const char *cause;
    if (!name_check(span_of(value), &cause))
        return wrong("name", value, cause);
    o->name = value;
    return true;
}

static bool take_COMMAND(struct options *o, const char *value)
{
    if (strchr(value, '\n') != NULL)
        return wrong("command", value, "one line each; give --command again for the next");
    o->commands = alloc_resize(o->commands, o->command_count + 1, sizeof *o->commands);
    o->commands[o->command_count++] = value;
    return true;
}

static bool take_TO(struct options *o, const char *value)
{
    o->to = value;
    return true;
}

static bool take_STATE(struct options *o, const char *value)
{
    if (value[0] == '\0')
        return wrong("state", value, "a folder is needed");
    o->state = value;
    return true;
}

static bool take_DRAIN(struct options *o, const char *value)
{
    if (!waiting_seconds(span_of(value), &o->drain_us))
        return wrong("drain", value, "a number of seconds is needed");
    return true;
}

struct unit {
    char letter;
    uint64_t worth;
};

static const struct unit bytes[] = {{'K', 1024}, {'M', 1024 * 1024}, {'G', 1024 * 1024 * 1024}};
static const struct unit times[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};

/* A whole number from least to most, perhaps with one of the units behind it. */
static bool read_amount(const char *value, const struct unit *units, size_t count, uint64_t least,
                        uint64_t most, uint64_t *out)
{
    struct span digits = span_of(value);
    uint64_t number, worth = 1;
    for (size_t i = 0; i < count && digits.len > 0; i++) {
        if (value[digits.len - 1] != units[i].letter)
            continue;
        worth = units[i].worth;
        digits.len--;
        break;
    }
    if (!span_number(digits, &number) || number > most / worth || number * worth < least)
        return false;
    *out = number * worth;
    return true;
}

static bool take_QUEUE_LINES(struct options *o, const char *value)
{
    if (!read_amount(value, NULL, 0, 1, 1000000000, &o->queue_lines))
        return wrong("queue-lines", value, "a number from 1 to 1000000000 is needed");
    return true;
}

static bool take_QUEUE_BYTES(struct options *o, const char *value)
{
    if (!read_amount(value, bytes, sizeof bytes / sizeof bytes[0], 1024, (uint64_t)1 << 40,
                     &o->queue_bytes))
        return wrong("queue-bytes", value, "a number of bytes from 1K to 1024G is needed");
    return true;
}

static bool take_QUEUE_AGE(struct options *o, const char *value)
{
    if (!read_amount(value, times, sizeof times / sizeof times[0], 1, (uint64_t)3650 * 24 * 3600,
                     &o->queue_age_s))
        return wrong("queue-age", value, "a time from 1s to 3650d is needed, in s, m, h or d");
    return true;
}

static bool take_silence(const char *name, const char *value, uint64_t *us)
{
    const uint64_t least = 10000, most = (uint64_t)24 * 3600 * 1000000;
    if (!waiting_seconds(span_of(value), us) || *us < least || *us > most)
        return wrong(name, value, "a number of seconds from 0.01 to 86400 is needed");
    return true;
}

static bool take_HEARTBEAT(struct options *o, const char *value)
{
    return take_silence("heartbeat", value, &o->heartbeat_us);
}

static bool take_SUSPECT_AFTER(struct options *o, const char *value)
{
    return take_silence("suspect-after", value, &o->suspect_us);
}

static bool take_DOWN_AFTER(struct options *o, const char *value)
{
    return take_silence("down-after", value, &o->down_us);
}

static bool take_READY_FD(struct options *o, const char *value)
{
    uint64_t fd;
    if (!span_number(span_of(value), &fd) || fd > INT16_MAX || fcntl((int)fd, F_GETFD) < 0)
        return wrong("ready-fd", value, "no such open descriptor");
    o->ready_fd = (int)fd;
    return true;
}

static bool take_IPV4(struct options *o, const char *value)
{
    (void)value;
    o->family = 4;
    return true;
}

static bool take_IPV6(struct options *o, const char *value)
{
    (void)value;
    o->family = 6;
    return true;
}

static bool take_HELP(struct options *o, const char *value)
{
    (void)o;
    (void)value;
    printf("usage: hashflow [options] [ADDRESS ...]\n\n"
           "A serverless chat that composes with pipes: every node listens and dials.\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char both[64];
        const struct row *r = &rows[i];
        snprintf(both, sizeof both, "%c%c%s --%s%s%s", r->letter != 0 ? '-' : ' ',
                 r->letter != 0 ? r->letter : ' ', r->letter != 0 ? "," : " ", r->name,
                 r->argument != NULL ? " " : "", r->argument != NULL ? r->argument : "");
        printf("  %-26s %s\n", both, r->help);
    }
    printf("\nThen type /help, or see hashflow(1).\n");
    return true;
}

static bool take_VERSION(struct options *o, const char *value)
{
    (void)o;
    (void)value;
    printf("hashflow %s\n", PACKAGE_VERSION);
    return true;
}

static bool (*const take[])(struct options *o, const char *value) = {
#define OPTION(id, ...) [OPTION_##id] = take_##id,
#include "options.def"
#undef OPTION
};

enum { LONG_ONLY = 256 /* above every letter */ };

static void make_tables(struct option longs[OPTION_COUNT + 1], char shorts[3 * OPTION_COUNT + 2])
{
    char *end = shorts;
    *end++ = ':';
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct row *r = &rows[i];
        longs[i] = (struct option){.name = r->name,
                                   .has_arg = r->argument != NULL ? required_argument : no_argument,
                                   .val = LONG_ONLY + i};
        if (r->letter == 0)
            continue;
        *end++ = r->letter;
        if (r->argument != NULL)
            *end++ = ':';
    }
    *end = '\0';
    longs[OPTION_COUNT] = (struct option){0};
}

static int find_letter(int letter)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (rows[i].letter != 0 && rows[i].letter == letter)
            return i;
    }
    return -1;
}

/* An option alone, as it was given. */
static void complain(int got, char **argv)
{
    const char *last = argv[optind - 1];
    if (got == ':')
        log_error("%s: needs an argument; --help lists the options", last);
    else if (optopt != 0 && optopt < LONG_ONLY)
        log_error("-%c: no such option; --help lists them", optopt);
    else
        log_error("%s: no such option, or not unambiguous; --help lists them", last);
}

static bool are_addresses(const struct options *o)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    const char *cause;
    for (size_t i = 0; i < o->address_count; i++) {
        if (!address_split(span_of(o->addresses[i]), host, &port, &cause)) {
            log_error("%s: %s", o->addresses[i], cause);
            return false;
        }
    }
    return true;
}

static bool is_consistent(const struct options *o)
{
    if (o->port_given && o->listen_count > 0)
        log_error("--port and --listen exclude each other: --listen names the port");
    else if (o->state != NULL && o->no_store)
        log_error("--state and --no-store exclude each other");
    else if (o->quiet && o->verbose)
        log_error("--quiet and --verbose exclude each other");
    else if (o->heartbeat_us >= o->suspect_us || o->suspect_us >= o->down_us)
        log_error("--heartbeat, --suspect-after and --down-after must rise: they are %g, %g and %g",
                  (double)o->heartbeat_us / 1e6, (double)o->suspect_us / 1e6,
                  (double)o->down_us / 1e6);
    else
        return true;
    return false;
}

enum options_result options_parse(int argc, char **argv, struct options *out)
{
    struct option longs[OPTION_COUNT + 1];
    char shorts[3 * OPTION_COUNT + 2];
    int got;
    *out = (struct options){
        .port = ADDRESS_DEFAULT_PORT,
        .ready_fd = -1,
        .drain_us = OPTIONS_DRAIN_US,
        .queue_lines = NODE_QUEUE_LINES,
        .queue_bytes = NODE_QUEUE_BYTES,
        .queue_age_s = NODE_EXPIRY_S,
        .heartbeat_us = NODE_HEARTBEAT_US,
        .suspect_us = NODE_SUSPECT_US,
        .down_us = NODE_DOWN_US,
    };
    make_tables(longs, shorts);
    opterr = 0;
    while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int id = got >= LONG_ONLY ? got - LONG_ONLY : find_letter(got);
        if (got == '?' || got == ':' || id < 0) {
            complain(got, argv);
            return OPTIONS_WRONG;
        }
        if (!take[id](out, optarg))
            return OPTIONS_WRONG;
        if (id == OPTION_HELP || id == OPTION_VERSION)
            return OPTIONS_DONE;
    }
    out->addresses = argv + optind;
    out->address_count = (size_t)(argc - optind);
    return are_addresses(out) && is_consistent(out) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
    free(o->commands);
}
