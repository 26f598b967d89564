/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From inside the sandbox: what somebody who has taken the process over would try first, and what a
 * node must go on doing. Each test enters it in a process of its own, and is skipped where the
 * kernel or the build has none.
 */
#include "config.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/scratch.h"

enum { WELL, WRONG, NONE };

static char *root;
static char own[128], other[128], typed[128];

static int begin(void **state)
{
    (void)state;
    root = scratch_new();
    snprintf(own, sizeof own, "%s/own", root);
    snprintf(other, sizeof other, "%s/other", root);
    snprintf(typed, sizeof typed, "%s/typed", root);
    return mkdir(own, 0700) == 0 && mkdir(other, 0700) == 0 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    scratch_remove(root);
    return 0;
}

/* Runs what in a process of its own, which it is to end with one of the above. */
static void inside(void (*what)(void))
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        what();
        _exit(WELL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NONE)
        skip();
    assert_int_equal(WEXITSTATUS(status), WELL);
}

static void expect(bool true_one, const char *what)
{
    if (true_one)
        return;
    fprintf(stderr, "inside the sandbox: %s: %s\n", what, strerror(errno));
    _exit(WRONG);
}

static void expect_error(long result, int error, const char *what)
{
    expect(result == -1 && errno == error, what);
}

static void restrict_files(void)
{
    const struct sandbox_config config = {.state = own, .typed = typed};
    const char *cause = sandbox_restrict_files(&config);

    if (cause != NULL)
        _exit(NONE);
}

static void restrict_calls(void)
{
    const char *cause = sandbox_restrict_calls();

    if (cause != NULL)
        _exit(NONE);
}

static int open_in(const char *folder, const char *name, int flags)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, flags, 0600);
}

static void try_own_files(void)
{
    char from[160], to[160];

    restrict_files();
    expect(open_in(own, "a", O_RDWR | O_CREAT | O_EXCL) >= 0, "a new file of ours");
    expect(open_in(own, "a", O_RDWR | O_TRUNC) >= 0, "emptying it");
    expect(open_in(own, ".", O_RDONLY | O_DIRECTORY) >= 0, "our folder");
    snprintf(from, sizeof from, "%s/a", own);
    snprintf(to, sizeof to, "%s/b", own);
    expect(rename(from, to) == 0, "a new name for it");
    expect(unlink(to) == 0, "removing it");
    expect(open(typed, O_WRONLY | O_APPEND) >= 0, "the typed lines");
    expect(open("/dev/null", O_RDWR) >= 0, "/dev/null");
    expect(access("/etc/hosts", F_OK) != 0 || open("/etc/hosts", O_RDONLY) >= 0, "names of hosts");
}

static void own_files_stay(void **state)
{
    (void)state;
    inside(try_own_files);
}

static void try_other_files(void)
{
    char from[160], to[160];

    snprintf(from, sizeof from, "%s/in", other);
    snprintf(to, sizeof to, "%s/in", own);
    expect(open(from, O_WRONLY | O_CREAT, 0600) >= 0, "a file beforehand");
    restrict_files();
    expect_error(open("/etc/passwd", O_RDONLY), EACCES, "/etc/passwd");
    expect_error(open("/proc/self/environ", O_RDONLY), EACCES, "/proc");
    expect_error(open("/", O_RDONLY | O_DIRECTORY), EACCES, "a list of files");
    expect_error(open(from, O_RDONLY), EACCES, "reading elsewhere");
    expect_error(open(from, O_WRONLY), EACCES, "writing elsewhere");
    expect_error(open(from, O_WRONLY | O_TRUNC), EACCES, "emptying elsewhere");
    expect_error(unlink(from), EACCES, "removing elsewhere");
    expect_error(open_in(other, "new", O_WRONLY | O_CREAT), EACCES, "a new file elsewhere");
    expect(link(from, to) == -1, "a second name of it here");
    expect(rename(from, to) == -1, "taking it here");
    expect(symlink(from, to) == -1 || open(to, O_RDONLY) == -1, "a way around");
    expect_error(execl("/bin/true", "true", (char *)NULL), EACCES, "another program");
}

static void other_files_are_shut(void **state)
{
    (void)state;
    inside(try_other_files);
}

static void try_needed_calls(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int log = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint32_t bytes;

    restrict_calls();
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    expect(fd >= 0, "a stream");
    expect(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 || errno == EAFNOSUPPORT,
           "datagrams");
    expect(log >= 0 && socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0, "the system's log");
    expect(kill(getpid(), 0) == 0, "a signal to ourselves");
    expect(raise(SIGCONT) == 0, "raise()");
    expect(getentropy(&bytes, sizeof bytes) == 0, "chance");
    expect(malloc(64 << 20) != NULL, "memory");
}

static void a_node_can_go_on(void **state)
{
    (void)state;
    inside(try_needed_calls);
}

static void try_other_calls(void)
{
    int heard = socket(AF_INET, SOCK_STREAM, 0);
    char key = 'x';

    restrict_calls();
    expect_error(fork(), ENOSYS, "fork()");
    expect_error(execl("/bin/true", "true", (char *)NULL), ENOSYS, "another program");
    expect_error(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), ENOSYS, "ptrace()");
    expect_error(kill(getppid(), SIGCONT), ENOSYS, "a signal to another process");
    expect_error(kill(-1, 0), ENOSYS, "a signal to everybody");
    expect_error(listen(heard, 1), ENOSYS, "a port");
    expect_error(socket(AF_UNIX, SOCK_STREAM, 0), ENOSYS, "a local stream");
    expect_error(socket(AF_INET, SOCK_RAW, 255), ENOSYS, "raw packets");
    expect_error(socket(AF_PACKET, SOCK_DGRAM, 0), ENOSYS, "all packets");
    expect_error(ioctl(STDIN_FILENO, TIOCSTI, &key), ENOSYS, "typing into a terminal");
    expect_error(setuid(getuid()), ENOSYS, "another user");
    expect_error(chmod("/", 0755), ENOSYS, "another mode");
    expect_error(truncate(own, 0), ENOSYS, "truncate()");
    expect(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
               MAP_FAILED,
           "code in new memory");
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect_error(mprotect(memory, 4096, PROT_READ | PROT_EXEC), ENOSYS, "code in memory");
}

static void other_calls_are_not_there(void **state)
{
    (void)state;
    inside(try_other_calls);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(own_files_stay),
        TEST(other_files_are_shut),
        TEST(a_node_can_go_on),
        TEST(other_calls_are_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
