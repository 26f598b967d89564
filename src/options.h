/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command line, from the rows of options.def (getopt_long(3), GNU). It checks the form of each
 * argument and nothing else.
 */
#ifndef HASHFLOW_OPTIONS_H
#define HASHFLOW_OPTIONS_H

#include "wire/address.h"

enum {
    OPTIONS_LISTEN_MAX = 8,
    OPTIONS_DRAIN_US = 10000000, /* the default; those of the node are in mesh/node.h */
};

struct options {
    bool port_given;
    uint16_t port;
    struct address listen[OPTIONS_LISTEN_MAX];
    size_t listen_count;
    const char *name;      /* NULL if not given; these borrow from argv */
    const char **commands; /* in order; freed with options_free() */
    size_t command_count;
    const char *to; /* NULL if not given */
    bool attach, keep, events, ids, no_store, no_exchange, quiet, verbose;
    const char *state; /* NULL if not given */
    uint64_t drain_us;
    uint64_t queue_lines, queue_bytes, queue_age_s;
    uint64_t heartbeat_us, suspect_us, down_us; /* they rise */
    int ready_fd;                               /* -1 if not given */
    int family;                                 /* 0, 4 or 6 */
    char **addresses;                           /* what is left of argv */
    size_t address_count;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version was printed */
    OPTIONS_WRONG, /* the log has said what */
};

enum options_result options_parse(int argc, char **argv, struct options *out);
void options_free(struct options *o);

#endif
