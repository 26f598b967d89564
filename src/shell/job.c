/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Job control. It does not know what is on the terminal.
 */
#include "config.h"

#include "shell/job.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { STOPS_MAX = 100 }; /* each SIGTTIN stops us, unless we are an orphan, whom it passes by */

bool job_is_foreground(void)
{
    pid_t group = tcgetpgrp(STDIN_FILENO);

    return group <= 0 || group == getpgrp();
}

/* The SIGCONT that lets us go on is answered by our going on; it must not be told again later. */
static void discard_continue(void)
{
    struct sigaction former, ignore = {.sa_handler = SIG_IGN};

    sigaction(SIGCONT, &ignore, &former);
    sigaction(SIGCONT, &former, NULL);
}

bool job_wait_for_foreground(void)
{
    for (int i = 0; i < STOPS_MAX && !job_is_foreground(); i++) {
        kill(0, SIGTTIN);
        discard_continue();
    }
    return job_is_foreground();
}

void job_take_default_action(int signo)
{
    struct sigaction former, plain = {.sa_handler = SIG_DFL};
    sigset_t only, mask;

    sigemptyset(&only);
    sigaddset(&only, signo);
    sigaction(signo, &plain, &former);
    raise(signo);
    sigprocmask(SIG_UNBLOCK, &only, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    sigaction(signo, &former, NULL);
}
