/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each option of options.def does with its argument: one small function per row.
 */
#include "config.h"

#include "arguments.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "shell/waiting.h"
#include "wire/message.h"

/* Of the option that is being taken: its rows need not know that there are files. */
static const char *taken_from;

static bool wrong(const char *name, const char *value, const char *cause)
{
    log_error("%s%s %s: %s", taken_from, name, value, cause);
    return false;
}

/* An option without an argument. */
#define FLAG(id, field)                                                                            \
    static bool take_##id(struct options *o, const char *value)                                    \
    {                                                                                              \
        (void)value;                                                                               \
        o->field = true;                                                                           \
        return true;                                                                               \
    }
FLAG(ATTACH, attach)
FLAG(KEEP, keep)
FLAG(EVENTS, events)
FLAG(IDS, ids)
FLAG(JSON, json)
FLAG(NUL, nul)
FLAG(TIMESTAMPS, timestamps)
FLAG(NO_STORE, no_store)
FLAG(NO_HISTORY, no_history)
FLAG(NO_EXCHANGE, no_exchange)
FLAG(ON_PLAIN, on_plain)
FLAG(RECEIVE_ONLY, receive_only)
FLAG(PROGRESS, progress)
FLAG(QUIET, quiet)
FLAG(VERBOSE, verbose)
FLAG(DAEMON, daemon)
FLAG(SANDBOX, sandbox)
#undef FLAG

static bool take_PORT(struct options *o, const char *value)
{
    uint64_t port;
    if (!span_number(span_of(value), &port) || port > UINT16_MAX)
        return wrong("port", value, "a port is a number from 0 to 65535");
    o->port = (uint16_t)port;
    o->port_given = true;
    return true;
}

static bool take_LISTEN(struct options *o, const char *value)
{
    char host[ADDRESS_HOST];
    uint16_t port;
    const char *cause;
    if (o->listen_count == OPTIONS_LISTEN_MAX)
        return wrong("listen", value, "too many addresses to listen on");
    struct address *a = &o->listen[o->listen_count];
    const char *colon = strrchr(value, ':');
    bool any_port = colon != NULL && strcmp(colon, ":0") == 0;
    struct span text = span_make(value, any_port ? (size_t)(colon - value) : strlen(value));
    if (!address_split(text, host, &port, &cause) ||
        !address_parse_host(host, any_port ? 0 : port, a))
        return wrong("listen", value,
                     "use ADDR:PORT or [IPv6]:PORT with an address of this machine");
    o->listen_count++;
    return true;
}

static bool take_NAME(struct options *o, const char *value)
{
    const char *cause;
    if (!name_check(span_of(value), &cause))
        return wrong("name", value, cause);
    o->name = value;
    return true;
}

static bool take_COMMAND(struct options *o, const char *value)
{
    if (strchr(value, '\n') != NULL)
        return wrong("command", value, "one line each; give --command again for the next");
    o->commands = alloc_resize(o->commands, o->command_count + 1, sizeof *o->commands);
    o->commands[o->command_count++] = value;
    return true;
}

static bool take_TO(struct options *o, const char *value)
{
    o->to = value;
    return true;
}

static bool take_FORMAT(struct options *o, const char *value)
{
    char *cause;
    struct format *format = format_new(value, &cause);
    if (format == NULL) {
        wrong("format", value, cause);
        free(cause);
        return false;
    }
    format_free(o->format);
    o->format = format;
    return true;
}

static bool take_STATE(struct options *o, const char *value)
{
    if (value[0] == '\0')
        return wrong("state", value, "a folder is needed");
    o->state = value;
    return true;
}

static bool take_KEY(struct options *o, const char *value)
{
    o->key = value;
    return true;
}

static bool take_GROUP(struct options *o, const char *value)
{
    o->group = value;
    return true;
}

static bool take_DRAIN(struct options *o, const char *value)
{
    if (!waiting_seconds(span_of(value), &o->drain_us))
        return wrong("drain", value,
                     "a number of seconds like 2 or 0.5 is needed, up to 1000000000");
    return true;
}

struct unit {
    char letter;
    uint64_t worth;
};

static const struct unit bytes[] = {{'K', 1024}, {'M', 1024 * 1024}, {'G', 1024 * 1024 * 1024}};
static const struct unit times[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};

/* A whole number from least to most, perhaps with one of the units behind it. */
static bool read_amount(const char *value, const struct unit *units, size_t count, uint64_t least,
                        uint64_t most, uint64_t *out)
{
    struct span digits = span_of(value);
    uint64_t number, worth = 1;
    for (size_t i = 0; i < count && digits.len > 0; i++) {
        if (value[digits.len - 1] != units[i].letter)
            continue;
        worth = units[i].worth;
        digits.len--;
        break;
    }
    if (!span_number(digits, &number) || number > most / worth || number * worth < least)
        return false;
    *out = number * worth;
    return true;
}

static bool take_QUEUE_LINES(struct options *o, const char *value)
{
    if (!read_amount(value, NULL, 0, 1, 1000000000, &o->queue_lines))
        return wrong("queue-lines", value, "a number from 1 to 1000000000 is needed");
    return true;
}

static bool take_QUEUE_BYTES(struct options *o, const char *value)
{
    if (!read_amount(value, bytes, sizeof bytes / sizeof bytes[0], 1024, (uint64_t)1 << 40,
                     &o->queue_bytes))
        return wrong("queue-bytes", value, "a number of bytes from 1K to 1024G is needed");
    return true;
}

static bool take_QUEUE_AGE(struct options *o, const char *value)
{
    if (!read_amount(value, times, sizeof times / sizeof times[0], 1, (uint64_t)3650 * 24 * 3600,
                     &o->queue_age_s))
        return wrong("queue-age", value, "a time from 1s to 3650d is needed, in s, m, h or d");
    return true;
}

static bool add_rule(struct options *o, enum verdict verdict, const char *name, const char *value)
{
    const char *cause;
    if (!rulebook_check(value, &cause))
        return wrong(name, value, cause);
    o->rules = alloc_resize(o->rules, o->rule_count + 1, sizeof *o->rules);
    o->rules[o->rule_count++] = (struct rulebook_entry){verdict, value};
    return true;
}

static bool take_ALLOW(struct options *o, const char *value)
{
    return add_rule(o, VERDICT_ALLOWED, "allow", value);
}

static bool take_DENY(struct options *o, const char *value)
{
    return add_rule(o, VERDICT_DENIED, "deny", value);
}

static bool take_period(const char *name, const char *value, uint64_t *us)
{
    const uint64_t least = 10000, most = (uint64_t)24 * 3600 * 1000000;
    if (!waiting_seconds(span_of(value), us) || *us < least || *us > most)
        return wrong(name, value, "a number of seconds from 0.01 to 86400 is needed");
    return true;
}

static bool take_HEARTBEAT(struct options *o, const char *value)
{
    return take_period("heartbeat", value, &o->heartbeat_us);
}

static bool take_SUSPECT_AFTER(struct options *o, const char *value)
{
    return take_period("suspect-after", value, &o->suspect_us);
}

static bool take_DOWN_AFTER(struct options *o, const char *value)
{
    return take_period("down-after", value, &o->down_us);
}

static bool take_ON(struct options *o, const char *value)
{
    const char *cause;
    struct handler_rule rule;
    if (!handler_rule_parse(value, &rule, &cause))
        return wrong("on", value, cause);
    o->on = alloc_resize(o->on, o->on_count + 1, sizeof *o->on);
    o->on[o->on_count++] = rule;
    return true;
}

static bool take_ANSWER(struct options *o, const char *value)
{
    const char *cause;
    free(o->answer.words);
    if (!handler_command_parse(value, &o->answer, &cause))
        return wrong("answer", value, cause);
    return true;
}

_Static_assert(HANDLERS_JOBS_MAX == 48, "the complaint names it");

static bool take_ON_JOBS(struct options *o, const char *value)
{
    if (!read_amount(value, NULL, 0, 1, HANDLERS_JOBS_MAX, &o->on_jobs))
        return wrong("on-jobs", value, "a number from 1 to 48 is needed");
    return true;
}

static bool take_ON_LIMIT(struct options *o, const char *value)
{
    return take_period("on-limit", value, &o->on_limit_us);
}

/* What is to come does not come from stdin: its end does not matter. */
static bool take_MESSAGES(struct options *o, const char *value)
{
    if (!span_number(span_of(value), &o->count) || o->count == 0)
        return wrong("count", value, "a number of messages from 1 is needed");
    o->keep = true;
    return true;
}

static bool take_time(const char *name, const char *value, uint64_t *us)
{
    if (!waiting_seconds(span_of(value), us) || *us == 0)
        return wrong(name, value, "a number of seconds like 2 or 0.5 is needed, up to 1000000000");
    return true;
}

static bool take_TIMEOUT(struct options *o, const char *value)
{
    return take_time("timeout", value, &o->timeout_us);
}

static bool take_IDLE(struct options *o, const char *value)
{
    o->keep = true;
    return take_time("idle", value, &o->idle_us);
}

static bool take_READY_FD(struct options *o, const char *value)
{
    uint64_t fd;
    if (!span_number(span_of(value), &fd) || fd > INT16_MAX || fcntl((int)fd, F_GETFD) < 0)
        return wrong("ready-fd", value, "no such open descriptor");
    o->ready_fd = (int)fd;
    /* It is closed, and a socket in the place of a standard one would get what we print. */
    if (o->ready_fd <= STDERR_FILENO)
        o->ready_fd = fcntl(o->ready_fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return true;
}

static bool take_IPV4(struct options *o, const char *value)
{
    (void)value;
    o->family = 4;
    return true;
}

static bool take_IPV6(struct options *o, const char *value)
{
    (void)value;
    o->family = 6;
    return true;
}

static bool take_USER(struct options *o, const char *value)
{
    o->user = value;
    return true;
}

static bool take_LOG(struct options *o, const char *value)
{
    if (strcmp(value, "stderr") == 0)
        o->log = OPTIONS_LOG_STDERR;
    else if (strcmp(value, "syslog") == 0)
        o->log = OPTIONS_LOG_SYSLOG;
    else
        return wrong("log", value, "stderr or syslog is needed");
    return true;
}

/* --help, --version and --config are for options.c, before all others. */
static bool take_HELP(struct options *o, const char *value)
{
    (void)o;
    (void)value;
    return true;
}

#define take_VERSION take_HELP
#define take_CONFIG  take_HELP

static bool (*const take[OPTION_COUNT])(struct options *o, const char *value) = {
#define OPTION(id, ...) [OPTION_##id] = take_##id,
#include "options.def"
#undef OPTION
};

bool option_take(enum option_id id, struct options *o, const char *value, const char *where)
{
    taken_from = where;
    return take[id](o, value);
}
