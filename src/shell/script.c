/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A bounded read of standard input, cut into lines; the next read waits until all of them have
 * been run.
 */
#include "config.h"

#include "shell/script.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "shell/command.h"
#include "wire/line.h"

enum {
    SCRIPT_READ = 64 * 1024,
    SCRIPT_TEXTS = 256, /* that are run at once */
};

struct script {
    struct loop *loop;
    int fd;
    bool text;
    struct node *node;
    struct interpreter *interpreter;
    void (*ended)(void *arg);
    void *arg;
    struct line_cutter cutter;
    struct span rest; /* of data: read, but not yet cut */
    bool skipping;    /* the rest of a line that is too long */
    bool at_end;
    bool told;
    bool reading; /* the descriptor is watched */
    int status;
    uint64_t lines;
    struct span texts[SCRIPT_TEXTS]; /* cut, and to be run together: borrowed */
    size_t text_count;
    char data[SCRIPT_READ];
};

static void readable(void *arg, int events);

static void want_input(struct script *s, bool wanted)
{
    if (s->reading == wanted)
        return;
    s->reading = wanted;
    loop_watch(s->loop, s->fd, wanted ? LOOP_READ : 0, readable, s);
}

static void complain(struct script *s, const char *cause)
{
    log_error("stdin: %s", cause);
    s->status = STATUS_FAILED;
}

static void readable(void *arg, int events)
{
    struct script *s = arg;
    (void)events;
    ssize_t n = read(s->fd, s->data, sizeof s->data);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0)
        complain(s, strerror(errno));
    want_input(s, false);
    if (n <= 0)
        s->at_end = true;
    else
        s->rest = span_make(s->data, (size_t)n);
}

static void run_texts(struct script *s)
{
    interpreter_run_texts(s->interpreter, s->texts, s->text_count);
    s->text_count = 0;
}

static void too_long(struct script *s)
{
    char *cause =
        alloc_print("line %llu is longer than %d bytes and was not sent; send it in parts",
                    (unsigned long long)++s->lines, LINE_MAX_BYTES - 1);
    run_texts(s);
    complain(s, cause);
    free(cause);
    s->skipping = true;
}

/* Texts that follow each other are run as one, commands each for itself. */
static void run(struct script *s, struct span line)
{
    struct span *text = &s->texts[s->text_count];
    s->lines++;
    *text = line;
    if (!s->text && !command_is_text(line, text)) {
        run_texts(s);
        interpreter_run(s->interpreter, line, false);
        return;
    }
    s->text_count++;
    /* One that was put together from two reads is there until the next line is cut. */
    if (s->text_count == SCRIPT_TEXTS || s->cutter.hand_out)
        run_texts(s);
}

static bool may_run(const struct script *s)
{
    return interpreter_is_idle(s->interpreter) && !node_is_congested(s->node);
}

/* Runs lines until they are used up or one has to be waited for. */
static void run_lines(struct script *s)
{
    struct span line;
    while (s->rest.len > 0 && interpreter_is_idle(s->interpreter)) {
        if (s->skipping) {
            s->skipping = !line_skip(&s->rest);
            continue;
        }
        enum line_result result = line_next(&s->cutter, &s->rest, &line);
        if (result == LINE_TOO_LONG)
            too_long(s);
        else if (result == LINE_WHOLE)
            run(s, line);
    }
    run_texts(s);
}

static void run_last(struct script *s)
{
    struct span last = line_partial(&s->cutter);
    if (last.len == 0)
        return;
    run(s, last);
    run_texts(s);
    line_drop_partial(&s->cutter);
}

void script_turn(struct script *s)
{
    if (s->told || !may_run(s))
        return;
    if (s->rest.len > 0) {
        run_lines(s);
        /* In the same pass, where that can be: then nothing is told to the kernel, nor asked. */
        if (s->rest.len == 0 && may_run(s))
            want_input(s, true);
        else
            loop_again(s->loop);
    } else if (!s->at_end) {
        want_input(s, true);
    } else if (line_partial(&s->cutter).len > 0) {
        run_last(s);
        loop_again(s->loop);
    } else {
        s->told = true;
        s->ended(s->arg);
    }
}

struct script *script_new(struct loop *loop, int fd, bool text, struct node *node,
                          struct interpreter *interpreter, void (*ended)(void *arg), void *arg)
{
    struct script *s = alloc_zero(1, sizeof *s);
    s->loop = loop;
    s->fd = fd;
    s->text = text;
    s->node = node;
    s->interpreter = interpreter;
    s->ended = ended;
    s->arg = arg;
    line_init(&s->cutter);
    s->cutter.keep_cr = text;
    loop_again(loop);
    return s;
}

void script_free(struct script *s)
{
    if (s == NULL)
        return;
    loop_unwatch(s->loop, s->fd);
    line_free(&s->cutter);
    free(s);
}

bool script_is_null_device(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

int script_status(const struct script *s)
{
    return s->status;
}
