/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pseudo-terminal, pty(7), and libvterm. The slave side is held open here, so that its settings
 * can be asked for after the program has ended.
 */
#include "config.h"

#include "screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <vterm.h>

enum { TEXT_MAX = 65536, READ_MAX = 65536, WRITE_MAX = 512, MODE_TAIL = 8, SLICE_MS = 200 };

struct screen {
    VTerm *vterm;
    VTermScreen *cells;
    int rows, columns;
    int master, slave; /* -1 after a hang-up */
    pid_t pid;
    int pidfd;
    int status; /* -1 while the program runs */
    struct termios before;
    bool frozen;
    bool bracketed_paste;
    size_t escapes;
    char tail[MODE_TAIL]; /* the last bytes printed: a mode may be cut in two */
    char text[TEXT_MAX], typed[TEXT_MAX];
};

static void die(const char *what)
{
    perror(what);
    exit(99);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- start and end */

static void keep_sanitizer_options(void)
{
    static const char *const names[] = {"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    char *values[3];

    for (int i = 0; i < 3; i++)
        values[i] = getenv(names[i]);
    clearenv();
    for (int i = 0; i < 3; i++) {
        if (values[i] != NULL)
            setenv(names[i], values[i], 1);
    }
}

static void run(const char *const argv[], const char *const env[])
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    keep_sanitizer_options();
    for (; *env != NULL; env++)
        putenv((char *)(size_t)*env);
    execvp(argv[0], (char *const *)(size_t)argv);
    die(argv[0]);
}

static void open_vterm(struct screen *s)
{
    s->vterm = vterm_new(s->rows, s->columns);
    vterm_set_utf8(s->vterm, 1);
    s->cells = vterm_obtain_screen(s->vterm);
    vterm_screen_reset(s->cells, 1);
}

static void open_terminal(struct screen *s)
{
    struct winsize size = {.ws_row = (unsigned short)s->rows, .ws_col = (unsigned short)s->columns};

    s->master = posix_openpt(O_RDWR | O_NOCTTY);
    if (s->master == -1 || grantpt(s->master) == -1 || unlockpt(s->master) == -1)
        die("posix_openpt");
    s->slave = open(ptsname(s->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->slave == -1 || ioctl(s->slave, TIOCSWINSZ, &size) == -1)
        die("the terminal");
    fcntl(s->master, F_SETFD, FD_CLOEXEC);
    fcntl(s->master, F_SETFL, O_NONBLOCK);
    tcgetattr(s->slave, &s->before);
}

static void enter_terminal(const struct screen *s)
{
    if (setsid() == -1 || ioctl(s->slave, TIOCSCTTY, 0) == -1)
        die("the controlling terminal");
    for (int fd = 0; fd < 3; fd++)
        dup2(s->slave, fd);
}

struct screen *screen_open(const char *const argv[], const char *const env[], int rows, int columns,
                           int keep_fd)
{
    struct screen *s = calloc(1, sizeof *s);

    if (s == NULL)
        die("calloc");
    s->rows = rows;
    s->columns = columns;
    s->status = -1;
    open_terminal(s);
    open_vterm(s);
    s->pid = fork();
    if (s->pid == -1)
        die("fork");
    if (s->pid == 0) {
        if (keep_fd != -1)
            fcntl(keep_fd, F_SETFD, 0);
        enter_terminal(s);
        run(argv, env);
    }
    s->pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pidfd == -1)
        die("pidfd_open");
    return s;
}

void screen_hang_up(struct screen *s)
{
    close(s->master);
    s->master = -1;
}

void screen_freeze(struct screen *s, bool frozen)
{
    s->frozen = frozen;
}

void screen_close(struct screen *s)
{
    if (s == NULL)
        return;
    if (s->status == -1) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, &s->status, 0);
    }
    if (s->master != -1)
        close(s->master);
    close(s->slave);
    close(s->pidfd);
    vterm_free(s->vterm);
    free(s);
}

pid_t screen_pid(const struct screen *s)
{
    return s->pid;
}

/* ---- what is printed */

static void note_modes(struct screen *s, const char *bytes, size_t len)
{
    static const char mode[] = "\033[?2004";
    const size_t mode_len = sizeof mode - 1;

    for (size_t i = 0; i < len; i++) {
        s->escapes += bytes[i] == '\033';
        if (memcmp(s->tail + MODE_TAIL - mode_len, mode, mode_len) == 0)
            s->bracketed_paste = bytes[i] == 'h';
        memmove(s->tail, s->tail + 1, MODE_TAIL - 1);
        s->tail[MODE_TAIL - 1] = bytes[i];
    }
}

static bool take_output(struct screen *s)
{
    static char bytes[READ_MAX];
    bool closed = s->frozen || s->master == -1;
    ssize_t len = closed ? -1 : read(s->master, bytes, sizeof bytes);

    if (len <= 0)
        return false;
    note_modes(s, bytes, (size_t)len);
    vterm_input_write(s->vterm, bytes, (size_t)len);
    return true;
}

/* Waits for output, for fd if that is not -1, or for room for keys, but not long: what is waited
 * for may depend on something else as well. false after the deadline. */
static bool wait_for(struct screen *s, int fd, bool room, long deadline)
{
    long left = deadline - now_ms();
    struct pollfd fds[2] = {
        {.fd = s->master, .events = (short)((s->frozen ? 0 : POLLIN) | (room ? POLLOUT : 0))},
        {.fd = fd, .events = POLLIN},
    };

    if (left <= 0)
        return false;
    poll(fds, 2, left < SLICE_MS ? (int)left : SLICE_MS);
    take_output(s);
    return true;
}

void screen_look(struct screen *s)
{
    while (take_output(s))
        continue;
}

bool screen_until(struct screen *s, bool (*holds)(struct screen *s, const void *arg),
                  const void *arg)
{
    long deadline = now_ms() + SCREEN_DEADLINE_MS;

    while (!holds(s, arg)) {
        if (!wait_for(s, -1, false, deadline)) {
            fprintf(stderr, "# the screen, after the deadline:\n%s# end of the screen\n",
                    screen_text(s));
            return false;
        }
    }
    return true;
}

static bool can_read(struct screen *s, const void *arg)
{
    struct pollfd fd = {.fd = *(const int *)arg, .events = POLLIN};

    (void)s;
    return poll(&fd, 1, 0) == 1;
}

bool screen_wait_fd(struct screen *s, int fd)
{
    long deadline = now_ms() + SCREEN_DEADLINE_MS;

    while (!can_read(s, &fd)) {
        if (!wait_for(s, fd, false, deadline))
            return false;
    }
    return true;
}

int screen_wait_end(struct screen *s)
{
    if (s->status == -1 && screen_wait_fd(s, s->pidfd))
        waitpid(s->pid, &s->status, 0);
    screen_look(s);
    return s->status;
}

/* ---- keys */

void screen_type_bytes(struct screen *s, const char *bytes, size_t len)
{
    long deadline = now_ms() + SCREEN_DEADLINE_MS;

    while (len > 0) {
        ssize_t done = write(s->master, bytes, len < WRITE_MAX ? len : WRITE_MAX);
        if (done == -1 && (errno != EAGAIN || !wait_for(s, -1, true, deadline)))
            die("the program does not read its keys");
        if (done > 0) {
            bytes += done;
            len -= (size_t)done;
        }
        take_output(s);
    }
}

void screen_type(struct screen *s, const char *keys)
{
    screen_type_bytes(s, keys, strlen(keys));
}

void screen_resize(struct screen *s, int rows, int columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

    screen_look(s);
    s->rows = rows;
    s->columns = columns;
    vterm_set_size(s->vterm, rows, columns);
    ioctl(s->slave, TIOCSWINSZ, &size);
}

/* ---- what the screen shows */

/* Appends a row to text, which ends at end, without its trailing blanks; returns the new end. */
static char *append_row(struct screen *s, int row, char *text, const char *end)
{
    VTermRect rect = {.start_row = row, .end_row = row + 1, .end_col = s->columns};
    size_t len = vterm_screen_get_text(s->cells, text, (size_t)(end - text) - 2, rect);

    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\n';
    text[len + 1] = '\0';
    return text + len + 1;
}

const char *screen_text(struct screen *s)
{
    char *end = s->text;

    for (int row = 0; row < s->rows; row++)
        end = append_row(s, row, end, s->text + TEXT_MAX);
    return s->text;
}

static int prompt_row(struct screen *s, const char *prompt)
{
    for (int row = s->rows - 1; row >= 0; row--) {
        append_row(s, row, s->text, s->text + TEXT_MAX);
        if (strncmp(s->text, prompt, strlen(prompt)) == 0)
            return row;
    }
    return -1;
}

const char *screen_typed(struct screen *s, const char *prompt)
{
    VTermPos cursor;
    int first = prompt_row(s, prompt);

    s->typed[0] = '\0';
    if (first == -1)
        return s->typed;
    vterm_state_get_cursorpos(vterm_obtain_state(s->vterm), &cursor);
    char *end = s->typed + sprintf(s->typed, "%d,%d|", cursor.row - first, cursor.col);
    for (int row = first; row < s->rows; row++)
        end = append_row(s, row, end, s->typed + TEXT_MAX);
    while (end[-1] == '\n')
        *--end = '\0';
    return s->typed;
}

/* Something was printed in its last column, be it a blank: what follows may belong to it. */
static bool is_full(struct screen *s, int row)
{
    VTermScreenCell last;

    vterm_screen_get_cell(s->cells, (VTermPos){row, s->columns - 1}, &last);
    return last.chars[0] != 0;
}

static const char *text_of_long_rows(struct screen *s)
{
    char *end = s->text;

    for (int row = 0; row < s->rows; row++) {
        char *start = end;
        end = append_row(s, row, end, s->text + TEXT_MAX);
        if (!is_full(s, row))
            continue;
        if (end - start - 1 < s->columns)
            end[-1] = ' '; /* the blank that was taken off */
        else
            end--;
        *end = '\0';
    }
    return s->text;
}

static bool text_is_there(struct screen *s, const void *arg)
{
    return strstr(screen_text(s), arg) != NULL || strstr(text_of_long_rows(s), arg) != NULL;
}

bool screen_shows(struct screen *s, const char *text)
{
    return screen_until(s, text_is_there, text);
}

struct typed {
    const char *prompt, *typed;
};

static bool typed_is(struct screen *s, const void *arg)
{
    const struct typed *wanted = arg;

    return strcmp(screen_typed(s, wanted->prompt), wanted->typed) == 0;
}

bool screen_types(struct screen *s, const char *prompt, const char *typed)
{
    struct typed wanted = {prompt, typed};

    if (screen_until(s, typed_is, &wanted))
        return true;
    fprintf(stderr, "# typed: %s\n# wanted: %s\n", screen_typed(s, prompt), typed);
    return false;
}

bool screen_has_bracketed_paste(const struct screen *s)
{
    return s->bracketed_paste;
}

bool screen_is_restored(struct screen *s)
{
    struct termios now;

    if (tcgetattr(s->slave, &now) == -1)
        return false;
    return now.c_iflag == s->before.c_iflag && now.c_oflag == s->before.c_oflag &&
           now.c_cflag == s->before.c_cflag && now.c_lflag == s->before.c_lflag &&
           memcmp(now.c_cc, s->before.c_cc, sizeof now.c_cc) == 0 && !s->bracketed_paste;
}

static bool is_coloured(struct screen *s, int row, int column)
{
    VTermScreenCell cell;

    vterm_screen_get_cell(s->cells, (VTermPos){row, column}, &cell);
    return !VTERM_COLOR_IS_DEFAULT_FG(&cell.fg) || !VTERM_COLOR_IS_DEFAULT_BG(&cell.bg);
}

bool screen_has_colour(struct screen *s)
{
    for (int row = 0; row < s->rows; row++) {
        for (int column = 0; column < s->columns; column++) {
            if (is_coloured(s, row, column))
                return true;
        }
    }
    return false;
}

size_t screen_escapes(const struct screen *s)
{
    return s->escapes;
}
