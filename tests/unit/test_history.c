/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What was said: the newest lines come back, words are found in them whatever bytes they are made
 * of, and whatever goes wrong with it does not touch a turn.
 */
#include "config.h"

#include "store/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/records.h"
#include "base/alloc.h"
#include "wire/hello.h"

enum { LONG_TEXT = 60000 };

static char *said; /* "ADDRESS NAME in|out TEXT;" for each line, with a ! for one alone */
static size_t said_lines;
static char said_node[NODE_ID_TEXT]; /* of the last of them */

static void take_line(void *arg, const struct history_line *line)
{
    char *more;

    assert_ptr_equal(arg, records);
    assert_true(line->at == 1000);
    more = alloc_print("%s%.*s %.*s %s%s %.*s;", said, (int)line->address.len, line->address.at,
                       (int)line->name.len, line->name.at, line->ours ? "out" : "in",
                       line->direct ? "!" : "", (int)line->text.len, line->text.at);
    free(said);
    said = more;
    said_lines++;
    span_copy(line->node, said_node, sizeof said_node);
}

static void listen_anew(void)
{
    free(said);
    said = alloc_string("");
    said_lines = 0;
}

static void expect_last(const struct history_peer *with, size_t count, const char *expected)
{
    listen_anew();
    history_last(records, with, count, take_line, records);
    assert_string_equal(said, expected);
}

static size_t count_found(const char *words)
{
    char *cause;

    listen_anew();
    assert_true(history_find(records, span_of(words), take_line, records, &cause));
    return said_lines;
}

static void expect_found(const char *words, const char *expected)
{
    count_found(words);
    assert_string_equal(said, expected);
}

static struct history_line from_bob(const char *text)
{
    return (struct history_line){.at = 1000,
                                 .address = span_of("10.0.0.2:7216"),
                                 .name = span_of("böb"),
                                 .node = span_of("n0de"),
                                 .text = span_of(text)};
}

static void begin(struct history_batch *batch)
{
    char *cause;

    assert_true(history_begin(batch, records, &cause));
    assert_null(cause);
}

static void end(struct history_batch *batch)
{
    char *cause;

    assert_true(history_end(batch, &cause));
    assert_null(cause);
}

static void add(const struct history_line *line)
{
    struct history_batch batch;

    begin(&batch);
    history_add(&batch, line);
    end(&batch);
}

static void add_text(const char *text)
{
    struct history_line line = from_bob(text);

    add(&line);
}

/* Lines "prefix FIRST" and so on. */
static void add_many(const char *prefix, int first, int count)
{
    struct history_batch batch;
    char text[64];

    begin(&batch);
    for (int i = first; i < first + count; i++) {
        snprintf(text, sizeof text, "%s %d", prefix, i);
        struct history_line line = from_bob(text);
        history_add(&batch, &line);
    }
    end(&batch);
}

static int teardown(void **state)
{
    free(said);
    said = NULL;
    return records_end(state);
}

/* ---- the newest lines */

static void lines_come_back(void **state)
{
    (void)state;
    struct history_line line = from_bob("one");

    expect_last(NULL, 10, "");
    add(&line);
    line.direct = true;
    line.text = span_of("");
    add(&line);
    line = (struct history_line){.at = 1000,
                                 .address = span_of("all"),
                                 .name = span_of("-"),
                                 .node = span_of(""),
                                 .ours = true,
                                 .text = span_of("\t\xff \"tree\\")};
    add(&line);
    records_reopen();
    expect_last(NULL, 10,
                "10.0.0.2:7216 böb in one;10.0.0.2:7216 böb in! ;all - out \t\xff \"tree\\;");
    expect_last(NULL, 1, "all - out \t\xff \"tree\\;");
    assert_int_equal(folder_log_lines, 0);
}

static void one_side_of_a_conversation(void **state)
{
    (void)state;
    const struct history_peer bob = {"n0de", "10.0.0.9:1"}, moved = {"0ther", "10.0.0.2:7216"},
                              plain = {"", "10.0.0.2:7216"}, nobody = {"", "10.0.0.3:7216"};
    struct history_line line = from_bob("from bob");

    add(&line);
    line.ours = true;
    line.text = span_of("to all");
    add(&line);
    line.direct = true;
    line.text = span_of("to bob");
    add(&line);
    line.node = span_of("");
    line.text = span_of("to the address");
    add(&line);
    expect_last(&bob, 10, "10.0.0.2:7216 böb in from bob;10.0.0.2:7216 böb out! to bob;");
    expect_last(&bob, 1, "10.0.0.2:7216 böb out! to bob;");
    expect_last(&plain, 10, "10.0.0.2:7216 böb out! to the address;");
    expect_last(&moved, 10, "10.0.0.2:7216 böb out! to the address;");
    expect_last(&nobody, 10, "");
}

static void a_numbered_line_is_there_once(void **state)
{
    (void)state;
    struct history_line line = from_bob("once");

    line.numbered = true;
    line.epoch = UINT64_MAX;
    line.seq = 1;
    add(&line);
    add(&line);
    line.seq = 2;
    add(&line);
    add_text("twice");
    add_text("twice");
    assert_int_equal(records_count("SELECT count(*) FROM history"), 4);
    assert_int_equal(records_count("SELECT max(id) FROM history"), 4);
    assert_int_equal(records_count("SELECT max(total) FROM history"), 18);
}

static void the_newest_lines_are_kept(void **state)
{
    (void)state;
    add_many("line", 0, HISTORY_LINES + 5);
    assert_int_equal(records_count("SELECT count(*) FROM history"), HISTORY_LINES);
    assert_int_equal(records_count("SELECT text = CAST('line 5' AS BLOB) FROM history LIMIT 1"), 1);
    add_many("line", HISTORY_LINES + 5, 7);
    assert_int_equal(records_count("SELECT text = CAST('line 12' AS BLOB) FROM history LIMIT 1"),
                     1);
    expect_last(NULL, 1, "10.0.0.2:7216 böb in line 10011;");
}

static void the_newest_bytes_are_kept(void **state)
{
    (void)state;
    enum { FIT = HISTORY_BYTES / LONG_TEXT };
    struct history_batch batch;
    char *text = alloc_zero(LONG_TEXT + 1, 1);

    memset(text, 'x', LONG_TEXT);
    struct history_line line = from_bob(text);
    begin(&batch);
    for (int i = 0; i < FIT; i++)
        history_add(&batch, &line);
    end(&batch);
    assert_int_equal(records_count("SELECT count(*) FROM history"), FIT);
    for (int i = 0; i < 3; i++)
        add(&line);
    assert_int_equal(records_count("SELECT count(*) FROM history WHERE id > 3"), FIT);
    assert_int_equal(records_count("SELECT count(*) FROM history"), FIT);
    free(text);
}

static void a_line_comes_back_with_its_node(void **state)
{
    (void)state;
    struct history_line line = from_bob("from bob");
    add(&line);
    expect_last(NULL, 1, "10.0.0.2:7216 böb in from bob;");
    assert_string_equal(said_node, "n0de");
    assert_int_equal(count_found("bob"), 1);
    assert_string_equal(said_node, "n0de");
    line.node = span_of("");
    add(&line);
    expect_last(NULL, 1, "10.0.0.2:7216 böb in from bob;");
    assert_string_equal(said_node, "");
}

/* ---- words */

static void words_are_found(void **state)
{
    (void)state;
    add_text("The Café opens at 10:30, see 10.0.0.2:7216");
    add_text("café au lait");
    add_text("tea");
    expect_found("cafe", "10.0.0.2:7216 böb in The Café opens at 10:30, see 10.0.0.2:7216;"
                         "10.0.0.2:7216 böb in café au lait;");
    expect_found("  LAIT   CAFÉ ", "10.0.0.2:7216 böb in café au lait;");
    assert_int_equal(count_found("caf"), 0);
    assert_int_equal(count_found("cafe tea"), 0);
    assert_int_equal(count_found("10.0.0.2:7216"), 1);
    assert_int_equal(count_found("7216:10.0.0.2"), 0);
    assert_int_equal(count_found("!!!"), 0);
    assert_int_equal(count_found("tea !!!"), 1);
    add_text("more tea");
    assert_int_equal(count_found("tea"), 2);
    records_reopen();
    assert_int_equal(count_found("tea"), 2);
    assert_int_equal(folder_log_lines, 0);
}

static void the_newest_are_found(void **state)
{
    (void)state;
    add_many("tea", 0, 2 * HISTORY_FOUND);
    assert_int_equal(count_found("tea"), HISTORY_FOUND);
    assert_non_null(strstr(said, "tea 100;"));
    assert_null(strstr(said, "tea 99;"));
    assert_non_null(strstr(said, "tea 199;"));
}

static void what_has_gone_is_not_found(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        add_many("tea", 10 * i, 10);
        assert_int_equal(count_found("tea"), 10);
        add_many("water", 0, HISTORY_LINES - 5);
        assert_int_equal(count_found("tea"), 5);
        add_many("water", 0, 5);
        assert_int_equal(count_found("tea"), 0);
    }
    assert_true(records_count("SELECT count(*) FROM temp.words_docsize") <= 2 * HISTORY_LINES);
}

static void nothing_in_a_query_is_an_error(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "\"", "\"\"\" \"", "a AND", "OR",  "NOT",   "NEAR(a b)", "text:a", "-a", "^a",
        "a*", "(",         ")",     "{a}", "a + b", "'",         "\\",     "",   "   ",
    };
    char word[8];

    add_text("a b c");
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        count_found(queries[i]);
    for (int c = 1; c < 256; c++) {
        snprintf(word, sizeof word, "%c%c a", c, c);
        count_found(word);
    }
    listen_anew();
    char *cause;
    assert_true(history_find(records, span_make("a\0b", 3), take_line, records, &cause));
    assert_int_equal(said_lines, 1);
    assert_int_equal(folder_log_lines, 0);
}

/* ---- a transaction of its own */

static void waits_for_an_open_turn(void **state)
{
    (void)state;
    struct history_batch batch;
    char *cause;

    database_set(records, "a", "1");
    assert_false(history_begin(&batch, records, &cause));
    assert_null(cause);
    assert_int_equal(count_found("nothing"), 0);
    assert_true(database_commit(records));
    add_text("later");
    assert_int_equal(count_found("later"), 1);
}

static void a_failure_costs_the_batch_alone(void **state)
{
    (void)state;
    static const char bad[] = "INSERT INTO settings (key, value) VALUES ('b', NULL)";
    struct history_batch batch;
    struct history_line line = from_bob("lost");
    char *cause;

    begin(&batch);
    history_add(&batch, &line);
    assert_false(database_run(records, database_statement(records, bad, true)));
    history_add(&batch, &line);
    assert_false(history_end(&batch, &cause));
    assert_non_null(strstr(cause, "NOT NULL"));
    free(cause);
    expect_last(NULL, 10, "");
    database_set(records, "a", "1");
    assert_true(database_commit(records));
    add_text("kept");
    expect_last(NULL, 10, "10.0.0.2:7216 böb in kept;");
    assert_int_equal(folder_log_lines, 0);
}

static void somebody_elses_lock_is_told(void **state)
{
    (void)state;
    struct history_batch batch;
    char *cause, *path = folder_path("hashflow.db");
    sqlite3 *other;

    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(history_begin(&batch, records, &cause));
    assert_non_null(strstr(cause, "locked"));
    free(cause);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    add_text("later");
    assert_int_equal(folder_log_lines, 0);
    free(path);
}

static void without_the_ballast_nothing_is_written(void **state)
{
    (void)state;
    struct history_batch batch;
    char *cause, *path = folder_path("ballast");

    database_close(records);
    unlink(path);
    assert_return_code(mkdir(path, 0700), 0);
    records = folder_open();
    assert_false(history_begin(&batch, records, &cause));
    assert_non_null(strstr(cause, "full"));
    free(cause);
    rmdir(path);
    free(path);
}

/* ---- strangers */

static void rows_of_a_stranger_do_no_harm(void **state)
{
    (void)state;
    add_text("tea");
    records_tamper(
        "INSERT INTO history VALUES (5, 1000, 'a b', 'x' || char(27), '', 0, 0, NULL, NULL, -7,"
        " 'tea strange');"
        "INSERT INTO history VALUES (6, 1000, 'a', 'b', '', 0, 0, NULL, NULL, 0, 'tea' || char(10));"
        "INSERT INTO history VALUES (7, 'x', x'00', 'b', '', 0, 0, 'x', 'y', 'z', x'7465610062');"
        "INSERT INTO history VALUES (8, 1000, 'a', 'b', '', 'x', 2.5, 1, 2,"
        " 9223372036854775807, zeroblob(200000));");
    add_text("more tea");
    const char *all = "10.0.0.2:7216 böb in tea;- - in tea strange;10.0.0.2:7216 böb in more tea;";
    expect_last(NULL, 10, all);
    expect_found("tea", all);
    assert_int_equal(folder_log_lines, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, records_begin, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_come_back),
        TEST(one_side_of_a_conversation),
        TEST(a_numbered_line_is_there_once),
        TEST(the_newest_lines_are_kept),
        TEST(the_newest_bytes_are_kept),
        TEST(a_line_comes_back_with_its_node),
        TEST(words_are_found),
        TEST(the_newest_are_found),
        TEST(what_has_gone_is_not_found),
        TEST(nothing_in_a_query_is_an_error),
        TEST(waits_for_an_open_turn),
        TEST(a_failure_costs_the_batch_alone),
        TEST(somebody_elses_lock_is_told),
        TEST(without_the_ballast_nothing_is_written),
        TEST(rows_of_a_stranger_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
