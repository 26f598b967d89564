/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two clocks and the source of chance. It knows no deadlines and no time zones.
 */
#include "config.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    int result = clock_gettime(id, &now);

    assert(result == 0);
    (void)result;
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

/* So few bytes are never cut short by getrandom(2). */
void clock_random_bytes(void *out, size_t size)
{
    assert(size <= 256);
    while (getrandom(out, size, 0) != (ssize_t)size)
        if (errno != EINTR)
            abort(); /* a system without chance would give every node the same identity */
}

uint64_t clock_random(uint64_t limit)
{
    uint64_t number;

    assert(limit > 0);
    /* The first 2^64 mod limit numbers would make some remainders likelier than others. */
    uint64_t surplus = (0 - limit) % limit;
    do
        clock_random_bytes(&number, sizeof number);
    while (number < surplus);
    return number % limit;
}

void clock_random_text(char *out, size_t size)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

    assert(size > 0);
    for (size_t i = 0; i + 1 < size; i++) {
        unsigned char byte;
        clock_random_bytes(&byte, sizeof byte);
        out[i] = alphabet[byte % 32];
    }
    out[size - 1] = '\0';
}

void clock_print(int64_t seconds, char out[CLOCK_TEXT])
{
    static const int64_t last = 253402300799; /* the end of the year 9999 */
    time_t moment = (time_t)(seconds < 0 ? 0 : seconds > last ? last : seconds);
    struct tm parts;

    gmtime_r(&moment, &parts);
    strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}
