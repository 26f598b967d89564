/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two forms of a line in an outbox: a verb for sessions, a plain message for streams. Each is
 * written once into a spool, for however many peers get it. It sends nothing.
 */
#include "config.h"

#include "mesh/forms.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "mesh/internal.h"
#include "mesh/link.h"
#include "mesh/peer.h"

/* What is posted together fits into a chunk, header and all. */
enum { POSTED_LINES = 256, POSTED_BYTES = 32 * 1024 };

/* Lines for streams, by what they say of where we listen. */
struct plain_form {
    struct address me;
    char name[NAME_TEXT]; /* by which we are called in head */
    struct buffer head;   /* what goes before each text */
    struct spool spool;
    struct slice posted; /* the present posting, for all who get it; until that is done */
};

void form_start(struct node *node)
{
    spool_init(&node->verbs);
}

void form_free(struct node *node)
{
    for (size_t i = 0; i < node->plain_count; i++) {
        buffer_free(&node->plain[i].head);
        spool_free(&node->plain[i].spool);
    }
    free(node->plain);
    spool_free(&node->verbs);
}

_Static_assert(MESSAGE_TEXT_MAX == 65000, "the complaint names it");

bool form_can_carry(struct span text, const char **cause)
{
    if (text.len > MESSAGE_TEXT_MAX)
        *cause = "the text is longer than 65000 bytes; send it in parts";
    else if (memchr(text.at, '\0', text.len) != NULL)
        *cause = "the text has a NUL byte; send binary data encoded, as with base64";
    else if (memchr(text.at, '\n', text.len) != NULL)
        *cause = "the text has a line feed";
    else
        return true;
    return false;
}

static bool takes_one_more(const struct posting *p, size_t room)
{
    size_t bytes = p->bytes + p->texts[p->count].len;
    return p->count < POSTED_LINES && bytes <= POSTED_BYTES &&
           bytes + (p->count + 1) * VERB_HEAD <= room;
}

bool form_gather(struct posting *p, size_t count, size_t room, const char **cause)
{
    if (!form_can_carry(p->texts[0], cause))
        return false;
    do
        p->bytes += p->texts[p->count++].len;
    while (p->count < count && takes_one_more(p, room) &&
           form_can_carry(p->texts[p->count], cause));
    return true;
}

struct posting form_posting(struct node *node, enum verb_kind kind, const struct span *text)
{
    return (struct posting){.node = node,
                            .kind = kind,
                            .texts = text,
                            .count = 1,
                            .bytes = text->len,
                            .first = ++node->seq};
}

uint64_t form_last(const struct posting *p)
{
    return p->first + p->count - 1;
}

struct slice form_verbs(struct posting *p)
{
    char head[VERB_HEAD];
    if (p->verbs.chunk != NULL)
        return p->verbs;
    struct spool *spool = &p->node->verbs;
    char *start = spool_begin(spool, p->bytes + p->count * (VERB_HEAD + 1));
    char *at = start;
    for (size_t i = 0; i < p->count; i++) {
        at = span_put(at, verb_head(p->kind, p->first + i, head));
        at = span_put(at, p->texts[i]);
        *at++ = '\n';
    }
    p->verbs = spool_end(spool, (size_t)(at - start));
    return p->verbs;
}

void form_done(struct posting *p)
{
    slice_release(p->verbs);
    for (size_t i = 0; i < p->node->plain_count; i++) {
        slice_release(p->node->plain[i].posted);
        p->node->plain[i].posted = (struct slice){0};
    }
}

static struct plain_form *plain_form(struct node *node, const struct address *me)
{
    for (size_t i = 0; i < node->plain_count; i++) {
        if (address_equal(&node->plain[i].me, me))
            return &node->plain[i];
    }
    node->plain = alloc_resize(node->plain, node->plain_count + 1, sizeof *node->plain);
    struct plain_form *form = &node->plain[node->plain_count++];
    *form = (struct plain_form){.me = *me};
    buffer_init(&form->head, ADDRESS_TEXT + NAME_TEXT + 2);
    spool_init(&form->spool);
    return form;
}

/* To print it takes longer than all else that a line needs, so that is done once for each name. */
static struct span plain_head(const struct node *node, struct plain_form *form)
{
    if (strcmp(form->name, node->name) != 0) {
        span_copy(span_of(node->name), form->name, sizeof form->name);
        buffer_consume(&form->head, buffer_length(&form->head));
        message_format(&form->head, &form->me, node->name, span_of(""));
    }
    return buffer_span(&form->head);
}

static struct slice write_plain(const struct node *node, struct plain_form *form,
                                const struct span *texts, size_t count, size_t bytes)
{
    struct span head = plain_head(node, form);
    char *start = spool_begin(&form->spool, bytes + count * (head.len + 1));
    char *at = start;
    for (size_t i = 0; i < count; i++) {
        at = span_put(at, head);
        at = span_put(at, texts[i]);
        *at++ = '\n';
    }
    return spool_end(&form->spool, (size_t)(at - start));
}

/* Takes the first line off the queue; its bytes stay until *keep is released. */
static struct span next_line(struct queue *q, struct slice *keep)
{
    struct span run = queue_peek(q, 0);
    size_t len = span_cut_line(&run).len + 1;
    *keep = queue_share(q, 0, len);
    queue_consume(q, len);
    return span_make(slice_span(*keep).at, len - 1);
}

bool form_next_verb(struct queue *lines, struct verb *verb, struct slice *keep)
{
    const char *cause;
    if (lines->bytes == 0)
        return false;
    if (!verb_parse(next_line(lines, keep), verb, &cause))
        abort(); /* we wrote it */
    return true;
}

uint64_t form_number(struct span verb)
{
    uint64_t number = 0;
    size_t at = 0;
    while (at < verb.len && verb.at[at] != ' ')
        at++;
    for (at++; at < verb.len && verb.at[at] != ' '; at++)
        number = 10 * number + (uint64_t)(verb.at[at] - '0');
    return number;
}

struct span form_behind(struct span lines, uint64_t number)
{
    while (lines.len > 0 && form_number(lines) <= number)
        span_cut_line(&lines);
    return lines;
}

static void replace(struct outbox *box, struct queue *lines, bool plain)
{
    queue_clear(&box->lines);
    box->lines = *lines;
    box->plain = plain;
    box->sent = 0;
}

void form_note_numbers(struct peer *peer, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; peer->node->config.receipts && seq <= last; seq++)
        buffer_append(&peer->box.numbers, span_make((const char *)&seq, sizeof seq));
}

void form_to_plain(struct peer *peer)
{
    struct queue lines;
    struct slice keep;
    struct verb verb;
    struct plain_form *form = plain_form(peer->node, &peer->link->me);
    queue_init(&lines);
    while (form_next_verb(&peer->box.lines, &verb, &keep)) {
        queue_push(&lines, write_plain(peer->node, form, &verb.text, 1, verb.text.len));
        form_note_numbers(peer, verb.seq, verb.seq);
        slice_release(keep);
    }
    replace(&peer->box, &lines, true);
}

static struct slice verb_again(struct node *node, enum verb_kind kind, const struct span *text)
{
    struct posting p = form_posting(node, kind, text);
    return form_verbs(&p);
}

/* A stream that turned out to be a session: what is on its way arrives as it is, and is confirmed
 * like the rest. */
void form_to_verbs(struct peer *peer)
{
    struct queue lines;
    struct slice keep;
    struct message message;
    struct outbox *box = &peer->box;
    enum verb_kind kind = box->scope == SCOPE_DIRECT ? VERB_MSG : VERB_BCAST;
    queue_init(&lines);
    size_t on_its_way = box->sent;
    while (lines.bytes < on_its_way) {
        struct slice sent = queue_share(&box->lines, 0, on_its_way - lines.bytes);
        queue_consume(&box->lines, sent.len);
        queue_push(&lines, sent);
    }
    while (box->lines.bytes > 0) {
        if (message_parse(next_line(&box->lines, &keep), &message))
            queue_push(&lines, verb_again(peer->node, kind, &message.text));
        slice_release(keep);
    }
    replace(box, &lines, false);
    buffer_free(&box->numbers);
    box->sent = on_its_way;
    box->foreign = on_its_way;
}

struct slice form_for(struct posting *p, struct peer *peer)
{
    if (!peer->box.plain)
        return slice_retain(form_verbs(p));
    struct plain_form *form = plain_form(p->node, &peer->link->me);
    if (form->posted.chunk == NULL)
        form->posted = write_plain(p->node, form, p->texts, p->count, p->bytes);
    return slice_retain(form->posted);
}
