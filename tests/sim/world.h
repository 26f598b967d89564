/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of the simulator: virtual time, seeded chance, and two machines whose processes can be
 * killed between any two of their effects. The stand-ins for net/ and base/clock live in it; they
 * know nothing of nodes and lines.
 */
#ifndef HASHFLOW_TESTS_WORLD_H
#define HASHFLOW_TESTS_WORLD_H

#include <stdarg.h>

#include "wire/address.h"

enum {
    MACHINES = 2,
    SECOND = 1000000, /* virtual microseconds */
};

#define NEVER UINT64_MAX

struct loop;

/* A machine and the process on it. What the process does goes through the stand-ins; each effect
 * (a write, a commit, a line on stdout) costs a tick of the fuse, and where that ends, so does the
 * process: this effect and all that follow never were. */
struct machine {
    char letter;            /* A, B: for traces and texts */
    struct address address; /* where its process listens */
    int64_t skew;           /* of its wall clock, us */
    struct loop *loop;      /* of the running process, or NULL */
    bool dead;              /* the process has been killed, and is only to be cleared away */
    uint64_t fuse;          /* effects left; 0: it lives on */
};

struct world {
    uint64_t seed;
    uint64_t now;            /* virtual microseconds */
    struct machine *running; /* whose code runs */
    struct machine machines[MACHINES];
    bool verbose;
    bool failed;     /* a rule was broken, and that was said */
    uint64_t digest; /* of all that has happened: equal for equal seeds */
    uint64_t kills, resets, partitions;

    /* Is shown what a process hands to its connections. */
    void (*overhear)(struct machine *m, struct span bytes);
};

extern struct world world;

void world_begin(uint64_t seed, bool verbose);

/* A number below limit, from the seed alone. */
uint64_t chance(uint64_t limit);
bool one_in(uint64_t n);

/* Between least and most, each order of magnitude as likely as another; for times and sizes. */
uint64_t chance_spread(uint64_t least, uint64_t most);

/* The process that runs does something that others can see. false: it has been killed, it does
 * nothing any more. */
bool world_effect(void);

void machine_kill(struct machine *m);

struct machine *machine_at(const struct address *a); /* by its IP; NULL */
static inline struct machine *machine_other(const struct machine *m)
{
    return &world.machines[m == world.machines];
}

/* Goes into the digest, whatever is shown. */
void world_note(uint64_t what);

/* A line of what happens, if that is wanted. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A rule was broken: prints the seed and what it was, once a seed. */
void violation(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
