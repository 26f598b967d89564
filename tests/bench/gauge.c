/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a measurement needs and python3 would be too slow for: a source of lines with sinks that
 * count bytes, the bare loops that nobody can beat, senders of short connections, and hashflow's own
 * timers by themselves. Descriptors come from whoever runs it; results go to stderr, a line of
 * numbers. It knows no dialect.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"

#define HOUR_US 3600000000ull

enum {
    BLOCK = 65536,
    PIPE = 1 << 20,       /* the most that a pipe may hold without privileges */
    PATIENCE_MS = 2000,   /* silence after which the rest is taken for lost */
    EVENTS = 64,          /* descriptors handled between two waits */
    ABREAST = 32,         /* short connections that are open at a time */
    WARM_UP_DIVISOR = 10, /* that part of the rounds is not counted */
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0)
            fail("write");
        data += n;
        size -= (size_t)n;
    }
}

/* ---- flow FILE WANTED FD ...: FILE to stdout, until WANTED bytes have come out of each FD */

struct inlet {
    int fd;
    long long wanted;
};

struct flow {
    int waiting; /* for events on the descriptors */
    int file;    /* -1 once all of it is out */
    int open;    /* inlets that have not got everything */
    double last;
    long long taken;
};

static void flow_add(const struct flow *f, int fd, uint32_t events, void *owner)
{
    struct epoll_event event = {.events = events, .data.ptr = owner};
    if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || epoll_ctl(f->waiting, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
}

static void flow_feed(struct flow *f)
{
    ssize_t n = splice(f->file, NULL, STDOUT_FILENO, NULL, PIPE, SPLICE_F_NONBLOCK);
    if (n > 0 || (n < 0 && errno == EAGAIN))
        return;
    if (n < 0)
        fail("splice");
    /* Open until the end: some leave at the end of their input whatever still waits for others. */
    epoll_ctl(f->waiting, EPOLL_CTL_DEL, STDOUT_FILENO, NULL);
    close(f->file);
    f->file = -1;
}

/* Copies it, as whoever reads it must; to throw it away unread would cost far less. */
static void flow_take(struct flow *f, struct inlet *inlet)
{
    static char block[BLOCK];
    ssize_t n = read(inlet->fd, block, sizeof block);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0) {
        f->last = now();
        f->taken += n;
        inlet->wanted -= n;
    }
    if (n <= 0 || inlet->wanted <= 0) {
        epoll_ctl(f->waiting, EPOLL_CTL_DEL, inlet->fd, NULL);
        f->open--;
    }
}

/* SECONDS from the first byte in to the last byte out, and the sum of BYTES. */
static int flow(int argc, char **argv)
{
    struct flow f = {.waiting = epoll_create1(0), .open = argc - 2};
    f.file = open(argv[0], O_RDONLY);
    if (f.waiting < 0 || f.file < 0)
        fail(argv[0]);
    fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE);
    flow_add(&f, STDOUT_FILENO, EPOLLOUT, NULL);
    struct inlet *inlets = calloc((size_t)f.open, sizeof *inlets);
    for (int i = 0; inlets != NULL && i < argc - 2; i++) {
        int fd = atoi(argv[i + 2]);
        fcntl(fd, F_SETPIPE_SZ, PIPE); /* if it is one */
        inlets[i] = (struct inlet){fd, atoll(argv[1])};
        flow_add(&f, fd, EPOLLIN, &inlets[i]);
    }
    double start = f.last = now();
    while (f.open > 0) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(f.waiting, events, EVENTS, PATIENCE_MS);
        for (int i = 0; i < n; i++)
            if (events[i].data.ptr == NULL)
                flow_feed(&f);
            else
                flow_take(&f, events[i].data.ptr);
        if (n <= 0)
            break;
    }
    dprintf(STDERR_FILENO, "%.9f %lld\n", f.last - start, f.taken);
    free(inlets);
    return 0;
}

/* ---- limit FD ...: each block of stdin to every FD */

static int limit(int argc, char **argv)
{
    static char block[BLOCK];
    ssize_t n;
    while ((n = read(STDIN_FILENO, block, sizeof block)) > 0)
        for (int i = 0; i < argc; i++)
            write_all(atoi(argv[i]), block, (size_t)n);
    return 0;
}

/* ---- accept FD COUNT: so many connections of the listening FD are read to their end, and closed */

static int accept_all(int argc, char **argv)
{
    char message[1024];
    int count = atoi(argv[argc - 1]);
    for (int i = 0; i < count; i++) {
        int fd = accept(atoi(argv[0]), NULL, NULL);
        if (fd < 0)
            fail("accept");
        while (read(fd, message, sizeof message) > 0)
            ;
        close(fd);
    }
    return 0;
}

/* ---- shots PORT COUNT TEXT: COUNT connections with TEXT, as the original program makes them */

static int shoot(int port, const char *text)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        fail("connect");
    write_all(fd, text, strlen(text));
    shutdown(fd, SHUT_WR);
    return fd;
}

/* The other side has taken it when it closes; waiting for that keeps its backlog from running over. */
static void finish(int fd)
{
    char byte;
    if (fd == 0)
        return;
    while (read(fd, &byte, 1) > 0)
        ;
    close(fd);
}

static int shots(int argc, char **argv)
{
    int open_ones[ABREAST] = {0};
    int port = atoi(argv[0]), count = atoi(argv[1]);
    double start = now();
    for (int i = 0; i < count; i++) {
        finish(open_ones[i % ABREAST]);
        open_ones[i % ABREAST] = shoot(port, argv[argc - 1]);
    }
    for (int i = 0; i < ABREAST; i++)
        finish(open_ones[i]);
    dprintf(STDERR_FILENO, "%.9f %d\n", now() - start, count);
    return 0;
}

/* ---- rounds COUNT OUT1 IN1 OUT2 IN2: a line into OUT1 comes out of IN1, then the way back */

static void pass_line(int out, int in)
{
    static const char line[] =
        "a line that goes there, or one that comes back; with its end it has "
        "one hundred bytes, like all\n";
    char got[BLOCK];
    ssize_t n;
    write_all(out, line, sizeof line - 1);
    do {
        n = read(in, got, sizeof got);
        if (n <= 0)
            fail("read");
    } while (got[n - 1] != '\n');
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median and the 99th percentile, in seconds. */
static int rounds(int argc, char **argv)
{
    (void)argc;
    int count = atoi(argv[0]), warm_up = count / WARM_UP_DIVISOR;
    double *times = calloc((size_t)count, sizeof *times);
    if (times == NULL || count < WARM_UP_DIVISOR)
        fail("rounds");
    for (int i = -warm_up; i < count; i++) {
        double before = now();
        pass_line(atoi(argv[1]), atoi(argv[2]));
        pass_line(atoi(argv[3]), atoi(argv[4]));
        if (i >= 0)
            times[i] = now() - before;
    }
    qsort(times, (size_t)count, sizeof *times, compare);
    dprintf(STDERR_FILENO, "%.9f %.9f\n", times[count / 2], times[count - 1 - count / 100]);
    free(times);
    return 0;
}

/* ---- timers COUNT TIMES: among so many that are set, one is set anew so many times */

static void never(void *arg)
{
    (void)arg;
}

static void set_anew(struct loop *loop, struct timer *timer)
{
    timer_set(loop, timer, loop_now(loop) + HOUR_US + (uint64_t)random(), never, NULL);
}

/* Seconds for each. */
static int timers(int argc, char **argv)
{
    (void)argc;
    long count = atol(argv[0]), times = atol(argv[1]);
    struct timer *all = calloc((size_t)count, sizeof *all);
    struct loop *loop = loop_new();
    if (all == NULL || loop == NULL || count < 1 || times < 1)
        fail("timers");
    for (long i = 0; i < count; i++)
        set_anew(loop, &all[i]);
    double before = now();
    for (long i = 0; i < times; i++)
        set_anew(loop, &all[random() % count]);
    dprintf(STDERR_FILENO, "%.12f\n", (now() - before) / (double)times);
    for (long i = 0; i < count; i++)
        timer_stop(loop, &all[i]);
    loop_free(loop);
    free(all);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least; /* arguments behind the name */
        int (*run)(int argc, char **argv);
    } modes[] = {
        {"flow", 3, flow},   {"limit", 1, limit},   {"accept", 2, accept_all},
        {"shots", 3, shots}, {"rounds", 5, rounds}, {"timers", 2, timers},
    };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (argc > 1 && strcmp(argv[1], modes[i].name) == 0 && argc - 2 >= modes[i].least)
            return modes[i].run(argc - 2, argv + 2);
    fprintf(stderr, "usage: gauge flow|limit|accept|shots|rounds|timers ARGUMENT ...\n");
    return 2;
}
