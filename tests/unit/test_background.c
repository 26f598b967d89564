/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going into the background, with the test as the grandparent: what the process that was started
 * ends with, what its child is like, and what happens when nobody waits any more.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "background.h"
#include "base/log.h"

struct words {
    pid_t pid;
    bool has_session, is_null, is_root, is_ready;
};

static int to_child[2], from_child[2];

static bool is_null(int fd)
{
    struct stat null, st;

    return stat("/dev/null", &null) == 0 && fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev;
}

static void say(const struct words *words)
{
    if (write(from_child[1], words, sizeof *words) != sizeof *words)
        _exit(99);
}

/* Says who it is, and does what the test tells it: r to be ready, a digit to end so. */
static void be_the_child(int waiting, bool quiet)
{
    char cwd[8], order;
    struct words words = {.pid = getpid()};

    words.has_session = getsid(0) == getpid();
    words.is_null = is_null(STDIN_FILENO) && is_null(STDOUT_FILENO);
    say(&words);
    while (read(to_child[0], &order, 1) == 1 && order == 'r') {
        words.is_ready = background_ready(waiting, quiet);
        words.is_null = is_null(STDERR_FILENO);
        words.is_root = getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, "/") == 0;
        say(&words);
    }
    _exit(order - '0');
}

static void hush(void *arg, enum log_level level, struct span line)
{
    (void)arg;
    (void)level;
    (void)line;
}

/* The process that is started; it gets the child's status. */
static pid_t start(bool quiet)
{
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(from_child), 0);
    pid_t starter = fork();
    assert_true(starter >= 0);
    if (starter == 0) {
        int waiting, status;
        close(to_child[1]);
        close(from_child[0]);
        signal(SIGPIPE, SIG_IGN);
        log_set_sink(hush, NULL);
        if (background_enter(&waiting, &status))
            be_the_child(waiting, quiet);
        _exit(status);
    }
    close(to_child[0]);
    close(from_child[1]);
    return starter;
}

static struct words hear(void)
{
    struct words words;

    alarm(20);
    assert_int_equal(read(from_child[0], &words, sizeof words), sizeof words);
    alarm(0);
    return words;
}

static void order(char what)
{
    assert_int_equal(write(to_child[1], &what, 1), 1);
}

static int end_of(pid_t pid)
{
    int status;

    alarm(20);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    alarm(0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The child ends when it is let go; then its pipe does. */
static void let_go(void)
{
    char byte;

    close(to_child[1]);
    alarm(20);
    assert_int_equal(read(from_child[0], &byte, 1), 0);
    alarm(0);
    close(from_child[0]);
}

static void ends_when_the_child_is_ready(void **state)
{
    (void)state;
    for (int quiet = 0; quiet <= 1; quiet++) {
        bool was_null = is_null(STDERR_FILENO);
        pid_t starter = start(quiet);
        struct words words = hear();
        assert_true(words.has_session);
        assert_true(words.is_null);
        assert_int_not_equal(words.pid, starter);
        assert_int_equal(waitpid(starter, NULL, WNOHANG), 0);
        order('r');
        words = hear();
        assert_true(words.is_ready);
        assert_true(words.is_root);
        assert_int_equal(words.is_null, quiet || was_null);
        assert_int_equal(end_of(starter), 0);
        let_go();
    }
}

static void ends_as_a_child_that_is_never_ready(void **state)
{
    (void)state;
    pid_t starter = start(true);
    hear();
    order('7');
    assert_int_equal(end_of(starter), 7);
    let_go();

    starter = start(true);
    assert_int_equal(kill(hear().pid, SIGKILL), 0);
    assert_int_equal(end_of(starter), 128 + SIGKILL);
    let_go();
}

static void a_child_that_nobody_waits_for_is_not_ready(void **state)
{
    (void)state;
    pid_t starter = start(false);
    hear();
    assert_int_equal(kill(starter, SIGKILL), 0);
    assert_int_equal(end_of(starter), 128 + SIGKILL);
    order('r');
    assert_false(hear().is_ready);
    let_go();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_when_the_child_is_ready),
        cmocka_unit_test(ends_as_a_child_that_is_never_ready),
        cmocka_unit_test(a_child_that_nobody_waits_for_is_not_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
