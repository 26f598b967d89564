/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Has programs started, watches what they write and hears when they end. It does not know what the
 * programs are for.
 */
#include "config.h"

#include "net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    READ_MAX = 64 * 1024, /* bytes of a stream per pass */
    LAST_READS = 16,      /* of what a program has left in its pipe: that holds no more */
};

struct stream {
    struct child *child;
    int fd; /* our end; -1 when it is not ours, or has ended */
};

struct child {
    struct children *children;
    int slot;
    const struct child_handlers *handlers;
    void *arg;
    struct stream streams[CHILD_STREAMS];
    struct timer timer; /* the time limit; then the grace */
    bool overdue;
    bool ended;
};

struct children {
    struct loop *loop;
    int spawner; /* the socket; whoever listens there may have gone */
    pid_t pid;   /* of who listens */
    struct child *slots[CHILDREN_MAX];
};

/* ---- all of them */

static void spawner_ready(void *arg, int events);

struct children *children_new(struct loop *loop, const struct spawner_plan *plan)
{
    pid_t pid;
    int spawner = spawner_start(plan, &pid);

    if (spawner < 0)
        return NULL;
    struct children *children = alloc_zero(1, sizeof *children);
    *children = (struct children){.loop = loop, .spawner = spawner, .pid = pid};
    if (loop_watch(loop, spawner, LOOP_READ, spawner_ready, children) == 0)
        return children;
    close(spawner);
    free(children);
    return NULL;
}

static void stream_close(struct stream *stream)
{
    if (stream->fd < 0)
        return;
    loop_unwatch(stream->child->children->loop, stream->fd);
    close(stream->fd);
    stream->fd = -1;
}

static void child_free(struct child *c)
{
    timer_stop(c->children->loop, &c->timer);
    for (int i = 0; i < CHILD_STREAMS; i++)
        stream_close(&c->streams[i]);
    free(c);
}

void children_free(struct children *children)
{
    if (children == NULL)
        return;
    for (int i = 0; i < CHILDREN_MAX; i++) {
        if (children->slots[i] != NULL)
            child_free(children->slots[i]);
    }
    loop_unwatch(children->loop, children->spawner);
    close(children->spawner); /* which ends them */
    free(children);
}

/* ---- its streams */

static ssize_t stream_read(struct stream *stream)
{
    static char bytes[READ_MAX];
    struct child *c = stream->child;
    ssize_t got = read(stream->fd, bytes, sizeof bytes);

    if (got > 0)
        c->handlers->wrote(c->arg, (enum child_stream)(stream - c->streams),
                           span_make(bytes, (size_t)got));
    return got;
}

static void stream_ready(void *arg, int events)
{
    struct stream *stream = arg;

    (void)events;
    ssize_t got = stream_read(stream);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        stream_close(stream);
}

/* Who has left the group may keep the pipe open for ever: what is in it now is all we take. */
static void stream_finish(struct stream *stream)
{
    for (int i = 0; i < LAST_READS && stream->fd >= 0; i++) {
        if (stream_read(stream) <= 0)
            break;
    }
    stream_close(stream);
}

/* Returns the child's end, or -1 with errno. */
static int stream_open(struct stream *stream)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ||
        loop_watch(stream->child->children->loop, ends[0], LOOP_READ, stream_ready, stream) < 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    stream->fd = ends[0];
    return ends[1];
}

/* ---- its end */

static void finish(struct child *c, int error, int status)
{
    c->children->slots[c->slot] = NULL;
    c->ended = true;
    for (int i = 0; i < CHILD_STREAMS; i++)
        stream_finish(&c->streams[i]);
    const struct child_end end = {.error = error, .status = status, .overdue = c->overdue};
    c->handlers->ended(c->arg, &end);
    child_free(c);
}

/* It was killed, and with it all that it has started. */
static void lose_spawner(struct children *children)
{
    loop_unwatch(children->loop, children->spawner);
    waitpid(children->pid, NULL, WNOHANG);
    for (int i = 0; i < CHILDREN_MAX; i++) {
        if (children->slots[i] != NULL)
            finish(children->slots[i], 0, SIGKILL);
    }
}

static void spawner_ready(void *arg, int events)
{
    struct children *children = arg;
    struct spawner_report report;
    enum spawner_news news;

    (void)events;
    while ((news = spawner_read(children->spawner, &report)) == SPAWNER_REPORT) {
        if (children->slots[report.slot] != NULL)
            finish(children->slots[report.slot], report.error, report.status);
    }
    if (news == SPAWNER_GONE)
        lose_spawner(children);
}

static void kill_late(void *arg)
{
    struct child *c = arg;

    spawner_signal(c->children->spawner, c->slot, SIGKILL);
}

void child_stop(struct child *c)
{
    if (c->ended)
        return;
    spawner_signal(c->children->spawner, c->slot, SIGTERM);
    timer_set(c->children->loop, &c->timer, loop_now(c->children->loop) + CHILD_GRACE_US, kill_late,
              c);
}

static void time_is_over(void *arg)
{
    struct child *c = arg;

    c->overdue = true;
    child_stop(c);
}

/* ---- its start */

/* A file in memory: however slowly it is read, nobody has to wait. -1 with errno. */
static int open_input(const struct span *input)
{
    if (input == NULL)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("input", MFD_CLOEXEC);
    struct span rest = *input;
    while (fd >= 0 && rest.len > 0) {
        ssize_t written = write(fd, rest.at, rest.len);
        if (written < 0) {
            close(fd);
            return -1;
        }
        rest = span_after(rest, (size_t)written);
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool open_sources(struct child *c, const struct child_order *order,
                         int source[SPAWNER_SOURCES])
{
    source[STDIN_FILENO] = open_input(order->input);
    if (source[STDIN_FILENO] < 0)
        return false;
    for (int i = 0; i < CHILD_STREAMS; i++) {
        source[STDOUT_FILENO + i] = order->takes[i] ? stream_open(&c->streams[i])
                                                    : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
        if (source[STDOUT_FILENO + i] < 0)
            return false;
    }
    return true;
}

static void close_sources(const int source[SPAWNER_SOURCES])
{
    int saved = errno;

    for (int i = 0; i < SPAWNER_SOURCES; i++) {
        if (source[i] >= 0)
            close(source[i]);
    }
    errno = saved;
}

static bool run_program(struct child *c, const struct child_order *order)
{
    int source[SPAWNER_SOURCES] = {-1, -1, -1};

    bool run =
        open_sources(c, order, source) &&
        spawner_run(c->children->spawner, c->slot, order->program, order->variables, source) == 0;
    close_sources(source);
    return run;
}

static int find_slot(const struct children *children)
{
    int slot = 0;

    while (slot < CHILDREN_MAX && children->slots[slot] != NULL)
        slot++;
    return slot;
}

struct child *child_start(struct children *children, const struct child_order *order,
                          const struct child_handlers *handlers, void *arg)
{
    int slot = find_slot(children);

    if (slot == CHILDREN_MAX) {
        errno = EAGAIN;
        return NULL;
    }
    struct child *c = alloc_zero(1, sizeof *c);
    *c = (struct child){.children = children, .slot = slot, .handlers = handlers, .arg = arg};
    for (int i = 0; i < CHILD_STREAMS; i++)
        c->streams[i] = (struct stream){.child = c, .fd = -1};
    if (!run_program(c, order)) {
        int saved = errno;
        child_free(c);
        errno = saved;
        return NULL;
    }
    children->slots[slot] = c;
    if (order->limit_us > 0)
        timer_set(children->loop, &c->timer, loop_now(children->loop) + order->limit_us,
                  time_is_over, c);
    return c;
}
