/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For systems without epoll(7): pselect(2) is given all descriptors, and looks at each of them each
 * time. It must not know what any of them is for.
 */
#include "config.h"

#include "net/readiness.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/select.h>

#include "base/alloc.h"

enum {
    WORD_BITS = sizeof(unsigned long) * CHAR_BIT,
    WORDS = FD_SETSIZE / WORD_BITS,
};

/* A thousand descriptors are mostly idle ones: whole words of them are passed over at once. */
union descriptors {
    fd_set set;
    unsigned long words[WORDS];
};
_Static_assert(sizeof(fd_set) == WORDS * sizeof(unsigned long), "fd_set is a plain bit field");

struct readiness {
    union descriptors readers, writers; /* kept up to date, copied for each wait */
    int top;                            /* one past the highest descriptor of interest */
};

struct readiness *readiness_new(void)
{
    return alloc_zero(1, sizeof(struct readiness));
}

void readiness_free(struct readiness *r)
{
    free(r);
}

/* ---- what is wanted */

static void bit_put(union descriptors *d, int fd, bool on)
{
    unsigned long *word = &d->words[fd / WORD_BITS];
    unsigned long bit = 1UL << (fd % WORD_BITS);

    *word = on ? *word | bit : *word & ~bit;
}

static bool bit_get(const union descriptors *d, int fd)
{
    return d->words[fd / WORD_BITS] >> (fd % WORD_BITS) & 1;
}

void readiness_want(struct readiness *r, int fd, int interest)
{
    bit_put(&r->readers, fd, interest & LOOP_READ);
    bit_put(&r->writers, fd, interest & LOOP_WRITE);
    if (interest != 0 && fd >= r->top)
        r->top = fd + 1;
    while (r->top > 0 && !bit_get(&r->readers, r->top - 1) && !bit_get(&r->writers, r->top - 1))
        r->top--;
}

void readiness_forget(struct readiness *r, int fd)
{
    readiness_want(r, fd, 0);
}

/* ---- the wait */

static int list(const union descriptors *readable, const union descriptors *writable,
                struct ready *found)
{
    int count = 0;

    for (int w = 0; w < WORDS; w++) {
        unsigned long bits = readable->words[w] | writable->words[w];

        for (; bits != 0; bits &= bits - 1) {
            int fd = w * (int)WORD_BITS + __builtin_ctzl(bits);

            found[count++] = (struct ready){
                .fd = fd,
                .events = (bit_get(readable, fd) ? LOOP_READ : 0) |
                          (bit_get(writable, fd) ? LOOP_WRITE : 0),
            };
        }
    }
    return count;
}

int readiness_wait(struct readiness *r, const struct timespec *limit, const sigset_t *mask,
                   struct ready found[])
{
    union descriptors readable = r->readers;
    union descriptors writable = r->writers;
    int count = pselect(r->top, &readable.set, &writable.set, NULL, limit, mask);

    /* EBADF: somebody has closed a descriptor and not said so. */
    assert(count >= 0 || errno == EINTR);
    return count > 0 ? list(&readable, &writable, found) : count;
}
