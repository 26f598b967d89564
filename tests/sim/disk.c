/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SQLite's databases in memory, made the default: a name that begins with a slash is one database
 * for all connections of this program, for as long as one is open. What a process had not committed
 * when it was killed is rolled back, because its last commit is refused.
 */
#include "config.h"

#include "disk.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "store/identity.h"

struct disk {
    char *folder, *database, *identity, *ballast;
    sqlite3 *keeper; /* keeps the database between two processes */
    bool (*may_commit)(void *arg);
    void *arg;
};

static struct disk disks[MACHINES];
static char *parent;
static sqlite3_vfs *memory;

static struct disk *disk_of(const struct machine *m)
{
    return &disks[m - world.machines];
}

/* ---- memory that takes the hints that a file takes */

static int control(sqlite3_file *file, int what, void *arg)
{
    (void)file;
    (void)arg;
    return what == SQLITE_FCNTL_SIZE_HINT || what == SQLITE_FCNTL_CHUNK_SIZE ? SQLITE_OK
                                                                             : SQLITE_NOTFOUND;
}

static int open_memory(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    static sqlite3_io_methods methods;
    int result = memory->xOpen(vfs, name, file, flags, out);

    if (result == SQLITE_OK) {
        methods = *file->pMethods;
        methods.xFileControl = control;
        file->pMethods = &methods;
    }
    return result;
}

static bool register_memory(void)
{
    static sqlite3_vfs vfs;

    sqlite3_initialize();
    memory = sqlite3_vfs_find("memdb");
    if (memory == NULL)
        return false;
    vfs = *memory;
    vfs.pNext = NULL;
    vfs.zName = "disk";
    vfs.xOpen = open_memory;
    return sqlite3_vfs_register(&vfs, 1) == SQLITE_OK;
}

/* ---- the folders, for the few small files beside the databases */

static bool make_folder(int i)
{
    struct disk *d = &disks[i];

    d->folder = alloc_print("%s/%c", parent, 'A' + i);
    d->database = alloc_print("%s/hashflow.db", d->folder);
    d->identity = alloc_print("%s/node", d->folder);
    d->ballast = alloc_print("%s/ballast", d->folder);
    return mkdir(d->folder, 0700) == 0;
}

bool disks_open(void)
{
    const char *place = getenv("TMPDIR");
    bool good = register_memory();

    parent = alloc_print("%s/hashflow-sim-XXXXXX", place != NULL ? place : "/tmp");
    good = good && mkdtemp(parent) != NULL;
    for (int i = 0; i < MACHINES && good; i++)
        good = make_folder(i);
    return good;
}

void disks_close(void)
{
    for (int i = 0; i < MACHINES; i++) {
        struct disk *d = &disks[i];
        unlink(d->database);
        unlink(d->identity);
        unlink(d->ballast);
        rmdir(d->folder);
        free(d->database);
        free(d->identity);
        free(d->ballast);
        free(d->folder);
    }
    rmdir(parent);
    free(parent);
}

/* ---- one seed */

/* The id that a node would make for itself, without waiting for a real disk to have it. */
static void write_identity(const struct disk *d)
{
    char id[IDENTITY_TEXT];
    int fd = open(d->identity, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    identity_make(id);
    id[IDENTITY_TEXT - 1] = '\n';
    if (fd < 0 || write(fd, id, sizeof id) != (ssize_t)sizeof id)
        abort();
    close(fd);
}

void disk_begin(const struct machine *m)
{
    struct disk *d = disk_of(m);

    if (sqlite3_open(d->database, &d->keeper) != SQLITE_OK)
        abort();
    write_identity(d);
}

void disk_end(const struct machine *m)
{
    struct disk *d = disk_of(m);

    sqlite3_close(d->keeper);
    d->keeper = NULL;
}

static int refuses(void *arg)
{
    const struct disk *d = arg;

    return !d->may_commit(d->arg);
}

struct database *disk_database(const struct machine *m, bool (*may_commit)(void *arg), void *arg)
{
    struct disk *d = disk_of(m);
    char *cause;
    struct database *db = database_open(d->folder, &cause);

    if (db == NULL) {
        violation("%c: %s", m->letter, cause);
        abort();
    }
    d->may_commit = may_commit;
    d->arg = arg;
    sqlite3_commit_hook(sqlite3_db_handle(database_statement(db, "SELECT 1", false)), refuses, d);
    return db;
}
