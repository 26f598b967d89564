/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Diagnostics to syslog(3), under the name hashflow and with our pid. Both are sinks for
 * log_set_sink().
 */
#ifndef HASHFLOW_SYSTEM_LOG_H
#define HASHFLOW_SYSTEM_LOG_H

#include "base/log.h"

void system_log_write(void *arg, enum log_level level, struct span line);
void system_log_write_both(void *arg, enum log_level level, struct span line); /* stderr as well */

#endif
