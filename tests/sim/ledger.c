/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules: what was queued comes out, in order, once, or again only after the receiver was killed
 * before it could remember; what is told about a line is true. It must not know how any of that is
 * achieved.
 */
#include "config.h"

#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "wire/message.h"
#include "wire/verb.h"

enum { RUNS = 64 }; /* of one machine in one seed */

struct line {
    unsigned number; /* among its sender's, from 1 */
    size_t size;
    unsigned run;    /* of the sender that was given it */
    unsigned target; /* run of the receiver that it is for; 0: void if that is not stored */
    bool refused;
    bool loose;      /* nothing is promised: it left in plain form, or for an address out of date */
    bool heard;      /* and must not be heard again, unless */
    bool repeatable; /* it was printed, and the receiver killed before it had remembered */
    bool pending;    /* it was heard by the present run, and is not printed yet */
    uint64_t stored; /* once the receiver has committed so often; 0: never */
    uint64_t batch;  /* turn of the receiver in which it was heard */
    uint64_t turn;   /* of the receiver when it was printed last; 0: never */
};

/* What a sender has told about one number. */
struct receipt {
    char node[NODE_ID_TEXT];
    uint64_t epoch, seq;
    unsigned run; /* of the sender that has queued it */
    unsigned target;
    long line; /* index; -1: never heard */
    bool queued, delivered, lost;
    bool counted;     /* it was lost, and a count was told that has it */
    uint64_t decided; /* delivered or lost, once the sender has committed so often; 0: neither */
    struct address for_whom;
};

enum fate { ALIVE, KILLED, LEFT };

struct run {
    char node[NODE_ID_TEXT];
    enum fate fate;
};

struct book {
    bool stored;
    bool named; /* and so is its identity */
    struct run runs[RUNS];
    unsigned run;
    size_t lost; /* lines that it has told to be lost, as a count */
    struct line *lines;
    size_t count, room;
    struct receipt *receipts;
    size_t receipt_count, receipt_room;
    unsigned last;        /* number of the line of the other's that it has heard last */
    uint64_t commits;     /* that have succeeded */
    uint64_t turn;        /* under way */
    uint64_t stored_turn; /* the last one that is stored */
};

static struct book books[MACHINES];

static struct book *book_of(const struct machine *m)
{
    return &books[m - world.machines];
}

static struct book *other_book(const struct machine *m)
{
    return book_of(machine_other(m));
}

static char letter_of(const struct book *b)
{
    return world.machines[b - books].letter;
}

void ledger_begin(void)
{
    ledger_end();
}

void ledger_end(void)
{
    for (int i = 0; i < MACHINES; i++) {
        free(books[i].lines);
        free(books[i].receipts);
        books[i] = (struct book){.turn = 1};
    }
}

void ledger_start(struct machine *m, bool stored, const char *node)
{
    struct book *b = book_of(m);

    if (b->run + 1 == RUNS)
        violation("%c was started %d times", m->letter, RUNS);
    else
        b->run++;
    b->stored = stored;
    if (stored && b->named && strcmp(b->runs[b->run - 1].node, node) != 0)
        violation("%c has forgotten who it is", m->letter);
    b->named = b->commits > 0;
    b->runs[b->run] = (struct run){.fate = ALIVE};
    span_copy(span_of(node), b->runs[b->run].node, sizeof b->runs[b->run].node);
}

bool ledger_knows(const struct machine *m, const char *node)
{
    const struct book *b = book_of(m);

    return strcmp(b->runs[b->run].node, node) == 0;
}

/* ---- what is sent */

/* The line's text: who, which, and as much of a pattern as fits. */
static struct span write_text(const struct book *b, const struct line *line)
{
    static char text[MESSAGE_TEXT_MAX];
    int head = snprintf(text, sizeof text, "%c%u ", letter_of(b), line->number);

    memset(text + head, 'a' + (int)(line->number % 26), line->size - (size_t)head);
    return span_make(text, line->size);
}

struct span ledger_write(struct machine *m, size_t size, bool meant)
{
    struct book *b = book_of(m);

    if (b->count == b->room) {
        b->room = b->room != 0 ? 2 * b->room : 64;
        b->lines = alloc_resize(b->lines, b->room, sizeof *b->lines);
    }
    struct line *line = &b->lines[b->count++];
    *line = (struct line){.number = (unsigned)b->count, .size = size, .run = b->run};
    line->target = meant ? other_book(m)->run : 0;
    return write_text(b, line);
}

void ledger_promise_nothing(struct machine *m)
{
    struct book *b = book_of(m);

    b->lines[b->count - 1].loose = true;
}

void ledger_refused(struct machine *m, size_t since)
{
    struct book *b = book_of(m);

    b->lines[b->count - 1 - since].refused = true;
}

size_t ledger_count(void)
{
    return books[0].count + books[1].count;
}

/* ---- what is told */

static struct receipt *receipt_of(struct book *b, const struct event_id *id)
{
    for (size_t i = b->receipt_count; i-- > 0;) {
        struct receipt *r = &b->receipts[i];
        if (r->seq == id->seq && r->epoch == id->epoch && strcmp(r->node, id->node) == 0)
            return r;
    }
    if (b->receipt_count == b->receipt_room) {
        b->receipt_room = b->receipt_room != 0 ? 2 * b->receipt_room : 64;
        b->receipts = alloc_resize(b->receipts, b->receipt_room, sizeof *b->receipts);
    }
    struct receipt *r = &b->receipts[b->receipt_count++];
    *r = (struct receipt){.epoch = id->epoch, .seq = id->seq, .line = -1};
    span_copy(span_of(id->node), r->node, sizeof r->node);
    return r;
}

/* `delivered` is a promise that the other side has it for good. */
static void check_delivered(struct machine *m, const struct receipt *r)
{
    const struct book *b = book_of(m), *other = other_book(m);

    if (r->line < 0) {
        violation("%c was told that %" PRIu64 " is delivered, and it never was", m->letter, r->seq);
        return;
    }
    const struct line *line = &b->lines[r->line];
    if (line->turn == 0 && (!other->stored || line->stored == 0 || line->stored > other->commits))
        violation("%c was told that %u is delivered before it was stored or written", m->letter,
                  line->number);
}

/* Delivered or lost, never both; but another node may have had the address and got a copy. */
static void decide(struct machine *m, struct receipt *r, const struct event *event)
{
    struct address at = {0};
    bool now = event->kind == EVENT_DELIVERED, before = r->decided != 0;

    if (!now && !r->queued && book_of(m)->stored)
        return; /* a line that was never stored: after a restart its number is used again */
    address_parse(span_of(event->address), &at);
    bool loose = r->line >= 0 && book_of(m)->lines[r->line].loose;
    if (before && now != r->delivered && !loose && other_book(m)->stored &&
        address_equal(&at, &r->for_whom))
        violation("%c was told that %" PRIu64 " is delivered and lost", m->letter, r->seq);
    if (!before) { /* else it has stored that already, and does not take it back */
        r->decided = book_of(m)->commits + 1;
        r->for_whom = at;
        r->counted = false;
    }
    r->delivered = r->delivered || now;
    r->lost = !now;
    if (now)
        check_delivered(m, r);
}

/* A count has all that was lost to that address until then. */
static void count_lost(struct book *b, const struct event *event)
{
    struct address at = {0};

    b->lost += event->count;
    address_parse(span_of(event->address), &at);
    for (size_t i = 0; i < b->receipt_count; i++)
        if (b->receipts[i].lost && address_equal(&at, &b->receipts[i].for_whom))
            b->receipts[i].counted = true;
}

void ledger_told(struct machine *m, const struct event *event)
{
    struct book *b = book_of(m);

    if (event->kind == EVENT_FAILED || (event->kind == EVENT_KEPT_BACK && !event->stored))
        count_lost(b, event);
    if (event->kind < EVENT_QUEUED || event->kind > EVENT_LOST || event->id.node == NULL)
        return;
    struct receipt *r = receipt_of(b, &event->id);
    if (event->kind == EVENT_QUEUED) {
        r->queued = true;
        r->lost = false; /* of a number that was never stored, and is used again */
        r->decided = 0;
        r->run = b->run;
        r->target = other_book(m)->run;
    } else if (event->kind == EVENT_DELIVERED || event->kind == EVENT_LOST) {
        decide(m, r, event);
    }
}

/* ---- what is heard */

/* The line of the book that a text begins like; -1 if there is no such line. */
static long find_number(const struct book *from, struct span text)
{
    struct span head = span_cut_word(&text);
    uint64_t number;

    if (head.len < 2 || head.at[0] != letter_of(from) ||
        !span_number(span_after(head, 1), &number) || number == 0 || number > from->count)
        return -1;
    return (long)number - 1;
}

/* The line that a text is, to its last byte. */
static long find_line(const struct book *from, struct span text)
{
    long index = find_number(from, text);

    return index >= 0 && span_equal(text, write_text(from, &from->lines[index])) ? index : -1;
}

void ledger_sent_plain(struct machine *m, struct span text)
{
    struct book *b = book_of(m);
    long index = find_number(b, text); /* a long one leaves in pieces */

    if (index >= 0)
        b->lines[index].loose = true;
}

static void check_number(struct book *from, const struct event_id *id, long index)
{
    struct receipt *r = receipt_of(from, id);

    if (r->line >= 0 && r->line != index)
        violation("%c%" PRIu64 " is the number of two lines, %ld and %ld", letter_of(from), id->seq,
                  r->line + 1, index + 1);
    r->line = index;
}

static void check_order(const struct machine *m, const struct line *line)
{
    struct book *b = book_of(m);
    const struct book *from = other_book(m);
    /* What a former node has sent may arrive late; it was another one. */
    bool same = from->stored || b->last == 0 || line->run == from->lines[b->last - 1].run;

    if (line->heard && !line->repeatable)
        violation("%c has heard %u twice", m->letter, line->number);
    if (line->number <= b->last && same)
        violation("%c has heard %u after %u", m->letter, line->number, b->last);
    if (same || line->number > b->last)
        b->last = line->number;
}

unsigned ledger_heard(struct machine *m, const struct event *event)
{
    struct book *b = book_of(m), *from = other_book(m);
    long index = find_line(from, event->text);

    /* A plain line may have been cut by a reset. */
    if (index < 0 && event->id.node == NULL && !span_starts(event->text, "/"))
        return 0;
    if (index < 0) {
        violation("%c has heard what nobody sent: %.*s", m->letter,
                  (int)(event->text.len < 40 ? event->text.len : 40), event->text.at);
        return 0;
    }
    struct line *line = &from->lines[index];
    if (event->id.node != NULL)
        check_number(from, &event->id, index);
    if (line->refused)
        violation("%c has heard %u, which was refused", m->letter, line->number);
    if (event->id.node == NULL && !line->loose)
        violation("%c has heard %u in plain form, and it never was", m->letter, line->number);
    if (!line->loose)
        check_order(m, line);
    line->heard = true;
    line->repeatable = false;
    line->pending = true;
    if (line->stored == 0)
        line->stored = b->commits + 1;
    line->batch = b->turn;
    return line->number;
}

void ledger_printed(struct machine *m, unsigned number)
{
    struct line *line = &other_book(m)->lines[number - 1];

    line->turn = book_of(m)->turn;
    line->pending = false;
}

/* ---- the life of a process */

void ledger_commit(struct machine *m)
{
    book_of(m)->commits++;
    trace("commits");
}

bool ledger_has_stored(const struct machine *m)
{
    return book_of(m)->commits > 0;
}

void ledger_turn(struct machine *m, bool stored)
{
    struct book *b = book_of(m);

    if (stored)
        b->stored_turn = b->turn;
    b->turn++;
}

/* What it has printed and not remembered may come again, with all that it has heard in the same
 * turn; what it has not printed must. */
static void forget_heard(struct machine *m)
{
    struct book *b = book_of(m), *from = other_book(m);
    uint64_t open = 0;

    for (size_t i = from->count; i-- > 0;) {
        struct line *line = &from->lines[i];
        if (!line->heard)
            continue;
        if (line->pending || line->turn > b->stored_turn)
            open = line->batch;
        if (line->turn != 0 && line->batch == open)
            line->repeatable = true;
        line->heard = line->turn != 0;
        line->pending = false;
        if (line->stored > b->commits)
            line->stored = 0;
        if ((line->repeatable || !line->heard) && line->number <= b->last)
            b->last = line->number - 1;
    }
}

/* It will not know again what the other had sent it. */
void ledger_forget(struct machine *m)
{
    struct book *b = book_of(m), *from = other_book(m);

    for (size_t i = 0; i < from->count; i++)
        from->lines[i].repeatable = from->lines[i].heard;
    b->last = 0;
}

void ledger_killed(struct machine *m)
{
    struct book *b = book_of(m);

    b->runs[b->run].fate = KILLED;
    for (size_t i = 0; i < b->receipt_count; i++) {
        struct receipt *r = &b->receipts[i];
        if (r->decided > b->commits) { /* it does not remember that, and may decide otherwise */
            r->decided = 0;
            r->lost = false;
        } else if (r->lost && r->queued && !r->counted && b->runs[r->run].fate == LEFT) {
            r->counted = true; /* the count was to come, but the receipt is there */
            b->lost++;
        }
    }
    forget_heard(m);
    b->turn++;
}

void ledger_left(struct machine *m)
{
    struct book *b = book_of(m);

    b->runs[b->run].fate = LEFT;
    for (size_t i = 0; i < b->receipt_count; i++)
        b->receipts[i].counted = b->receipts[i].lost; /* or a count is missing for good */
    forget_heard(m);
}

/* ---- what is still owed */

/* Is a line for that run of the receiver still to be delivered? */
static bool is_valid(const struct book *to, unsigned target)
{
    return to->stored || target == to->run;
}

static bool is_missing(const struct book *b, const struct book *to, const struct line *line)
{
    return !line->refused && !line->loose && line->turn == 0 && is_valid(to, line->target) &&
           b->runs[line->run].fate != KILLED;
}

static size_t owed_by(const struct book *b, const struct book *to)
{
    size_t missing = 0, owed;

    for (size_t i = 0; i < b->count; i++)
        missing += is_missing(b, to, &b->lines[i]);
    owed = missing > b->lost ? missing - b->lost : 0;
    for (size_t i = 0; i < b->receipt_count; i++) {
        const struct receipt *r = &b->receipts[i];
        bool promised = (r->queued && !r->lost) || r->delivered;
        bool valid = to->stored || (r->target == 1 && to->run == 1);
        owed += promised && valid && (r->line < 0 || b->lines[r->line].turn == 0);
    }
    return owed;
}

size_t ledger_owed(void)
{
    return owed_by(&books[0], &books[1]) + owed_by(&books[1], &books[0]);
}

static void complain_about(const struct book *b, const struct book *to)
{
    for (size_t i = 0; i < b->count; i++)
        if (is_missing(b, to, &b->lines[i]))
            violation("%c%u was sent (run %u of %u) and did not come out (%zu told as lost)",
                      letter_of(b), b->lines[i].number, b->lines[i].run, b->run, b->lost);
    for (size_t i = 0; i < b->receipt_count; i++) {
        const struct receipt *r = &b->receipts[i];
        if (((r->queued && !r->lost) || r->delivered) &&
            (r->line < 0 || b->lines[r->line].turn == 0))
            violation("number %" PRIu64 ".%" PRIu64 " of %c was %s and did not come out", r->epoch,
                      r->seq, letter_of(b), r->delivered ? "delivered" : "queued");
    }
}

void ledger_complain(void)
{
    if (owed_by(&books[0], &books[1]) > 0)
        complain_about(&books[0], &books[1]);
    if (owed_by(&books[1], &books[0]) > 0)
        complain_about(&books[1], &books[0]);
}
