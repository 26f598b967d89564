/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ballast takes up room that is really there, gives it back, and does not press for more.
 */
#include "config.h"

#include "store/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/scratch.h"

static char *root;
static char *path;
static struct ballast *ballast;

static int begin(void **state)
{
    (void)state;
    root = scratch_new();
    path = alloc_print("%s/ballast", root);
    ballast = ballast_new(root);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ballast_free(ballast);
    ballast_free(NULL);
    free(path);
    scratch_remove(root);
    return 0;
}

static void expect_there(bool there)
{
    struct stat status;

    if (!there) {
        assert_int_equal(lstat(path, &status), -1);
        return;
    }
    assert_return_code(lstat(path, &status), errno);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_size, BALLAST_BYTES);
    assert_true(status.st_blocks >= BALLAST_BYTES / 512);
}

static void it_takes_up_room(void **state)
{
    (void)state;
    expect_there(false);
    ballast_keep(ballast, 0);
    expect_there(true);
    ballast_keep(ballast, BALLAST_RETRY_US);
    expect_there(true);
}

static void it_is_made_again_after_a_while(void **state)
{
    (void)state;
    uint64_t now = 1000000;

    ballast_keep(ballast, now);
    assert_true(ballast_drop(ballast, now));
    expect_there(false);
    assert_false(ballast_drop(ballast, now));
    ballast_keep(ballast, now + BALLAST_RETRY_US - 1);
    expect_there(false);
    ballast_keep(ballast, now + BALLAST_RETRY_US);
    expect_there(true);
}

static void one_of_a_former_run_is_kept(void **state)
{
    (void)state;
    struct stat before, after;

    ballast_keep(ballast, 0);
    ballast_free(ballast);
    assert_return_code(stat(path, &before), errno);
    ballast = ballast_new(root);
    ballast_keep(ballast, 0);
    assert_return_code(stat(path, &after), errno);
    assert_true(before.st_ino == after.st_ino);
    expect_there(true);
}

static void one_of_a_former_run_can_be_dropped(void **state)
{
    (void)state;
    ballast_keep(ballast, 0);
    ballast_free(ballast);
    ballast = ballast_new(root);
    assert_true(ballast_drop(ballast, 0));
    expect_there(false);
}

/* A file that only looks as large holds no room. */
static void a_hollow_one_is_filled(void **state)
{
    (void)state;
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_return_code(ftruncate(fd, BALLAST_BYTES), errno);
    close(fd);
    ballast_keep(ballast, 0);
    expect_there(true);
}

static void a_link_is_not_followed(void **state)
{
    (void)state;
    char *other = alloc_print("%s/other", root);

    assert_return_code(symlink(other, path), errno);
    ballast_keep(ballast, 0);
    assert_int_equal(access(other, F_OK), -1);
    free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_takes_up_room),
        TEST(it_is_made_again_after_a_while),
        TEST(one_of_a_former_run_is_kept),
        TEST(one_of_a_former_run_can_be_dropped),
        TEST(a_hollow_one_is_filled),
        TEST(a_link_is_not_followed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
