/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Our place under a shell with job control: who has the terminal, and stopping like everyone else.
 * See tcsetpgrp(3), termios(3) and "Job Control" in the glibc manual.
 */
#ifndef HASHFLOW_SHELL_JOB_H
#define HASHFLOW_SHELL_JOB_H

#include <stdbool.h>

/* Does the terminal on stdin belong to us? True also where there is no job control. */
bool job_is_foreground(void);

/* Stops until a shell gives us the terminal; false if nobody is there to do that. */
bool job_wait_for_foreground(void);

/* What the signal does to a program that does not catch it. Returns if that leaves us alive; the
 * handler and the mask are as before then. */
void job_take_default_action(int signo);

#endif
