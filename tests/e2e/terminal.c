/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program at a terminal, as a person sees it: typed lines that messages must not harm, the keys
 * and signals of a keyboard, job control, history, completion, and what is left of the terminal
 * afterwards. The other side is a plain socket, as if somebody had typed into nc.
 *
 * HASHFLOW names the program.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/screen.h"

#define PROMPT       "alice>"
#define PASTE(text)  "\033[200~" text "\033[201~"
#define CTRL(letter) ((letter)&0x1f)

enum { ROWS = 24, COLUMNS = 80, ARGS_MAX = 24, HEARD_MAX = 1 << 20, KEPT_FD = 9 };

/* A program at a terminal, and a peer that is connected to it. */
struct scene {
    struct screen *screen;
    int peer; /* -1 until somebody is connected */
    char *heard;
    size_t heard_len;
};

/* All that a test opens is closed after it, however it ends. */
static struct scene scenes[2];
static char home[64];

/* ---- start and end */

static int setup(void **state)
{
    snprintf(home, sizeof home, "%s/hashflow-terminal-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(home) == NULL)
        return -1;
    for (int i = 0; i < 2; i++)
        scenes[i] = (struct scene){.peer = -1};
    *state = scenes;
    return 0;
}

static void close_scene(struct scene *scene)
{
    screen_close(scene->screen);
    if (scene->peer != -1)
        close(scene->peer);
    free(scene->heard);
    *scene = (struct scene){.peer = -1};
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    close_scene(&scenes[0]);
    close_scene(&scenes[1]);
    snprintf(command, sizeof command, "rm -rf '%s'", home);
    return system(command);
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

/* Strings for arguments and environments; the few of a test are never freed before its end. */
static char *format(const char *pattern, ...)
{
    static char texts[16][4096];
    static unsigned next;
    char *text = texts[next++ % 16];
    va_list list;

    va_start(list, pattern);
    vsnprintf(text, sizeof texts[0], pattern, list);
    va_end(list);
    return text;
}

/* setting: one more NAME=VALUE, or NULL. */
static void open_screen(struct scene *scene, const char *const argv[], const char *setting,
                        int rows, int columns, int keep_fd)
{
    const char *env[] = {
        format("PATH=%s", getenv("PATH")),
        format("HOME=%s", home),
        format("XDG_STATE_HOME=%s/state", home),
        "TERM=xterm",
        "INPUTRC=/dev/null",
        "LC_ALL=C.UTF-8",
        "PS1=sh$ ",
        setting,
        NULL,
    };
    scene->screen = screen_open(argv, env, rows, columns, keep_fd);
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
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void message(struct scene *scene, const char *line);

/* argv[0], -p 0 and what follows are given; arguments come after. The peer has said something when
 * the test begins: one that is silent is nobody. */
static void start_with(struct scene *scene, const char *const arguments[], const char *setting,
                       int rows, int columns)
{
    const char *argv[ARGS_MAX] = {getenv("HASHFLOW"),   "-p", "0", "-n", "alice", "--ready-fd",
                                  format("%d", KEPT_FD)};
    int ready[2];

    for (int i = 7; *arguments != NULL; i++)
        argv[i] = *arguments++;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(dup3(ready[1], KEPT_FD, O_CLOEXEC), KEPT_FD);
    close(ready[1]);
    open_screen(scene, argv, setting, rows, columns, KEPT_FD);
    close(KEPT_FD);
    connect_peer(scene, ready[0]);
    message(scene, "I am here");
    assert_true(screen_shows(scene->screen, PROMPT));
}

static void start_sized(struct scene *scene, int rows, int columns)
{
    start_with(scene, (const char *const[]){NULL}, NULL, rows, columns);
}

static void start(struct scene *scene)
{
    start_sized(scene, ROWS, COLUMNS);
}

/* In vi's way of editing. */
static void start_vi(struct scene *scene)
{
    const char *path = format("%s/inputrc", home);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("set editing-mode vi\n", file);
    fclose(file);
    start_with(scene, (const char *const[]){NULL}, format("INPUTRC=%s", path), ROWS, COLUMNS);
}

/* ---- the peer */

static void say_bytes(struct scene *scene, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t done = send(scene->peer, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) {
            bytes += done;
            len -= (size_t)done;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        screen_look(scene->screen);
    }
}

static void say(struct scene *scene, const char *line)
{
    say_bytes(scene, line, strlen(line));
    say_bytes(scene, "\n", 1);
}

/* A message, and not before it is on the screen does the test go on. */
static void message(struct scene *scene, const char *line)
{
    say(scene, line);
    assert_true(screen_shows(scene->screen, line));
}

/* Has the peer got text as a line of its own, with our name before it? Waits until then. */
static bool hears(struct scene *scene, const char *text)
{
    const char *line = format(" alice %s\n", text);

    while (strstr(scene->heard, line) == NULL) {
        if (!screen_wait_fd(scene->screen, scene->peer))
            return false;
        ssize_t n =
            read(scene->peer, scene->heard + scene->heard_len, HEARD_MAX - 1 - scene->heard_len);
        if (n <= 0)
            return false;
        scene->heard_len += (size_t)n;
    }
    return true;
}

/* ---- short forms */

static void type(struct scene *scene, const char *keys)
{
    screen_type(scene->screen, keys);
}

#define assert_types(scene, typed) assert_true(screen_types((scene)->screen, PROMPT, typed))
#define assert_shows(scene, text)  assert_true(screen_shows((scene)->screen, text))
#define assert_hears(scene, text)  assert_true(hears(scene, text))

static bool is_running(struct scene *scene)
{
    return kill(screen_pid(scene->screen), 0) == 0;
}

static void assert_ends(struct scene *scene, int exit_status)
{
    int status = screen_wait_end(scene->screen);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_status);
    assert_true(screen_is_restored(scene->screen));
}

static void assert_killed_by(struct scene *scene, int signo)
{
    int status = screen_wait_end(scene->screen);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signo);
    assert_true(screen_is_restored(scene->screen));
}

/* ---- incoming text and the typed line */

static void test_message_while_typing(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "half a sen");
    assert_types(scene, "0,17|alice> half a sen");
    message(scene, "interruption");
    assert_types(scene, "0,17|alice> half a sen");
    type(scene, "\002\002\002");
    assert_types(scene, "0,14|alice> half a sen");
    message(scene, "another");
    assert_types(scene, "0,14|alice> half a sen");
    type(scene, "\005tence\r");
    assert_hears(scene, "half a sentence");
}

static void test_line_of_many_rows(void **state)
{
    struct scene *scene = *state;
    char line[201] = "";

    for (int i = 0; i < 20; i++)
        strcat(line, "abcdefghi-");
    start_sized(scene, 12, 40);
    type(scene, line);
    message(scene, "one");
    type(scene, "\001\006\006"); /* the cursor into the first row */
    message(scene, "two");
    message(scene, "three");
    assert_types(scene, "0,9|alice> abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-abcdefghi-abcdefghi-abcdefghi-abc\n"
                        "defghi-");
    assert_shows(scene, "one");
    type(scene, "\r");
    assert_hears(scene, line);
}

static void test_line_that_just_fills_its_row(void **state)
{
    struct scene *scene = *state;

    start_sized(scene, 12, 20);
    type(scene, "1234567890123");
    assert_types(scene, "1,0|alice> 1234567890123");
    message(scene, "hello");
    assert_types(scene, "1,0|alice> 1234567890123");
    type(scene, "4");
    assert_types(scene, "1,1|alice> 1234567890123\n4");
    message(scene, "again");
    type(scene, "\177\177");
    assert_types(scene, "0,19|alice> 123456789012");
}

static void test_wide_characters(void **state)
{
    struct scene *scene = *state;

    start_sized(scene, 12, 20);
    type(scene, "漢字漢字漢字漢字e\u0301\U0001f600"); /* the seventh does not fit into the row */
    assert_types(scene, "1,7|alice> 漢字漢字漢字\n漢字e\u0301\U0001f600");
    message(scene, "お早う");
    assert_types(scene, "1,7|alice> 漢字漢字漢字\n漢字e\u0301\U0001f600");
    type(scene, "\002\002\002\r");
    assert_hears(scene, "漢字漢字漢字漢字e\u0301\U0001f600");
}

static void test_search_in_history(void **state)
{
    struct scene *scene = *state;
    const char *search = "(reverse-i-search)`e':";

    start(scene);
    type(scene, "needle in a haystack\rother\r");
    assert_hears(scene, "other");
    type(scene, "\022e");
    assert_true(screen_types(scene->screen, search, "0,26|(reverse-i-search)`e': other"));
    message(scene, "interruption");
    assert_true(screen_types(scene->screen, search, "0,26|(reverse-i-search)`e': other"));
    type(scene, "e");
    search = "(reverse-i-search)`ee':";
    assert_true(
        screen_types(scene->screen, search, "0,25|(reverse-i-search)`ee': needle in a haystack"));
    message(scene, "again");
    type(scene, "\005!");
    assert_types(scene, "0,28|alice> needle in a haystack!");
}

static void test_half_a_character_in_a_search(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "\022\xc3");
    message(scene, "still there");
    type(scene, "\xa9");
    assert_true(screen_types(scene->screen, "(failed reverse-i-search)",
                             "0,30|(failed reverse-i-search)`\u00e9':"));
    type(scene, "\003");
    assert_shows(scene, "^C");
    type(scene, "\022");
    assert_shows(scene, "(reverse-i-search)`'");
    type(scene, "\xe2\x82");
    message(scene, "and still");
    type(scene, "\003");
    assert_types(scene, "0,7|alice>");
    type(scene, "alive\r");
    assert_hears(scene, "alive");
}

static void test_numeric_argument(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "ab\0334");
    assert_true(screen_types(scene->screen, "(arg: 4)", "0,11|(arg: 4) ab"));
    message(scene, "interruption");
    assert_true(screen_types(scene->screen, "(arg: 4)", "0,11|(arg: 4) ab"));
    type(scene, "x");
    assert_types(scene, "0,13|alice> abxxxx");
    type(scene, "\0332");
    assert_true(screen_types(scene->screen, "(arg: 2)", "0,15|(arg: 2) abxxxx"));
    kill(screen_pid(scene->screen), SIGINT);
    assert_shows(scene, "^C");
    assert_types(scene, "0,7|alice>");
    type(scene, "y\0333z");
    assert_types(scene, "0,11|alice> yzzz");
}

static void test_vi_with_a_command_pending(void **state)
{
    struct scene *scene = *state;

    start_vi(scene);
    type(scene, "one two three");
    type(scene, "\033");
    assert_types(scene, "0,19|alice> one two three");
    type(scene, "0d");
    assert_types(scene, "0,7|alice> one two three");
    message(scene, "interruption");
    type(scene, "w");
    assert_types(scene, "0,7|alice> two three");
    type(scene, "f");
    message(scene, "another");
    type(scene, "r");
    assert_types(scene, "0,13|alice> two three");
    type(scene, "D");
    assert_types(scene, "0,12|alice> two th");
    type(scene, "A.\r");
    assert_hears(scene, "two th.");
}

static void test_burst(void **state)
{
    enum { LINES = 5000 };
    struct scene *scene = *state;

    start_sized(scene, 12, 40);
    type(scene, "a line that is a little longer than its row");
    assert_types(scene, "1,10|alice> a line that is a little longer th\nan its row");
    for (int i = 0; i < LINES; i++) {
        say(scene, format("line %d of the burst", i));
        if (i % 100 == 0)
            type(scene, "."); /* keys come in between */
    }
    assert_shows(scene, format("line %d of the burst", LINES - 1));
    assert_types(scene, "2,20|alice> a line that is a little longer th\n"
                        "an its row..............................\n"
                        "....................");
}

/* ---- the same keys with and without messages */

static unsigned long seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(seed >> 33) % sides;
}

static const char *const random_keys[] = {
    "a",
    "b",
    "c ",
    "word ",
    "\u00e9",
    "漢",
    "\U0001f600",
    "e\u0301",
    "a long stretch of text ",
    "\001",
    "\005",
    "\002",
    "\006",
    "\002\002\002", /* to both ends, and around */
    "\033b",
    "\033f",
    "\033[D",
    "\033[C",
    "\033OH",
    "\033[1;5D",
    "\177",
    "\033[3~",
    "\013",
    "\025",
    "\027",
    "\031",
    "\033d",
    "\024", /* kill, yank, transpose */
    "\033[A",
    "\033[B",
    "\033<",
    "\033>", /* history */
    "\022o",
    "\022\022",
    "\023",
    "\007", /* search */
    "\0333",
    "\033-",
    "\0332\0335", /* numeric arguments */
    "\026\011",
    "\035o", /* the next key literally; go to the next o */
    "\037",
    "\033r",
    "\033u",
    "\033\\", /* undo and others */
    PASTE("pasted"),
    PASTE("two\rlines"),
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
        type(without, keys);
        type(with, keys);
        if (dice(2) == 0)
            message(with, format("message %d", i));
    }
}

static bool is_same(struct screen *with, const void *arg)
{
    struct screen *without = *(struct screen *const *)arg;

    screen_look(without);
    const char *typed = screen_typed(without, PROMPT);
    return strchr(typed, 'Z') != NULL && strcmp(screen_typed(with, PROMPT), typed) == 0;
}

static void test_same_line_with_and_without_messages(void **state)
{
    struct scene *with = *state, *without = with + 1;

    for (unsigned long round = 1; round <= 25; round++) {
        seed = round;
        print_message("# seed %lu\n", seed);
        start_sized(with, 20, 33);
        start_sized(without, 20, 33);
        type(with, "needle one\rneedle two, a line of two rows or more\r");
        type(without, "needle one\rneedle two, a line of two rows or more\r");
        same_keys(with, without, 15);
        type(with, "\007\007\007\005Z"); /* out of everything, and a mark at the end */
        type(without, "\007\007\007\005Z");
        bool same = screen_until(with->screen, is_same, &without->screen);
        print_message("# without: %s\n", screen_typed(without->screen, PROMPT));
        print_message("# with:    %s\n", screen_typed(with->screen, PROMPT));
        assert_true(same);
        close_scene(with);
        close_scene(without);
    }
}

/* ---- pastes */

static void test_paste_in_progress(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "so: \033[200~first ");
    message(scene, "interruption");
    type(scene, "second\033[2");
    message(scene, "another");
    type(scene, "01~!");
    assert_types(scene, "0,24|alice> so: first second!");
}

static void test_paste_without_an_end(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "\033[200~cut off");
    message(scene, "interruption");
    assert_types(scene, "0,14|alice> cut off");
    type(scene, ".\r");
    assert_hears(scene, "cut off.");
}

static void test_pasted_commands_do_not_run(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, PASTE("one\r/quit\r/echo two") "\r");
    assert_hears(scene, "one");
    assert_hears(scene, "/quit");
    assert_hears(scene, "/echo two");
    assert_true(is_running(scene));
}

/* The editor waits for a key in each of these, and would take a pasted CR for Enter. */
static void test_paste_into_a_pending_command(void **state)
{
    struct scene *scene = *state;

    start_vi(scene);
    type(scene, "x\033");
    assert_types(scene, "0,7|alice> x");
    type(scene, PASTE("first\r/quit\r"));
    type(scene, "\r");
    assert_hears(scene, "first");
    assert_hears(scene, "/quit");
    type(scene, "\026" PASTE("/quit\r/quit\r") "\r");
    type(scene, "\rafter\r");
    assert_hears(scene, "after");
    assert_true(is_running(scene));
}

static void test_what_a_paste_must_not_hold(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, PASTE("a\xc2\x9b"
                      "b\u202e"
                      "c\007d\xff\u200b"
                      "e"));
    assert_types(scene, "0,12|alice> abcde");
    type(scene, "\r");
    assert_hears(scene, "abcde");
}

static void test_long_paste(void **state)
{
    enum { LONG = 200 * 1024 };
    struct scene *scene = *state;
    char *text = malloc(LONG);

    assert_non_null(text);
    memset(text, 'x', LONG);
    start(scene);
    type(scene, "\033[200~");
    screen_type_bytes(scene->screen, text, LONG);
    type(scene, "\033[201~");
    free(text);
    assert_shows(scene, "left out");
    kill(screen_pid(scene->screen), SIGINT);
    assert_shows(scene, "^C");
    type(scene, "after\r");
    assert_hears(scene, "after");
}

static void test_lines_typed_ahead(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "one\rtwo\r/echo three\rfour\r");
    assert_hears(scene, "one");
    assert_hears(scene, "two");
    assert_hears(scene, "four");
    assert_null(strstr(scene->heard, "three"));
}

/* ---- keys with a meaning of their own */

static void test_interrupt_clears_the_line(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "killed\025never sent");
    assert_types(scene, "0,17|alice> never sent");
    type(scene, "\003");
    assert_shows(scene, "never sent^C");
    assert_types(scene, "0,7|alice>");
    type(scene, "\031");
    assert_types(scene, "0,13|alice> killed");
    type(scene, "\r");
    assert_hears(scene, "killed");
    assert_null(strstr(scene->heard, "never sent"));
}

static void test_second_interrupt_quits(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "x");
    assert_types(scene, "0,8|alice> x");
    type(scene, "\003");
    assert_shows(scene, "x^C");
    assert_types(scene, "0,7|alice>");
    type(scene, "y"); /* begins the count again */
    assert_types(scene, "0,8|alice> y");
    type(scene, "\003");
    assert_shows(scene, "y^C");
    assert_types(scene, "0,7|alice>");
    type(scene, "\003");
    assert_ends(scene, 0);
}

static void test_interrupt_of_a_line_of_many_rows(void **state)
{
    struct scene *scene = *state;

    start_sized(scene, 12, 20);
    type(scene, "abcdefghijklmnopqrstuvwxyz\001");
    assert_types(scene, "0,7|alice> abcdefghijklm\nnopqrstuvwxyz");
    type(scene, "\003");
    assert_shows(scene, "nopqrstuvwxyz^C\nalice>");
}

static void test_interrupt_in_vi_begins_with_insertion(void **state)
{
    struct scene *scene = *state;

    start_vi(scene);
    type(scene, "abc\033");
    assert_types(scene, "0,9|alice> abc");
    type(scene, "\003");
    assert_shows(scene, "abc^C");
    type(scene, "ix\r");
    assert_hears(scene, "ix");
}

static void test_end_of_file_key(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "ab\001\004"); /* deletes a character: the line is not empty */
    assert_types(scene, "0,7|alice> b");
    type(scene, "\004\004");
    assert_ends(scene, 0);
}

static void test_stop_key_does_not_freeze(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "\023");
    message(scene, "not frozen");
}

static void test_resize(void **state)
{
    struct scene *scene = *state;

    start_sized(scene, 12, 40);
    type(scene, "a line that needs more than one row of this screen");
    assert_types(scene, "1,17|alice> a line that needs more than one r\now of this screen");
    screen_resize(scene->screen, 12, 60);
    assert_types(scene, "0,57|alice> a line that needs more than one row of this screen");
    screen_resize(scene->screen, 12, 30);
    assert_types(scene, "1,27|alice> a line that needs more\nthan one row of this screen");
    message(scene, "interruption");
    assert_types(scene, "1,27|alice> a line that needs more\nthan one row of this screen");
    type(scene, ".\r");
    assert_hears(scene, "a line that needs more than one row of this screen.");
}

/* ---- completion and history */

static void test_completion(void **state)
{
    struct scene *scene = *state;

    start(scene);
    say(scene, "127.0.0.1:9 bob hello there");
    assert_shows(scene, "hello there");
    type(scene, "/who\t");
    assert_types(scene, "0,15|alice> /whoami");
    type(scene, "\025/to b\t");
    assert_types(scene, "0,15|alice> /to bob");
    type(scene, "\025/p\t\t");
    assert_shows(scene, "/peers");
    assert_shows(scene, "/ping");
    assert_types(scene, "0,9|alice> /p");
    type(scene, "\025b\t"); /* no names of files, no peers in text */
    message(scene, "done");
    assert_types(scene, "0,8|alice> b");
}

static const char *history_file(void)
{
    return format("%s/node/history", home);
}

static void start_with_state(struct scene *scene)
{
    start_with(scene, ARGUMENTS("--state", format("%s/node", home)), NULL, ROWS, COLUMNS);
}

static void test_history_of_the_last_run(void **state)
{
    struct scene *scene = *state;
    struct stat file;

    start_with_state(scene);
    type(scene, "first\rfirst\r hidden\r" PASTE("two\rlines") "\r\004");
    assert_ends(scene, 0);
    assert_int_equal(stat(history_file(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    assert_int_equal(stat(format("%s/node", home), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0700);
    close_scene(scene);

    assert_int_equal(chmod(history_file(), 0644), 0);
    start_with_state(scene);
    type(scene, "\033[A");
    assert_types(scene, "1,5|alice> two\nlines");
    type(scene, "\033[A");
    assert_types(scene, "0,12|alice> first");
    type(scene, "\033[A"); /* there is nothing before it */
    message(scene, "interruption");
    assert_types(scene, "0,12|alice> first");
    type(scene, "\025third\r\004");
    assert_ends(scene, 0);
    assert_int_equal(stat(history_file(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    close_scene(scene);

    start_with_state(scene);
    type(scene, "\033[A\033[A\033[A\033[A");
    assert_types(scene, "0,12|alice> first");
}

/* ---- what is shown */

static void test_escapes_from_afar(void **state)
{
    struct scene *scene = *state;

    start(scene);
    say(scene, "a\033[31mred\033[2J\007\xc2\x9b"
               "2J\u202e!\xff\\");
    assert_shows(scene, "a\\x1b[31mred\\x1b[2J\\x07\\u{9b}2J\\u{202e}!\\xff\\\\");
    assert_types(scene, "0,7|alice>");
}

static void test_no_colour(void **state)
{
    struct scene *scene = *state;

    start_with(scene, (const char *const[]){NULL}, "NO_COLOR=1", ROWS, COLUMNS);
    say(scene, "127.0.0.1:9 bob hello there");
    assert_shows(scene, "hello there");
    type(scene, "/peers\r/nonsense\rtext\r");
    assert_hears(scene, "text");
    message(scene, "last");
    assert_false(screen_has_colour(scene->screen));
}

static void test_dumb_terminal(void **state)
{
    struct scene *scene = *state;
    const char *argv[] = {getenv("HASHFLOW"),    "-p", "0", "-n", "alice", "--ready-fd",
                          format("%d", KEPT_FD), NULL};
    int ready[2];

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(dup3(ready[1], KEPT_FD, O_CLOEXEC), KEPT_FD);
    close(ready[1]);
    open_screen(scene, argv, "TERM=dumb", ROWS, COLUMNS, KEPT_FD);
    close(KEPT_FD);
    connect_peer(scene, ready[0]);
    message(scene, "to a plain terminal");
    type(scene, "plain\n");
    assert_hears(scene, "plain");
    type(scene, "\004");
    assert_ends(scene, 0);
    assert_int_equal(screen_escapes(scene->screen), 0);
}

/* In a network of its own, or 7216 may be another's. */
static void test_asks_for_the_port(void **state)
{
    struct scene *scene = *state;
    const char *script = format("ip link set lo up && exec '%s' -n alice", getenv("HASHFLOW"));
    const char *argv[] = {"unshare", "-rn", "sh", "-c", script, NULL};

    if (system("unshare -rn ip link set lo up 2>/dev/null") != 0) {
        print_message("# no network of our own here\n");
        skip();
    }
    open_screen(scene, argv, NULL, ROWS, COLUMNS, -1);
    assert_shows(scene, "7216");
    assert_null(strstr(screen_text(scene->screen), PROMPT));
    type(scene, "\n");
    assert_shows(scene, PROMPT);
    type(scene, "\004");
    assert_ends(scene, 0);
}

/* ---- every way to end */

static void test_quit(void **state)
{
    struct scene *scene = *state;

    start(scene);
    assert_true(screen_has_bracketed_paste(scene->screen));
    type(scene, "/quit\r");
    assert_ends(scene, 0);
}

static void test_ended_by_a_signal(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "half a line");
    assert_types(scene, "0,18|alice> half a line");
    kill(screen_pid(scene->screen), SIGTERM);
    assert_ends(scene, 0);
    assert_null(strstr(screen_text(scene->screen), "half a line"));
}

static void test_ended_by_a_second_signal(void **state)
{
    struct scene *scene = *state;

    start_with(scene, ARGUMENTS("--drain", "600"), "DRIVER_STAY=1", ROWS, COLUMNS);
    type(scene, "/msg 127.0.0.1:1 never delivered\r/echo waiting\r");
    assert_shows(scene, "waiting\n");
    kill(screen_pid(scene->screen), SIGTERM);
    message(scene, "still draining");
    type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    kill(screen_pid(scene->screen), SIGTERM);
    assert_killed_by(scene, SIGTERM);
}

static void test_ended_by_the_quit_key(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "\034");
    assert_killed_by(scene, SIGQUIT);
}

static void test_ended_by_a_hang_up(void **state)
{
    struct scene *scene = *state;

    start(scene);
    screen_hang_up(scene->screen);
    assert_int_not_equal(screen_wait_end(scene->screen), -1);
}

/* ---- under a shell */

static void start_shell(struct scene *scene)
{
    open_screen(scene, ARGUMENTS("sh", "-i"), NULL, ROWS, COLUMNS, -1);
    assert_shows(scene, "sh$");
}

static void test_suspended_and_resumed(void **state)
{
    struct scene *scene = *state;

    start_shell(scene);
    type(scene, format("'%s' -p 0 -n alice\n", getenv("HASHFLOW")));
    assert_shows(scene, PROMPT);
    type(scene, "half a line");
    assert_types(scene, "0,18|alice> half a line");
    type(scene, "\032");
    assert_shows(scene, "Stopped");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    assert_false(screen_has_bracketed_paste(scene->screen));
    type(scene, "echo e''cho\n");
    assert_shows(scene, "\necho\n");
    type(scene, "fg\n");
    assert_types(scene, "0,18|alice> half a line");
    assert_true(screen_has_bracketed_paste(scene->screen));
    type(scene, "\032");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    type(scene, "bg\n"); /* stops again by itself: it wants to read keys */
    type(scene, "fg\n");
    assert_types(scene, "0,18|alice> half a line");
    type(scene, "\025/quit\r");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    type(scene, "exit\n");
    assert_ends(scene, 0);
}

static void test_started_in_the_background(void **state)
{
    struct scene *scene = *state;

    start_shell(scene);
    type(scene, format("'%s' -p 0 -n alice &\n", getenv("HASHFLOW")));
    type(scene, "while ! grep -q 'State:.T' /proc/$!/status; do :; done; echo st''opped\n");
    assert_shows(scene, "stopped");
    type(scene, "fg\n");
    assert_shows(scene, PROMPT);
    type(scene, "abc\177");
    assert_types(scene, "0,9|alice> ab");
    type(scene, "\025\004");
    assert_true(screen_types(scene->screen, "sh$", "0,4|sh$"));
    type(scene, "exit\n");
    assert_ends(scene, 0);
}

/* An orphan cannot be stopped by Ctrl-Z: there is nobody to resume it. */
static void test_suspended_without_a_shell(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    type(scene, "\032");
    message(scene, "interruption");
    assert_types(scene, "0,11|alice> half");
    assert_true(screen_has_bracketed_paste(scene->screen));
    type(scene, "\r");
    assert_hears(scene, "half");
}

static void test_stopped_by_another(void **state)
{
    struct scene *scene = *state;

    start(scene);
    type(scene, "half");
    assert_types(scene, "0,11|alice> half");
    kill(screen_pid(scene->screen), SIGSTOP);
    kill(screen_pid(scene->screen), SIGCONT);
    type(scene, " and half\r");
    assert_hears(scene, "half and half");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_message_while_typing),
        TEST(test_line_of_many_rows),
        TEST(test_line_that_just_fills_its_row),
        TEST(test_wide_characters),
        TEST(test_search_in_history),
        TEST(test_half_a_character_in_a_search),
        TEST(test_numeric_argument),
        TEST(test_vi_with_a_command_pending),
        TEST(test_burst),
        TEST(test_same_line_with_and_without_messages),
        TEST(test_paste_in_progress),
        TEST(test_paste_without_an_end),
        TEST(test_pasted_commands_do_not_run),
        TEST(test_paste_into_a_pending_command),
        TEST(test_what_a_paste_must_not_hold),
        TEST(test_long_paste),
        TEST(test_lines_typed_ahead),
        TEST(test_interrupt_clears_the_line),
        TEST(test_second_interrupt_quits),
        TEST(test_interrupt_of_a_line_of_many_rows),
        TEST(test_interrupt_in_vi_begins_with_insertion),
        TEST(test_end_of_file_key),
        TEST(test_stop_key_does_not_freeze),
        TEST(test_resize),
        TEST(test_completion),
        TEST(test_history_of_the_last_run),
        TEST(test_escapes_from_afar),
        TEST(test_no_colour),
        TEST(test_dumb_terminal),
        TEST(test_asks_for_the_port),
        TEST(test_quit),
        TEST(test_ended_by_a_signal),
        TEST(test_ended_by_a_second_signal),
        TEST(test_ended_by_the_quit_key),
        TEST(test_ended_by_a_hang_up),
        TEST(test_suspended_and_resumed),
        TEST(test_started_in_the_background),
        TEST(test_suspended_without_a_shell),
        TEST(test_stopped_by_another),
    };
    if (getenv("HASHFLOW") == NULL || access(getenv("HASHFLOW"), X_OK) != 0) {
        puts("1..0 # SKIP HASHFLOW does not name a program");
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
