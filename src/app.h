/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The parts of the program and its phases, shared by parts.c, which makes and joins them, main.c,
 * which starts them, and leaving.c, which decides when and how it ends.
 */
#ifndef HASHFLOW_APP_H
#define HASHFLOW_APP_H

#include "chronicle.h"
#include "control/control.h"
#include "credentials.h"
#include "options.h"
#include "progress.h"
#include "quota.h"
#include "report/output.h"
#include "report/report.h"
#include "shell/console.h"
#include "shell/interpreter.h"
#include "shell/script.h"
#include "store/state.h"

enum phase { TALKING, DRAINING, LEAVING };

struct app {
    struct options options;
    struct rulebook *rulebook; /* NULL if there are no rules */
    const char **rule_files;   /* of it, which can be read again */
    size_t rule_file_count;
    struct loop *loop;
    struct state *state;
    struct database *db;
    struct credentials credentials;
    struct node *node;
    struct chronicle *chronicle; /* NULL if no history is kept */
    struct output *output;       /* NULL on a terminal */
    struct report *report;
    struct interpreter *interpreter;
    struct handlers *handlers; /* NULL if no program is ever run */
    struct script *script;     /* NULL on a terminal, or if stdin is not read */
    struct console *console;   /* NULL elsewhere */
    struct control *control;   /* NULL without a state folder */
    struct quota *quota;
    struct progress *progress; /* NULL if nobody sees it */
    bool interactive;
    int waiting;       /* of a daemon: for background_ready() */
    mode_t umask;      /* that we were started with */
    bool wants_target; /* -t names a peer that is not known yet */
    enum phase phase;
    int status;
    int signals;        /* caught, that end us */
    uint64_t leave_by;  /* the end of the drain, monotonic us */
    struct timer drain; /* for it; after it, for the end of the wait for stdout */
    uint64_t backlog;   /* bytes not written when that wait began */
    bool enough;        /* --count or --idle is reached */
    bool hasty;         /* --timeout is over */
    bool abrupt;        /* so is the moment after it: programs are not waited for any more */
    struct timer moment;
};

/* --- parts.c: each as the options want it --- */

void app_make_report(struct app *app);
void app_make_node(struct app *app);
void app_make_chronicle(struct app *app);
void app_make_quota(struct app *app);
bool app_make_handlers(struct app *app); /* false: the log has said why not */
void app_make_control(struct app *app);
void app_make_interpreter(struct app *app);
bool app_make_console(struct app *app); /* as app_make_handlers(); none if nobody sits there */
void app_make_input(struct app *app);

void app_flush(void *arg); /* at the end of each turn: what was printed leaves */

/* --- leaving.c --- */

void app_raise_status(struct app *app, int status); /* the largest counts */
void app_drop_script(struct app *app);              /* no more lines come from stdin */

/* Delivers what waits, says goodbye, ends the loop. Each takes the app. */
void app_leave(void *arg);
void app_insist(void *arg);                      /* a person asks, perhaps for the second time */
void app_input_ended(void *arg);                 /* stdin has ended */
void app_ordered_to_leave(void *arg);            /* from elsewhere: stdin is not waited for */
void app_signalled(void *arg, int signo);        /* the second signal ends at once */
void app_output_failed(void *arg, int error);    /* nobody reads stdout any more */
void app_enough(void *arg);                      /* all that is wanted was received */
void app_timed_out(void *arg, const char *what); /* leaves at once; what was missed */

uint64_t app_backlog(void *arg); /* bytes that stdout has not taken yet */

/* At the end of each turn: is it time for the next phase? */
void app_move_on(void *arg);

/* What the outcome amounts to as an exit status; the log says why. */
int app_final_status(struct app *app);

#endif
