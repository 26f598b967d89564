/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A folder, a pipe by which the program says that it listens, a socket.
 */
#include "config.h"

#include "scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ARGUMENTS_MAX = 24,
    HEARD_MAX = 1 << 20,
    TEXTS = 32,
    TEXT_MAX = 4096,
};

static struct scene scenes[2];
static char home[64];

/* ---- before and after a test */

bool scene_has_program(void)
{
    const char *program = getenv("HASHFLOW");

    signal(SIGPIPE, SIG_IGN);
    if (program != NULL && access(program, X_OK) == 0)
        return true;
    puts("1..0 # SKIP HASHFLOW does not name a program");
    return false;
}

int scene_setup(void **state)
{
    const char *temporary = getenv("TMPDIR");

    snprintf(home, sizeof home, "%s/hashflow-terminal-XXXXXX",
             temporary != NULL ? temporary : "/tmp");
    if (mkdtemp(home) == NULL)
        return -1;
    for (int i = 0; i < 2; i++)
        scenes[i] = (struct scene){.peer = -1};
    *state = scenes;
    return 0;
}

void scene_end(struct scene *scene)
{
    screen_close(scene->screen);
    if (scene->peer != -1)
        close(scene->peer);
    free(scene->heard);
    *scene = (struct scene){.peer = -1};
}

int scene_teardown(void **state)
{
    (void)state;
    scene_end(&scenes[0]);
    scene_end(&scenes[1]);
    return system(scene_text("rm -rf '%s'", home));
}

const char *scene_home(void)
{
    return home;
}

char *scene_text(const char *format, ...)
{
    static char texts[TEXTS][TEXT_MAX];
    static unsigned next;
    char *text = texts[next++ % TEXTS];
    va_list list;

    va_start(list, format);
    vsnprintf(text, TEXT_MAX, format, list);
    va_end(list);
    return text;
}

/* ---- start */

static void open_screen(struct scene *scene, const char *const argv[], const char *setting,
                        int rows, int columns, int keep_fd)
{
    const char *env[] = {
        scene_text("PATH=%s", getenv("PATH")),
        scene_text("HOME=%s", home),
        scene_text("XDG_STATE_HOME=%s/state", home),
        "TERM=xterm",
        "INPUTRC=/dev/null",
        "LC_ALL=C.UTF-8",
        "PS1=sh$ ",
        setting,
        NULL,
    };
    scene->screen = screen_open(argv, env, rows, columns, keep_fd);
}

void scene_open(struct scene *scene, const char *const argv[])
{
    open_screen(scene, argv, NULL, ROWS, COLUMNS, -1);
}

static int connect_to(const char *address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_port = htons((uint16_t)atoi(strrchr(address, ':') + 1));
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void connect_peer(struct scene *scene, int ready)
{
    char address[128] = "";
    size_t len = 0;

    while (strchr(address, '\n') == NULL) {
        assert_true(screen_wait_fd(scene->screen, ready));
        ssize_t n = read(ready, address + len, sizeof address - 1 - len);
        assert_true(n > 0);
        len += (size_t)n;
    }
    close(ready);
    scene->peer = connect_to(address);
    scene->heard = calloc(1, HEARD_MAX);
    assert_non_null(scene->heard);
    scene_message(scene, "I am here");
}

static void start_program(struct scene *scene, const char *const arguments[], const char *setting,
                          int rows, int columns)
{
    const char *argv[ARGUMENTS_MAX] = {getenv("HASHFLOW"), "-p", "0", "-n", "alice", "--ready-fd"};
    int ready[2], count = 6;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    argv[count++] = scene_text("%d", ready[1]);
    while (*arguments != NULL)
        argv[count++] = *arguments++;
    open_screen(scene, argv, setting, rows, columns, ready[1]);
    close(ready[1]);
    connect_peer(scene, ready[0]);
}

static const char *const none[] = {NULL};

void scene_start_with(struct scene *scene, const char *const arguments[], const char *setting,
                      int rows, int columns)
{
    start_program(scene, arguments, setting, rows, columns);
    assert_shows(scene, PROMPT);
}

void scene_start_sized(struct scene *scene, int rows, int columns)
{
    scene_start_with(scene, none, NULL, rows, columns);
}

void scene_start(struct scene *scene)
{
    scene_start_sized(scene, ROWS, COLUMNS);
}

void scene_start_vi(struct scene *scene)
{
    const char *path = scene_text("%s/inputrc", home);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("set editing-mode vi\n", file);
    fclose(file);
    scene_start_with(scene, none, scene_text("INPUTRC=%s", path), ROWS, COLUMNS);
}

void scene_start_dumb(struct scene *scene)
{
    start_program(scene, none, "TERM=dumb", ROWS, COLUMNS);
}

/* ---- keys and lines */

void scene_type(struct scene *scene, const char *keys)
{
    screen_type(scene->screen, keys);
}

static void send_all(struct scene *scene, const char *bytes, size_t len)
{
    struct pollfd peer = {.fd = scene->peer, .events = POLLOUT};

    while (len > 0) {
        ssize_t done = send(scene->peer, bytes, len, MSG_DONTWAIT);
        if (done > 0) {
            bytes += done;
            len -= (size_t)done;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        screen_look(scene->screen);
        poll(&peer, 1, SCREEN_DEADLINE_MS / 100);
    }
}

void scene_say(struct scene *scene, const char *line)
{
    send_all(scene, line, strlen(line));
    send_all(scene, "\n", 1);
}

void scene_message(struct scene *scene, const char *line)
{
    scene_say(scene, line);
    assert_shows(scene, line);
}

bool scene_hears(struct scene *scene, const char *text)
{
    const char *line = scene_text(" alice %s\n", text);

    while (strstr(scene->heard, line) == NULL) {
        if (!screen_wait_fd(scene->screen, scene->peer))
            break;
        ssize_t n =
            read(scene->peer, scene->heard + scene->heard_len, HEARD_MAX - 1 - scene->heard_len);
        if (n <= 0)
            break;
        scene->heard_len += (size_t)n;
    }
    if (strstr(scene->heard, line) != NULL)
        return true;
    print_message("# heard: %s# the screen:\n%s", scene->heard, screen_text(scene->screen));
    return false;
}

/* ---- end */

static bool left_as_it_was(struct scene *scene, bool expected, int status)
{
    if (expected && screen_is_restored(scene->screen))
        return true;
    print_message("# status 0x%x, the terminal is %s\n%s", (unsigned)status,
                  screen_is_restored(scene->screen) ? "as it was" : "left changed",
                  screen_text(scene->screen));
    return false;
}

bool scene_ends(struct scene *scene, int exit_status)
{
    int status = screen_wait_end(scene->screen);

    return left_as_it_was(scene, WIFEXITED(status) && WEXITSTATUS(status) == exit_status, status);
}

bool scene_is_killed(struct scene *scene, int signo)
{
    int status = screen_wait_end(scene->screen);

    return left_as_it_was(scene, WIFSIGNALED(status) && WTERMSIG(status) == signo, status);
}
