/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of ours alone: whose are believed, how long they may be, and that they are whole.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/folder.h"
#include "base/alloc.h"
#include "store/private_file.h"

enum { SIZE = 8 };

static char *path;

static int begin(void **state)
{
    folder_begin(state);
    path = folder_path("secret");
    return 0;
}

static int end(void **state)
{
    free(path);
    return folder_end(state);
}

static void reads(const char *from, const char *expected)
{
    char out[SIZE], *cause = NULL;
    size_t len;

    assert_int_equal(private_file_read(from, out, sizeof out, &len, &cause), PRIVATE_READ);
    assert_null(cause);
    assert_true(span_is(span_make(out, len), expected));
}

static void refuses(const char *from, const char *because)
{
    char out[SIZE], *cause = NULL;
    size_t len;

    assert_int_equal(private_file_read(from, out, sizeof out, &len, &cause), PRIVATE_REFUSED);
    if (strstr(cause, from) == NULL || strstr(cause, because) == NULL)
        fail_msg("said of %s: %s", from, cause);
    free(cause);
}

static void put(const char *text)
{
    folder_write("secret", 0, text, strlen(text));
}

static void what_is_written_can_be_read(void **state)
{
    char *cause;
    struct stat status;
    mode_t mask = umask(0);

    (void)state;
    assert_true(private_file_write(path, span_of("one"), PRIVATE_NEW, &cause));
    umask(mask);
    reads(path, "one");
    assert_return_code(stat(path, &status), errno);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(folder_count("*"), 1);
}

static void a_new_file_takes_the_place_of_none(void **state)
{
    char *cause;

    (void)state;
    put("one");
    assert_false(private_file_write(path, span_of("two"), PRIVATE_NEW, &cause));
    assert_non_null(strstr(cause, strerror(EEXIST)));
    free(cause);
    reads(path, "one");
    assert_int_equal(folder_count("*"), 1);
    assert_true(private_file_write(path, span_of("two"), PRIVATE_REPLACE, &cause));
    reads(path, "two");
    assert_int_equal(folder_count("*"), 1);
}

/* A link there must not lead what is secret elsewhere. */
static void what_a_crash_has_left_is_no_hindrance(void **state)
{
    char *cause;
    char *rest = folder_path("secret.new");
    char *elsewhere = folder_path("elsewhere");

    (void)state;
    assert_return_code(symlink(elsewhere, rest), errno);
    assert_true(private_file_write(path, span_of("one"), PRIVATE_NEW, &cause));
    reads(path, "one");
    assert_int_equal(folder_count("*"), 1);
    free(rest);
    free(elsewhere);
}

static void only_files_closed_to_others_are_read(void **state)
{
    static const mode_t open_modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};

    (void)state;
    put("one");
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_return_code(chmod(path, open_modes[i]), errno);
        refuses(path, "chmod 600");
    }
    assert_return_code(chmod(path, 0400), errno);
    reads(path, "one");
}

static void only_our_own_files_are_read(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give files away */
    put("one");
    assert_return_code(chown(path, 65534, (gid_t)-1), errno);
    refuses(path, "another user");
}

static void only_files_are_read(void **state)
{
    char *target = folder_path("target");

    (void)state;
    folder_write("target", 0, "one", 3);
    assert_return_code(symlink(target, path), errno);
    refuses(path, "link");
    assert_return_code(unlink(path), errno);
    assert_return_code(mkfifo(path, 0600), errno); /* without anybody at its other end */
    refuses(path, "not a file");
    assert_return_code(unlink(path), errno);
    assert_return_code(mkdir(path, 0700), errno);
    refuses(path, "not a file");
    free(target);
}

static void a_missing_file_is_told_apart(void **state)
{
    char out[SIZE], *cause = NULL;
    size_t len;

    (void)state;
    assert_int_equal(private_file_read(path, out, sizeof out, &len, &cause), PRIVATE_MISSING);
    assert_null(cause);
}

static void the_length_has_a_bound(void **state)
{
    (void)state;
    put("");
    reads(path, "");
    put("1234567");
    reads(path, "1234567");
    put("12345678");
    reads(path, "12345678");
    put("123456789");
    refuses(path, strerror(EFBIG));
}

/* The number under which the reading end of a pipe with that in it is open. */
static int pipe_with(const char *text)
{
    int ends[2];

    assert_return_code(pipe(ends), errno);
    assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
    close(ends[1]);
    return ends[0];
}

static void a_descriptor_is_read_and_closed(void **state)
{
    int fd = pipe_with("one");
    char *name = alloc_print("/dev/fd/%d", fd);

    (void)state;
    assert_true(private_file_is_descriptor(name));
    reads(name, "one");
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    refuses(name, strerror(EBADF));
    free(name);
}

static void what_a_descriptor_gives_has_a_bound(void **state)
{
    char *name = alloc_print("/dev/fd/%d", pipe_with("123456789"));

    (void)state;
    refuses(name, strerror(EFBIG));
    free(name);
    assert_false(private_file_is_descriptor("/dev/fd/"));
    assert_false(private_file_is_descriptor("/dev/fd/1x"));
    assert_false(private_file_is_descriptor("/dev/fd/-1"));
    assert_false(private_file_is_descriptor("/dev/fd/4294967296"));
    assert_false(private_file_is_descriptor("dev/fd/1"));
}

static void one_can_be_removed_twice(void **state)
{
    char *cause;

    (void)state;
    put("one");
    assert_true(private_file_remove(path, &cause));
    assert_int_equal(folder_count("*"), 0);
    assert_true(private_file_remove(path, &cause));
}

static void what_cannot_be_written_is_told(void **state)
{
    char *cause;

    (void)state;
    assert_return_code(mkdir(path, 0700), errno);
    assert_false(private_file_write(path, span_of("one"), PRIVATE_REPLACE, &cause));
    assert_non_null(strstr(cause, path));
    free(cause);
    assert_int_equal(folder_count("*"), 1);
    assert_false(private_file_remove(path, &cause));
    assert_non_null(strstr(cause, path));
    free(cause);
    assert_false(private_file_write("/nowhere/x", span_of("one"), PRIVATE_NEW, &cause));
    assert_string_equal(cause, "/nowhere/x: No such file or directory");
    free(cause);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_can_be_read),
        TEST(a_new_file_takes_the_place_of_none),
        TEST(what_a_crash_has_left_is_no_hindrance),
        TEST(only_files_closed_to_others_are_read),
        TEST(only_our_own_files_are_read),
        TEST(only_files_are_read),
        TEST(a_missing_file_is_told_apart),
        TEST(the_length_has_a_bound),
        TEST(a_descriptor_is_read_and_closed),
        TEST(what_a_descriptor_gives_has_a_bound),
        TEST(one_can_be_removed_twice),
        TEST(what_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
