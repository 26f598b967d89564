/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two nodes, one world, many seeds: each seed is a story of lines, losses, partitions and kills,
 * then a calm in which all has to come right. simulate [SEEDS [FIRST]] tells how it went as TAP;
 * -v shows what happens. HASHFLOW_SEED and HASHFLOW_SEEDS are the defaults.
 */
#include "config.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "disk.h"
#include "ledger.h"
#include "network.h"
#include "process.h"
#include "sim_channel.h"
#include "story.h"

#if defined __SANITIZE_ADDRESS__
#define SANITIZED
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

enum {
#ifdef SANITIZED
    SEEDS = 500, /* many times slower */
#else
    SEEDS = 10000,
#endif
    FIRST_SEED = 1,
    CALM = 900,         /* virtual seconds in which all has to come right */
    AFTERMATH = 5,      /* and stay so */
    PASSES = 400000,    /* of one seed; more is a loop that spins */
    TWICE = 20,         /* seeds that are run again, to see that they replay */
    WARM = 200,         /* seeds until memory has found its size */
    GROWTH = 256 * 1024 /* bytes more than that is a leak */
};

struct total {
    uint64_t lines, kills, resets, partitions, failed;
};

/* ---- one seed */

/* The next thing that happens anywhere, at its time; nothing after end. */
static void step(uint64_t end)
{
    uint64_t times[] = {story_due(), network_due(), process_due(&world.machines[0]),
                        process_due(&world.machines[1])};
    size_t next = 0;

    for (size_t i = 1; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < times[next] || (times[i] == times[next] && one_in(2)))
            next = i;
    if (times[next] > world.now)
        world.now = times[next] < end ? times[next] : end;
    if (world.now == end)
        return;
    if (next == 0)
        story_run();
    else if (next == 1)
        network_run();
    else
        process_pass(&world.machines[next - 2]);
}

static bool is_settled(void)
{
    return process_is_settled(&world.machines[0]) && process_is_settled(&world.machines[1]) &&
           network_count() == 1 && ledger_owed() == 0;
}

static void complain(void)
{
    ledger_complain();
    violation("no peace after %d s: %zu connections, A is %s with %zu peers, B is %s with %zu",
              CALM, network_count(),
              process_is_settled(&world.machines[0]) ? "settled" : "not settled",
              process_peers_up(&world.machines[0]),
              process_is_settled(&world.machines[1]) ? "settled" : "not settled",
              process_peers_up(&world.machines[1]));
}

static void run_until(uint64_t end, bool settles)
{
    static unsigned passes;

    for (passes = 0; world.now < end && !world.failed; passes++) {
        if (passes == PASSES)
            violation("a loop spins");
        step(end);
        if (settles && passes % 16 == 0 && is_settled())
            return;
    }
}

static void come_right(void)
{
    story_end();
    run_until(world.now + CALM * (uint64_t)SECOND, true);
    if (world.failed)
        return;
    if (!is_settled())
        complain();
    run_until(world.now + AFTERMATH * SECOND, false);
    if (!world.failed && !is_settled())
        violation("the peace does not last: %zu connections, %zu lines owed", network_count(),
                  ledger_owed());
}

static void run_seed(uint64_t seed, bool verbose, struct total *total)
{
    world_begin(seed, verbose);
    network_reset_all();
    channel_begin();
    ledger_begin();
    for (int i = 0; i < MACHINES; i++)
        process_begin(&world.machines[i]);
    story_begin();
    trace("A is %s, B is %s", process_kind(&world.machines[0]), process_kind(&world.machines[1]));
    run_until(story_length(), false);
    if (!world.failed)
        come_right();
    total->lines += ledger_count();
    total->kills += world.kills;
    total->resets += world.resets;
    total->partitions += world.partitions;
    total->failed += world.failed;
    for (int i = 0; i < MACHINES; i++)
        process_end(&world.machines[i]);
    network_reset_all();
    channel_begin();
    ledger_end();
}

/* ---- many */

static size_t memory_used(void)
{
    return mallinfo2().uordblks;
}

static void say_seed(int signo)
{
    char text[80];
    int len = snprintf(text, sizeof text, "# seed %llu: ended by signal %d\n",
                       (unsigned long long)world.seed, signo);

    (void)!write(STDOUT_FILENO, text, (size_t)len);
    signal(signo, SIG_DFL);
    raise(signo);
}

static void show_diagnostic(void *arg, enum log_level level, struct span line)
{
    (void)arg;
    (void)level;
    trace("! %.*s", (int)line.len, line.at);
}

static bool check_replay(uint64_t first, uint64_t seeds)
{
    struct total none = {0};
    bool same = true;

    for (uint64_t i = 0; i < seeds && i < TWICE; i++) {
        run_seed(first + i, false, &none);
        uint64_t digest = world.digest;
        run_seed(first + i, false, &none);
        if (digest != world.digest)
            printf("# seed %llu is not the same again\n", (unsigned long long)(first + i));
        same = same && digest == world.digest;
    }
    return same;
}

static void report(bool good, int number, const char *what)
{
    printf("%sok %d - %s\n", good ? "" : "not ", number, what);
}

static bool run_all(uint64_t first, uint64_t seeds, bool verbose)
{
    struct total total = {0};
    size_t before = 0;
    bool replays = verbose || check_replay(first, seeds);

    for (uint64_t i = 0; i < seeds; i++) {
        if (i == WARM)
            before = memory_used();
        run_seed(first + i, verbose, &total);
    }
    bool grown = before != 0 && memory_used() > before + GROWTH;
    printf("# lines %llu, kills %llu, resets %llu, partitions %llu, failed seeds %llu\n",
           (unsigned long long)total.lines, (unsigned long long)total.kills,
           (unsigned long long)total.resets, (unsigned long long)total.partitions,
           (unsigned long long)total.failed);
    printf("# %llu seeds from %llu; `simulate 1 SEED -v` replays one\n", (unsigned long long)seeds,
           (unsigned long long)first);
    report(total.failed == 0, 1, "no rule of delivery is broken");
    report(replays, 2, "a seed replays");
    report(!grown, 3, "memory does not grow");
    return total.failed == 0 && replays && !grown;
}

static uint64_t number(const char *text, uint64_t otherwise)
{
    uint64_t value;

    return text != NULL && span_number(span_of(text), &value) ? value : otherwise;
}

int main(int argc, char **argv)
{
    bool verbose = argc > 1 && strcmp(argv[argc - 1], "-v") == 0;

    argc -= verbose;
    uint64_t seeds = number(argc > 1 ? argv[1] : getenv("HASHFLOW_SEEDS"), SEEDS);
    uint64_t first = number(argc > 2 ? argv[2] : getenv("HASHFLOW_SEED"), FIRST_SEED);
    signal(SIGABRT, say_seed);
    signal(SIGSEGV, say_seed);
    log_set_level(LOG_DETAIL);
    log_set_sink(show_diagnostic, NULL);
    if (!disks_open()) {
        printf("1..0 # SKIP this SQLite has no databases in memory\n");
        return 0;
    }
    printf("1..3\n");
    bool good = run_all(first, seeds, verbose);
    disks_close();
    return good ? 0 : 1;
}
