/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys with a meaning of their own, completion, history, and what is shown of what others send.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/scene.h"

/* ---- keys with a meaning of their own */

static void test_interrupt_clears_the_line(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "killed\025never sent");
    assert_types(scene, "0,17|alice> never sent");
    scene_type(scene, "\003");
    assert_shows(scene, "never sent^C");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "\031");
    assert_types(scene, "0,13|alice> killed");
    scene_type(scene, "\r");
    assert_hears(scene, "killed");
    assert_null(strstr(scene->heard, "never sent"));
}

static void test_second_interrupt_quits(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "x");
    assert_types(scene, "0,8|alice> x");
    scene_type(scene, "\003");
    assert_shows(scene, "x^C");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "y"); /* begins the count again */
    assert_types(scene, "0,8|alice> y");
    scene_type(scene, "\003");
    assert_shows(scene, "y^C");
    assert_types(scene, "0,7|alice>");
    scene_type(scene, "\003");
    assert_ends(scene, 0);
}

static void test_interrupt_of_a_line_of_many_rows(void **state)
{
    struct scene *scene = *state;

    scene_start_sized(scene, 12, 20);
    scene_type(scene, "abcdefghijklmnopqrstuvwxyz\001");
    assert_types(scene, "0,7|alice> abcdefghijklm\nnopqrstuvwxyz");
    scene_type(scene, "\003");
    assert_shows(scene, "nopqrstuvwxyz^C\nalice>");
}

static void test_interrupt_in_vi_begins_with_insertion(void **state)
{
    struct scene *scene = *state;

    scene_start_vi(scene);
    scene_type(scene, "abc\033");
    assert_types(scene, "0,9|alice> abc");
    scene_type(scene, "\003");
    assert_shows(scene, "abc^C");
    scene_type(scene, "ix\r");
    assert_hears(scene, "ix");
}

static void test_end_of_file_key(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "ab\001\004"); /* deletes a character: the line is not empty */
    assert_types(scene, "0,7|alice> b");
    scene_type(scene, "\004\004");
    assert_ends(scene, 0);
}

static void test_stop_key_does_not_freeze(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "\023");
    scene_message(scene, "not frozen");
}

static void test_resize(void **state)
{
    struct scene *scene = *state;

    scene_start_sized(scene, 12, 40);
    scene_type(scene, "a line that needs more than one row of this screen");
    assert_types(scene, "1,17|alice> a line that needs more than one r\now of this screen");
    screen_resize(scene->screen, 12, 60);
    assert_types(scene, "0,57|alice> a line that needs more than one row of this screen");
    screen_resize(scene->screen, 12, 30);
    assert_types(scene, "1,27|alice> a line that needs more\nthan one row of this screen");
    scene_message(scene, "hi");
    assert_types(scene, "1,27|alice> a line that needs more\nthan one row of this screen");
    scene_type(scene, ".\r");
    assert_hears(scene, "a line that needs more than one row of this screen.");
}

/* ---- completion and history */

static void test_completion(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_say(scene, "127.0.0.1:9 bob hello there");
    assert_shows(scene, "hello there");
    scene_type(scene, "/who\t");
    assert_types(scene, "0,15|alice> /whoami");
    scene_type(scene, "\025/to b\t");
    assert_types(scene, "0,15|alice> /to bob");
    scene_type(scene, "\025/connect one:1 127.0.0.1:9\t"); /* every argument, and : does not part */
    assert_types(scene, "0,34|alice> /connect one:1 127.0.0.1:9");
    scene_type(scene, "\025/wait u\t"); /* its value follows at once */
    assert_types(scene, "0,16|alice> /wait up=");
    scene_type(scene, "\025/p\t\t");
    assert_shows(scene, "/peers");
    assert_shows(scene, "/ping");
    assert_types(scene, "0,9|alice> /p");
    scene_type(scene, "\025b\t"); /* no names of files, no peers in text */
    scene_message(scene, "done");
    assert_types(scene, "0,8|alice> b");
}

static const char *history_file(void)
{
    return scene_text("%s/node/history", scene_home());
}

static void start_with_state(struct scene *scene)
{
    scene_start_with(scene, ARGUMENTS("--state", scene_text("%s/node", scene_home())), NULL, ROWS,
                     COLUMNS);
}

static void test_history_of_the_last_run(void **state)
{
    struct scene *scene = *state;
    struct stat file;

    start_with_state(scene);
    scene_type(scene, "first\rfirst\r hidden\r" PASTE("two\rlines") "\r\004");
    assert_ends(scene, 0);
    assert_int_equal(stat(history_file(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(scene_text("%s/node", scene_home()), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0700);
    scene_end(scene);

    assert_int_equal(chmod(history_file(), 0644), 0);
    start_with_state(scene);
    scene_type(scene, "\033[A");
    assert_types(scene, "1,5|alice> two\nlines");
    scene_type(scene, "\033[A");
    assert_types(scene, "0,12|alice> first");
    scene_type(scene, "\033[A"); /* there is nothing before it */
    scene_message(scene, "interruption");
    assert_types(scene, "0,12|alice> first");
    scene_type(scene, "\025third\r\004");
    assert_ends(scene, 0);
    assert_int_equal(stat(history_file(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    scene_end(scene);

    start_with_state(scene);
    scene_type(scene, "\033[A\033[A\033[A\033[A");
    assert_types(scene, "0,12|alice> first");
}

/* ---- what is shown */

static void test_escapes_from_afar(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_say(scene, "a\033[31mred\033[2J\007\xc2\x9b"
                     "2J\u202e!\xff\\");
    assert_shows(scene, "a\\x1b[31mred\\x1b[2J\\x07\\u{9b}2J\\u{202e}!\\xff\\\\");
    assert_types(scene, "0,7|alice>");
}

static void test_no_colour(void **state)
{
    struct scene *scene = *state;

    scene_start_with(scene, ARGUMENTS(NULL), "NO_COLOR=1", ROWS, COLUMNS);
    scene_say(scene, "127.0.0.1:9 bob hello there");
    assert_shows(scene, "hello there");
    scene_type(scene, "/peers\r/nonsense\rtext\r");
    assert_hears(scene, "text");
    scene_message(scene, "last");
    assert_false(screen_has_colour(scene->screen));
}

static void test_dumb_terminal(void **state)
{
    struct scene *scene = *state;

    scene_start_dumb(scene);
    scene_message(scene, "to a plain terminal");
    scene_type(scene, "plain\n");
    assert_hears(scene, "plain");
    scene_type(scene, "\004");
    assert_ends(scene, 0);
    assert_int_equal(screen_escapes(scene->screen), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_interrupt_clears_the_line),
        SCENE(test_second_interrupt_quits),
        SCENE(test_interrupt_of_a_line_of_many_rows),
        SCENE(test_interrupt_in_vi_begins_with_insertion),
        SCENE(test_end_of_file_key),
        SCENE(test_stop_key_does_not_freeze),
        SCENE(test_resize),
        SCENE(test_completion),
        SCENE(test_history_of_the_last_run),
        SCENE(test_escapes_from_afar),
        SCENE(test_no_colour),
        SCENE(test_dumb_terminal),
    };
    return scene_run("terminal_keys", tests);
}
