/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Both ends of a socket that keeps the borders of messages: orders one way, reports the other. No
 * more than SPAWNER_SLOTS reports are ever under way, which the socket holds, so the spawner does
 * not wait for us. It does not know what the programs are for.
 */
#include "config.h"

#include "net/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/forked.h"

enum {
    ORDERS = STDERR_FILENO + 1, /* the spawner's descriptors: the socket, */
    ENDINGS,                    /* SIGCHLD as one, */
    OTHERS,                     /* and what comes with an order */
    VARIABLES_MAX = 64,         /* of one program's own */
};

struct order {
    int slot;
    int signo; /* 0: run the program */
    size_t program;
};

struct spawner {
    const struct spawner_plan *plan;
    pid_t pids[SPAWNER_SLOTS]; /* and their groups'; 0 for a slot that is free */
    int *errors;               /* of the slots, shared with a program until it is another one */
    char text[SPAWNER_ORDER_BYTES];
};

struct parcel {
    struct msghdr header;
    struct iovec parts[2];
    union {
        struct cmsghdr first;
        char bytes[CMSG_SPACE(SPAWNER_SOURCES * sizeof(int))];
    } control;
};

/* ---- the spawner's side */

static void report(int slot, int error, int status)
{
    const struct spawner_report r = {.slot = slot, .error = error, .status = status};

    (void)!send(ORDERS, &r, sizeof r, MSG_NOSIGNAL); /* that we have gone is seen in the loop */
}

static void __attribute__((noreturn))
become_program(const struct spawner *s, const struct order *o, char **environment, pid_t spawner)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != spawner)
        _exit(0);
    for (int fd = 0; fd < SPAWNER_SOURCES; fd++)
        dup2(OTHERS + fd, fd);
    forked_close_from(SPAWNER_SOURCES);
    umask(s->plan->umask);
    forked_reset_signals();
    environ = environment;
    execvp(s->plan->programs[o->program][0], s->plan->programs[o->program]);
    s->errors[o->slot] = errno;
    _exit(127);
}

/* The plan's variables, and behind them those of the order: false if one of these may not be. */
static bool make_environment(struct spawner *s, size_t bytes, char **list, size_t room)
{
    size_t count = 0;

    for (char *const *v = s->plan->environment; *v != NULL; v++)
        list[count++] = *v;
    for (size_t at = 0; at < bytes; at += strlen(s->text + at) + 1) {
        char *variable = s->text + at;
        if (count + 1 == room || strncmp(variable, s->plan->prefix, strlen(s->plan->prefix)) != 0)
            return false;
        list[count++] = variable;
    }
    list[count] = NULL;
    return true;
}

static size_t count_variables(char *const *list)
{
    size_t count = 0;

    while (list[count] != NULL)
        count++;
    return count;
}

static void run_program(struct spawner *s, const struct order *o, size_t bytes)
{
    size_t room = count_variables(s->plan->environment) + VARIABLES_MAX + 1;
    char **environment = alloc_zero(room, sizeof *environment);
    pid_t own = getpid(), pid = -1;

    errno = EINVAL;
    s->errors[o->slot] = 0;
    if (make_environment(s, bytes, environment, room))
        pid = fork();
    if (pid == 0)
        become_program(s, o, environment, own);
    if (pid < 0) {
        report(o->slot, errno, 0);
    } else {
        setpgid(pid, pid); /* so that it can be stopped already; it may have done so itself */
        s->pids[o->slot] = pid;
    }
    free(environment);
}

static void parcel_fill(struct parcel *p, struct order *o, void *text, size_t bytes)
{
    p->parts[0] = (struct iovec){.iov_base = o, .iov_len = sizeof *o};
    p->parts[1] = (struct iovec){.iov_base = text, .iov_len = bytes};
    p->header = (struct msghdr){.msg_iov = p->parts,
                                .msg_iovlen = 2,
                                .msg_control = p->control.bytes,
                                .msg_controllen = sizeof p->control.bytes};
}

/* The three come as the lowest that are free, which is in their order: all above are closed. */
static bool brings_sources(const struct parcel *p)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(&p->header);

    return c != NULL && c->cmsg_type == SCM_RIGHTS &&
           c->cmsg_len == CMSG_LEN(SPAWNER_SOURCES * sizeof(int));
}

static void carry_out(struct spawner *s, const struct order *o, size_t bytes, bool has_sources)
{
    if (o->slot < 0 || o->slot >= SPAWNER_SLOTS)
        return;
    pid_t pid = s->pids[o->slot];
    if (o->signo != 0 && pid != 0)
        kill(-pid, o->signo);
    if (o->signo != 0 || pid != 0)
        return;
    if (o->program < s->plan->count && has_sources && (bytes == 0 || s->text[bytes - 1] == '\0'))
        run_program(s, o, bytes);
    else
        report(o->slot, EINVAL, 0);
}

/* false: they have gone whose programs these are. */
static bool take_order(struct spawner *s)
{
    struct order o;
    struct parcel p;

    parcel_fill(&p, &o, s->text, sizeof s->text);
    ssize_t got = recvmsg(ORDERS, &p.header, 0);
    if (got < (ssize_t)sizeof o)
        return got < 0 && errno == EINTR;
    size_t bytes = (size_t)got - sizeof o;
    carry_out(s, &o, bytes, brings_sources(&p));
    forked_close_from(OTHERS);
    return true;
}

/* As long as it is not waited for, its group's number is nobody else's. */
static void take_end(struct spawner *s, int slot)
{
    siginfo_t info = {.si_pid = 0};
    pid_t pid = s->pids[slot];
    int status = 0;

    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return;
    kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    s->pids[slot] = 0;
    report(slot, s->errors[slot], status);
}

static void take_ends(struct spawner *s)
{
    struct signalfd_siginfo drained;

    (void)!read(ENDINGS, &drained, sizeof drained);
    for (int i = 0; i < SPAWNER_SLOTS; i++) {
        if (s->pids[i] != 0)
            take_end(s, i);
    }
}

static bool open_own(int socket)
{
    sigset_t child;
    int null = open("/dev/null", O_RDWR);

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int ends = signalfd(-1, &child, 0);
    if (null < 0 || ends < 0)
        return false;
    ends = fcntl(ends, F_DUPFD, OTHERS); /* whatever stands where they are to be is copied first */
    socket = fcntl(socket, F_DUPFD, OTHERS);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    return dup2(socket, ORDERS) == ORDERS && dup2(ends, ENDINGS) == ENDINGS;
}

/* It takes no signal that can be refused, and is in no group of ours. */
static void __attribute__((noreturn)) stand_by(const struct spawner_plan *plan, int socket)
{
    struct spawner *s = alloc_zero(1, sizeof *s);

    s->plan = plan;
    s->errors = mmap(NULL, SPAWNER_SLOTS * sizeof *s->errors, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    forked_block_signals();
    setpgid(0, 0);
    prctl(PR_SET_NAME, "hashflow-spawn");
    if (s->errors == MAP_FAILED || !open_own(socket) ||
        (plan->folder != NULL && chdir(plan->folder) != 0))
        _exit(1);
    forked_close_from(OTHERS);
    struct pollfd polled[] = {{.fd = ORDERS, .events = POLLIN}, {.fd = ENDINGS, .events = POLLIN}};
    do {
        poll(polled, 2, -1);
        if (polled[1].revents != 0)
            take_ends(s);
    } while (polled[0].revents == 0 || take_order(s));
    for (int i = 0; i < SPAWNER_SLOTS; i++) {
        if (s->pids[i] != 0)
            kill(-s->pids[i], SIGKILL);
    }
    _exit(0);
}

/* ---- our side */

int spawner_start(const struct spawner_plan *plan, pid_t *pid)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    *pid = fork();
    if (*pid == 0) {
        close(ends[0]);
        stand_by(plan, ends[1]);
    }
    int error = errno;
    close(ends[1]);
    if (*pid < 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return ends[0];
}

static int send_order(int fd, struct order *o, void *text, size_t bytes, const int *source)
{
    struct parcel p = {.parts = {{0}}};

    parcel_fill(&p, o, text, bytes);
    if (source != NULL) {
        struct cmsghdr *c = &p.control.first;
        *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
                              .cmsg_type = SCM_RIGHTS,
                              .cmsg_len = CMSG_LEN(SPAWNER_SOURCES * sizeof *source)};
        memcpy(CMSG_DATA(c), source, SPAWNER_SOURCES * sizeof *source);
    } else {
        p.header.msg_control = NULL;
        p.header.msg_controllen = 0;
    }
    return sendmsg(fd, &p.header, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int spawner_run(int fd, int slot, size_t program, char *const *variables,
                const int source[SPAWNER_SOURCES])
{
    struct order o = {.slot = slot, .program = program};
    size_t bytes = 0, at = 0;

    for (char *const *v = variables; *v != NULL; v++)
        bytes += strlen(*v) + 1;
    if (bytes > SPAWNER_ORDER_BYTES || count_variables(variables) > VARIABLES_MAX) {
        errno = E2BIG;
        return -1;
    }
    char *text = alloc_zero(bytes + 1, 1);
    for (char *const *v = variables; *v != NULL; v++) {
        memcpy(text + at, *v, strlen(*v) + 1);
        at += strlen(*v) + 1;
    }
    int result = send_order(fd, &o, text, bytes, source);
    int error = errno;
    free(text);
    errno = error;
    return result;
}

void spawner_signal(int fd, int slot, int signo)
{
    struct order o = {.slot = slot, .signo = signo};

    send_order(fd, &o, NULL, 0, NULL);
}

enum spawner_news spawner_read(int fd, struct spawner_report *out)
{
    ssize_t got = recv(fd, out, sizeof *out, 0);

    if (got == sizeof *out && out->slot >= 0 && out->slot < SPAWNER_SLOTS)
        return SPAWNER_REPORT;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? SPAWNER_NOTHING : SPAWNER_GONE;
}
