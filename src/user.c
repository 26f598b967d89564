/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The change is made before anything is opened, so that the state folder, the database and programs
 * are the user's from the start; a capability bridges the time until the ports are bound.
 */
#include "config.h"

#include "user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "hardening.h"

enum { CAPABILITY_WORDS = 2 };

/* Those of ours that are in kept, a set of the first 32, and no others. 0, or -1 with errno. */
static int keep_capabilities(unsigned kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct now[CAPABILITY_WORDS] = {{0}}, then[CAPABILITY_WORDS] = {{0}};

    if (syscall(SYS_capget, &header, now) != 0)
        return -1;
    then[0].permitted = then[0].effective = now[0].permitted & kept;
    return (int)syscall(SYS_capset, &header, then);
}

static int take_ids(const struct passwd *user)
{
    if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0 ||
        initgroups(user->pw_name, user->pw_gid) != 0 ||
        setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return -1;
    return keep_capabilities(1U << CAP_NET_BIND_SERVICE);
}

static bool may_come_back(void)
{
    return setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 || getuid() == 0 || geteuid() == 0;
}

static bool take_environment(const struct passwd *user)
{
    return setenv("HOME", user->pw_dir, 1) == 0 && setenv("USER", user->pw_name, 1) == 0 &&
           setenv("LOGNAME", user->pw_name, 1) == 0;
}

static bool cannot(const char *name, const char *cause)
{
    log_error("--user %s: %s", name, cause);
    return false;
}

bool user_become(const char *name)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (user == NULL)
        return cannot(name, errno != 0 ? strerror(errno) : "no such user");
    if (user->pw_uid == geteuid() && user->pw_uid == getuid())
        return true;
    if (geteuid() != 0)
        return cannot(name, "only root can become another user");
    if (take_ids(user) != 0 || !take_environment(user))
        return cannot(name, strerror(errno));
    if (may_come_back())
        return cannot(name, "the way back to root stays open here");
    hardening_renew();
    return true;
}

bool user_settle(void)
{
    if (keep_capabilities(0) == 0)
        return true;
    log_error("--user: %s", strerror(errno));
    return false;
}
