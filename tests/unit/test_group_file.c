/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The secrets of a group in their file: written and read, and that nothing that is wrong with it
 * opens a door.
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
#include "store/group_file.h"

#define ONE "uhurkycu4bh2zcm25hzhkezm3qd2lw6e5iwcvu5b77dobustnapq"
#define TWO "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static char *path;

static int begin(void **state)
{
    folder_begin(state);
    path = folder_path("group");
    return 0;
}

static int end(void **state)
{
    free(path);
    return folder_end(state);
}

static void put(const char *text)
{
    unlink(path);
    folder_write("group", 0, text, strlen(text));
}

static void reads(bool needed, struct group *out)
{
    char *cause;

    if (!group_file_read(path, needed, out, &cause))
        fail_msg("refused: %s", cause);
    assert_null(cause);
}

static void refuses(bool needed, const char *because)
{
    struct group group;
    char *cause;

    assert_false(group_file_read(path, needed, &group, &cause));
    if (strstr(cause, path) == NULL || strstr(cause, because) == NULL)
        fail_msg("said: %s", cause);
    assert_null(strstr(cause, ONE));
    free(cause);
    assert_int_equal(group.count, 0);
}

static void secret(const char *text, unsigned char out[PROOF_KEY_BYTES])
{
    assert_true(base32_decode(span_of(text), out, PROOF_KEY_BYTES));
}

static void what_is_written_can_be_read(void **state)
{
    struct group group = {.count = 2}, back;
    char *cause;
    struct stat status;

    (void)state;
    secret(ONE, group.secrets[0]);
    secret(TWO, group.secrets[1]);
    for (group.count = 1; group.count <= GROUP_SECRETS; group.count++) {
        assert_true(group_file_write(path, &group, &cause));
        reads(true, &back);
        assert_int_equal(back.count, group.count);
        assert_memory_equal(back.secrets, group.secrets, group.count * PROOF_KEY_BYTES);
    }
    assert_return_code(stat(path, &status), errno);
    assert_int_equal(status.st_mode, S_IFREG | 0600);
}

static void the_present_one_comes_first(void **state)
{
    struct group group;
    unsigned char one[PROOF_KEY_BYTES], two[PROOF_KEY_BYTES];

    (void)state;
    secret(ONE, one);
    secret(TWO, two);
    put(ONE "\n" TWO); /* without the last LF */
    reads(true, &group);
    assert_int_equal(group.count, 2);
    assert_memory_equal(group.secrets[0], one, sizeof one);
    assert_memory_equal(group.secrets[1], two, sizeof two);
}

static void a_missing_file_is_no_group_unless_it_is_needed(void **state)
{
    struct group group;

    (void)state;
    reads(false, &group);
    assert_int_equal(group.count, 0);
    refuses(true, strerror(ENOENT));
}

static void a_group_that_is_left_leaves_no_file(void **state)
{
    const struct group none = {.count = 0};
    char *cause;

    (void)state;
    put(ONE "\n");
    assert_true(group_file_write(path, &none, &cause));
    assert_int_equal(folder_count("*"), 0);
}

static void whatever_is_wrong_is_no_open_door(void **state)
{
    static const char *const wrong[] = {"",        "\n",           ONE "\n\n", "\n" ONE "\n",
                                        ONE "a\n", " " ONE "\n",   ONE "\r\n", ONE "\nsecret\n",
                                        "secret",  "# a comment\n"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        put(wrong[i]);
        refuses(false, ": ");
        refuses(true, ": ");
    }
    put(ONE "\n" TWO "\n" ONE "\n");
    refuses(false, strerror(EFBIG));
    put(ONE "\n");
    assert_return_code(chmod(path, 0640), errno);
    refuses(false, "chmod 600");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_can_be_read),
        TEST(the_present_one_comes_first),
        TEST(a_missing_file_is_no_group_unless_it_is_needed),
        TEST(a_group_that_is_left_leaves_no_file),
        TEST(whatever_is_wrong_is_no_open_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
