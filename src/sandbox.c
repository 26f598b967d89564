/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order of entering, and what the C library is to read before: it would look for that later,
 * behind a door that is closed.
 */
#include "config.h"

#include "sandbox.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

static void leave_out(const char *what, const char *cause)
{
    if (cause != NULL)
        log_notice("--sandbox: %s not restricted: %s", what, cause);
}

void sandbox_enter(const struct sandbox_config *config)
{
    tzset();
    (void)strerror(ENOENT); /* the catalogue of its messages */
    leave_out("files are", sandbox_restrict_files(config));
    leave_out("system calls are", sandbox_restrict_calls());
}
