/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one client of the control socket wants to see, and in which form, as it says with /follow.
 * Pure.
 */
#ifndef HASHFLOW_CONTROL_FOLLOW_H
#define HASHFLOW_CONTROL_FOLLOW_H

#include "report/report.h"

enum {
    FOLLOW_MESSAGES = 1,
    FOLLOW_EVENTS = 2,
    FOLLOW_IDS = 4,      /* with each message its id */
    FOLLOW_TIMES = 8,    /* with each message its time */
    FOLLOW_JSON = 16,    /* an object a line */
    FOLLOW_ASCII = 32,   /* with FOLLOW_JSON: fit for a terminal */
    FOLLOW_PEOPLE = 64,  /* as on a terminal; each line begins with "| " */
    FOLLOW_COLOUR = 128, /* with FOLLOW_PEOPLE */
    FOLLOW_PROMPT = 256, /* lines "> MARK NAME TARGET" */
};

/* words: what stands behind /follow. false with *cause, a new string that the caller frees. */
bool follow_parse(struct span words, unsigned *follow, char **cause);

/* How what it follows is printed; the keys of JSON are left to the caller. */
struct report_config follow_form(unsigned follow);

#endif
