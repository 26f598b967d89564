/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The node's key in its file: made once, the same ever after, and never replaced.
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
#include "store/key_file.h"

static char *path;

static int begin(void **state)
{
    folder_begin(state);
    path = folder_path("key.pem");
    return 0;
}

static int end(void **state)
{
    free(path);
    return folder_end(state);
}

static struct key *load(void)
{
    char *cause = NULL;
    struct key *key = key_file_load(folder_root, &cause);

    if (key == NULL)
        fail_msg("no key: %s", cause);
    assert_null(cause);
    return key;
}

static void one_is_made_and_stays(void **state)
{
    char *cause = NULL;
    struct key *made = load();
    struct key *again = load();
    struct key *named = key_file_read(path, &cause);

    (void)state;
    assert_non_null(named);
    assert_string_equal(key_fingerprint(made), key_fingerprint(again));
    assert_string_equal(key_fingerprint(made), key_fingerprint(named));
    assert_int_equal(folder_count("*"), 1);
    key_free(made);
    key_free(again);
    key_free(named);
}

static void another_folder_has_another(void **state)
{
    struct key *one = load();

    (void)state;
    assert_return_code(unlink(path), errno);
    struct key *other = load();
    assert_string_not_equal(key_fingerprint(one), key_fingerprint(other));
    key_free(one);
    key_free(other);
}

static void refused(const char *because)
{
    char *cause = NULL;

    assert_null(key_file_load(folder_root, &cause));
    if (strstr(cause, path) == NULL || strstr(cause, because) == NULL)
        fail_msg("said: %s", cause);
    free(cause);
}

static void a_file_without_a_key_is_left_alone(void **state)
{
    struct stat before, after;

    (void)state;
    folder_write("key.pem", 0, "what was a key\n", 15);
    assert_return_code(stat(path, &before), errno);
    refused("no private key");
    assert_return_code(stat(path, &after), errno);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_size, 15);
    assert_int_equal(folder_count("*"), 1);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
    (void)state;
    key_free(load());
    assert_return_code(chmod(path, 0640), errno);
    refused("chmod 600");
}

static void a_named_key_must_be_there(void **state)
{
    char *cause = NULL;

    (void)state;
    assert_null(key_file_read(path, &cause));
    assert_non_null(strstr(cause, "openssl genpkey"));
    free(cause);
    assert_int_equal(folder_count("*"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_is_made_and_stays),
        TEST(another_folder_has_another),
        TEST(a_file_without_a_key_is_left_alone),
        TEST(a_key_that_others_can_read_is_refused),
        TEST(a_named_key_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
