/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zone is the user's, from TZ or the system; localtime_r(3) knows it.
 */
#include "config.h"

#include "report/stamp.h"

#include <stdio.h>
#include <time.h>

enum { SECOND_US = 1000000, MILLI_US = 1000, ZONE_HOURS = 3 /* the length of +01 in +0100 */ };

void stamp_print(uint64_t us, bool millis, char out[STAMP_TEXT])
{
    char moment[32], zone[8], fraction[8] = "";
    struct tm parts;
    time_t seconds = (time_t)(us / SECOND_US);

    localtime_r(&seconds, &parts);
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(zone, sizeof zone, "%z", &parts);
    if (millis)
        snprintf(fraction, sizeof fraction, ".%03u", (unsigned)(us % SECOND_US / MILLI_US));
    snprintf(out, STAMP_TEXT, "%s%s%.*s:%s", moment, fraction, ZONE_HOURS, zone, zone + ZONE_HOURS);
}

void stamp_print_unix(uint64_t us, char out[STAMP_TEXT])
{
    snprintf(out, STAMP_TEXT, "%llu.%06u", (unsigned long long)(us / SECOND_US),
             (unsigned)(us % SECOND_US));
}
