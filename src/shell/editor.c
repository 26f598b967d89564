/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readline as one part of a loop. Together with history.c the only place that knows it. It must not
 * know what a line means, nor where keys come from.
 */
#include "config.h"

#include "shell/editor.h"

#include <assert.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <readline/readline.h>

#include "base/alloc.h"
#include "base/log.h"
#include "shell/display.h"
#include "shell/job.h"
#include "shell/wrap.h"

enum {
    IDLE_US = 5000,          /* the typed line comes back so long after it was hidden, */
    FRAME_US = 1000000 / 30, /* but not more often than this, */
    SLOW_BYTES = 4096,       /* nor while the terminal has so much before it */
};

struct editor {
    struct loop *loop;
    struct display *display;
    struct keys *keys;
    const struct editor_handlers *handlers;
    void *arg;

    bool closed;
    bool hidden; /* the typed line is not on the screen; redraw brings it back */
    struct timer redraw;
    uint64_t drawn; /* when it was drawn last */

    char *prompt;
    bool prompt_waits; /* readline has not been told of it */

    struct completion_list offers;
    size_t offered; /* how many of them readline has taken */
};

/* Readline's callbacks have no argument. */
static struct editor *current;

/* ---- what is on the screen */

/* While readline shows a message in its place it has a copy of the prompt and brings that back. */
static bool prompt_can_change(void)
{
    return !RL_ISSTATE(RL_STATE_ISEARCH | RL_STATE_NSEARCH | RL_STATE_NUMERICARG);
}

static void tell_prompt(struct editor *e)
{
    if (!e->prompt_waits || !prompt_can_change())
        return;
    rl_set_prompt(e->prompt);
    e->prompt_waits = false;
}

static void show(struct editor *e)
{
    if (!e->hidden || e->closed)
        return;
    timer_stop(e->loop, &e->redraw);
    tell_prompt(e);
    rl_forced_update_display();
    display_flush(e->display);
    e->hidden = false;
    e->drawn = loop_now(e->loop);
}

static void redraw_due(void *arg)
{
    struct editor *e = arg;

    if (display_waiting(e->display) < SLOW_BYTES)
        show(e);
    else
        timer_set(e->loop, &e->redraw, loop_now(e->loop) + FRAME_US, redraw_due, e);
}

/* A burst of lines hides the typed line once. After Enter there is none until readline draws it. */
static void hide(struct editor *e)
{
    uint64_t idle = loop_now(e->loop) + IDLE_US;
    uint64_t frame = e->drawn + FRAME_US;

    if (e->hidden || e->closed || RL_ISSTATE(RL_STATE_DONE))
        return;
    rl_clear_visible_line();
    e->hidden = true;
    timer_set(e->loop, &e->redraw, idle > frame ? idle : frame, redraw_due, e);
}

void editor_print(struct editor *e, struct span text)
{
    int rows, columns;
    struct buffer wrapped;
    hide(e);
    rl_get_screen_size(&rows, &columns);
    buffer_init(&wrapped, 4 * text.len); /* at most: a TAB in each row */
    wrap_lines(&wrapped, text, columns > 0 ? (size_t)columns : 0);
    display_print(e->display, buffer_span(&wrapped));
    buffer_free(&wrapped);
}

static void caught_up(void *arg)
{
    struct editor *e = arg;
    size_t lost = display_lost(e->display);

    if (lost > 0)
        log_error("%zu lines are not shown: the terminal did not take them in time", lost);
}

void editor_prompt(struct editor *e, const char *prompt)
{
    if (strcmp(prompt, e->prompt) == 0)
        return;
    free(e->prompt);
    e->prompt = alloc_string(prompt);
    e->prompt_waits = true;
    if (RL_ISSTATE(RL_STATE_DONE))
        tell_prompt(e); /* readline is about to draw it */
    else
        hide(e);
}

void editor_resize(struct editor *e)
{
    if (e->hidden || e->closed)
        rl_reset_screen_size();
    else
        rl_resize_terminal();
    display_flush(e->display);
}

/* ---- the settings of the terminal */

/* Without IXON a Ctrl-S is a key; with it, it would freeze our output, and us with it. */
static void prepare_settings(int meta)
{
    struct termios settings;

    rl_prep_terminal(meta);
    if (tcgetattr(STDIN_FILENO, &settings) == 0 && (settings.c_iflag & IXON) != 0) {
        settings.c_iflag &= ~(tcflag_t)IXON;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &settings);
    }
}

/* Readline would go back to the former settings after each line. */
static void keep_settings(void)
{
}

/* In the background the settings are another's. */
void editor_restore(void)
{
    if (current == NULL)
        return;
    if (!current->hidden)
        rl_clear_visible_line();
    current->hidden = true;
    if (job_is_foreground())
        rl_deprep_terminal();
    display_drain(current->display);
}

/* The line stays where it is: below it somebody else goes on. */
void editor_suspend(struct editor *e)
{
    if (e->closed)
        return;
    show(e);
    rl_cleanup_after_signal();
    rl_deprep_terminal();
    display_drain(e->display);
    e->hidden = true;
}

void editor_resume(struct editor *e)
{
    if (e->closed)
        return;
    if (!e->hidden)
        fputc('\n', rl_outstream);
    e->hidden = true;
    rl_deprep_terminal();
    rl_reset_after_signal();
    rl_reset_screen_size();
    show(e);
}

/* ---- keys and lines */

static void take_line(char *line)
{
    struct editor *e = current;

    e->handlers->line(e->arg, line);
    free(line);
    e->prompt_waits = true; /* readline can lose it: M-3 M-- */
    tell_prompt(e);
}

void editor_take_keys(struct editor *e)
{
    while (!e->closed && keys_ready(e->keys) > 0) {
        show(e);
        rl_callback_read_char();
    }
    if (e->prompt_waits && prompt_can_change())
        hide(e);
    display_flush(e->display);
}

static int take_key(FILE *stream)
{
    int byte = keys_take(current->keys);

    (void)stream;
    return byte >= 0 ? byte : EOF;
}

static int key_is_ready(void)
{
    return keys_ready(current->keys) > 0;
}

/* Readline may be in the middle of a search or of a vi command. It starts all over, which also
 * brings vi back to insertion; the kill ring stays. */
void editor_clear_line(struct editor *e)
{
    if (e->closed)
        return;
    show(e);
    rl_callback_sigcleanup();
    rl_free_line_state();
    rl_point = rl_end;
    rl_redisplay();
    fputs("^C\n", rl_outstream);
    rl_callback_handler_remove();
    rl_callback_handler_install(e->prompt, take_line);
    e->prompt_waits = false;
    display_flush(e->display);
}

/* ---- completion */

static char *next_offer(const char *text, int state)
{
    (void)text;
    (void)state;
    if (current->offered == current->offers.count)
        return NULL;
    return alloc_string(current->offers.items[current->offered++]);
}

static char **complete(const char *text, int start, int end)
{
    struct editor *e = current;
    char **matches = NULL;

    (void)start;
    rl_attempted_completion_over = 1; /* or it would go on to names of files */
    e->offered = 0;
    completion_find(span_make(rl_line_buffer, (size_t)end), e->handlers->complete, e->arg,
                    &e->offers);
    if (span_is(e->offers.prefix, text))
        matches = rl_completion_matches(text, next_offer);
    completion_clear(&e->offers);
    /* Readline resets it before each attempt. What ends with = wants its value at once. */
    if (matches != NULL && matches[0][strlen(matches[0]) - 1] == '=')
        rl_completion_append_character = '\0';
    return matches;
}

/* ---- start and end */

/* Text is UTF-8; where nobody has said what the terminal shows, that is the best guess. */
static void choose_characters(void)
{
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static void set_up_readline(void)
{
    /* These would read keys, or sleep, while the loop waits. */
    static const char *const settings[][2] = {
        {"page-completions", "off"},
        {"completion-query-items", "0"},
        {"blink-matching-paren", "off"},
    };

    rl_readline_name = "hashflow"; /* for $if in inputrc */
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_instream = stdin;
    rl_getc_function = take_key;
    rl_input_available_hook = key_is_ready;
    rl_prep_term_function = prepare_settings;
    rl_deprep_term_function = keep_settings;
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = " \t\n"; /* HOST:PORT is one word */
    rl_initialize();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        rl_variable_bind(settings[i][0], settings[i][1]);
    /* By default vi's command mode takes a paste for commands. */
    rl_bind_keyseq_in_map("\033[200~", rl_bracketed_paste_begin, vi_movement_keymap);
}

struct editor *editor_new(struct loop *loop, struct keys *keys,
                          const struct editor_handlers *handlers, void *arg)
{
    struct editor *e = alloc_zero(1, sizeof *e);

    assert(current == NULL);
    e->loop = loop;
    e->keys = keys;
    e->handlers = handlers;
    e->arg = arg;
    e->prompt = alloc_string("");
    e->display = display_new(loop, caught_up, e);
    current = e;
    choose_characters();
    fflush(stdout);
    rl_outstream = display_stream(e->display);
    set_up_readline();
    atexit(editor_restore);
    rl_callback_handler_install(e->prompt, take_line);
    display_flush(e->display);
    return e;
}

void editor_close(struct editor *e)
{
    if (e->closed)
        return;
    editor_restore();
    e->closed = true;
    timer_stop(e->loop, &e->redraw);
    rl_callback_handler_remove();
}

void editor_free(struct editor *e)
{
    if (e == NULL)
        return;
    editor_close(e);
    display_drain(e->display);
    display_free(e->display);
    rl_outstream = stdout;
    current = NULL;
    free(e->prompt);
    free(e);
}
