/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table made from options.def, for getopt_long(3), the configuration file and --help.
 */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "arguments.h"
#include "base/alloc.h"
#include "base/log.h"
#include "configuration.h"
#include "errand.h"
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

/* Of two that exclude each other the one on the command line counts, whatever the file says. */
static const struct rivals {
    enum option_id one, other;
    const char *because;
} rivals[] = {
    {OPTION_PORT, OPTION_LISTEN, "--listen names the port"},
    {OPTION_STATE, OPTION_NO_STORE, "one has a folder, the other none"},
    {OPTION_JSON, OPTION_FORMAT, "both say how messages are printed"},
    {OPTION_IDS, OPTION_JSON, "JSON has the id"},
    {OPTION_IDS, OPTION_FORMAT, "in a format it is %i"},
    {OPTION_TIMESTAMPS, OPTION_JSON, "JSON has the time"},
    {OPTION_TIMESTAMPS, OPTION_FORMAT, "in a format it is %t"},
    {OPTION_RECEIVE_ONLY, OPTION_TO, "--to sends what it reads"},
    {OPTION_DAEMON, OPTION_TO, "a daemon reads no lines"},
    {OPTION_DAEMON, OPTION_PROGRESS, "a daemon has no terminal"},
    {OPTION_QUIET, OPTION_VERBOSE, "one says less, the other more"},
};

static const char dashes[] = "--"; /* where an option of the command line is from */

static const enum option_id not_in_file[] = {OPTION_CONFIG, OPTION_ATTACH, OPTION_HELP,
                                             OPTION_VERSION};

/* All others say how a node is to be, which means nothing for one that runs already. */
static const bool attach_takes[OPTION_COUNT] = {
    [OPTION_ATTACH] = true,  [OPTION_PORT] = true,         [OPTION_STATE] = true,
    [OPTION_CONFIG] = true,  [OPTION_COMMAND] = true,      [OPTION_KEEP] = true,
    [OPTION_EVENTS] = true,  [OPTION_RECEIVE_ONLY] = true, [OPTION_IDS] = true,
    [OPTION_JSON] = true,    [OPTION_TIMESTAMPS] = true,   [OPTION_QUIET] = true,
    [OPTION_VERBOSE] = true,
};

static void print_help(void)
{
    printf("usage: hashflow [options] [ADDRESS ...]\n"
           "       hashflow --attach [options] [PORT | PATH]\n"
           "       hashflow [options] group | invite | join | admit | deny | trust | known ...\n\n"
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
    else if (optopt >= LONG_ONLY)
        log_error("--%s: takes no value", rows[optopt - LONG_ONLY].name);
    else
        log_error("%s: no such option, or not unambiguous; --help lists them", last);
}

static bool are_addresses(const struct options *o)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    const char *cause;
    for (size_t i = 0; i < o->address_count; i++) {
        struct span address = span_of(o->addresses[i]);
        address_cut_plain(&address);
        if (!address_split(address, host, &port, &cause)) {
            log_error("%s: %s", o->addresses[i], cause);
            return false;
        }
    }
    return true;
}

static bool is_consistent(const struct options *o)
{
    if (o->heartbeat_us >= o->suspect_us || o->suspect_us >= o->down_us) {
        log_error("--heartbeat, --suspect-after and --down-after must rise: they are %g, %g and %g",
                  (double)o->heartbeat_us / 1e6, (double)o->suspect_us / 1e6,
                  (double)o->down_us / 1e6);
        return false;
    }
    return true;
}

/* What one place says: the command line, or a file. */
struct source {
    bool has[OPTION_COUNT];
    struct given {
        enum option_id id;
        const char *value;
    } * list; /* in their order */
    size_t count, room;
};

static void add(struct source *s, enum option_id id, const char *value)
{
    s->list = alloc_grow(s->list, s->count, &s->room, sizeof *s->list);
    s->list[s->count++] = (struct given){id, value};
    s->has[id] = true;
}

/* The rivals of which s has the one that is not id, or NULL. */
static const struct rivals *find_rivals(const struct source *s, enum option_id id)
{
    for (size_t i = 0; i < sizeof rivals / sizeof rivals[0]; i++) {
        if ((rivals[i].one == id && s->has[rivals[i].other]) ||
            (rivals[i].other == id && s->has[rivals[i].one]))
            return &rivals[i];
    }
    return NULL;
}

static bool may_stand_in(const struct source *s, enum option_id id, const char *where)
{
    const struct rivals *r = find_rivals(s, id);
    if (r == NULL)
        return true;
    log_error("%s%s excludes %s%s: %s", where, rows[id].name,
              strcmp(where, dashes) == 0 ? dashes : "", rows[r->one == id ? r->other : r->one].name,
              r->because);
    return false;
}

/* Is there nothing that --attach does not take, and at most one word of which node is meant? */
static bool fits_attach(const struct source *line, const struct options *o)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (line->has[i] && !attach_takes[i]) {
            log_error("--%s and --attach exclude each other", rows[i].name);
            return false;
        }
    }
    if (line->has[OPTION_PORT] + line->has[OPTION_STATE] + (int)o->address_count <= 1)
        return true;
    log_error("--attach takes one of PORT, PATH, --port and --state");
    return false;
}

/* Of a file it reads only where the node is that has the same file. */
static bool is_left_to_the_node(const struct source *line, int id)
{
    return line->has[OPTION_ATTACH] && id != OPTION_PORT && id != OPTION_LISTEN &&
           id != OPTION_STATE;
}

/* --- the command line --- */

static enum options_result collect(int argc, char **argv, struct source *line)
{
    struct option longs[OPTION_COUNT + 1];
    char shorts[3 * OPTION_COUNT + 2];
    int got;
    make_tables(longs, shorts);
    opterr = 0;
    while ((got = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        int id = got >= LONG_ONLY ? got - LONG_ONLY : find_letter(got);
        if (got == '?' || got == ':' || id < 0) {
            complain(got, argv);
            return OPTIONS_WRONG;
        }
        if (id == OPTION_HELP)
            print_help();
        if (id == OPTION_VERSION)
            printf("hashflow %s\n", PACKAGE_VERSION);
        if (id == OPTION_HELP || id == OPTION_VERSION)
            return OPTIONS_DONE;
        add(line, (enum option_id)id, optarg);
    }
    return OPTIONS_RUN;
}

static bool take_line(const struct source *line, struct options *out)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct given *g = &line->list[i];
        if (!may_stand_in(line, g->id, dashes) || !option_take(g->id, out, g->value, dashes))
            return false;
    }
    return true;
}

/* --- the file --- */

static int find_setting(const char *name)
{
    for (size_t i = 0; i < sizeof not_in_file / sizeof not_in_file[0]; i++) {
        if (strcmp(rows[not_in_file[i]].name, name) == 0)
            return -1;
    }
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return i;
    }
    return -1;
}

static bool wrong_setting(const char *where, const char *name, const char *cause)
{
    log_error("%s%s: %s", where, name, cause);
    return false;
}

static bool take_setting(const struct setting *s, const char *where, const struct source *line,
                         struct source *file, struct options *out)
{
    int id = find_setting(s->name);
    if (id < 0)
        return wrong_setting(where, s->name, "no such option of a file");
    if (rows[id].argument != NULL && s->value == NULL)
        return wrong_setting(where, s->name, "needs a value");
    if (rows[id].argument == NULL && s->value != NULL)
        return wrong_setting(where, s->name, "takes no value");
    if (find_rivals(line, (enum option_id)id) != NULL || is_left_to_the_node(line, id))
        return true;
    add(file, (enum option_id)id, s->value);
    return may_stand_in(file, (enum option_id)id, where) &&
           option_take((enum option_id)id, out, s->value, where);
}

static bool take_settings(const char *path, const struct source *line, struct options *out)
{
    struct source file = {.count = 0};
    struct setting s = {.line = 0};
    char *rest = out->config_text;
    bool right = true;
    while (right && configuration_next(&rest, &s)) {
        char *where = alloc_print("%s:%u: ", path, s.line);
        right = take_setting(&s, where, line, &file, out);
        free(where);
    }
    free(file.list);
    return right;
}

/* The file that the command line names must be there, the usual one may be. */
static bool take_file(const struct source *line, struct options *out)
{
    const char *named = NULL;
    char *cause;
    for (size_t i = 0; i < line->count; i++) {
        if (line->list[i].id == OPTION_CONFIG)
            named = line->list[i].value;
    }
    char *path = named != NULL ? alloc_string(named) : configuration_default_path();
    if (path == NULL)
        return true;
    out->config_text = configuration_read(path, named == NULL, &cause);
    bool right = out->config_text != NULL && take_settings(path, line, out);
    if (out->config_text == NULL) {
        log_error("%s", cause);
        free(cause);
    }
    free(path);
    return right;
}

static void set_defaults(struct options *out)
{
    *out = (struct options){
        .port = ADDRESS_DEFAULT_PORT,
        .ready_fd = -1,
        .drain_us = OPTIONS_DRAIN_US,
        .on_jobs = HANDLERS_JOBS,
        .on_limit_us = HANDLERS_LIMIT_US,
        .queue_lines = NODE_QUEUE_LINES,
        .queue_bytes = NODE_QUEUE_BYTES,
        .queue_age_s = NODE_EXPIRY_S,
        .heartbeat_us = NODE_HEARTBEAT_US,
        .suspect_us = NODE_SUSPECT_US,
        .down_us = NODE_DOWN_US,
    };
}

/* What some options imply for others, wherever they stand. */
static void imply(struct options *out)
{
    out->keep |= out->daemon;
    if (out->log == OPTIONS_LOG_USUAL)
        out->log = out->daemon ? OPTIONS_LOG_SYSLOG : OPTIONS_LOG_STDERR;
}

static bool suits(const struct source *line, const struct options *out)
{
    return line->has[OPTION_ATTACH] ? fits_attach(line, out) : are_addresses(out);
}

enum options_result options_parse(int argc, char **argv, struct options *out)
{
    struct source line = {.count = 0};
    set_defaults(out);
    enum options_result result = collect(argc, argv, &line);
    out->addresses = argv + optind;
    out->address_count = (size_t)(argc - optind);
    if (result == OPTIONS_RUN && (!take_file(&line, out) || !take_line(&line, out) ||
                                  !errand_take(out) || !suits(&line, out) || !is_consistent(out)))
        result = OPTIONS_WRONG;
    free(line.list);
    errand_hide(argc, argv, out);
    if (result == OPTIONS_RUN)
        imply(out);
    else
        options_free(out);
    return result;
}

void options_free(struct options *o)
{
    free(o->commands);
    free(o->config_text);
    free(o->errand);
    for (size_t i = 0; i < o->hidden_count; i++)
        free(o->hidden[i]);
    free(o->hidden);
    for (size_t i = 0; i < o->on_count; i++)
        free(o->on[i].command.words);
    free(o->on);
    free(o->rules);
    free(o->answer.words);
    format_free(o->format);
}
