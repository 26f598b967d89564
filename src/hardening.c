/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Limits and flags of the process. Builds that watch themselves, with sanitizers or counters, trace
 * their own process at the end and leave it open.
 */
#include "config.h"

#include "hardening.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void hardening_renew(void)
{
#ifdef HARDEN_PROCESS
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
#endif
}

void hardening_start(void)
{
    struct rlimit core;

    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = 0;
        setrlimit(RLIMIT_CORE, &core);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    hardening_renew();
}
