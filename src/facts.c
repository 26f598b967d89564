/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fields of an event as environment variables, and which of our own variables a program gets:
 * only those that say who and where it is.
 */
#include "config.h"

#include "facts.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

static void add(struct facts *facts, size_t *count, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    assert(*count < FACTS_MAX);
    facts->fields[*count] = alloc_print(FACTS_PREFIX "%s=%s", name, value);
    facts->bytes += strlen(facts->fields[(*count)++]) + 1;
}

static void take_text(struct facts *facts, struct span text)
{
    facts->length = text.len + 1;
    facts->bytes += facts->length;
    facts->text = alloc_zero(facts->length, 1);
    if (text.len > 0)
        memcpy(facts->text, text.at, text.len);
    facts->text[text.len] = '\n';
}

static void take_message(struct facts *facts, size_t *count, const struct event *event)
{
    add(facts, count, "KIND", event->scope == SCOPE_DIRECT ? "msg" : "bcast");
    if (event->id.node != NULL) {
        char *id = alloc_print("%s.%llu.%llu", event->id.node, (unsigned long long)event->id.epoch,
                               (unsigned long long)event->id.seq);
        add(facts, count, "ID", id);
        free(id);
    }
}

void facts_take(struct facts *facts, const char *kind, const struct event *event)
{
    char now[CLOCK_TEXT];
    size_t count = 0;
    *facts = (struct facts){.bytes = sizeof *facts};
    clock_print((int64_t)(clock_wall_us() / 1000000), now);
    add(facts, &count, "EVENT", kind);
    add(facts, &count, "TIME", now);
    add(facts, &count, "ADDRESS", event->address);
    add(facts, &count, "NAME", event->name);
    add(facts, &count, "NODE", event->node);
    add(facts, &count, "PLAIN", event->plain ? "1" : "");
    add(facts, &count, "FORMER", event->former);
    add(facts, &count, "CAUSE", event->cause);
    if (event->kind == EVENT_MESSAGE)
        take_message(facts, &count, event);
    if (event->kind == EVENT_MESSAGE || event->kind == EVENT_QUESTION)
        take_text(facts, event->text);
}

void facts_drop(struct facts *facts)
{
    for (size_t i = 0; i < FACTS_MAX; i++)
        free(facts->fields[i]);
    free(facts->text);
    *facts = (struct facts){0};
}

static bool is_passed_on(const char *variable)
{
    static const char *const names[] = {"HOME=", "LANG=",   "LC_",   "LOGNAME=",        "PATH=",
                                        "TZ=",   "TMPDIR=", "USER=", "XDG_RUNTIME_DIR="};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_starts(span_of(variable), names[i]))
            return true;
    }
    return false;
}

char **facts_environment(char *more)
{
    size_t ours = 0, count = 0;
    while (environ[ours] != NULL)
        ours++;
    char **list = alloc_zero(ours + 2, sizeof *list);
    for (size_t i = 0; i < ours; i++) {
        if (is_passed_on(environ[i]))
            list[count++] = environ[i];
    }
    list[count] = more;
    return list;
}
