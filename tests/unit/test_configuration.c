/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Configuration files: where the usual one is, what of a file is refused, and how it is cut.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/scratch.h"
#include "base/alloc.h"
#include "configuration.h"

/* ---- cutting */

static void expect_next(char **text, struct setting *s, unsigned line, const char *name,
                        const char *value)
{
    assert_true(configuration_next(text, s));
    assert_int_equal(s->line, line);
    assert_string_equal(s->name, name);
    if (value == NULL)
        assert_null(s->value);
    else
        assert_string_equal(s->value, value);
}

static void cuts_names_and_values(void **state)
{
    char text[] = "keep\nport 7216\nname\t zoe \t\r\ncommand /bcast a  b #1";
    char *rest = text;
    struct setting s = {.line = 0};

    (void)state;
    expect_next(&rest, &s, 1, "keep", NULL);
    expect_next(&rest, &s, 2, "port", "7216");
    expect_next(&rest, &s, 3, "name", "zoe");
    expect_next(&rest, &s, 4, "command", "/bcast a  b #1");
    assert_false(configuration_next(&rest, &s));
    assert_false(configuration_next(&rest, &s));
}

static void leaves_out_comments_and_blank_lines(void **state)
{
    char text[] = "\n \t \r\n# keep\n  \t#\n\n \tkeep \n\n#";
    char *rest = text;
    struct setting s = {.line = 0};

    (void)state;
    expect_next(&rest, &s, 6, "keep", NULL);
    assert_false(configuration_next(&rest, &s));
}

static void finds_nothing_in_nothing(void **state)
{
    static const char *const texts[] = {"", "\n", " ", "\r", "#", "\n\n\n", " \n#\n "};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *text = alloc_string(texts[i]);
        char *rest = text;
        struct setting s = {.line = 0};
        assert_false(configuration_next(&rest, &s));
        free(text);
    }
}

/* ---- files */

static char *make_file(const char *bytes, size_t len)
{
    char *path = alloc_print("%s/file", scratch_root);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    return path;
}

/* The cause names the path and holds the word. */
static void expect_refused(const char *path, bool may_be_missing, const char *word)
{
    char *cause = NULL;

    assert_null(configuration_read(path, may_be_missing, &cause));
    assert_non_null(strstr(cause, path));
    assert_non_null(strstr(cause, word));
    free(cause);
}

static void reads_a_file_whole(void **state)
{
    size_t len = CONFIGURATION_MAX;
    char *bytes = alloc_zero(len + 1, 1), *cause = NULL;

    (void)state;
    memset(bytes, 'x', len + 1);
    char *path = make_file(bytes, len);
    char *text = configuration_read(path, false, &cause);
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    free(text);
    free(path);
    path = make_file(bytes, len + 1);
    expect_refused(path, true, "longer than");
    free(path);
    free(bytes);
}

static void refuses_what_is_no_text(void **state)
{
    (void)state;
    char *path = make_file("keep\n\0", 6);
    expect_refused(path, true, "not a text file");
    free(path);
    expect_refused(scratch_root, true, strerror(EISDIR));
}

static void only_the_usual_file_may_be_missing(void **state)
{
    char *path = alloc_print("%s/nothing", scratch_root), *cause = NULL;

    (void)state;
    expect_refused(path, false, strerror(ENOENT));
    char *text = configuration_read(path, true, &cause);
    assert_string_equal(text, "");
    free(text);
    assert_int_equal(symlink("elsewhere", path), 0);
    expect_refused(path, true, strerror(ENOENT));
    free(path);
}

static void expect_default(const char *path)
{
    char *found = configuration_default_path();

    if (path == NULL)
        assert_null(found);
    else
        assert_string_equal(found, path);
    free(found);
}

static void the_usual_file(void **state)
{
    (void)state;
    setenv("HOME", "/home/alice", 1);
    unsetenv("XDG_CONFIG_HOME");
    expect_default("/home/alice/.config/hashflow/config");
    setenv("XDG_CONFIG_HOME", "/etc", 1);
    expect_default("/etc/hashflow/config");
    setenv("XDG_CONFIG_HOME", "relative", 1);
    expect_default("/home/alice/.config/hashflow/config");
    setenv("HOME", "", 1);
    expect_default(NULL);
    unsetenv("HOME");
    expect_default(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_names_and_values),
        cmocka_unit_test(leaves_out_comments_and_blank_lines),
        cmocka_unit_test(finds_nothing_in_nothing),
        cmocka_unit_test_setup_teardown(reads_a_file_whole, scratch_begin, scratch_end),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_text, scratch_begin, scratch_end),
        cmocka_unit_test_setup_teardown(only_the_usual_file_may_be_missing, scratch_begin,
                                        scratch_end),
        cmocka_unit_test(the_usual_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
