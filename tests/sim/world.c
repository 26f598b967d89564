/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time, chance and death in the simulated world; also what stands in for base/clock. It must not
 * know what happens there.
 */
#include "config.h"

#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#define WALL_BEGIN UINT64_C(1700000000000000) /* of the wall clocks, us since 1970 */

struct world world;

static uint64_t chance_state;

void world_begin(uint64_t seed, bool verbose)
{
    world = (struct world){.seed = seed, .now = SECOND, .verbose = verbose, .digest = seed};
    chance_state = seed;
    for (int i = 0; i < MACHINES; i++) {
        struct machine *m = &world.machines[i];

        m->letter = (char)('A' + i);
        m->address = (struct address){.family = 4, .port = ADDRESS_DEFAULT_PORT};
        m->address.ip[0] = 10;
        m->address.ip[3] = (unsigned char)(i + 1);
    }
}

/* ---- chance: splitmix64, for its few lines and its good low bits */

static uint64_t draw(void)
{
    uint64_t z = chance_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t chance(uint64_t limit)
{
    assert(limit > 0);
    return draw() % limit;
}

bool one_in(uint64_t n)
{
    return chance(n) == 0;
}

uint64_t chance_spread(uint64_t least, uint64_t most)
{
    uint64_t top = least;

    assert(least > 0 && least <= most);
    unsigned doublings = 0;
    while (top <= most / 2) {
        top *= 2;
        doublings++;
    }
    uint64_t from = least << chance(doublings + 1);
    uint64_t to = from <= most / 2 ? from * 2 : most;
    return from + chance(to - from + 1);
}

/* ---- death */

void machine_kill(struct machine *m)
{
    if (m->dead || m->loop == NULL)
        return;
    trace("%c is killed", m->letter);
    m->dead = true;
    m->fuse = 0;
    world.kills++;
}

bool world_effect(void)
{
    struct machine *m = world.running;

    if (m->fuse > 0 && --m->fuse == 0)
        machine_kill(m);
    return !m->dead;
}

struct machine *machine_at(const struct address *a)
{
    for (int i = 0; i < MACHINES; i++)
        if (address_same_host(&world.machines[i].address, a))
            return &world.machines[i];
    return NULL;
}

/* ---- what is told */

void world_note(uint64_t what)
{
    world.digest = (world.digest ^ what ^ world.now) * UINT64_C(0x100000001b3);
}

static void say(FILE *to, const char *format, va_list list) __attribute__((format(printf, 2, 0)));

static void say(FILE *to, const char *format, va_list list)
{
    vfprintf(to, format, list);
    putc('\n', to);
    fflush(to);
}

void trace(const char *format, ...)
{
    va_list list;

    if (!world.verbose)
        return;
    printf("# %10.6f %c ", (double)world.now / SECOND,
           world.running != NULL ? world.running->letter : '-');
    va_start(list, format);
    say(stdout, format, list);
    va_end(list);
}

void violation(const char *format, ...)
{
    va_list list;

    if (world.failed)
        return;
    world.failed = true;
    printf("# seed %llu: at %.6f s: ", (unsigned long long)world.seed, (double)world.now / SECOND);
    va_start(list, format);
    say(stdout, format, list);
    va_end(list);
}

/* ---- base/clock */

uint64_t clock_now_us(void)
{
    return world.now;
}

uint64_t clock_wall_us(void)
{
    int64_t skew = world.running != NULL ? world.running->skew : 0;

    return WALL_BEGIN + world.now + (uint64_t)skew;
}

uint64_t clock_random(uint64_t limit)
{
    return chance(limit);
}

void clock_random_bytes(void *out, size_t size)
{
    unsigned char *bytes = out;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)chance(256);
}

void clock_random_text(char *out, size_t size)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i + 1 < size; i++)
        out[i] = alphabet[chance(32)];
    out[size - 1] = '\0';
}

void clock_print(int64_t seconds, char out[CLOCK_TEXT])
{
    time_t moment = (time_t)seconds;
    struct tm parts;

    gmtime_r(&moment, &parts);
    strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}
