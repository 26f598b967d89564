/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's id: made once, the same ever after, taken over from where it was kept before, and
 * never half written.
 */
#include "config.h"

#include "store/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/folder.h"

static const char former[] = "abcdefghijklmnopqrstuvwx27";

static char *path;

static int begin(void **state)
{
    folder_begin(state);
    path = folder_path("node");
    return 0;
}

static int end(void **state)
{
    free(path);
    return folder_end(state);
}

static char *load(const char *known)
{
    char *cause = NULL;
    char *id = identity_load(folder_root, known, &cause);

    if (id == NULL)
        fail_msg("no id: %s", cause);
    assert_null(cause);
    assert_int_equal(strlen(id), IDENTITY_TEXT - 1);
    assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz234567"), IDENTITY_TEXT - 1);
    return id;
}

static void expect(const char *known, const char *expected)
{
    char *id = load(known);

    assert_string_equal(id, expected);
    free(id);
}

static void put(const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_return_code(fd, errno);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static void one_is_made_and_stays(void **state)
{
    (void)state;
    char *first = load(NULL);

    expect(NULL, first);
    expect(former, first);
    assert_return_code(unlink(path), errno);
    char *second = load(NULL);
    assert_string_not_equal(first, second);
    free(first);
    free(second);
    assert_int_equal(folder_log_lines, 0);
}

static void the_file_is_a_line_of_ours_alone(void **state)
{
    (void)state;
    char line[64] = "";
    struct stat status;
    mode_t mask = umask(0);

    expect(former, former);
    umask(mask);
    assert_return_code(stat(path, &status), errno);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, line, sizeof line), IDENTITY_TEXT);
    close(fd);
    assert_memory_equal(line, former, IDENTITY_TEXT - 1);
    assert_int_equal(line[IDENTITY_TEXT - 1], '\n');
    char *temporary = alloc_print("%s.new", path);
    assert_int_equal(access(temporary, F_OK), -1);
    free(temporary);
}

static void what_is_no_id_is_not_taken_over(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "abcdefghijklmnopqrstuvwx2",
                                      "abcdefghijklmnopqrstuvwx277", "ABCDEFGHIJKLMNOPQRSTUVWX27",
                                      "abcdefghijklmnopqrstuvwx 7"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *id = load(bad[i]);
        assert_string_not_equal(id, bad[i]);
        free(id);
        assert_return_code(unlink(path), errno);
    }
}

static void a_damaged_file_is_written_anew(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"", 0},
               {"abcdefghijklmnopqrstuvwx27", 26},
               {"abcdefghijklmnopqrstuvwx2\n", 26},
               {"abcdefghijklmnopqrstuvwx2\n\n", 27},
               {"abcdefghijklmnopqrstuvwx27\nmore", 31},
               {"abcdefghijklm\0opqrstuvwx27\n", 27}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put(bad[i].bytes, bad[i].len);
        expect(former, former);
        assert_int_equal(folder_log_lines, i + 1);
        expect(NULL, former);
    }
}

/* Somebody else's file that we are led to is neither read nor written. */
static void a_link_is_not_followed(void **state)
{
    (void)state;
    char *other = alloc_print("%s/other", folder_root);

    assert_return_code(symlink(other, path), errno);
    expect(former, former);
    assert_int_equal(access(other, F_OK), -1);
    free(other);
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    char *cause = NULL;

    assert_return_code(mkdir(path, 0700), errno);
    assert_null(identity_load(folder_root, former, &cause));
    assert_non_null(strstr(cause, path));
    free(cause);
    cause = NULL;
    assert_null(identity_load("/nowhere", NULL, &cause));
    assert_non_null(strstr(cause, strerror(ENOENT)));
    free(cause);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_is_made_and_stays),           TEST(the_file_is_a_line_of_ours_alone),
        TEST(what_is_no_id_is_not_taken_over), TEST(a_damaged_file_is_written_anew),
        TEST(a_link_is_not_followed),          TEST(what_cannot_be_written_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
