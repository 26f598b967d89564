/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Landlock, see landlock(7): after it only the files that are named here can be opened. Its numbers
 * stand here and not in a header, for that may be older than the kernel.
 */
#include "config.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

#if defined HARDEN_PROCESS && defined SYS_landlock_create_ruleset

enum {
    ASK_VERSION = 1,
    PATH_BENEATH = 1,
    VERSIONS = 5, /* whose rights to files we know; later ones have those as well */
};

enum {
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_FOLDER = 1 << 3,
    REMOVE_FILE = 1 << 5,
    MAKE_FILE = 1 << 8,
    MAKE_SOCKET = 1 << 9,
    TRUNCATE = 1 << 14,

    OWN_FILE = READ_FILE | WRITE_FILE | TRUNCATE,
    OWN_FOLDER = OWN_FILE | READ_FOLDER | REMOVE_FILE | MAKE_FILE | MAKE_SOCKET,
};

/* All rights that a version knows: what is not handled is not denied. */
static const uint64_t handled[VERSIONS + 1] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};

struct ruleset {
    uint64_t handled;
};

struct rule {
    uint64_t allowed;
    int32_t parent; /* a descriptor */
} __attribute__((packed));

/* Of names of hosts, each time one is looked up. The folder is one in which they are replaced. */
static const char *const names_of_hosts[] = {
    "/etc/hosts",       "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/resolv.conf", "/etc/services",  "/dev/urandom",       "/run/systemd/resolve",
};

/* What is not there cannot be allowed, and need not be. */
static bool allow(int ruleset, uint64_t rights, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
    const struct rule rule = {.allowed = rights, .parent = fd};
    bool allowed = syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0) == 0;
    close(fd);
    return allowed;
}

/* A file must be there to be allowed. */
static bool allow_typed(int ruleset, uint64_t rights, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return allow(ruleset, rights, path);
}

static bool allow_reading(int ruleset, const char *const *paths, size_t count)
{
    bool allowed = true;

    for (size_t i = 0; i < count; i++)
        allowed = allowed && allow(ruleset, READ_FILE, paths[i]);
    return allowed;
}

/* An editor puts another file in its place: so the folder's files are let in too. */
static bool allow_replaced(int ruleset, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    char *folder = alloc_print("%.*s.", (int)length, path);
    bool allowed = allow(ruleset, READ_FILE, path) && allow(ruleset, READ_FILE, folder);

    free(folder);
    return allowed;
}

static bool allow_all(int ruleset, uint64_t known, const struct sandbox_config *config)
{
    const size_t count = sizeof names_of_hosts / sizeof names_of_hosts[0];
    bool allowed = allow(ruleset, (READ_FILE | WRITE_FILE) & known, "/dev/null") &&
                   allow_reading(ruleset, names_of_hosts, count);

    for (size_t i = 0; i < config->again_count; i++)
        allowed = allowed && allow_replaced(ruleset, config->again[i]);
    if (config->state != NULL)
        allowed = allowed && allow(ruleset, OWN_FOLDER & known, config->state);
    if (config->typed != NULL)
        allowed = allowed && allow_typed(ruleset, OWN_FILE & known, config->typed);
    return allowed;
}

const char *sandbox_restrict_files(const struct sandbox_config *config)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
    if (version < 1)
        return "this kernel has no Landlock";
    const struct ruleset set = {.handled = handled[version < VERSIONS ? version : VERSIONS]};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &set, sizeof set, 0);
    if (ruleset < 0)
        return strerror(errno);
    bool restricted = allow_all(ruleset, set.handled, config) &&
                      prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0 &&
                      syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    int error = errno;
    close(ruleset);
    return restricted ? NULL : strerror(error);
}

#else

const char *sandbox_restrict_files(const struct sandbox_config *config)
{
    (void)config;
    return "this build cannot";
}

#endif
