/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program at a terminal, and a peer connected to it by a plain socket, as if somebody had typed
 * into nc. What all the terminal tests need; what they prove is theirs.
 *
 * HASHFLOW names the program.
 */
#ifndef HASHFLOW_TESTS_SCENE_H
#define HASHFLOW_TESTS_SCENE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "screen.h"

#define PROMPT           "alice>"
#define PROMPT_WAITING   "\u2026 alice>" /* a line that was sent is not delivered yet */
#define PROMPT_DELIVERED "\u2713 alice>"
#define PASTE(text)      "\033[200~" text "\033[201~"

enum { ROWS = 24, COLUMNS = 80 };

struct scene {
    struct screen *screen;
    int peer;    /* a socket, -1 until there is one */
    char *heard; /* all that came to the peer */
    size_t heard_len;
};

/* For cmocka: *state is an array of two scenes that are not begun. Whatever was begun is ended, and
 * the home folder removed, however the test ends. */
int scene_setup(void **state);
int scene_teardown(void **state);

/* Runs the tests, or skips them if there is no program. */
#define scene_run(name, tests)                                                                     \
    (scene_has_program() ? cmocka_run_group_tests_name(name, tests, NULL, NULL) : 0)
#define SCENE(function) cmocka_unit_test_setup_teardown(function, scene_setup, scene_teardown)
bool scene_has_program(void);

/* Text in one of a few rooms that are used in turn. */
char *scene_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *scene_home(void);

/* As alice on a free port, with no state, and with arguments, ended by NULL, and one more
 * NAME=VALUE in the environment, or NULL. The peer has said something, as silent ones are nobody,
 * and the prompt is there. */
void scene_start_with(struct scene *scene, const char *const arguments[], const char *setting,
                      int rows, int columns);
void scene_start(struct scene *scene);
void scene_start_sized(struct scene *scene, int rows, int columns);
void scene_start_vi(struct scene *scene);   /* lines are edited as in vi */
void scene_start_dumb(struct scene *scene); /* TERM=dumb: there is no prompt */

/* Any program in that environment, without a peer. */
void scene_open(struct scene *scene, const char *const argv[]);
void scene_end(struct scene *scene);

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

void scene_type(struct scene *scene, const char *keys);

/* The peer sends a line; scene_message() waits until it is on the screen. */
void scene_say(struct scene *scene, const char *line);
void scene_message(struct scene *scene, const char *line);

/* Waits until the peer has got text as a line of its own, with our name before it. */
bool scene_hears(struct scene *scene, const char *text);

/* Wait for the end, and look at what is left of the terminal. */
bool scene_ends(struct scene *scene, int exit_status);
bool scene_is_killed(struct scene *scene, int signo);

#define assert_types(scene, typed) assert_true(screen_types((scene)->screen, PROMPT, typed))
#define assert_types_after(scene, prompt, typed)                                                   \
    assert_true(screen_types((scene)->screen, prompt, typed))
#define assert_shows(scene, text)   assert_true(screen_shows((scene)->screen, text))
#define assert_hears(scene, text)   assert_true(scene_hears(scene, text))
#define assert_ends(scene, status)  assert_true(scene_ends(scene, status))
#define assert_killed(scene, signo) assert_true(scene_is_killed(scene, signo))

#endif
