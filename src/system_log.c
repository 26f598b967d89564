/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only one that knows syslog(3).
 */
#include "config.h"

#include "system_log.h"

/* From here on LOG_NOTICE is a priority of syslog(3). */
#include <syslog.h>

/* The line without the name of the program, which syslog(3) adds by itself. */
static struct span without_name(struct span line)
{
    static const char name[] = "hashflow: ";
    return span_starts(line, name) ? span_after(line, sizeof name - 1) : line;
}

void system_log_write(void *arg, enum log_level level, struct span line)
{
    struct span text = without_name(line);
    int priority = level == LOG_ERROR ? LOG_ERR : level == LOG_DETAIL ? LOG_INFO : LOG_NOTICE;
    (void)arg;
    openlog("hashflow", LOG_PID, LOG_DAEMON);
    syslog(priority, "%.*s", (int)text.len, text.at);
}

static void write_both(void *arg, enum log_level level, struct span line)
{
    log_to_stderr(arg, level, line);
    system_log_write(arg, level, line);
}

void system_log_choose(bool use, bool stderr_too)
{
    log_set_sink(!use ? log_to_stderr : stderr_too ? write_both : system_log_write, NULL);
}
