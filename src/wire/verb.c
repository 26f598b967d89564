/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How verbs are written and read: a table of verbs. What a verb leads to is decided elsewhere.
 */
#include "config.h"

#include "wire/verb.h"

#include <assert.h>

/* Each reads the words behind a verb; NULL, or a static text that says what is wrong. */
typedef const char *word_reader(struct span words, struct verb *out);

/* ---- reading */

static const char *read_hello(struct span words, struct verb *out)
{
    return hello_parse(words, &out->hello);
}

static const char *read_text(struct span words, struct verb *out)
{
    struct span number = span_cut_word(&words);

    /* Stores keep signed numbers. */
    if (!span_number(number, &out->seq) || out->seq == 0 || out->seq > INT64_MAX)
        return "the sequence number is not a number from 1";
    if (words.at == number.at + number.len)
        return "the text is missing";
    out->text = words;
    return NULL;
}

static const char *cut_token(struct span *words, struct span *token)
{
    *token = span_cut_word(words);
    return token->len >= 1 && token->len <= VERB_TOKEN_MAX ? NULL : "a token has 1 to 64 bytes";
}

static const char *read_token(struct span words, struct verb *out)
{
    return cut_token(&words, &out->text);
}

/* Stores keep signed numbers. */
static const char *read_committed(struct span words, struct verb *out)
{
    if (!span_number(span_cut_word(&words), &out->seq) || out->seq > INT64_MAX)
        return "the sequence number is not a number";
    return NULL;
}

static const char *read_resume(struct span words, struct verb *out)
{
    if (!span_number(span_cut_word(&words), &out->epoch))
        return "the epoch is not a number";
    return read_committed(words, out);
}

static const char *read_new_name(struct span words, struct verb *out)
{
    (void)out;
    if (memchr(words.at, ' ', words.len) != NULL)
        return "a name has no space";
    return words.len > 0 ? NULL : "the name is missing";
}

static const char *read_peer(struct span words, struct verb *out)
{
    if (!address_parse(span_cut_word(&words), &out->address))
        return "the address is not one";
    const char *cause = hello_parse_node(span_cut_word(&words), out->node);
    out->text = words;
    return cause != NULL ? cause : read_new_name(words, out);
}

static const char *read_gone(struct span words, struct verb *out)
{
    const char *cause = hello_parse_node(span_cut_word(&words), out->node);
    if (cause != NULL)
        return cause;
    return span_number(span_cut_word(&words), &out->boot) ? NULL : "the boot is not a number";
}

static const char *read_token_and_text(struct span words, struct verb *out)
{
    const char *cause = cut_token(&words, &out->token);
    if (cause == NULL && words.at == out->token.at + out->token.len)
        cause = "the text is missing";
    out->text = words;
    return cause;
}

static const char *const statuses[ANSWER_STATUSES] = {
    [ANSWER_OK] = "ok",     [ANSWER_FAILED] = "failed", [ANSWER_CUT] = "cut",
    [ANSWER_BUSY] = "busy", [ANSWER_NONE] = "none",
};

static const char *read_answered(struct span words, struct verb *out)
{
    const char *cause = cut_token(&words, &out->token);
    struct span word = span_cut_word(&words);
    if (cause == NULL && word.len == 0)
        cause = "the status is missing";
    out->status = ANSWER_FAILED;
    for (enum answer_status s = ANSWER_OK; s < ANSWER_STATUSES; s++) {
        if (span_is(word, statuses[s]))
            out->status = s;
    }
    return cause;
}

static const char *read_error(struct span words, struct verb *out)
{
    out->code = span_cut_word(&words);
    out->text = words;
    return out->code.len > 0 ? NULL : "the error code is missing";
}

static const char *read_group(struct span words, struct verb *out)
{
    struct group *group = &out->group;

    group->count = 0;
    while (words.len > 0 && group->count < GROUP_SECRETS) {
        unsigned char *secret = group->secrets[group->count++];
        if (!base32_decode(span_cut_word(&words), secret, PROOF_KEY_BYTES))
            return "a secret is not one";
    }
    return group->count > 0 ? NULL : "the secret is missing";
}

/* The two that carry text come first: nearly every line is one of them. */
static const struct verb_row {
    const char *word;
    size_t len;
    enum verb_kind kind;
    word_reader *read; /* NULL: whatever follows is the text */
} verb_rows[] = {
    {"/msg", 4, VERB_MSG, read_text},
    {"/bcast", 6, VERB_BCAST, read_text},
    {"/ack", 4, VERB_ACK, read_committed},
    {"/ping", 5, VERB_PING, read_token},
    {"/pong", 5, VERB_PONG, read_token},
    {"/resume", 7, VERB_RESUME, read_resume},
    {"/name", 5, VERB_NAME, read_new_name},
    {"/peer", 5, VERB_PEER, read_peer},
    {"/gone", 5, VERB_GONE, read_gone},
    {"/bye", 4, VERB_BYE, NULL},
    {"/error", 6, VERB_ERROR, read_error},
    {"/hello", 6, VERB_HELLO, read_hello},
    {"/ask", 4, VERB_ASK, read_token_and_text},
    {"/answer", 7, VERB_ANSWER, read_token_and_text},
    {"/answered", 9, VERB_ANSWERED, read_answered},
    {"/group", 6, VERB_GROUP, read_group},
};

enum { VERB_ROWS = sizeof verb_rows / sizeof verb_rows[0] };

static const struct verb_row *find_row(struct span word)
{
    for (size_t i = 0; i < VERB_ROWS; i++)
        if (word.len == verb_rows[i].len && memcmp(word.at, verb_rows[i].word, word.len) == 0)
            return &verb_rows[i];
    return NULL;
}

/* A slash, a letter, then letters, digits and hyphens, all of them small. */
static bool is_verb_word(struct span word)
{
    if (word.len < 2 || word.at[0] != '/' || word.at[1] < 'a' || word.at[1] > 'z')
        return false;
    for (size_t i = 2; i < word.len; i++) {
        char c = word.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

bool verb_parse(struct span line, struct verb *out, const char **cause)
{
    struct span words = line;
    struct span word = span_cut_word(&words);
    const struct verb_row *row = find_row(word);

    out->kind = row == NULL ? VERB_OTHER : row->kind;
    out->seq = 0;
    out->text = words;
    out->code = span_make(line.at, 0);
    out->token = span_make(line.at, 0);
    if (row == NULL)
        *cause = is_verb_word(word) ? NULL : "not a verb";
    else
        *cause = row->read == NULL ? NULL : row->read(words, out);
    return *cause == NULL;
}

/* ---- writing */

void verb_format_hello(struct buffer *out, const struct hello *hello)
{
    buffer_append(out, span_of("/hello "));
    hello_format(out, hello);
    buffer_append(out, span_of("\n"));
}

void verb_format_ping(struct buffer *out, const char *token)
{
    buffer_print(out, "/ping %s\n", token);
}

void verb_format_pong(struct buffer *out, struct span token)
{
    buffer_print(out, "/pong %.*s\n", (int)token.len, token.at);
}

void verb_format_ack(struct buffer *out, uint64_t seq)
{
    buffer_print(out, "/ack %llu\n", (unsigned long long)seq);
}

void verb_format_resume(struct buffer *out, uint64_t epoch, uint64_t seq)
{
    buffer_print(out, "/resume %llu %llu\n", (unsigned long long)epoch, (unsigned long long)seq);
}

void verb_format_peer(struct buffer *out, const struct address *a, const char *node,
                      const char *name)
{
    char text[ADDRESS_TEXT];
    const char *const words[] = {"/peer ", text, " ", node, " ", name, "\n"};
    address_print(a, text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        buffer_append(out, span_of(words[i]));
}

void verb_format_gone(struct buffer *out, const char *node, uint64_t boot)
{
    buffer_print(out, "/gone %s %llu\n", node, (unsigned long long)boot);
}

void verb_format_name(struct buffer *out, const char *name)
{
    buffer_print(out, "/name %s\n", name);
}

static void format_text(struct buffer *out, const char *word, const char *token, struct span text)
{
    buffer_print(out, "%s %s ", word, token);
    buffer_append(out, text);
    buffer_append(out, span_of("\n"));
}

void verb_format_ask(struct buffer *out, const char *token, struct span text)
{
    format_text(out, "/ask", token, text);
}

void verb_format_answer(struct buffer *out, const char *token, struct span text)
{
    format_text(out, "/answer", token, text);
}

void verb_format_answered(struct buffer *out, const char *token, enum answer_status status)
{
    buffer_print(out, "/answered %s %s\n", token, statuses[status]);
}

void verb_format_group(struct buffer *out, const struct group *group)
{
    char secret[GROUP_TEXT];

    assert(group->count >= 1 && group->count <= GROUP_SECRETS);
    buffer_append(out, span_of("/group"));
    for (size_t i = 0; i < group->count; i++) {
        base32_encode(group->secrets[i], PROOF_KEY_BYTES, secret);
        buffer_print(out, " %s", secret);
    }
    buffer_append(out, span_of("\n"));
    digest_wipe(secret, sizeof secret);
}

void verb_format_bye(struct buffer *out, const char *reason)
{
    buffer_print(out, "/bye %s\n", reason);
}

void verb_format_error(struct buffer *out, const char *code, const char *text)
{
    buffer_print(out, "/error %s %s\n", code, text);
}

struct span verb_head(enum verb_kind kind, uint64_t seq, char out[VERB_HEAD])
{
    const char *word = kind == VERB_MSG ? "/msg " : "/bcast ";
    size_t at = VERB_HEAD;

    assert(kind == VERB_MSG || kind == VERB_BCAST);
    out[--at] = ' ';
    do
        out[--at] = (char)('0' + seq % 10);
    while ((seq /= 10) > 0);
    at -= strlen(word);
    memcpy(out + at, word, strlen(word));
    return span_make(out + at, VERB_HEAD - at);
}
