/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics to syslog(3), under the name hashflow and with our pid.
 */
#ifndef HASHFLOW_SYSTEM_LOG_H
#define HASHFLOW_SYSTEM_LOG_H

#include "base/log.h"

/* Where diagnostics go from now on: to stderr, or to syslog(3), and with stderr_too to both. */
void system_log_choose(bool use, bool stderr_too);

/* One line, as a sink of log_set_sink() gets it. */
void system_log_write(void *arg, enum log_level level, struct span line);

#endif
