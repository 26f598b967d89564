/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store on a full disk: a small one of the test's own. What was committed stays, what is
 * confirmed can go, and that makes room.
 */
#include "config.h"

#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../lib/folder.h"
#include "store/outbox.h"
#include "store/peers.h"

enum { SKIP = 77, DISK_LINES = 64000 };

static char disk_lines[DISK_LINES];
static uint64_t disk_last; /* the highest number committed */

/* It goes with the process. */
static bool mount_small(void)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", folder_root, "tmpfs", 0, "size=4m,mode=700") == 0;
}

static bool add_run(struct database *db, int64_t peer)
{
    struct outbox_run run = {.first = disk_last + 1,
                             .last = disk_last + 1,
                             .count = 1,
                             .lines = span_make(disk_lines, DISK_LINES)};

    outbox_add(db, &run, &peer, 1);
    if (!database_commit(db))
        return false;
    disk_last++;
    return true;
}

/* Until not even what the ballast has left helps. */
static bool fill(struct database *db, int64_t peer)
{
    for (int failures = 0; failures < 3; failures++)
        while (add_run(db, peer))
            if (disk_last > 1000)
                return false;
    return true;
}

static bool confirm(struct database *db, int64_t peer, uint64_t upto)
{
    outbox_confirm(db, peer, upto);
    return database_commit(db);
}

static bool holds(struct database *db, int64_t peer, uint64_t lines)
{
    struct outbox_total total;

    outbox_sum(db, peer, 0, &total);
    return total.lines == lines && total.last == disk_last;
}

/* For the child, which cmocka does not know. */
#define CHECK(fact)                                                                                \
    do {                                                                                           \
        if (!(fact)) {                                                                             \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact);                     \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static bool is_there(const char *name)
{
    char *path = folder_path(name);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

/* The other one who is on the disk takes all that is left. */
static void hog(void)
{
    char *path = alloc_print("%s/hog", folder_root);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    CHECK(fd >= 0);
    while (write(fd, disk_lines, DISK_LINES) > 0)
        ;
    close(fd);
    free(path);
}

static struct database *open_on_disk(void)
{
    char *cause;
    struct database *db = database_open(folder_root, &cause);

    CHECK(db != NULL);
    return db;
}

static void fill_and_empty(struct database *db, int64_t peer)
{
    for (int i = 0; i < 10; i++) {
        uint64_t before = disk_last;

        CHECK(fill(db, peer));
        CHECK(disk_last > before + 10);
        CHECK(confirm(db, peer, disk_last - 5));
        CHECK(holds(db, peer, 5));
    }
}

static void live_on_a_full_disk(void)
{
    struct peer_row peer = {.node = "n0de", .name = "bob"};

    if (!mount_small())
        _exit(SKIP);
    memset(disk_lines, 'x', DISK_LINES - 1);
    disk_lines[DISK_LINES - 1] = '\n';
    struct database *db = open_on_disk();
    peers_save(db, &peer);
    CHECK(database_commit(db));
    CHECK(is_there("ballast"));
    CHECK(folder_log_lines == 0);
    CHECK(fill(db, peer.id));
    CHECK(folder_log_lines > 0);
    CHECK(strstr(folder_last_line, "hashflow.db: the disk is full; cure:") != NULL);
    CHECK(!is_there("ballast"));
    CHECK(holds(db, peer.id, disk_last));

    /* Said once, until something could be stored again. */
    int before = folder_log_lines;
    CHECK(!add_run(db, peer.id));
    CHECK(folder_log_lines == before);

    CHECK(confirm(db, peer.id, disk_last));
    fill_and_empty(db, peer.id);
    database_close(db);
    fill_and_empty(db = open_on_disk(), peer.id);
    database_close(db);
    _exit(0);
}

static void start_on_a_full_disk(void)
{
    struct peer_row peer = {.node = "n0de", .name = "bob"};

    if (!mount_small())
        _exit(SKIP);
    memset(disk_lines, '\n', DISK_LINES);
    struct database *db = open_on_disk();
    peers_save(db, &peer);
    CHECK(add_run(db, peer.id));
    database_close(db);
    CHECK(is_there("ballast"));
    hog();
    db = open_on_disk();
    CHECK(!is_there("ballast"));
    CHECK(holds(db, peer.id, 1));
    CHECK(confirm(db, peer.id, 1));
    database_close(db);
    _exit(0);
}

static void expect_child(void (*life)(void))
{
    int status;
    pid_t child = fork();

    assert_return_code(child, errno);
    if (child == 0)
        life();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == SKIP) {
        print_message("# no small disk can be mounted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_full_disk_lets_rows_go(void **state)
{
    (void)state;
    expect_child(live_on_a_full_disk);
}

static void a_full_disk_can_be_started_on(void **state)
{
    (void)state;
    expect_child(start_on_a_full_disk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk_lets_rows_go),
        TEST(a_full_disk_can_be_started_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
