/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every verb, well and badly written, and that what is written is read back the same.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/verb.h"

#define KEY    "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq"
#define SECRET "mrswmz3infvgw3dnnzxxa4lson2hk5txpb4xu634pv7h7aebqkbq"
#define INVITE "jkfxqajcgw5757xvicn4wvyczm"
#define HELLO  "/hello 1 node=a boot=2 epoch=3 "

#define TEXT(literal)                                                                              \
    (struct span)                                                                                  \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void check_span(struct span got, struct span expected)
{
    assert_int_equal(got.len, expected.len);
    assert_memory_equal(got.at, expected.at, expected.len);
}

static void good_verbs(void **state)
{
    static const struct {
        struct span line;
        enum verb_kind kind;
        uint64_t seq;
        struct span text, code;
    } rows[] = {
        {TEXT("/msg 7 hi there "), VERB_MSG, 7, TEXT("hi there "), TEXT("")},
        {TEXT("/msg 7 "), VERB_MSG, 7, TEXT(""), TEXT("")},
        {TEXT("/msg 1  x"), VERB_MSG, 1, TEXT(" x"), TEXT("")},
        {TEXT("/msg 9223372036854775807 x"), VERB_MSG, INT64_MAX, TEXT("x"), TEXT("")},
        {TEXT("/bcast 12 /quit"), VERB_BCAST, 12, TEXT("/quit"), TEXT("")},
        {TEXT("/bcast 1 \xff\x1b"), VERB_BCAST, 1, TEXT("\xff\x1b"), TEXT("")},
        {TEXT("/ping t"), VERB_PING, 0, TEXT("t"), TEXT("")},
        {TEXT("/ping a1"), VERB_PING, 0, TEXT("a1"), TEXT("")},
        {TEXT("/ping a1 later=1"), VERB_PING, 0, TEXT("a1"), TEXT("")},
        {TEXT("/pong a1"), VERB_PONG, 0, TEXT("a1"), TEXT("")},
        {TEXT("/name bob"), VERB_NAME, 0, TEXT("bob"), TEXT("")},
        {TEXT("/name b"), VERB_NAME, 0, TEXT("b"), TEXT("")},
        {TEXT("/name all"), VERB_NAME, 0, TEXT("all"), TEXT("")},
        {TEXT("/bye"), VERB_BYE, 0, TEXT(""), TEXT("")},
        {TEXT("/bye "), VERB_BYE, 0, TEXT(""), TEXT("")},
        {TEXT("/bye I leave"), VERB_BYE, 0, TEXT("I leave"), TEXT("")},
        {TEXT("/error bad-verb no such thing"), VERB_ERROR, 0, TEXT("no such thing"),
         TEXT("bad-verb")},
        {TEXT("/error c"), VERB_ERROR, 0, TEXT(""), TEXT("c")},
        {TEXT("/error full"), VERB_ERROR, 0, TEXT(""), TEXT("full")},
        {TEXT("/ack 0"), VERB_ACK, 0, TEXT("0"), TEXT("")},
        {TEXT("/ack 12"), VERB_ACK, 12, TEXT("12"), TEXT("")},
        {TEXT("/ack 12 later=1"), VERB_ACK, 12, TEXT("12 later=1"), TEXT("")},
        {TEXT("/ack 9223372036854775807"), VERB_ACK, INT64_MAX, TEXT("9223372036854775807"),
         TEXT("")},
        {TEXT("/acks 12"), VERB_OTHER, 0, TEXT("12"), TEXT("")},
        {TEXT("/resumes 7 9"), VERB_OTHER, 0, TEXT("7 9"), TEXT("")},
        {TEXT("/peers"), VERB_OTHER, 0, TEXT(""), TEXT("")},
        {TEXT("/gon"), VERB_OTHER, 0, TEXT(""), TEXT("")},
        {TEXT("/msgs 7 hi"), VERB_OTHER, 0, TEXT("7 hi"), TEXT("")},
        {TEXT("/z"), VERB_OTHER, 0, TEXT(""), TEXT("")},
        {TEXT("/az-09"), VERB_OTHER, 0, TEXT(""), TEXT("")},
        {TEXT("/x-2 \xff"), VERB_OTHER, 0, TEXT("\xff"), TEXT("")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v;
        const char *cause = NULL;
        if (!verb_parse(rows[i].line, &v, &cause))
            fail_msg("%s: %s", rows[i].line.at, cause);
        assert_int_equal(v.kind, rows[i].kind);
        assert_true(v.seq == rows[i].seq);
        check_span(v.text, rows[i].text);
        check_span(v.code, rows[i].code);
    }
}

static void bad_verbs(void **state)
{
    static const struct {
        struct span line;
        const char *cause; /* a part of it */
    } rows[] = {
        {TEXT(""), "not a verb"},
        {TEXT("/"), "not a verb"},
        {TEXT("/ msg 7 hi"), "not a verb"},
        {TEXT("//msg 7 hi"), "not a verb"},
        {TEXT(" /msg 7 hi"), "not a verb"},
        {TEXT("msg 7 hi"), "not a verb"},
        {TEXT("hello"), "not a verb"},
        {TEXT("/a{"), "not a verb"},
        {TEXT("/a`"), "not a verb"},
        {TEXT("/a/"), "not a verb"},
        {TEXT("/a:"), "not a verb"},
        {TEXT("/`"), "not a verb"},
        {TEXT("/{"), "not a verb"},
        {TEXT("/7"), "not a verb"},
        {TEXT("/-"), "not a verb"},
        {TEXT("/MSG 7 hi"), "not a verb"},
        {TEXT("/mSg 7 hi"), "not a verb"},
        {TEXT("/msg\t7 hi"), "not a verb"},
        {TEXT("/msg\0 7 hi"), "not a verb"},
        {TEXT("/msg\xc3\xa9"), "not a verb"},
        {TEXT("10.0.0.2:7216 bob hi"), "not a verb"},
        {TEXT("/msg"), "sequence"},
        {TEXT("/msg "), "sequence"},
        {TEXT("/msg hi"), "sequence"},
        {TEXT("/msg 0 hi"), "sequence"},
        {TEXT("/msg -1 hi"), "sequence"},
        {TEXT("/msg 7x hi"), "sequence"},
        {TEXT("/msg  7 hi"), "sequence"},
        {TEXT("/msg 9223372036854775808 hi"), "sequence"},
        {TEXT("/msg 18446744073709551616 hi"), "sequence"},
        {TEXT("/msg 7"), "text is missing"},
        {TEXT("/bcast"), "sequence"},
        {TEXT("/bcast x y"), "sequence"},
        {TEXT("/bcast 7"), "text is missing"},
        {TEXT("/ping"), "token"},
        {TEXT("/ping "), "token"},
        {TEXT("/ping  a"), "token"},
        {TEXT("/pong"), "token"},
        {TEXT("/pong "), "token"},
        {TEXT("/name"), "name"},
        {TEXT("/name "), "name"},
        {TEXT("/name two words"), "no space"},
        {TEXT("/name b "), "no space"},
        {TEXT("/ack"), "sequence"},
        {TEXT("/ack "), "sequence"},
        {TEXT("/ack x"), "sequence"},
        {TEXT("/ack -1"), "sequence"},
        {TEXT("/ack  1"), "sequence"},
        {TEXT("/ack 7x"), "sequence"},
        {TEXT("/ack 9223372036854775808"), "sequence"},
        {TEXT("/resume"), "epoch"},
        {TEXT("/resume "), "epoch"},
        {TEXT("/resume x 9"), "epoch"},
        {TEXT("/resume -7 9"), "epoch"},
        {TEXT("/resume  7 9"), "epoch"},
        {TEXT("/resume 18446744073709551616 9"), "epoch"},
        {TEXT("/resume 7"), "sequence"},
        {TEXT("/resume 7 "), "sequence"},
        {TEXT("/resume 7 x"), "sequence"},
        {TEXT("/resume 7  9"), "sequence"},
        {TEXT("/resume 7 9223372036854775808"), "sequence"},
        {TEXT("/peer"), "address"},
        {TEXT("/peer "), "address"},
        {TEXT("/peer 10.0.0.2 abc bob"), "address"},
        {TEXT("/peer host:7216 abc bob"), "address"},
        {TEXT("/peer 10.0.0.2:0 abc bob"), "address"},
        {TEXT("/peer  10.0.0.2:7216 abc bob"), "address"},
        {TEXT("/peer 10.0.0.2:7216"), "node"},
        {TEXT("/peer 10.0.0.2:7216 "), "node"},
        {TEXT("/peer 10.0.0.2:7216 ABC bob"), "node"},
        {TEXT("/peer 10.0.0.2:7216 a.b bob"), "node"},
        {TEXT("/peer 10.0.0.2:7216 abc"), "name"},
        {TEXT("/peer 10.0.0.2:7216 abc "), "name"},
        {TEXT("/peer 10.0.0.2:7216 abc two words"), "no space"},
        {TEXT("/gone"), "node"},
        {TEXT("/gone "), "node"},
        {TEXT("/gone ABC 7"), "node"},
        {TEXT("/gone abc"), "boot"},
        {TEXT("/gone abc "), "boot"},
        {TEXT("/gone abc x"), "boot"},
        {TEXT("/gone abc 18446744073709551616"), "boot"},
        {TEXT("/ask"), "token"},
        {TEXT("/ask "), "token"},
        {TEXT("/ask  ready?"), "token"},
        {TEXT("/ask q"), "text is missing"},
        {TEXT("/answer"), "token"},
        {TEXT("/answer "), "token"},
        {TEXT("/answer  yes"), "token"},
        {TEXT("/answer q"), "text is missing"},
        {TEXT("/answered"), "token"},
        {TEXT("/answered "), "token"},
        {TEXT("/answered  ok"), "token"},
        {TEXT("/answered q"), "status"},
        {TEXT("/answered q "), "status"},
        {TEXT("/answered q  ok"), "status"},
        {TEXT("/group"), "missing"},
        {TEXT("/group "), "missing"},
        {TEXT("/group x"), "secret is not one"},
        {TEXT("/group  " SECRET), "secret is not one"},
        {TEXT("/group " SECRET "a"), "secret is not one"},
        {TEXT("/group " SECRET " x"), "secret is not one"},
        {TEXT("/error"), "code"},
        {TEXT("/error "), "code"},
        {TEXT("/error  text"), "code"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v;
        const char *cause = NULL;
        if (verb_parse(rows[i].line, &v, &cause))
            fail_msg("%s was taken", rows[i].line.at);
        assert_non_null(cause);
        if (strstr(cause, rows[i].cause) == NULL)
            fail_msg("%s: %s", rows[i].line.at, cause);
    }
    struct verb v;
    const char *cause = NULL;
    assert_false(verb_parse(span_make(NULL, 0), &v, &cause));
}

static struct verb read_verb(struct span line)
{
    struct verb v;
    const char *cause = NULL;

    if (!verb_parse(line, &v, &cause))
        fail_msg("%.*s: %s", (int)line.len, line.at, cause);
    return v;
}

/* Longer lines of a later version are read as far as they are known. */
static void what_resume_and_gone_carry(void **state)
{
    (void)state;
    struct verb v = read_verb(TEXT("/resume 18446744073709551615 0"));
    assert_int_equal(v.kind, VERB_RESUME);
    assert_true(v.epoch == UINT64_MAX && v.seq == 0);
    v = read_verb(TEXT("/resume 0 9223372036854775807 later=1"));
    assert_true(v.epoch == 0 && v.seq == INT64_MAX);
    v = read_verb(TEXT("/gone az09 18446744073709551615"));
    assert_int_equal(v.kind, VERB_GONE);
    assert_string_equal(v.node, "az09");
    assert_true(v.boot == UINT64_MAX);
    v = read_verb(TEXT("/gone a 0 later=1"));
    assert_true(v.boot == 0);
}

static void what_peer_carries(void **state)
{
    static const struct {
        struct span line;
        const char *address, *name;
    } rows[] = {
        {TEXT("/peer 10.0.0.2:7216 abc bob"), "10.0.0.2:7216", "bob"},
        {TEXT("/peer <10.0.0.2:7216> abc -"), "10.0.0.2:7216", "-"},
        {TEXT("/peer [fd00::2]:1 abc zo\xc3\xab"), "[fd00::2]:1", "zo\xc3\xab"},
        {TEXT("/peer [::ffff:10.0.0.2]:65535 abc \x1b[31m"), "10.0.0.2:65535", "\x1b[31m"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char address[ADDRESS_TEXT];
        struct verb v = read_verb(rows[i].line);
        assert_int_equal(v.kind, VERB_PEER);
        address_print(&v.address, address);
        assert_string_equal(address, rows[i].address);
        assert_string_equal(v.node, "abc");
        check_span(v.text, span_of(rows[i].name)); /* as it was said: name_shown() is to be asked */
    }
}

static void what_questions_and_answers_carry(void **state)
{
    static const struct {
        struct span line;
        enum verb_kind kind;
        struct span token, text;
    } rows[] = {
        {TEXT("/ask q1 ready?"), VERB_ASK, TEXT("q1"), TEXT("ready?")},
        {TEXT("/ask 7  /quit "), VERB_ASK, TEXT("7"), TEXT(" /quit ")},
        {TEXT("/ask q "), VERB_ASK, TEXT("q"), TEXT("")},
        {TEXT("/answer q1 yes"), VERB_ANSWER, TEXT("q1"), TEXT("yes")},
        {TEXT("/answer q "), VERB_ANSWER, TEXT("q"), TEXT("")},
        {TEXT("/answer \xff \x1b"), VERB_ANSWER, TEXT("\xff"), TEXT("\x1b")},
        {TEXT("/answers q1 yes"), VERB_OTHER, TEXT(""), TEXT("q1 yes")},
        {TEXT("/asked q1 yes"), VERB_OTHER, TEXT(""), TEXT("q1 yes")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v = read_verb(rows[i].line);
        assert_int_equal(v.kind, rows[i].kind);
        check_span(v.token, rows[i].token);
        check_span(v.text, rows[i].text);
    }
}

/* A status of a later version is none that this one may take for success. */
static void how_answers_end(void **state)
{
    static const struct {
        struct span line;
        enum answer_status status;
    } rows[] = {
        {TEXT("/answered q ok"), ANSWER_OK},         {TEXT("/answered q ok later=1"), ANSWER_OK},
        {TEXT("/answered q failed"), ANSWER_FAILED}, {TEXT("/answered q cut"), ANSWER_CUT},
        {TEXT("/answered q busy"), ANSWER_BUSY},     {TEXT("/answered q none"), ANSWER_NONE},
        {TEXT("/answered q oka"), ANSWER_FAILED},    {TEXT("/answered q o"), ANSWER_FAILED},
        {TEXT("/answered q OK"), ANSWER_FAILED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v = read_verb(rows[i].line);
        assert_int_equal(v.kind, VERB_ANSWERED);
        check_span(v.token, span_of("q"));
        assert_int_equal(v.status, rows[i].status);
    }
}

/* The line in b without its LF, which must be there and be the only one. */
static struct span only_line(const struct buffer *b)
{
    struct span line = buffer_span(b);

    assert_true(line.len > 0);
    assert_ptr_equal(memchr(line.at, '\n', line.len), line.at + line.len - 1);
    return span_make(line.at, line.len - 1);
}

static void questions_and_answers_come_back(void **state)
{
    struct buffer b;

    (void)state;
    buffer_init(&b, 1000);
    verb_format_ask(&b, "q1", span_of(" two  words "));
    assert_true(span_is(buffer_span(&b), "/ask q1  two  words \n"));
    buffer_consume(&b, buffer_length(&b));
    verb_format_answer(&b, "q1", span_of(""));
    assert_true(span_is(buffer_span(&b), "/answer q1 \n"));
    for (enum answer_status status = ANSWER_OK; status < ANSWER_STATUSES; status++) {
        buffer_consume(&b, buffer_length(&b));
        verb_format_answered(&b, "q1", status);
        struct verb v = read_verb(only_line(&b));
        assert_int_equal(v.kind, VERB_ANSWERED);
        assert_int_equal(v.status, status);
    }
    buffer_free(&b);
}

static void the_length_of_tokens(void **state)
{
    char line[100] = "/ping ";
    struct verb v;
    const char *cause;

    (void)state;
    memset(line + 6, 't', sizeof line - 6);
    assert_true(verb_parse(span_make(line, 6 + VERB_TOKEN_MAX), &v, &cause));
    assert_int_equal(v.text.len, VERB_TOKEN_MAX);
    assert_false(verb_parse(span_make(line, 7 + VERB_TOKEN_MAX), &v, &cause));

    memcpy(line, "/ask t", 6);
    line[5 + VERB_TOKEN_MAX] = ' ';
    assert_true(verb_parse(span_make(line, 6 + VERB_TOKEN_MAX), &v, &cause));
    assert_int_equal(v.token.len, VERB_TOKEN_MAX);
    line[5 + VERB_TOKEN_MAX] = 't';
    line[6 + VERB_TOKEN_MAX] = ' ';
    assert_false(verb_parse(span_make(line, 7 + VERB_TOKEN_MAX), &v, &cause));
}

static void good_hellos(void **state)
{
    struct verb v;
    const char *cause;

    (void)state;
    assert_true(verb_parse(TEXT("/hello 1 node=a boot=2 epoch=3"), &v, &cause));
    assert_int_equal(v.kind, VERB_HELLO);
    assert_true(v.hello.version == 1 && v.hello.boot == 2 && v.hello.epoch == 3);
    assert_string_equal(v.hello.node, "a");
    assert_string_equal(v.hello.name, "");
    assert_true(v.hello.window == 0 && v.hello.listen == 0 && !v.hello.passing);

    /* In any order, with keys and capabilities that are not known, and spaces to spare. */
    assert_true(verb_parse(TEXT("/hello 2  new=1 epoch=18446744073709551615 caps=x,passing,y "
                                "listen=65535 bare boot=0 name=bob window=4194304 =  node=z9 "),
                           &v, &cause));
    assert_true(v.hello.version == 2 && v.hello.boot == 0 && v.hello.epoch == UINT64_MAX);
    assert_string_equal(v.hello.node, "z9");
    assert_string_equal(v.hello.name, "bob");
    assert_true(v.hello.window == 4194304 && v.hello.listen == 65535 && v.hello.passing);
}

static void hellos_with_keys_and_proofs(void **state)
{
    (void)state;
    struct verb v = read_verb(TEXT(HELLO));
    assert_false(v.hello.offers_tls);
    assert_string_equal(v.hello.key, "");
    assert_string_equal(v.hello.was, "");
    assert_string_equal(v.hello.proof, "");
    assert_string_equal(v.hello.former, "");
    assert_string_equal(v.hello.invite, "");

    v = read_verb(TEXT(HELLO "caps=passing,fleeting,tls key=" KEY));
    assert_true(v.hello.passing && v.hello.fleeting && v.hello.offers_tls);
    assert_string_equal(v.hello.key, KEY);

    v = read_verb(TEXT(HELLO "invite=" INVITE " former=" KEY " proof=" SECRET " was=b"));
    assert_string_equal(v.hello.was, "b");
    assert_string_equal(v.hello.proof, SECRET);
    assert_string_equal(v.hello.former, KEY);
    assert_string_equal(v.hello.invite, INVITE);
}

static void hellos_with_odd_values(void **state)
{
    static const struct {
        struct span line;
        bool passing;
        const char *name;
    } rows[] = {
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps="), false, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=passing"), true, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=passing,"), true, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=,,passing"), true, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=passin"), false, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=passings"), false, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=PASSING"), false, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 xcaps=passing"), false, ""},
        {TEXT("/hello 1 node=a boot=2 epoch=3 name=all"), false, "-"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 name="), false, "-"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 name=a=b"), false, "a=b"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 name=\x1b[31m"), false, "-"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v;
        const char *cause;
        assert_true(verb_parse(rows[i].line, &v, &cause));
        assert_int_equal(v.hello.passing, rows[i].passing);
        assert_string_equal(v.hello.name, rows[i].name);
    }
}

static void bad_hellos(void **state)
{
    static const struct {
        struct span line;
        const char *cause;
    } rows[] = {
        {TEXT("/hello"), "version"},
        {TEXT("/hello "), "version"},
        {TEXT("/hello 0 node=a boot=2 epoch=3"), "version"},
        {TEXT("/hello x node=a boot=2 epoch=3"), "version"},
        {TEXT("/hello  1 node=a boot=2 epoch=3"), "version"},
        {TEXT("/hello node=a boot=2 epoch=3"), "version"},
        {TEXT("/hello 1"), "node is missing"},
        {TEXT("/hello 1 boot=2 epoch=3"), "node is missing"},
        {TEXT("/hello 1 node=a epoch=3"), "boot is missing"},
        {TEXT("/hello 1 node=a boot=2"), "epoch is missing"},
        {TEXT("/hello 1 node=a boot=2 EPOCH=3"), "epoch is missing"},
        {TEXT("/hello 1 node= boot=2 epoch=3"), "node"},
        {TEXT("/hello 1 node=A boot=2 epoch=3"), "node"},
        {TEXT("/hello 1 node=a/b boot=2 epoch=3"), "node"},
        {TEXT("/hello 1 node=../x boot=2 epoch=3"), "node"},
        {TEXT("/hello 1 node=a\0 boot=2 epoch=3"), "node"},
        {TEXT("/hello 1 node=a boot= epoch=3"), "boot"},
        {TEXT("/hello 1 node=a boot=x epoch=3"), "boot"},
        {TEXT("/hello 1 node=a boot=18446744073709551616 epoch=3"), "boot"},
        {TEXT("/hello 1 node=a boot=2 epoch=-3"), "epoch"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 listen=65536"), "listen"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 listen="), "listen"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 window=1k"), "window"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 node=b"), "twice"},
        {TEXT("/hello 1 node=a boot=2 epoch=3 caps=a caps=b"), "twice"},
        {TEXT(HELLO "key="), "key"},
        {TEXT(HELLO "key=a"), "key"},
        {TEXT(HELLO "key=" KEY "a"), "key"},
        {TEXT(HELLO "was="), "node"},
        {TEXT(HELLO "was=A"), "node"},
        {TEXT(HELLO "was=" KEY), "without a key"},
        {TEXT(HELLO "proof="), "proof"},
        {TEXT(HELLO "proof=" INVITE), "proof"},
        {TEXT(HELLO "proof=" SECRET " proof=" SECRET), "twice"},
        {TEXT(HELLO "former=x"), "proof"},
        {TEXT(HELLO "invite="), "invite"},
        {TEXT(HELLO "invite=" SECRET), "invite"},
        {TEXT(HELLO "invite=../../../../../../../etc/a"), "invite"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb v;
        const char *cause = NULL;
        if (verb_parse(rows[i].line, &v, &cause))
            fail_msg("%s was taken", rows[i].line.at);
        if (strstr(cause, rows[i].cause) == NULL)
            fail_msg("%s: %s", rows[i].line.at, cause);
    }
}

static void the_length_of_node_ids(void **state)
{
    struct verb v;
    const char *cause;

    (void)state;
    for (size_t len = 1; len <= NODE_ID_MAX + 1; len++) {
        char node[NODE_ID_MAX + 2] = "";
        struct buffer b;
        memset(node, 'z', len);
        buffer_init(&b, 1000);
        assert_true(buffer_print(&b, "/hello 1 node=%s boot=2 epoch=3", node));
        assert_int_equal(verb_parse(buffer_span(&b), &v, &cause), len <= NODE_ID_MAX);
        if (len <= NODE_ID_MAX)
            assert_string_equal(v.hello.node, node);
        buffer_free(&b);
    }
}

static void check_hello_comes_back(const struct hello *hello)
{
    struct buffer b;
    struct verb v;
    const char *cause;

    buffer_init(&b, HELLO_LINE - 1);
    verb_format_hello(&b, hello);
    assert_true(verb_parse(only_line(&b), &v, &cause));
    assert_int_equal(v.kind, VERB_HELLO);
    assert_true(v.hello.version == hello->version && v.hello.boot == hello->boot &&
                v.hello.epoch == hello->epoch && v.hello.window == hello->window);
    assert_int_equal(v.hello.listen, hello->listen);
    assert_int_equal(v.hello.passing, hello->passing);
    assert_int_equal(v.hello.offers_tls, hello->offers_tls);
    assert_int_equal(v.hello.fleeting, hello->fleeting);
    assert_string_equal(v.hello.key, hello->key);
    assert_string_equal(v.hello.was, hello->was);
    assert_string_equal(v.hello.proof, hello->proof);
    assert_string_equal(v.hello.former, hello->former);
    assert_string_equal(v.hello.invite, hello->invite);
    assert_string_equal(v.hello.node, hello->node);
    assert_string_equal(v.hello.name, hello->name);
    buffer_free(&b);
}

static void hello_comes_back(void **state)
{
    struct hello hello = {.version = VERB_VERSION, .node = "az09"};

    (void)state;
    check_hello_comes_back(&hello);
    hello.boot = hello.epoch = hello.window = hello.version = UINT64_MAX;
    hello.listen = UINT16_MAX;
    hello.passing = true;
    memset(hello.node, '9', NODE_ID_MAX);
    memset(hello.name, 'n', NAME_MAX_BYTES);
    check_hello_comes_back(&hello);
    hello.passing = false;
    hello.offers_tls = true;
    check_hello_comes_back(&hello);
    hello.passing = hello.fleeting = true;
    memcpy(hello.key, KEY, sizeof hello.key);
    memset(hello.was, '8', NODE_ID_MAX);
    memcpy(hello.proof, SECRET, sizeof hello.proof);
    memcpy(hello.former, KEY, sizeof hello.former);
    memcpy(hello.invite, INVITE, sizeof hello.invite);
    check_hello_comes_back(&hello); /* the longest one */
}

static void groups_come_back(void **state)
{
    struct group group = {.count = GROUP_SECRETS};
    struct buffer b;

    (void)state;
    for (size_t i = 0; i < sizeof group.secrets; i++)
        ((unsigned char *)group.secrets)[i] = (unsigned char)(100 + i);
    for (; group.count > 0; group.count--) {
        buffer_init(&b, 1000);
        verb_format_group(&b, &group);
        struct verb v = read_verb(only_line(&b));
        assert_int_equal(v.kind, VERB_GROUP);
        assert_int_equal(v.group.count, group.count);
        assert_memory_equal(v.group.secrets, group.secrets, group.count * PROOF_KEY_BYTES);
        if (group.count == 1)
            assert_true(span_is(buffer_span(&b), "/group " SECRET "\n"));
        buffer_free(&b);
    }
    assert_int_equal(read_verb(TEXT("/group " SECRET " ")).group.count, 1);
    assert_int_equal(read_verb(TEXT("/group " SECRET " " SECRET " later=1")).group.count, 2);
}

static void hello_reads_well(void **state)
{
    struct hello hello = {
        .version = 1,
        .node = "abc",
        .name = "bob",
        .boot = 5,
        .epoch = 6,
        .window = 7,
        .listen = 7216,
        .passing = true,
    };
    struct buffer b;

    (void)state;
    buffer_init(&b, 1000);
    verb_format_hello(&b, &hello);
    check_span(buffer_span(&b), TEXT("/hello 1 node=abc boot=5 epoch=6 listen=7216 window=7 "
                                     "name=bob caps=passing\n"));
    buffer_free(&b);
}

static void each_written_verb_comes_back(void **state)
{
    static const enum verb_kind kinds[] = {VERB_PING, VERB_PONG, VERB_NAME, VERB_BYE, VERB_ERROR};
    static const char *const texts[] = {"token", "token", "bob", "see you", "it is bad"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct buffer b;
        struct verb v;
        const char *cause;
        buffer_init(&b, 1000);
        switch (kinds[i]) {
        case VERB_PING: verb_format_ping(&b, "token"); break;
        case VERB_PONG: verb_format_pong(&b, TEXT("token")); break;
        case VERB_NAME: verb_format_name(&b, "bob"); break;
        case VERB_BYE: verb_format_bye(&b, "see you"); break;
        default: verb_format_error(&b, "bad-line", "it is bad");
        }
        assert_true(verb_parse(only_line(&b), &v, &cause));
        assert_int_equal(v.kind, kinds[i]);
        check_span(v.text, span_of(texts[i]));
        check_span(v.code, span_of(kinds[i] == VERB_ERROR ? "bad-line" : ""));
        buffer_free(&b);
    }
}

static struct verb read_only_verb(const struct buffer *b)
{
    return read_verb(only_line(b));
}

static void confirmations_come_back(void **state)
{
    static const uint64_t numbers[] = {0, 1, 9, 10, 1234567890, INT64_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct buffer b;
        buffer_init(&b, 1000);
        verb_format_ack(&b, numbers[i]);
        struct verb v = read_only_verb(&b);
        assert_true(v.kind == VERB_ACK && v.seq == numbers[i]);
        buffer_consume(&b, buffer_length(&b));
        verb_format_resume(&b, UINT64_MAX - numbers[i], numbers[i]);
        v = read_only_verb(&b);
        assert_true(v.kind == VERB_RESUME && v.seq == numbers[i] &&
                    v.epoch == UINT64_MAX - numbers[i]);
        buffer_free(&b);
    }
}

static void news_of_others_comes_back(void **state)
{
    struct address a;
    struct buffer b;
    char node[NODE_ID_TEXT] = "";

    (void)state;
    memset(node, 'z', NODE_ID_MAX);
    assert_true(address_parse(TEXT("[fe80::1%3]:7216"), &a));
    buffer_init(&b, 1000);
    verb_format_peer(&b, &a, node, "bob");
    struct verb v = read_only_verb(&b);
    assert_int_equal(v.kind, VERB_PEER);
    assert_true(address_equal(&v.address, &a));
    assert_string_equal(v.node, node);
    check_span(v.text, TEXT("bob"));
    buffer_consume(&b, buffer_length(&b));
    verb_format_gone(&b, node, UINT64_MAX);
    v = read_only_verb(&b);
    assert_true(v.kind == VERB_GONE && v.boot == UINT64_MAX);
    assert_string_equal(v.node, node);
    buffer_free(&b);
}

static void they_read_well(void **state)
{
    struct address a;
    struct buffer b;

    (void)state;
    assert_true(address_parse(TEXT("10.0.0.2:7216"), &a));
    buffer_init(&b, 1000);
    verb_format_resume(&b, 7, 9);
    verb_format_ack(&b, 12);
    verb_format_peer(&b, &a, "abc", "bob");
    verb_format_gone(&b, "abc", 5);
    check_span(buffer_span(&b), TEXT("/resume 7 9\n/ack 12\n/peer 10.0.0.2:7216 abc bob\n"
                                     "/gone abc 5\n"));
    buffer_free(&b);
}

static void heads_of_lines_with_text(void **state)
{
    char out[VERB_HEAD];

    (void)state;
    check_span(verb_head(VERB_MSG, 7, out), TEXT("/msg 7 "));
    check_span(verb_head(VERB_MSG, 10, out), TEXT("/msg 10 "));
    check_span(verb_head(VERB_BCAST, 1234567890, out), TEXT("/bcast 1234567890 "));
    check_span(verb_head(VERB_BCAST, UINT64_MAX, out), TEXT("/bcast 18446744073709551615 "));
    check_span(verb_head(VERB_MSG, 0, out), TEXT("/msg 0 "));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_verbs),
        cmocka_unit_test(bad_verbs),
        cmocka_unit_test(what_resume_and_gone_carry),
        cmocka_unit_test(what_peer_carries),
        cmocka_unit_test(what_questions_and_answers_carry),
        cmocka_unit_test(how_answers_end),
        cmocka_unit_test(questions_and_answers_come_back),
        cmocka_unit_test(the_length_of_tokens),
        cmocka_unit_test(good_hellos),
        cmocka_unit_test(hellos_with_odd_values),
        cmocka_unit_test(bad_hellos),
        cmocka_unit_test(the_length_of_node_ids),
        cmocka_unit_test(hello_comes_back),
        cmocka_unit_test(hello_reads_well),
        cmocka_unit_test(hellos_with_keys_and_proofs),
        cmocka_unit_test(groups_come_back),
        cmocka_unit_test(each_written_verb_comes_back),
        cmocka_unit_test(confirmations_come_back),
        cmocka_unit_test(news_of_others_comes_back),
        cmocka_unit_test(they_read_well),
        cmocka_unit_test(heads_of_lines_with_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
