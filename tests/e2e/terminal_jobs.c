/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every way in and out: under a shell and without, and what is left of the terminal afterwards.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/scene.h"

/* ---- start */

/* In a network of its own, or 7216 may be another's. */
static void test_asks_for_the_port(void **state)
{
    struct scene *scene = *state;
    const char *script = scene_text("ip link set lo up && exec '%s' -n alice", getenv("HASHFLOW"));
    const char *argv[] = {"unshare", "-rn", "sh", "-c", script, NULL};

    if (system("unshare -rn ip link set lo up 2>/dev/null") != 0) {
        print_message("# no network of our own here\n");
        skip();
    }
    scene_open(scene, argv);
    assert_shows(scene, "7216");
    assert_null(strstr(screen_text(scene->screen), PROMPT));
    scene_type(scene, "\n");
    assert_shows(scene, PROMPT);
    scene_type(scene, "\004");
    assert_ends(scene, 0);
}

/* ---- every way to end */

static void test_quit(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    assert_true(screen_has_bracketed_paste(scene->screen));
    scene_type(scene, "/quit\r");
    assert_ends(scene, 0);
}

static void test_ended_by_a_signal(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "half a line");
    assert_types(scene, "0,18|alice> half a line");
    kill(screen_pid(scene->screen), SIGTERM);
    assert_ends(scene, 0);
    assert_null(strstr(screen_text(scene->screen), "half a line"));
}

static void test_ended_by_a_second_signal(void **state)
{
    struct scene *scene = *state;

    scene_start_with(scene, ARGUMENTS("--drain", "600"), "DRIVER_STAY=1", ROWS, COLUMNS);
    scene_type(scene, "/msg 127.0.0.1:1 never delivered\r/echo waiting\r");
    assert_shows(scene, "waiting\n");
    kill(screen_pid(scene->screen), SIGTERM);
    scene_message(scene, "still draining");
    scene_type(scene, "half");
    assert_types_after(scene, PROMPT_WAITING, "0,13|" PROMPT_WAITING " half");
    kill(screen_pid(scene->screen), SIGTERM);
    assert_killed(scene, SIGTERM);
}

static void test_ended_by_the_quit_key(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "\034");
    assert_killed(scene, SIGQUIT);
}

static void test_ended_by_a_hang_up(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    screen_hang_up(scene->screen);
    assert_int_not_equal(screen_wait_end(scene->screen), -1);
}

/* ---- a terminal that does not take what is printed */

static void say_many(struct scene *scene, int lines)
{
    char line[1000];

    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < lines; i++)
        scene_say(scene, line);
}

static void test_frozen_terminal_stops_nobody(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    screen_freeze(scene->screen, true);
    say_many(scene, 1000);
    scene_type(scene, " and half\r");
    assert_hears(scene, "half and half");
    screen_freeze(scene->screen, false);
    scene_message(scene, "at last");
    assert_types_after(scene, PROMPT_DELIVERED, "0,9|" PROMPT_DELIVERED);
    assert_null(strstr(screen_text(scene->screen), "not shown"));
}

static void test_what_a_frozen_terminal_misses_is_counted(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    screen_freeze(scene->screen, true);
    say_many(scene, 6000);
    scene_type(scene, "done\r");
    assert_hears(scene, "done");
    scene_say(scene, "the last");
    screen_freeze(scene->screen, false);
    assert_shows(scene, "lines are not shown");
    assert_types_after(scene, PROMPT_DELIVERED, "0,9|" PROMPT_DELIVERED);
}

static void test_frozen_terminal_and_a_signal(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    screen_freeze(scene->screen, true);
    say_many(scene, 1000);
    scene_type(scene, "done\r");
    assert_hears(scene, "done");
    kill(screen_pid(scene->screen), SIGTERM);
    assert_int_equal(screen_wait_end(scene->screen), 0);
}

/* ---- under a shell */

static void start_shell(struct scene *scene)
{
    scene_open(scene, ARGUMENTS("sh", "-i"));
    assert_shows(scene, "sh$");
}

static void test_suspended_and_resumed(void **state)
{
    struct scene *scene = *state;

    start_shell(scene);
    scene_type(scene, scene_text("'%s' -p 0 -n alice\n", getenv("HASHFLOW")));
    assert_shows(scene, PROMPT);
    scene_type(scene, "half a line");
    assert_types(scene, "0,18|alice> half a line");
    scene_type(scene, "\032");
    assert_shows(scene, "Stopped");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    assert_false(screen_has_bracketed_paste(scene->screen));
    scene_type(scene, "echo e''cho\n");
    assert_shows(scene, "\necho\n");
    scene_type(scene, "fg\n");
    assert_types(scene, "0,18|alice> half a line");
    assert_true(screen_has_bracketed_paste(scene->screen));
    scene_type(scene, "\032");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    scene_type(scene, "bg\n"); /* stops again by itself: it wants to read keys */
    scene_type(scene, "fg\n");
    assert_types(scene, "0,18|alice> half a line");
    scene_type(scene, "\025/quit\r");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    scene_type(scene, "exit\n");
    assert_ends(scene, 0);
}

static void test_started_in_the_background(void **state)
{
    struct scene *scene = *state;

    start_shell(scene);
    scene_type(scene, scene_text("'%s' -p 0 -n alice &\n", getenv("HASHFLOW")));
    scene_type(scene, "while ! grep -q 'State:.T' /proc/$!/status; do :; done; echo st''opped\n");
    assert_shows(scene, "stopped");
    scene_type(scene, "fg\n");
    assert_shows(scene, PROMPT);
    scene_type(scene, "abc\177");
    assert_types(scene, "0,9|alice> ab");
    scene_type(scene, "\025\004");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    scene_type(scene, "exit\n");
    assert_ends(scene, 0);
}

/* An orphan cannot be stopped by Ctrl-Z: there is nobody to resume it. */
static void test_suspended_without_a_shell(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    scene_type(scene, "\032");
    scene_message(scene, "interruption");
    assert_types(scene, "0,11|alice> half");
    assert_true(screen_has_bracketed_paste(scene->screen));
    scene_type(scene, "\r");
    assert_hears(scene, "half");
}

static void test_stopped_by_another(void **state)
{
    struct scene *scene = *state;

    scene_start(scene);
    scene_type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    kill(screen_pid(scene->screen), SIGSTOP);
    kill(screen_pid(scene->screen), SIGCONT);
    scene_type(scene, " and half\r");
    assert_hears(scene, "half and half");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_asks_for_the_port),
        SCENE(test_quit),
        SCENE(test_ended_by_a_signal),
        SCENE(test_ended_by_a_second_signal),
        SCENE(test_ended_by_the_quit_key),
        SCENE(test_ended_by_a_hang_up),
        SCENE(test_frozen_terminal_stops_nobody),
        SCENE(test_what_a_frozen_terminal_misses_is_counted),
        SCENE(test_frozen_terminal_and_a_signal),
        SCENE(test_suspended_and_resumed),
        SCENE(test_started_in_the_background),
        SCENE(test_suspended_without_a_shell),
        SCENE(test_stopped_by_another),
    };
    return scene_run("terminal_jobs", tests);
}
