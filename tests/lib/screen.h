/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A program in a terminal of its own: a pseudo-terminal whose screen is libvterm's. Keys go in, the
 * screen is looked at; whoever waits, waits for what the screen shows, with a deadline. It does not
 * know the program.
 */
#ifndef HASHFLOW_TESTS_SCREEN_H
#define HASHFLOW_TESTS_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SCREEN_DEADLINE_MS = 20000 };

struct screen;

/* Starts argv in an environment of only env (NAME=VALUE) and what sanitizers want. keep_fd, if not
 * -1, is inherited under its number. Ends the test program if that cannot be done. */
struct screen *screen_open(const char *const argv[], const char *const env[], int rows, int columns,
                           int keep_fd);
void screen_close(struct screen *s); /* kills the program if it still runs */

pid_t screen_pid(const struct screen *s);

void screen_type(struct screen *s, const char *keys);
void screen_type_bytes(struct screen *s, const char *bytes, size_t len);
void screen_resize(struct screen *s, int rows, int columns);
void screen_hang_up(struct screen *s);             /* as when the window is closed */
void screen_freeze(struct screen *s, bool frozen); /* takes nothing of what is printed */

/* All rows, without trailing blanks, each with a LF. Valid until the next call. */
const char *screen_text(struct screen *s);

/* What is being typed: from the last row that begins with prompt (without its last blank) to the
 * last that is not blank, with the cursor as a bar in front: "ROW,COLUMN|text". ROW counts from the
 * prompt. "" if there is no such row. Valid until the next call. */
const char *screen_typed(struct screen *s, const char *prompt);

void screen_look(struct screen *s); /* takes in what has been printed so far */

/* Takes in what the program prints until holds() is true; false when the deadline is over, and then
 * the screen is printed. */
bool screen_until(struct screen *s, bool (*holds)(struct screen *s, const void *arg),
                  const void *arg);

/* Waits until the text is there, even if it goes on in the next row. */
bool screen_shows(struct screen *s, const char *text);
bool screen_types(struct screen *s, const char *prompt,
                  const char *typed); /* screen_typed() is it */

/* Waits until fd can be read, and takes in what the program prints meanwhile. */
bool screen_wait_fd(struct screen *s, int fd);

/* Waits for the end of the program: its status as in waitpid(2), -1 after the deadline. */
int screen_wait_end(struct screen *s);

/* Has the terminal the settings it had before the program, and bracketed paste off? */
bool screen_is_restored(struct screen *s);
bool screen_has_bracketed_paste(const struct screen *s);

bool screen_has_colour(struct screen *s);      /* now, in any cell */
size_t screen_escapes(const struct screen *s); /* ESC printed since the start */

#endif
