/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration file and the command line, which counts for more, from the rows of options.def
 * (getopt_long(3), GNU). It checks the form of each argument and nothing else.
 */
#ifndef HASHFLOW_OPTIONS_H
#define HASHFLOW_OPTIONS_H

#include "handlers.h"
#include "report/format.h"
#include "rulebook.h"
#include "wire/address.h"

enum {
    OPTIONS_LISTEN_MAX = 8,
    OPTIONS_DRAIN_US = 10000000, /* the default; those of the node are in mesh/node.h */
};

enum options_log { OPTIONS_LOG_USUAL, OPTIONS_LOG_STDERR, OPTIONS_LOG_SYSLOG };

struct options {
    bool port_given;
    uint16_t port;
    struct address listen[OPTIONS_LISTEN_MAX];
    size_t listen_count;
    const char *name;      /* NULL if not given; these borrow from argv and config_text */
    const char **commands; /* in order; freed with options_free() */
    size_t command_count;
    const char *to;        /* NULL if not given */
    struct format *format; /* NULL if not given; freed with options_free() */
    bool json, nul, timestamps;
    bool attach, keep, events, ids, no_store, no_history, no_exchange, receive_only, progress;
    bool on_plain, quiet, verbose;
    uint64_t count; /* 0 if not given, as with the next two */
    uint64_t idle_us, timeout_us;
    const char *state; /* NULL if not given, as with the next two */
    const char *key, *group;
    uint64_t drain_us;
    struct handler_rule *on; /* in order; freed with options_free() */
    size_t on_count;
    uint64_t on_jobs, on_limit_us;
    struct handler_command answer;
    struct rulebook_entry *rules; /* of --allow and --deny; freed with options_free() */
    size_t rule_count;
    uint64_t queue_lines, queue_bytes, queue_age_s;
    uint64_t heartbeat_us, suspect_us, down_us; /* they rise */
    int ready_fd;                               /* -1 if not given */
    int family;                                 /* 0, 4 or 6 */
    char **addresses;                           /* what is left of argv */
    size_t address_count;
    char *errand;  /* the last of the commands, after which it leaves; NULL if not given; freed */
    char **hidden; /* arguments that were overwritten; freed with options_free() */
    size_t hidden_count;
    bool daemon; /* keep is set with it */
    bool sandbox;
    const char *user;     /* NULL if not given */
    enum options_log log; /* never the usual one, once they are parsed */
    char *config_text;    /* of the file; freed with options_free() */
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version was printed */
    OPTIONS_WRONG, /* the log has said what */
};

/* Only if they are to RUN is there something to options_free(). */
enum options_result options_parse(int argc, char **argv, struct options *out);
void options_free(struct options *o);

#endif
