/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line that is being typed, and what comes in meanwhile: messages must not harm it, and a paste
 * is never taken for something else.
 */
#include "config.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/scene.h"

/* ---- incoming text and the typed line */

static void test_message_while_typing(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "half a sen");
    assert_types(scene, "0,17|alice> half a sen");
    scene_message(scene, "interruption");
    assert_types(scene, "0,17|alice> half a sen");
    scene_type(scene, "\002\002\002");
    assert_types(scene, "0,14|alice> half a sen");
    scene_message(scene, "another");
    assert_types(scene, "0,14|alice> half a sen");
    scene_type(scene, "\005tence\r");
    assert_hears(scene, "half a sentence");
}

/* Neither stream of a program may reach the terminal by itself. */
static void test_handler_while_typing(void **state)
{
    struct scene *scene = *state;
    const char *const arguments[] = {
        "--on-plain", "--on",
        "message=sh -c 'read -r x; echo said \"$x\"; printf \"\\033[2J bad\" >&2'", NULL};

    scene_start_with(scene, arguments, NULL, ROWS, COLUMNS);
    scene_type(scene, "half a sen");
    scene_message(scene, "interruption");
    assert_shows(scene, "hashflow: sh: said interruption");
    assert_shows(scene, "hashflow: sh: \\x1b[2J bad");
    assert_types(scene, "0,17|alice> half a sen");
    scene_type(scene, "tence\r");
    assert_hears(scene, "half a sentence");
}

static void test_line_of_many_rows(void **state)
{
    struct scene *scene = *state;
    char line[201] = "";

    for (int i = 0; i < 20; i++)
        strcat(line, "abcdefghi-");
    scene_start_sized(scene, 12, 40);
    scene_type(scene, line);
    scene_message(scene, "one");
    scene_type(scene, "\001\006\006"); /* the cursor into the first row */
    scene_message(scene, "two");
    scene_message(scene, "three");
    assert_types(scene, "0,9|alice> abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-");
    assert_shows(scene, "one");
    scene_type(scene, "\r");
    assert_hears(scene, line);
}

static void test_line_that_just_fills_its_row(void **state)
{
    struct scene *scene = *state;

    scene_start_sized(scene, 12, 20);
    scene_type(scene, "1234567890123");
    assert_types(scene, "1,0|alice> 1234567890123");
    scene_message(scene, "hello");
    assert_types(scene, "1,0|alice> 1234567890123");
    scene_type(scene, "4");
    assert_types(scene, "1,1|alice> 1234567890123\n4");
    scene_message(scene, "again");
    scene_type(scene, "\177\177");
    assert_types(scene, "0,19|alice> 123456789012");
}

static void test_wide_characters(void **state)
{
    struct scene *scene = *state;

    scene_start_sized(scene, 12, 20);
    scene_type(scene,
               "漢字漢字漢字漢字e\u0301\U0001f600"); /* the seventh does not fit into the row */
    assert_types(scene, "1,7|alice> 漢字漢字漢字\n漢字e\u0301\U0001f600");
    scene_message(scene, "お早う");
    assert_types(scene, "1,7|alice> 漢字漢字漢字\n漢字e\u0301\U0001f600");
    scene_type(scene, "\002\002\002\r");
    assert_hears(scene, "漢字漢字漢字漢字e\u0301\U0001f600");
}

static void test_search_in_history(void **state)
{
    struct scene *scene = *state;
    const char *search = "(reverse-i-search)`e':";

    scene_start(scene);
    scene_type(scene, "needle in a haystack\rother\r");
    assert_hears(scene, "other");
    scene_type(scene, "\022e");
    assert_true(screen_types(scene->screen, search, "0,26|(reverse-i-search)`e': other"));
    scene_message(scene, "interruption");
    assert_true(screen_types(scene->screen, search, "0,26|(reverse-i-search)`e': other"));
    scene_type(scene, "e");
    search = "(reverse-i-search)`ee':";
    assert_true(
        screen_types(scene->screen, search, "0,25|(reverse-i-search)`ee': needle in a haystack"));
    scene_message(scene, "again");
    scene_type(scene, "\005!");
    assert_types_after(scene, PROMPT_DELIVERED, "0,30|" PROMPT_DELIVERED " needle in a haystack!");
}

static void test_half_a_character_in_a_search(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "\022\xc3");
    scene_message(scene, "still there");
    scene_type(scene, "\xa9");
    assert_true(screen_types(scene->screen, "(failed reverse-i-search)",
                             "0,30|(failed reverse-i-search)`\u00e9':"));
    scene_type(scene, "\003");
    assert_shows(scene, "^C");
    scene_type(scene, "\022");
    assert_shows(scene, "(reverse-i-search)`'");
    scene_type(scene, "\xe2\x82");
    scene_message(scene, "and still");
    scene_type(scene, "\003");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "alive\r");
    assert_hears(scene, "alive");
}

static void test_numeric_argument(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "ab\0334");
    assert_true(screen_types(scene->screen, "(arg: 4)", "0,11|(arg: 4) ab"));
    scene_message(scene, "interruption");
    assert_true(screen_types(scene->screen, "(arg: 4)", "0,11|(arg: 4) ab"));
    scene_type(scene, "x");
    assert_types(scene, "0,13|alice> abxxxx");
    scene_type(scene, "\0332");
    assert_true(screen_types(scene->screen, "(arg: 2)", "0,15|(arg: 2) abxxxx"));
    kill(screen_pid(scene->screen), SIGINT);
    assert_shows(scene, "^C");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "y\0333z");
    assert_types(scene, "0,11|alice> yzzz");
}

static void test_vi_with_a_command_pending(void **state)
{
    struct scene *scene = *state;

    scene_start_vi(scene);
    scene_type(scene, "one two three");
    scene_type(scene, "\033");
    assert_types(scene, "0,19|alice> one two three");
    scene_type(scene, "0d");
    assert_types(scene, "0,7|alice> one two three");
    scene_message(scene, "interruption");
    scene_type(scene, "w");
    assert_types(scene, "0,7|alice> two three");
    scene_type(scene, "f");
    scene_message(scene, "another");
    scene_type(scene, "r");
    assert_types(scene, "0,13|alice> two three");
    scene_type(scene, "D");
    assert_types(scene, "0,12|alice> two th");
    scene_type(scene, "A.\r");
    assert_hears(scene, "two th.");
}

static void test_burst(void **state)
{
    enum { LINES = 5000 };
    struct scene *scene = *state;

    scene_start_sized(scene, 12, 40);
    scene_type(scene, "a line that is a little longer than its row");
    assert_types(scene, "1,10|alice> a line that is a little longer th\nan its row");
    for (int i = 0; i < LINES; i++) {
        scene_say(scene, scene_text("line %d", i));
        if (i % 100 == 0)
            scene_type(scene, "."); /* keys come in between */
    }
    assert_shows(scene, scene_text("line %d", LINES - 1));
    assert_types(scene, "2,20|alice> a line that is a little longer th\n"
                        "an its row..............................\n"
                        "....................");
}

/* ---- the same keys with and without messages */

enum { ROUNDS = 25 };

static const char history[] = "needle one\rneedle two, a line of two rows or more\r";
static unsigned long seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % sides;
}

/* Left out is what readline alone draws wrongly: combining marks, and tabs within a line. */
static const char *const random_keys[] = {
    /* clang-format off */
    "a", "b", "c ", "word ", "other ", "o", "e", "\u00e9", "漢", "\U0001f600",
    "a long stretch of text ",
    "\001", "\005", "\002", "\006", "\002\002\002",           /* to both ends, and around */
    "\033b", "\033f", "\033[D", "\033[C", "\033OH", "\033[1;5D",
    "\177", "\033[3~", "\013", "\025", "\027", "\033d",         /* delete and kill */
    "\031", "\024", "\037", "\033r", "\033u", "\033\\",         /* yank, transpose, undo */
    "\033[A", "\033[B", "\033<", "\033>",                      /* history */
    "\022o", "\022\022", "\023", "\007",                       /* search */
    "\0333", "\026!", "\035o",                                /* waiting for another key */
    /* clang-format on */
};
enum { RANDOM_KEYS = sizeof random_keys / sizeof random_keys[0] };

static void same_keys(struct scene *with, struct scene *without, int count)
{
    for (int i = 0; i < count; i++) {
        const char *keys = random_keys[dice(RANDOM_KEYS)];
        print_message("# keys: ");
        for (const char *k = keys; *k != '\0'; k++)
            print_message("%02x", (unsigned char)*k);
        print_message("\n");
        scene_type(without, keys);
        scene_type(with, keys);
        if (dice(2) == 0)
            scene_message(with, scene_text("note %d", i));
    }
}

/* A mark at the end, after keys that lead out of every search and command. */
static const char last_keys[] = "\007\007\007\005Z";

static bool is_same(struct screen *with, const void *arg)
{
    struct screen *without = *(struct screen *const *)arg;

    screen_look(without);
    const char *typed = screen_typed(without, PROMPT_DELIVERED);
    return strchr(typed, 'Z') != NULL && strcmp(screen_typed(with, PROMPT_DELIVERED), typed) == 0;
}

/* The last message has the line drawn anew; without messages Ctrl-L does that. */
static void test_same_line_with_and_without_messages(void **state)
{
    struct scene *with = *state, *without = with + 1;

    for (unsigned long round = 1; round <= ROUNDS; round++) {
        seed = round;
        print_message("# seed %lu\n", seed);
        scene_start_sized(with, 20, 33);
        scene_start_sized(without, 20, 33);
        scene_type(with, history);
        scene_type(without, history);
        same_keys(with, without, 15);
        scene_type(with, last_keys);
        scene_message(with, "last");
        scene_type(without, last_keys);
        scene_type(without, "\014");
        bool same = screen_until(with->screen, is_same, &without->screen);
        print_message("# without: %s\n", screen_typed(without->screen, PROMPT_DELIVERED));
        print_message("# with:    %s\n", screen_typed(with->screen, PROMPT_DELIVERED));
        assert_true(same);
        scene_end(with);
        scene_end(without);
    }
}

/* ---- what the prompt says of lines that were sent */

static void test_prompt_tells_what_arrives(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "/peers\r");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "good morning\r");
    assert_hears(scene, "good morning");
    assert_types_after(scene, PROMPT_DELIVERED, "0,9|" PROMPT_DELIVERED);
    scene_type(scene, "/msg 127.0.0.1:1 nobody is there\r");
    assert_types_after(scene, PROMPT_WAITING, "0,9|" PROMPT_WAITING);
    scene_type(scene, "half\033b");
    scene_message(scene, "the line stays");
    assert_types_after(scene, PROMPT_WAITING, "0,9|" PROMPT_WAITING " half");
    scene_type(scene, "\013/forget 127.0.0.1:1\r");
    assert_types(scene, "0,7|alice>");
}

/* ---- pastes */

static void test_paste_in_progress(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "so: \033[200~first ");
    scene_message(scene, "interruption");
    scene_type(scene, "second\033[2");
    scene_message(scene, "another");
    scene_type(scene, "01~!");
    assert_types(scene, "0,24|alice> so: first second!");
}

static void test_paste_without_an_end(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "\033[200~cut off");
    scene_message(scene, "interruption");
    assert_types(scene, "0,14|alice> cut off");
    scene_type(scene, ".\r");
    assert_hears(scene, "cut off.");
}

static void test_pasted_commands_do_not_run(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, PASTE("one\r/quit\r/echo two") "\r");
    assert_hears(scene, "one");
    assert_hears(scene, "/quit");
    assert_hears(scene, "/echo two");
    scene_message(scene, "still there");
}

/* The editor waits for a key in each of these, and would take a pasted CR for Enter. */
static void test_paste_into_a_pending_command(void **state)
{
    struct scene *scene = *state;

    scene_start_vi(scene);
    scene_type(scene, "x\033");
    assert_types(scene, "0,7|alice> x");
    scene_type(scene, PASTE("first\r/quit\r"));
    scene_type(scene, "\r");
    assert_hears(scene, "first");
    assert_hears(scene, "/quit");
    scene_type(scene, "\026" PASTE("/quit\r/quit\r") "\r");
    scene_type(scene, "\rafter\r");
    assert_hears(scene, "after");
    scene_message(scene, "still there");
}

static void test_what_a_paste_must_not_hold(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, PASTE("a\xc2\x9b"
                            "b\u202e"
                            "c\007d\xff\u200b"
                            "e"));
    assert_types(scene, "0,12|alice> abcde");
    scene_type(scene, "\r");
    assert_hears(scene, "abcde");
}

static void test_long_paste_is_refused(void **state)
{
    enum { LONG = 200 * 1024 };
    struct scene *scene = *state;
    char *text = malloc(LONG);

    assert_non_null(text);
    memset(text, 'x', LONG);
    scene_start(scene);
    scene_type(scene, "short \033[200~");
    screen_type_bytes(scene->screen, text, LONG);
    scene_type(scene, "\033[201~");
    free(text);
    assert_shows(scene, "left out");
    scene_type(scene, "and typed\r");
    assert_hears(scene, "short and typed");
}

static void test_lines_typed_ahead(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "one\rtwo\r/echo three\rfour\r");
    assert_hears(scene, "one");
    assert_hears(scene, "two");
    assert_hears(scene, "four");
    assert_null(strstr(scene->heard, "three"));
}

/* ---- what was said before */

static void start_with_state(struct scene *scene)
{
    const char *const arguments[] = {"--state", scene_text("%s/node", scene_home()), NULL};

    scene_start_with(scene, arguments, NULL, 2 * ROWS, COLUMNS);
}

static bool is_above_the_prompt(struct scene *scene, const char *text)
{
    const char *screen = screen_text(scene->screen);
    const char *found = strstr(screen, text), *prompt = strstr(screen, "\n" PROMPT);

    return found != NULL && prompt != NULL && found < prompt;
}

static void test_last_lines_come_back(void **state)
{
    struct scene *scene = *state;

    start_with_state(scene);
    for (int i = 0; i < 9; i++)
        scene_message(scene, scene_text("number %d", i));
    scene_say(scene, "127.0.0.1:9 bob escaped \033[2J");
    assert_shows(scene, "escaped \\x1b[2J");
    scene_type(scene, "a long line: ");
    for (int i = 0; i < 120; i++)
        scene_type(scene, "ten bytes ");
    scene_type(scene, "its end\r/msg 127.0.0.1:9 alone\rlast\r");
    assert_hears(scene, "last");
    scene_type(scene, "\004\003\003");
    screen_wait_end(scene->screen);
    scene_end(scene);

    start_with_state(scene);
    assert_shows(scene, " you: last\n");
    assert_true(is_above_the_prompt(scene, " you \u2192 bob: alone\n"));
    assert_true(is_above_the_prompt(scene, " you: a long line: ten bytes ten"));
    assert_true(is_above_the_prompt(scene, "\u2026\n"));
    assert_true(is_above_the_prompt(scene, "escaped \\x1b[2J\n"));
    assert_true(is_above_the_prompt(scene, ": number 3\n"));
    assert_null(strstr(screen_text(scene->screen), "number 2\n")); /* the eleventh */
    assert_null(strstr(screen_text(scene->screen), "its end"));
}

/* It was confirmed, stored for a standard output that was slow, and the node was killed. */
static void test_line_that_was_never_printed(void **state)
{
    struct scene *scene = *state;
    const char *path = scene_text("%s/node/hashflow.db", scene_home());
    sqlite3 *db;

    start_with_state(scene);
    scene_type(scene, "\004");
    assert_ends(scene, 0);
    scene_end(scene);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "INSERT INTO inbox VALUES (1, 'n0de', 1, '10.0.0.2:7216', 'bob',"
                                  " CAST('/bcast 1 left over' || char(10) AS BLOB))",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);

    start_with_state(scene);
    assert_shows(scene, " !bob: left over\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_message_while_typing),
        SCENE(test_handler_while_typing),
        SCENE(test_line_of_many_rows),
        SCENE(test_line_that_just_fills_its_row),
        SCENE(test_wide_characters),
        SCENE(test_search_in_history),
        SCENE(test_half_a_character_in_a_search),
        SCENE(test_numeric_argument),
        SCENE(test_vi_with_a_command_pending),
        SCENE(test_burst),
        SCENE(test_same_line_with_and_without_messages),
        SCENE(test_prompt_tells_what_arrives),
        SCENE(test_paste_in_progress),
        SCENE(test_paste_without_an_end),
        SCENE(test_pasted_commands_do_not_run),
        SCENE(test_paste_into_a_pending_command),
        SCENE(test_what_a_paste_must_not_hold),
        SCENE(test_long_paste_is_refused),
        SCENE(test_lines_typed_ahead),
        SCENE(test_last_lines_come_back),
        SCENE(test_line_that_was_never_printed),
    };
    return scene_run("terminal", tests);
}
