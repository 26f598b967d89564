/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table made from options.def, for getopt_long(3) and --help.
 */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "base/log.h"
#include "mesh/node.h"

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

static void print_help(void)
{
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
}

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

/* What says how a node is to be means nothing for one that runs already. */
static bool fits_attach(const struct options *o, const bool given[OPTION_COUNT])
{
    static const bool fits[OPTION_COUNT] = {
        [OPTION_ATTACH] = true,  [OPTION_PORT] = true,  [OPTION_STATE] = true,
        [OPTION_COMMAND] = true, [OPTION_KEEP] = true,  [OPTION_EVENTS] = true,
        [OPTION_IDS] = true,     [OPTION_QUIET] = true, [OPTION_VERBOSE] = true,
    };
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (given[i] && !fits[i]) {
            log_error("--%s is for starting a node, and excludes --attach", rows[i].name);
            return false;
        }
    }
    int places = o->port_given + (o->state != NULL) + (int)o->address_count;
    if (places > 1)
        log_error("--attach takes one of PORT, PATH, --port and --state");
    return places <= 1;
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
    bool given[OPTION_COUNT] = {false};
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
        given[id] = true;
        if (!option_take[id](out, optarg))
            return OPTIONS_WRONG;
        if (id == OPTION_HELP)
            print_help();
        if (id == OPTION_VERSION)
            printf("hashflow %s\n", PACKAGE_VERSION);
        if (id == OPTION_HELP || id == OPTION_VERSION)
            return OPTIONS_DONE;
    }
    out->addresses = argv + optind;
    out->address_count = (size_t)(argc - optind);
    bool fit = out->attach ? fits_attach(out, given) : are_addresses(out);
    return fit && is_consistent(out) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_free(struct options *o)
{
    free(o->commands);
}
