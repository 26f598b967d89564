/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A console on a node that has a terminal of its own: what one types the node says, what the node
 * hears both show, and whatever becomes of the console, the node goes on.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/scene.h"

static const char *folder(void)
{
    return scene_text("%s/node", scene_home());
}

static void attach(struct scene *console)
{
    scene_open(console, ARGUMENTS(getenv("HASHFLOW"), "--attach", folder()));
    assert_shows(console, PROMPT);
}

/* The node is state[0] and has a peer, the console is state[1]. */
static struct scene *start(void **state)
{
    struct scene *node = *state;
    scene_start_with(node, ARGUMENTS("--state", folder()), NULL, ROWS, COLUMNS);
    attach(node + 1);
    assert_shows(node + 1, "attached to the node");
    return node + 1;
}

static void test_talks(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_type(console, "hello from afar\r");
    assert_hears(node, "hello from afar");
    assert_types_after(console, PROMPT_DELIVERED, "0,9|" PROMPT_DELIVERED);
    scene_type(console, "half a sen");
    assert_types_after(console, PROMPT_DELIVERED, "0,19|" PROMPT_DELIVERED " half a sen");
    scene_message(node, "interruption");
    assert_shows(console, "interruption");
    assert_types_after(console, PROMPT_DELIVERED, "0,19|" PROMPT_DELIVERED " half a sen");
    scene_type(console, "tence\r");
    assert_hears(node, "half a sentence");
    assert_types(node, "0,7|" PROMPT);
}

static void test_nothing_in_a_message_is_obeyed(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_say(node, "\033[2J\033]0;title\007\xc2\x9b"
                    "31m\xff end");
    assert_shows(console, "\\x1b[2J\\x1b]0;title\\x07\\u{9b}31m\\xff end");
    assert_shows(console, "attached to the node");
}

static void test_completion(void **state)
{
    struct scene *console = start(state);

    scene_type(console, "/pin\t");
    assert_types(console, "0,13|alice> /ping");
    scene_type(console, "\025/wait u\t");
    assert_shows(console, "alice> /wait up=");
    scene_type(console, "\025/to 127\t\r");
    assert_shows(console, "alice to !127.0.0.1:");
}

static void test_completion_of_a_stopped_node(void **state)
{
    struct scene *node = *state, *console = start(state);

    kill(screen_pid(node->screen), SIGSTOP);
    scene_type(console, "/msg 127\t");
    scene_type(console, "x");
    assert_types(console, "0,16|alice> /msg 127x");
    kill(screen_pid(node->screen), SIGCONT);
}

static void test_ctrl_c_gives_up_a_wait(void **state)
{
    struct scene *console = start(state);

    scene_type(console, "/wait up=9\r/echo dropped\r");
    assert_shows(console, "alice> /echo dropped\n");
    scene_type(console, "\003");
    scene_type(console, "/echo free\r");
    assert_shows(console, "\nfree\n");
    assert_null(strstr(screen_text(console->screen), "\ndropped"));
}

static void test_only_the_first_line_of_a_paste_is_a_command(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_type(console, PASTE("/echo pasted\n/quit\n//slashes") "\r");
    assert_shows(console, "\npasted\n");
    assert_hears(node, "/quit");
    assert_hears(node, "//slashes");
}

static void test_complaints(void **state)
{
    struct scene *console = start(state);

    scene_type(console, "/nosuch\r");
    assert_shows(console, "\nhashflow: /nosuch: no such command");
    assert_true(screen_has_colour(console->screen));
    assert_types(console, "0,7|" PROMPT);
}

static void assert_node_goes_on(struct scene *node)
{
    scene_message(node, "the node is still there");
    scene_type(node, "so it is\r");
    assert_hears(node, "so it is");
}

static bool is_restored(struct screen *s, const void *arg)
{
    (void)arg;
    return screen_is_restored(s);
}

/* One key at a time: the second of two signals at once would be lost. */
static void leave_by_ctrl_c(struct scene *console)
{
    scene_type(console, "\003");
    assert_shows(console, "^C");
    scene_type(console, "\003");
}

static void leave_a_wait(struct scene *console)
{
    scene_type(console, "/wait up=9\r\004");
    assert_true(screen_until(console->screen, is_restored, NULL));
    scene_type(console, "\003");
}

static void leave_by_ctrl_d(struct scene *console)
{
    scene_type(console, "\004");
}

static void leave_by_command(struct scene *console)
{
    scene_type(console, "/detach\r");
}

static void test_ways_to_leave(void **state)
{
    static void (*const leave[])(struct scene * console) = {leave_by_ctrl_d, leave_by_command,
                                                            leave_by_ctrl_c, leave_a_wait};
    struct scene *node = *state, *console = start(state);

    for (size_t i = 0; i < sizeof leave / sizeof leave[0]; i++) {
        leave[i](console);
        assert_ends(console, 0);
        scene_end(console);
        attach(console);
    }
    assert_node_goes_on(node);
}

static void test_ended_by_a_signal(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_type(console, "half a line");
    assert_types(console, "0,18|alice> half a line");
    kill(screen_pid(console->screen), SIGTERM);
    assert_killed(console, SIGTERM);
    scene_end(console);
    attach(console);
    kill(screen_pid(console->screen), SIGKILL);
    assert_int_not_equal(screen_wait_end(console->screen), -1);
    assert_node_goes_on(node);
}

static void test_stopped(void **state)
{
    struct scene *node = *state, *console = start(state);

    kill(screen_pid(console->screen), SIGSTOP);
    assert_node_goes_on(node);
    kill(screen_pid(console->screen), SIGCONT);
    assert_shows(console, "the node is still there");
    scene_type(console, "both are\r");
    assert_hears(node, "both are");
}

static void test_quit_ends_the_node(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_type(console, "/quit\r");
    assert_shows(console, "the node is asked to leave");
    assert_ends(console, 0);
    assert_ends(node, 0);
}

static void test_a_node_that_takes_long_to_leave_is_left(void **state)
{
    struct scene *console = start(state);

    scene_type(console, "/msg 127.0.0.1:1 for nobody\r");
    assert_shows(console, "cannot be reached");
    scene_type(console, "/quit\r");
    assert_shows(console, "the node is asked to leave");
    leave_by_ctrl_c(console);
    assert_ends(console, 0);
}

static void test_the_end_of_the_node_is_told(void **state)
{
    struct scene *node = *state, *console = start(state);

    scene_type(node, "/quit\r");
    assert_shows(console, "the node has left");
    assert_ends(console, 1);
}

static void test_the_death_of_the_node_is_told(void **state)
{
    struct scene *node = *state, *console = start(state);

    kill(screen_pid(node->screen), SIGKILL);
    assert_shows(console, "the node has ended");
    assert_ends(console, 1);
}

static void test_lines_are_remembered(void **state)
{
    struct scene *console = start(state);

    scene_type(console, "/echo once\r");
    assert_shows(console, "\nonce\n");
    scene_type(console, "\004");
    assert_ends(console, 0);
    scene_end(console);
    attach(console);
    scene_type(console, "\033[A");
    assert_types(console, "0,17|alice> /echo once");
}

static void test_two_consoles(void **state)
{
    struct scene *node = *state, *console = start(state);
    struct scene second = {.peer = -1};

    attach(&second);
    scene_type(console, "/echo mine\r");
    assert_shows(console, "\nmine\n");
    scene_message(node, "for both");
    assert_shows(console, "for both");
    assert_shows(&second, "for both");
    assert_null(strstr(screen_text(second.screen), "mine"));
    scene_end(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(test_talks),
        SCENE(test_nothing_in_a_message_is_obeyed),
        SCENE(test_completion),
        SCENE(test_completion_of_a_stopped_node),
        SCENE(test_ctrl_c_gives_up_a_wait),
        SCENE(test_only_the_first_line_of_a_paste_is_a_command),
        SCENE(test_complaints),
        SCENE(test_ways_to_leave),
        SCENE(test_ended_by_a_signal),
        SCENE(test_stopped),
        SCENE(test_quit_ends_the_node),
        SCENE(test_a_node_that_takes_long_to_leave_is_left),
        SCENE(test_the_end_of_the_node_is_told),
        SCENE(test_the_death_of_the_node_is_told),
        SCENE(test_lines_are_remembered),
        SCENE(test_two_consoles),
    };
    return scene_run("a console on a node that runs", tests);
}
