/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts programs, watches what they write and when they end. A guard, forked at the start while
 * there is little to copy, ends what is left of them when we have gone without a word. It does not
 * know what the programs are for.
 */
#include "config.h"

#include "net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/forked.h"

enum {
    READ_MAX = 64 * 1024, /* bytes of a stream per pass */
    LAST_READS = 16,      /* of what a program has left in its pipe: that holds no more */
};

struct stream {
    struct child *child;
    int fd; /* our end; -1 when it is not ours, or has ended */
};

struct child {
    struct child *next;
    struct children *children;
    pid_t pid; /* and its group's; 0 once it has been waited for */
    const struct child_handlers *handlers;
    void *arg;
    struct stream streams[CHILD_STREAMS];
    struct timer timer; /* the time limit; then the grace */
    bool overdue;
    int *error; /* shared with the child until it is another program */
};

struct children {
    struct loop *loop;
    struct child *first;
    int count;
    int notes;   /* to the guard */
    pid_t guard; /* 0 once it has ended */
};

/* ---- on the other side of fork(2) */

/* A group as its number when it begins, and as the negative of it when it has ended. */
static void tell_guard(const struct children *children, pid_t note)
{
    (void)!write(children->notes, &note, sizeof note); /* without the guard it goes all the same */
}

static void take_note(pid_t groups[CHILDREN_MAX], pid_t note)
{
    for (int i = 0; i < CHILDREN_MAX; i++) {
        if (groups[i] != (note < 0 ? -note : 0))
            continue;
        groups[i] = note < 0 ? 0 : note;
        return;
    }
}

/* It takes no signal that can be refused, and is in no group or session of ours. */
static void __attribute__((noreturn)) stand_guard(int notes)
{
    pid_t groups[CHILDREN_MAX] = {0}, note;

    forked_block_signals();
    setsid();
    prctl(PR_SET_NAME, "hashflow-guard");
    dup2(notes, STDIN_FILENO);
    forked_close_from(STDIN_FILENO + 1);
    while (read(STDIN_FILENO, &note, sizeof note) == sizeof note)
        take_note(groups, note);
    for (int i = 0; i < CHILDREN_MAX; i++) {
        if (groups[i] != 0)
            kill(-groups[i], SIGKILL);
    }
    _exit(0);
}

/* source: what becomes its stdin, stdout and stderr; all are above these. */
static void __attribute__((noreturn))
become_program(const struct child *c, const struct child_order *order, pid_t parent,
               const int source[3])
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    tell_guard(c->children, getpid());
    dup2(source[STDIN_FILENO], STDIN_FILENO);
    dup2(source[STDOUT_FILENO], STDOUT_FILENO);
    dup2(source[STDERR_FILENO], STDERR_FILENO);
    forked_close_from(STDERR_FILENO + 1);
    umask(order->umask);
    forked_reset_signals();
    environ = order->environment;
    execvp(order->words[0], order->words);
    *c->error = errno;
    _exit(127);
}

/* ---- all of them */

static void child_signalled(void *arg, int signo);

struct children *children_new(struct loop *loop)
{
    int notes[2];

    if (pipe2(notes, O_CLOEXEC | O_NONBLOCK) < 0)
        return NULL;
    fcntl(notes[0], F_SETFL, 0);
    pid_t guard = fork();
    if (guard == 0)
        stand_guard(notes[0]);
    close(notes[0]);
    if (guard < 0) {
        close(notes[1]);
        return NULL;
    }
    struct children *children = alloc_zero(1, sizeof *children);
    children->loop = loop;
    children->notes = notes[1];
    children->guard = guard;
    loop_on_signal(loop, SIGCHLD, child_signalled, children);
    return children;
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
    munmap(c->error, sizeof *c->error);
    free(c);
}

void children_free(struct children *children)
{
    if (children == NULL)
        return;
    while (children->first != NULL) {
        struct child *c = children->first;
        children->first = c->next;
        kill(-c->pid, SIGKILL);
        child_free(c);
    }
    close(children->notes); /* the guard sees to what has not even joined its group */
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

static void finish(struct child *c, int status)
{
    for (int i = 0; i < CHILD_STREAMS; i++)
        stream_finish(&c->streams[i]);
    const struct child_end end = {.error = *c->error, .status = status, .overdue = c->overdue};
    c->handlers->ended(c->arg, &end);
    child_free(c);
}

/* Has it ended? As long as it is not waited for, its group's number is nobody else's. */
static bool has_ended(struct child *c, int *status)
{
    siginfo_t info = {.si_pid = 0};

    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return false;
    kill(-c->pid, SIGKILL);
    tell_guard(c->children, -c->pid);
    waitpid(c->pid, status, 0);
    c->pid = 0;
    return true;
}

static void child_signalled(void *arg, int signo)
{
    struct children *children = arg;
    struct child **link = &children->first;
    int status = 0;

    (void)signo;
    if (children->guard != 0 && waitpid(children->guard, NULL, WNOHANG) == children->guard)
        children->guard = 0;
    while (*link != NULL) {
        struct child *c = *link;
        if (!has_ended(c, &status)) {
            link = &c->next;
            continue;
        }
        *link = c->next;
        children->count--;
        finish(c, status);
    }
}

static void kill_late(void *arg)
{
    struct child *c = arg;

    kill(-c->pid, SIGKILL);
}

void child_stop(struct child *c)
{
    if (c->pid == 0)
        return;
    kill(-c->pid, SIGTERM);
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

static bool open_sources(struct child *c, const struct child_order *order, int source[3])
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

static void close_sources(const int source[3])
{
    int saved = errno;

    for (int i = 0; i < 3; i++) {
        if (source[i] >= 0)
            close(source[i]);
    }
    errno = saved;
}

static bool fork_program(struct child *c, const struct child_order *order)
{
    int source[3] = {-1, -1, -1};
    pid_t parent = getpid();

    bool opened = open_sources(c, order, source);
    if (opened)
        c->pid = fork();
    if (opened && c->pid == 0)
        become_program(c, order, parent, source);
    close_sources(source);
    if (!opened || c->pid < 0)
        return false;
    setpgid(c->pid, c->pid); /* so that it can be stopped already; it may have done so itself */
    return true;
}

struct child *child_start(struct children *children, const struct child_order *order,
                          const struct child_handlers *handlers, void *arg)
{
    if (children->count == CHILDREN_MAX) {
        errno = EAGAIN;
        return NULL;
    }
    int *error =
        mmap(NULL, sizeof *error, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (error == MAP_FAILED)
        return NULL;
    struct child *c = alloc_zero(1, sizeof *c);
    *c = (struct child){.children = children, .handlers = handlers, .arg = arg, .error = error};
    for (int i = 0; i < CHILD_STREAMS; i++)
        c->streams[i] = (struct stream){.child = c, .fd = -1};
    if (!fork_program(c, order)) {
        int saved = errno;
        child_free(c);
        errno = saved;
        return NULL;
    }
    c->next = children->first;
    children->first = c;
    children->count++;
    if (order->limit_us > 0)
        timer_set(children->loop, &c->timer, loop_now(children->loop) + order->limit_us,
                  time_is_over, c);
    return c;
}
