/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A channel and the line that has begun to come in.
 */
#include "config.h"

#include "control/caller.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "net/channel.h"

enum { NODE_LINE_MAX = 1024 * 1024 /* bytes: more than any line that a node prints */ };

struct caller {
    struct channel *channel;
    const struct caller_handlers *handlers;
    void *arg;
    struct buffer input;
    struct buffer harmless; /* what is to be shown of a line */
    bool on_terminal;       /* records are shown too */
    bool told;              /* how it went */
};

static void end(struct caller *c, int status)
{
    if (c->told)
        return;
    c->told = true;
    c->handlers->end(c->arg, status);
}

static bool read_outcome(struct span line, int *status)
{
    uint64_t number;
    if (!span_starts(line, "/detach ") || !span_number(span_after(line, 8), &number) ||
        number > 255)
        return false;
    *status = (int)number;
    return true;
}

/* The bytes of a colour at the beginning of text; 0 if there is none. */
static size_t colour_length(struct span text)
{
    size_t n = 2;
    if (!span_starts(text, "\033["))
        return 0;
    while (n < text.len && (text.at[n] == ';' || (text.at[n] >= '0' && text.at[n] <= '9')))
        n++;
    return n < text.len && text.at[n] == 'm' ? n + 1 : 0;
}

/* The bytes at the beginning of text that are passed on as they are: a colour, or the backslash of
 * what the node has escaped. */
static size_t passed_length(struct span text, bool coloured)
{
    return text.at[0] == '\\' ? 1 : coloured ? colour_length(text) : 0;
}

static size_t length_to_check(struct span text)
{
    size_t n = 1;
    while (n < text.len && text.at[n] != '\\' && text.at[n] != '\033')
        n++;
    return n;
}

/* The node has escaped what it says. But whoever attaches as root may have attached to somebody
 * else's: then its word is not enough. */
static struct span make_harmless(struct caller *c, struct span text, bool coloured)
{
    buffer_consume(&c->harmless, buffer_length(&c->harmless));
    while (text.len > 0) {
        size_t len = passed_length(text, coloured);
        if (len > 0) {
            buffer_append(&c->harmless, span_make(text.at, len));
        } else {
            len = length_to_check(text);
            text_escape(&c->harmless, span_make(text.at, len));
        }
        text = span_after(text, len);
    }
    return buffer_span(&c->harmless);
}

static void tell(struct caller *c, struct span line)
{
    static const struct {
        const char *mark;
        enum caller_kind kind;
    } marks[] = {{"| ", CALLER_SHOWN}, {"> ", CALLER_PROMPT}, {"! ", CALLER_COMPLAINT}};
    int status;
    if (read_outcome(line, &status)) {
        end(c, status);
        return;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (span_starts(line, marks[i].mark)) {
            struct span text = make_harmless(c, span_after(line, 2), true);
            c->handlers->line(c->arg, marks[i].kind, text);
            return;
        }
    }
    struct span record = c->on_terminal ? make_harmless(c, line, false) : line;
    c->handlers->line(c->arg, CALLER_RECORD, record);
}

static void came(void *arg, struct span bytes)
{
    struct caller *c = arg;
    if (!buffer_append(&c->input, bytes)) {
        log_error("the node says a line of more than %d bytes", NODE_LINE_MAX);
        end(c, -1);
        return;
    }
    struct span rest = buffer_span(&c->input);
    size_t had = rest.len;
    while (!c->told && rest.len > 0 && memchr(rest.at, '\n', rest.len) != NULL)
        tell(c, span_cut_line(&rest));
    buffer_consume(&c->input, had - rest.len);
}

static void closed(void *arg, int error)
{
    (void)error;
    end(arg, -1);
}

struct caller *caller_new(struct loop *loop, int fd, const struct caller_handlers *handlers,
                          void *arg)
{
    static const struct channel_handlers channel_handlers = {.data = came, .end = closed};
    struct caller *c = alloc_zero(1, sizeof *c);
    c->handlers = handlers;
    c->arg = arg;
    c->channel = channel_new(loop, fd, &channel_handlers, c);
    if (c->channel == NULL) {
        free(c);
        return NULL;
    }
    buffer_init(&c->input, NODE_LINE_MAX);
    buffer_init(&c->harmless, NODE_LINE_MAX);
    return c;
}

void caller_free(struct caller *c)
{
    if (c == NULL)
        return;
    channel_free(c->channel);
    buffer_free(&c->input);
    buffer_free(&c->harmless);
    free(c);
}

void caller_shows_all(struct caller *c)
{
    c->on_terminal = true;
}

void caller_send(struct caller *c, struct span bytes)
{
    channel_send(c->channel, bytes);
}

void caller_finish(struct caller *c)
{
    channel_finish(c->channel);
}

void caller_hold(struct caller *c, bool hold)
{
    channel_hold(c->channel, hold);
}

size_t caller_queued(const struct caller *c)
{
    return channel_queued(c->channel);
}
