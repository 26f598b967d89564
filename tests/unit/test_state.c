/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state folder in a private temporary folder: what is made, what is refused, and a lock that
 * dies with its holder.
 */
#include "config.h"

#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/scratch.h"
#include "base/alloc.h"

static char *below(const char *name)
{
    return alloc_print("%s/%s", scratch_root, name);
}

static struct state *open_good(const char *path)
{
    struct state *s = NULL;
    char *cause = NULL;
    long holder = -1;

    if (state_open(path, &s, &holder, &cause) != STATE_OK)
        fail_msg("%s cannot be opened: %s", path, cause != NULL ? cause : "busy");
    assert_string_equal(state_path(s), path);
    return s;
}

/* The cause holds the word, and names the path. */
static void expect_refusal(const char *path, const char *word)
{
    struct state *s = NULL;
    char *cause = NULL;
    long holder;

    assert_int_equal(state_open(path, &s, &holder, &cause), STATE_ERROR);
    assert_null(s);
    assert_non_null(cause);
    assert_non_null(strstr(cause, path));
    if (strstr(cause, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", cause, word);
    free(cause);
}

static long busy_holder(const char *path)
{
    struct state *s = NULL;
    char *cause = NULL;
    long holder = -1;

    assert_int_equal(state_open(path, &s, &holder, &cause), STATE_BUSY);
    assert_null(s);
    assert_null(cause);
    return holder;
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_return_code(lstat(path, &status), errno);
    return status.st_mode & 07777;
}

/* ---- the default place */

static void follows_the_base_directories(void **state)
{
    (void)state;
    char *path;

    setenv("HOME", "/home/alice", 1);
    unsetenv("XDG_STATE_HOME");
    assert_string_equal(path = state_default_path("7216"),
                        "/home/alice/.local/state/hashflow/7216");
    free(path);
    assert_string_equal(path = state_default_path(""), "/home/alice/.local/state/hashflow");
    free(path);
    setenv("XDG_STATE_HOME", "/srv/state", 1);
    assert_string_equal(path = state_default_path("7216"), "/srv/state/hashflow/7216");
    free(path);
    setenv("XDG_STATE_HOME", "relative", 1);
    assert_string_equal(path = state_default_path("1"), "/home/alice/.local/state/hashflow/1");
    free(path);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_null(state_default_path("7216"));
    setenv("HOME", "", 1);
    assert_null(state_default_path("7216"));
}

/* ---- the folder */

static void makes_what_is_missing_for_us_alone(void **state)
{
    (void)state;
    char *path = below("a/b/c");
    char *parent = below("a/b");
    mode_t former = umask(0);

    struct state *s = open_good(path);
    umask(former);
    assert_int_equal(mode_of(path), 0700);
    assert_int_equal(mode_of(parent), 0700);
    char *lock = below("a/b/c/lock");
    assert_int_equal(mode_of(lock), 0600);
    state_close(s);
    s = open_good(path);
    state_close(s);
    state_close(NULL);
    free(lock);
    free(parent);
    free(path);
}

static void leaves_folders_above_as_they_are(void **state)
{
    (void)state;
    char *above = below("open");
    char *path = below("open//node/");

    assert_return_code(mkdir(above, 0755), errno);
    assert_return_code(chmod(above, 0755), errno);
    state_close(open_good(path));
    assert_int_equal(mode_of(above), 0755);
    free(above);
    free(path);
}

static void refuses_a_folder_open_to_others(void **state)
{
    (void)state;
    char *path = below("loose");
    char *cure = alloc_print("chmod 700 %s", path);

    assert_return_code(mkdir(path, 0700), errno);
    for (mode_t bit = 1; bit < 0100; bit <<= 1) {
        assert_return_code(chmod(path, 0700 | bit), errno);
        expect_refusal(path, cure);
    }
    assert_return_code(chmod(path, 0700), errno);
    state_close(open_good(path));
    free(cure);
    free(path);
}

static void refuses_a_folder_of_others(void **state)
{
    (void)state;
    char *path = below("theirs");

    assert_return_code(mkdir(path, 0700), errno);
    if (geteuid() != 0)
        expect_refusal("/", "another user");
    else if (chown(path, 1, (gid_t)-1) == 0)
        expect_refusal(path, "another user");
    else
        skip(); /* root without the right to give a folder away */
    free(path);
}

static void refuses_what_is_no_folder(void **state)
{
    (void)state;
    char *path = below("file");
    char *inside = below("file/inside");

    close(open(path, O_CREAT | O_WRONLY, 0600));
    expect_refusal(path, "not a folder");
    expect_refusal(inside, "not a folder");
    free(inside);
    free(path);
}

static void does_not_follow_a_planted_lock(void **state)
{
    (void)state;
    char *path = below("planted");
    char *lock = below("planted/lock");
    char *target = below("target");

    assert_return_code(mkdir(path, 0700), errno);
    assert_return_code(symlink(target, lock), errno);
    expect_refusal(path, "lock");
    assert_int_equal(access(target, F_OK), -1);
    free(target);
    free(lock);
    free(path);
}

/* ---- the lock */

static void a_second_one_hears_the_holder(void **state)
{
    (void)state;
    char *path = below("shared");
    struct state *s = open_good(path);

    assert_int_equal(busy_holder(path), getpid());
    assert_int_equal(busy_holder(path), getpid());
    state_close(s);
    s = open_good(path);
    state_close(s);
    free(path);
}

static void the_lock_file_holds_the_pid_and_no_more(void **state)
{
    (void)state;
    char *path = below("pid");
    char *lock = below("pid/lock");
    char text[64] = "";

    state_close(open_good(path));
    FILE *old = fopen(lock, "w");
    fputs("123456789012345678\nmore\n", old);
    fclose(old);
    struct state *s = open_good(path);
    FILE *file = fopen(lock, "r");
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    char *expected = alloc_print("%ld\n", (long)getpid());
    assert_int_equal(len, strlen(expected));
    assert_string_equal(text, expected);
    free(expected);
    state_close(s);
    free(lock);
    free(path);
}

static void an_unreadable_holder_is_nobody(void **state)
{
    (void)state;
    static const char *const garbage[] = {"", "\n", "12", "-5\n", "12x\n", " 12\n"};
    char *path = below("garbled");
    char *lock = below("garbled/lock");
    struct state *s = open_good(path);

    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        int fd = open(lock, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, garbage[i], strlen(garbage[i])), (ssize_t)strlen(garbage[i]));
        close(fd);
        assert_int_equal(busy_holder(path), 0);
    }
    state_close(s);
    free(lock);
    free(path);
}

/* Opens the state, says so, and waits to be killed. */
static void hold_for_ever(const char *path, int ready)
{
    struct state *s;
    char *cause;
    long holder;

    if (state_open(path, &s, &holder, &cause) == STATE_OK && write(ready, "!", 1) == 1)
        for (;;)
            pause();
    _exit(1);
}

static void a_killed_holder_blocks_nobody(void **state)
{
    (void)state;
    char *path = below("killed");
    int ready[2];
    char byte;

    assert_return_code(pipe(ready), errno);
    pid_t child = fork();
    assert_return_code(child, errno);
    if (child == 0)
        hold_for_ever(path, ready[1]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_int_equal(busy_holder(path), child);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    state_close(open_good(path));
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_begin, scratch_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(follows_the_base_directories),
        TEST(makes_what_is_missing_for_us_alone),
        TEST(leaves_folders_above_as_they_are),
        TEST(refuses_a_folder_open_to_others),
        TEST(refuses_a_folder_of_others),
        TEST(refuses_what_is_no_folder),
        TEST(does_not_follow_a_planted_lock),
        TEST(a_second_one_hears_the_holder),
        TEST(the_lock_file_holds_the_pid_and_no_more),
        TEST(an_unreadable_holder_is_nobody),
        TEST(a_killed_holder_blocks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
