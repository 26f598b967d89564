/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Letting go of descriptors and signals behind a fork. It does not know what the process is for.
 */
#include "config.h"

#include "net/forked.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

void forked_close_from(int first)
{
    struct rlimit limit;

#ifdef CLOSE_RANGE_UNSHARE
    if (close_range((unsigned)first, UINT_MAX, 0) == 0)
        return;
#endif
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        limit.rlim_cur = FD_SETSIZE;
    for (int fd = first; fd < (int)limit.rlim_cur; fd++)
        close(fd);
}

void forked_block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

void forked_reset_signals(void)
{
    sigset_t none;

    for (int signo = 1; signo < NSIG; signo++)
        signal(signo, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
