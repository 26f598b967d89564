/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real programs, beside a real loop: what they get, what they say, how they end, and that nothing
 * of them is left, whoever has gone before.
 */
#include "config.h"

#include "net/child.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { GUARD_US = 20000000, ENOUGH_TO_START_US = 500000, LONG_ENOUGH = 3 * 64 * 1024 };

struct fixture {
    struct loop *loop;
    struct timer guard;
    struct children *children;
    char *said[CHILD_STREAMS];
    size_t length[CHILD_STREAMS];
    int ends;
    int wanted;
    struct child_end end;
};

static struct fixture *f;

enum { SCRIPT, MISSING, FOLDER, PROGRAMS };

static struct children *make_children(struct loop *loop)
{
    static char shell[] = "/bin/sh", option[] = "-c", run_it[] = "eval \"$TEST_SCRIPT\"";
    static char missing[] = "no-such-program-anywhere", root[] = "/";
    static char path[] = "PATH=/usr/bin:/bin", greeting[] = "GREETING=hello";
    static char *script[] = {shell, option, run_it, NULL};
    static char *no_file[] = {missing, NULL}, *no_program[] = {root, NULL};
    static char *environment[] = {path, greeting, NULL};
    static char *const *programs[PROGRAMS] = {
        [SCRIPT] = script, [MISSING] = no_file, [FOLDER] = no_program};
    const struct spawner_plan plan = {.programs = programs,
                                      .count = PROGRAMS,
                                      .environment = environment,
                                      .prefix = "TEST_",
                                      .umask = 022};

    return children_new(loop, &plan);
}

static void give_up(void *arg)
{
    (void)arg;
    fail_msg("only %d of %d programs have ended", f->ends, f->wanted);
}

static int begin(void **state)
{
    (void)state;
    f = calloc(1, sizeof *f);
    f->loop = loop_new();
    f->children = make_children(f->loop);
    assert_non_null(f->children);
    for (int i = 0; i < CHILD_STREAMS; i++)
        f->said[i] = calloc(1, 2 * LONG_ENOUGH);
    return 0;
}

static int end(void **state)
{
    (void)state;
    timer_stop(f->loop, &f->guard);
    children_free(f->children);
    loop_free(f->loop);
    for (int i = 0; i < CHILD_STREAMS; i++)
        free(f->said[i]);
    free(f);
    return 0;
}

static void wrote(void *arg, enum child_stream stream, struct span bytes)
{
    assert_ptr_equal(arg, f);
    assert_true(f->length[stream] + bytes.len < 2 * LONG_ENOUGH);
    memcpy(f->said[stream] + f->length[stream], bytes.at, bytes.len);
    f->length[stream] += bytes.len;
}

static void ended(void *arg, const struct child_end *how)
{
    assert_ptr_equal(arg, f);
    f->end = *how;
    if (++f->ends == f->wanted)
        loop_stop(f->loop);
}

static const struct child_handlers handlers = {wrote, ended};

static struct child *start_order(struct child_order order, const char *script)
{
    char text[256];
    char *variables[] = {text, NULL};
    snprintf(text, sizeof text, "TEST_SCRIPT=%s", script);
    if (order.variables == NULL)
        order.variables = variables;
    order.takes[CHILD_OUTPUT] = order.takes[CHILD_DIAGNOSTICS] = true;
    return child_start(f->children, &order, &handlers, f);
}

static void wait_for(int count)
{
    f->wanted = f->ends + count;
    timer_set(f->loop, &f->guard, loop_now(f->loop) + GUARD_US, give_up, NULL);
    loop_run(f->loop);
}

static void run_order(struct child_order order, const char *script)
{
    assert_non_null(start_order(order, script));
    wait_for(1);
}

static void run(const char *script)
{
    run_order((struct child_order){.limit_us = 0}, script);
}

static bool is_gone(pid_t pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    (void)!fgets(line, sizeof line, file);
    fclose(file);
    const char *name_end = strrchr(line, ')');
    return name_end != NULL && (name_end[2] == 'Z' || name_end[2] == 'X');
}

/* Within the deadline of the test: the kernel is asked to, and does it when it likes. */
static void wait_until_gone(pid_t pid)
{
    struct timespec pause = {.tv_nsec = 5000000};
    assert_true(pid > 1);
    for (int i = 0; i < GUARD_US / 5000; i++) {
        if (is_gone(pid))
            return;
        nanosleep(&pause, NULL);
    }
    fail_msg("%d is still there", (int)pid);
}

static void check_said(enum child_stream stream, const char *expected)
{
    assert_string_equal(f->said[stream], expected);
}

static void hands_over_both_streams_and_the_status(void **state)
{
    (void)state;
    run("echo out; echo err >&2; exit 7");
    check_said(CHILD_OUTPUT, "out\n");
    check_said(CHILD_DIAGNOSTICS, "err\n");
    assert_true(WIFEXITED(f->end.status));
    assert_int_equal(WEXITSTATUS(f->end.status), 7);
    assert_int_equal(f->end.error, 0);
    assert_false(f->end.overdue);
}

static void says_why_it_cannot_be_run(void **state)
{
    (void)state;
    run_order((struct child_order){.program = MISSING}, "");
    assert_int_equal(f->end.error, ENOENT);
    run_order((struct child_order){.program = FOLDER}, "");
    assert_int_equal(f->end.error, EACCES);
}

static void runs_nothing_else_and_with_no_other_variables(void **state)
{
    static char foreign[] = "LD_PRELOAD=/tmp/x.so";
    static char *variables[] = {foreign, NULL};
    (void)state;
    run_order((struct child_order){.program = PROGRAMS}, "echo run");
    assert_int_equal(f->end.error, EINVAL);
    run_order((struct child_order){.variables = variables}, "");
    assert_int_equal(f->end.error, EINVAL);
    check_said(CHILD_OUTPUT, "");
}

static void too_many_variables_are_refused(void **state)
{
    static char text[SPAWNER_ORDER_BYTES + 1] = "TEST_SCRIPT=echo run; #";
    static char *variables[] = {text, NULL};
    (void)state;
    memset(text + strlen(text), 'x', sizeof text - 1 - strlen(text));
    assert_null(start_order((struct child_order){.variables = variables}, ""));
    assert_int_equal(errno, E2BIG);
    text[sizeof text - 2] = '\0';
    run_order((struct child_order){.variables = variables}, "");
    check_said(CHILD_OUTPUT, "run\n");
}

static void all_have_ended_when_the_spawner_is_killed(void **state)
{
    (void)state;
    run("echo $PPID");
    pid_t spawner = atoi(f->said[CHILD_OUTPUT]);
    assert_true(spawner > 1);
    assert_non_null(start_order((struct child_order){0}, "exec sleep 1000"));
    assert_non_null(start_order((struct child_order){0}, "exec sleep 1000"));
    kill(spawner, SIGKILL);
    wait_for(2);
    assert_true(WIFSIGNALED(f->end.status));
    assert_null(start_order((struct child_order){0}, "echo late"));
    assert_int_equal(errno, EPIPE);
}

static void gets_its_input_and_the_end_of_it(void **state)
{
    static char text[LONG_ENOUGH];
    struct span input = span_make(text, sizeof text);
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 251 + 1);
    run_order((struct child_order){.input = &input}, "cat");
    assert_int_equal(f->length[CHILD_OUTPUT], sizeof text);
    assert_memory_equal(f->said[CHILD_OUTPUT], text, sizeof text);
}

static void has_no_input_without_one(void **state)
{
    (void)state;
    run("wc -c");
    assert_int_equal(atoi(f->said[CHILD_OUTPUT]), 0);
}

static void has_nothing_else_of_ours(void **state)
{
    (void)state;
    int inherited = open("/dev/null", O_RDONLY);
    assert_true(inherited > 2);
    setenv("SECRET", "x", 1);
    signal(SIGUSR1, SIG_IGN);
    run("echo $GREETING $SECRET; ls /proc/self/fd | wc -l; umask; "
        /* Signals 1 to 28; 32 and 33 are the C library's own, and may have been ignored before. */
        "sed -nE 's/^(Sig(Blk|Ign)):.*(.{7})$/\\1 \\3/p' /proc/self/status; "
        "read -r pid name state parent group rest </proc/$$/stat; [ $pid = $group ] && echo own");
    signal(SIGUSR1, SIG_DFL);
    close(inherited);
    /* Its three, and the one that ls reads the folder with. */
    check_said(CHILD_OUTPUT, "hello\n4\n0022\nSigBlk 0000000\nSigIgn 0000000\nown\n");
}

static void is_stopped_when_its_time_is_over(void **state)
{
    (void)state;
    run_order((struct child_order){.limit_us = ENOUGH_TO_START_US}, "sleep 1000 & echo $!; wait");
    assert_true(f->end.overdue);
    assert_true(WIFSIGNALED(f->end.status));
    assert_int_equal(WTERMSIG(f->end.status), SIGTERM);
    wait_until_gone(atoi(f->said[CHILD_OUTPUT]));
}

static void is_killed_when_it_does_not_mind(void **state)
{
    (void)state;
    uint64_t before = loop_now(f->loop);
    run_order((struct child_order){.limit_us = ENOUGH_TO_START_US},
              "trap '' TERM; while :; do sleep 1000; done");
    assert_int_equal(WTERMSIG(f->end.status), SIGKILL);
    assert_true(loop_now(f->loop) - before >= CHILD_GRACE_US);
}

static void what_it_leaves_ends_with_it(void **state)
{
    (void)state;
    run("sleep 1000 & echo $!");
    wait_until_gone(atoi(f->said[CHILD_OUTPUT]));
}

static void who_has_left_its_group_holds_up_nobody(void **state)
{
    (void)state;
    run("setsid sleep 1000 & sleep 0; echo $!");
    pid_t pid = atoi(f->said[CHILD_OUTPUT]);
    assert_true(pid > 1);
    kill(pid, SIGKILL);
}

static void read_numbers(int fd, int numbers[2])
{
    char text[64] = "";
    size_t length = 0;
    ssize_t got;
    while (strchr(text, '\n') == NULL &&
           (got = read(fd, text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    assert_int_equal(sscanf(text, "%d %d", &numbers[0], &numbers[1]), 2);
}

/* Another process owns the children and is killed. */
static void nothing_outlives_a_killed_owner(void **state)
{
    int ends[2], numbers[2];
    char script[128];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    snprintf(script, sizeof script,
             "trap '' TERM HUP; sleep 1000 & echo $$ $! >/proc/%d/fd/%d; wait", (int)getpid(),
             ends[1]);
    pid_t owner = fork();
    if (owner == 0) {
        f->children = make_children(f->loop);
        start_order((struct child_order){0}, script);
        loop_run(f->loop);
        _exit(0);
    }
    read_numbers(ends[0], numbers);
    close(ends[0]);
    close(ends[1]);
    assert_false(is_gone(numbers[1]));
    kill(owner, SIGKILL);
    waitpid(owner, NULL, 0);
    wait_until_gone(numbers[0]);
    wait_until_gone(numbers[1]);
}

static void many_run_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < CHILDREN_MAX; i++)
        assert_non_null(start_order((struct child_order){0}, "read x; echo ."));
    assert_null(start_order((struct child_order){0}, "echo one too many"));
    assert_int_equal(errno, EAGAIN);
    wait_for(CHILDREN_MAX);
    assert_int_equal(f->length[CHILD_OUTPUT], 2 * CHILDREN_MAX);
}

static void those_that_run_are_killed_at_the_end(void **state)
{
    (void)state;
    run("echo $PPID");
    pid_t spawner = atoi(f->said[CHILD_OUTPUT]);
    assert_true(spawner > 1);
    assert_non_null(start_order((struct child_order){0}, "trap '' TERM; sleep 1000"));
    children_free(f->children);
    f->children = NULL;
    assert_int_equal(waitpid(spawner, NULL, 0), spawner); /* whose end is theirs */
    assert_int_equal(f->ends, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(hands_over_both_streams_and_the_status),
        TEST(says_why_it_cannot_be_run),
        TEST(runs_nothing_else_and_with_no_other_variables),
        TEST(too_many_variables_are_refused),
        TEST(all_have_ended_when_the_spawner_is_killed),
        TEST(gets_its_input_and_the_end_of_it),
        TEST(has_no_input_without_one),
        TEST(has_nothing_else_of_ours),
        TEST(is_stopped_when_its_time_is_over),
        TEST(is_killed_when_it_does_not_mind),
        TEST(what_it_leaves_ends_with_it),
        TEST(who_has_left_its_group_holds_up_nobody),
        TEST(nothing_outlives_a_killed_owner),
        TEST(many_run_at_once),
        TEST(those_that_run_are_killed_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
