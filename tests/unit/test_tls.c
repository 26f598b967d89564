/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS between one side of ours and one of a stranger's: OpenSSL with whatever settings, over a pair
 * of sockets that do not block.
 */
#include "config.h"

#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { STEPS = 100 };

/* What a stranger does differently. */
struct habits {
    const char *kind; /* of key; NULL: Ed25519, "": none */
    int extra;        /* certificates shown beside its own */
    bool no_alpn, other_alpn, old_version, tickets;
};

struct fixture {
    struct key *key;
    struct tls_context *context;
    struct tls *ours;
    int here, there;
    SSL_CTX *strange_context;
    SSL *stranger;
    enum tls_result result;
    int error; /* errno with it */
};

static struct fixture *f;

/* ---- strangers */

static X509 *certify(EVP_PKEY *pair)
{
    X509 *c = X509_new();

    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 7);
    X509_gmtime_adj(X509_getm_notBefore(c), -7200);
    X509_gmtime_adj(X509_getm_notAfter(c), -3600); /* long over, which says nothing here */
    X509_set_pubkey(c, pair);
    assert_true(X509_sign(c, pair, EVP_PKEY_is_a(pair, "EC") ? EVP_sha256() : NULL) > 0);
    return c;
}

static EVP_PKEY *make_pair(const char *kind)
{
    return strcmp(kind, "EC") == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                   : EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void certify_stranger(const struct habits *h)
{
    if (h->kind != NULL && *h->kind == '\0')
        return;
    EVP_PKEY *pair = make_pair(h->kind != NULL ? h->kind : "ED25519");
    X509 *c = certify(pair);

    assert_int_equal(SSL_CTX_use_certificate(f->strange_context, c), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(f->strange_context, pair), 1);
    for (int i = 0; i < h->extra; i++)
        SSL_CTX_add1_chain_cert(f->strange_context, c);
    X509_free(c);
    EVP_PKEY_free(pair);
}

static int take_any_protocol(SSL *ssl, const unsigned char **out, unsigned char *len,
                             const unsigned char *in, unsigned in_len, void *arg)
{
    (void)ssl, (void)arg, (void)in_len;
    *len = in[0];
    *out = in + 1;
    return SSL_TLSEXT_ERR_OK;
}

static int trust_anybody(int good, X509_STORE_CTX *shown)
{
    (void)good, (void)shown;
    return 1;
}

static int trust_nobody(int good, X509_STORE_CTX *shown)
{
    (void)good, (void)shown;
    return 0;
}

static void make_stranger(const struct habits *h, bool dialer)
{
    const unsigned char *alpn =
        (const unsigned char *)(h->other_alpn ? "\012hashflow/2" : "\012hashflow/1");

    f->strange_context = SSL_CTX_new(TLS_method());
    certify_stranger(h);
    SSL_CTX_set_verify(f->strange_context, SSL_VERIFY_PEER, trust_anybody);
    if (!h->no_alpn) {
        SSL_CTX_set_alpn_protos(f->strange_context, alpn, 11);
        SSL_CTX_set_alpn_select_cb(f->strange_context, take_any_protocol, NULL);
    }
    if (h->old_version)
        SSL_CTX_set_max_proto_version(f->strange_context, TLS1_2_VERSION);
    SSL_CTX_set_num_tickets(f->strange_context, h->tickets ? 2 : 0);
    f->stranger = SSL_new(f->strange_context);
    SSL_set_fd(f->stranger, f->there);
    if (dialer)
        SSL_set_connect_state(f->stranger);
    else
        SSL_set_accept_state(f->stranger);
}

/* ---- the meeting */

static int begin(void **state)
{
    int pair[2];

    (void)state;
    f = calloc(1, sizeof *f);
    f->key = key_make();
    f->context = tls_context_new(f->key);
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
    f->here = pair[0];
    f->there = pair[1];
    fcntl(f->here, F_SETFL, O_NONBLOCK);
    fcntl(f->there, F_SETFL, O_NONBLOCK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tls_free(f->ours);
    tls_context_free(f->context);
    key_free(f->key);
    SSL_free(f->stranger);
    SSL_CTX_free(f->strange_context);
    close(f->here);
    if (f->there >= 0)
        close(f->there);
    free(f);
    return 0;
}

static bool waits(enum tls_result result)
{
    return result == TLS_READ || result == TLS_WRITE;
}

static void shake(void)
{
    f->result = tls_handshake(f->ours);
    f->error = errno;
}

static void meet(const struct habits *h, bool stranger_dials)
{
    make_stranger(h, stranger_dials);
    f->ours = tls_new(f->context, f->here, !stranger_dials);
    f->result = TLS_READ;
    for (int i = 0; i < STEPS; i++) {
        ERR_clear_error();
        SSL_do_handshake(f->stranger);
        if (waits(f->result))
            shake();
    }
}

static void expect_refusal(const struct habits *h, bool stranger_dials)
{
    meet(h, stranger_dials);
    assert_int_equal(f->result, TLS_FAILED);
    assert_int_equal(f->error, EPROTO);
    assert_non_null(tls_cause(f->ours));
}

static void expect_read(const char *text)
{
    char got[TLS_RECORD_BYTES];
    size_t len;

    assert_int_equal(tls_read(f->ours, got, &len), TLS_DONE);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

static enum tls_result read_result(void)
{
    char got[TLS_RECORD_BYTES];
    size_t len;
    enum tls_result result = tls_read(f->ours, got, &len);

    assert_int_equal(len, 0);
    return result;
}

static void say(const char *text)
{
    assert_int_equal(SSL_write(f->stranger, text, (int)strlen(text)), (int)strlen(text));
}

/* ---- who is met */

static void an_old_certificate_is_as_good_as_any(void **state)
{
    (void)state;
    for (int dials = 0; dials < 2; dials++) {
        char expected[FINGERPRINT_TEXT];

        meet(&(struct habits){0}, dials != 0);
        assert_int_equal(f->result, TLS_DONE);
        key_fingerprint_of(X509_get0_pubkey(SSL_get_certificate(f->stranger)), expected);
        assert_string_equal(tls_fingerprint(f->ours), expected);
        key_fingerprint_of(X509_get0_pubkey(SSL_get0_peer_certificate(f->stranger)), expected);
        assert_string_equal(key_fingerprint(f->key), expected);
        assert_string_equal(SSL_get_version(f->stranger), "TLSv1.3");
        say("hello");
        expect_read("hello");
        end(state);
        begin(state);
    }
}

static void our_certificate_is_always_valid(void **state)
{
    (void)state;
    meet(&(struct habits){0}, true);
    const X509 *ours = SSL_get0_peer_certificate(f->stranger);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notBefore(ours), 0), 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_get0_notAfter(ours), 253402300799), 0);
}

static void who_shows_nothing_is_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.kind = ""}, true);
}

static void other_kinds_of_key_are_refused(void **state)
{
    static const char *const kinds[] = {"EC", "ED448"};

    for (size_t i = 0; i < 2 * sizeof kinds / sizeof kinds[0]; i++) {
        expect_refusal(&(struct habits){.kind = kinds[i / 2]}, i % 2 == 0);
        end(state);
        begin(state);
    }
}

static void who_offers_no_protocol_is_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.no_alpn = true}, true);
    assert_string_equal(tls_cause(f->ours), "it speaks TLS, but not ours");
}

static void who_agrees_on_no_protocol_is_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.no_alpn = true}, false);
    assert_string_equal(tls_cause(f->ours), "it speaks TLS, but not ours");
}

static void who_offers_another_protocol_is_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.other_alpn = true}, true);
}

static void older_versions_are_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.old_version = true}, true);
    end(state);
    begin(state);
    expect_refusal(&(struct habits){.old_version = true}, false);
}

static void a_pile_of_certificates_is_refused(void **state)
{
    (void)state;
    expect_refusal(&(struct habits){.extra = 40}, true);
    end(state);
    begin(state);
    expect_refusal(&(struct habits){.extra = 40}, false);
}

/* A dialer that is refused has seen the handshake succeed. */
static void a_refused_dialer_learns_it_by_reading(void **state)
{
    (void)state;
    make_stranger(&(struct habits){0}, false);
    SSL_set_verify(f->stranger, SSL_VERIFY_PEER, trust_nobody);
    f->ours = tls_new(f->context, f->here, true);
    f->result = TLS_READ;
    for (int i = 0; i < STEPS && waits(f->result); i++) {
        shake();
        SSL_do_handshake(f->stranger);
    }
    assert_int_equal(f->result, TLS_DONE);
    assert_int_equal(read_result(), TLS_FAILED);
    assert_int_equal(errno, EPROTO);
}

/* ---- what passes */

static void the_exporter_is_that_of_the_connection(void **state)
{
    unsigned char here[TLS_EXPORTER_BYTES], there[TLS_EXPORTER_BYTES], first[TLS_EXPORTER_BYTES];

    for (int i = 0; i < 2; i++) {
        meet(&(struct habits){0}, true);
        tls_exporter(f->ours, here);
        assert_int_equal(SSL_export_keying_material(f->stranger, there, sizeof there,
                                                    "EXPORTER-Channel-Binding", 24, NULL, 0, 1),
                         1);
        assert_memory_equal(here, there, sizeof here);
        if (i == 0)
            memcpy(first, here, sizeof first);
        end(state);
        begin(state);
    }
    assert_memory_not_equal(first, here, sizeof first);
}

static void a_listener_says_nothing_by_itself(void **state)
{
    char byte;

    (void)state;
    meet(&(struct habits){0}, true);
    assert_int_equal(recv(f->there, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

static void tickets_of_others_do_no_harm(void **state)
{
    (void)state;
    meet(&(struct habits){.tickets = true}, false);
    say("hello");
    assert_int_equal(read_result(), TLS_READ);
    assert_int_equal(read_result(), TLS_READ);
    expect_read("hello");
    assert_int_equal(read_result(), TLS_READ);
}

static void a_read_takes_one_record(void **state)
{
    (void)state;
    meet(&(struct habits){0}, true);
    say("one");
    say("two");
    expect_read("one");
    expect_read("two");
    assert_int_equal(read_result(), TLS_READ);
}

static void an_announced_end_leaves_the_other_way_open(void **state)
{
    char got[8];
    size_t len;

    (void)state;
    meet(&(struct habits){0}, true);
    say("last");
    SSL_shutdown(f->stranger);
    expect_read("last");
    assert_int_equal(read_result(), TLS_ENDED);
    assert_int_equal(read_result(), TLS_ENDED);
    assert_int_equal(tls_write(f->ours, span_of("answer"), &len), TLS_DONE);
    assert_int_equal(SSL_read(f->stranger, got, sizeof got), 6);
    assert_int_equal(tls_finish(f->ours), TLS_DONE);
    assert_int_equal(SSL_read(f->stranger, got, sizeof got), 0);
    assert_int_equal(SSL_get_error(f->stranger, 0), SSL_ERROR_ZERO_RETURN);
}

static void who_has_finished_still_hears(void **state)
{
    (void)state;
    meet(&(struct habits){0}, true);
    assert_int_equal(tls_finish(f->ours), TLS_DONE);
    say("but");
    expect_read("but");
}

static void an_end_without_a_word_is_a_failure(void **state)
{
    (void)state;
    meet(&(struct habits){0}, true);
    say("half a sen");
    shutdown(f->there, SHUT_WR);
    expect_read("half a sen");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_result(), TLS_FAILED);
        assert_int_equal(errno, EPROTO);
        assert_string_equal(tls_cause(f->ours), "it broke off without saying that it ends");
    }
}

static void a_changed_byte_is_a_failure(void **state)
{
    unsigned char record[64];

    (void)state;
    meet(&(struct habits){0}, true);
    say("hello");
    ssize_t len = recv(f->here, record, sizeof record, 0);
    record[len - 1] ^= 1;
    assert_int_equal(send(f->there, record, (size_t)len, 0), len);
    assert_int_equal(read_result(), TLS_FAILED);
    assert_int_equal(errno, EPROTO);
}

static void what_was_here_before_a_failed_send_is_read(void **state)
{
    size_t len;

    (void)state;
    meet(&(struct habits){0}, true);
    say("my last words");
    close(f->there);
    f->there = -1;
    assert_int_equal(tls_write(f->ours, span_of("fails"), &len), TLS_FAILED);
    assert_int_equal(errno, EPIPE);
    expect_read("my last words");
    assert_int_equal(read_result(), TLS_FAILED);
}

/* ---- what is too much */

static bool ask_for_new_keys(void)
{
    return SSL_key_update(f->stranger, SSL_KEY_UPDATE_REQUESTED) == 1 &&
           SSL_do_handshake(f->stranger) == 1;
}

static int bytes_here(void)
{
    int bytes;

    assert_return_code(ioctl(f->here, FIONREAD, &bytes), errno);
    return bytes;
}

static void a_read_takes_one_update_of_keys(void **state)
{
    enum { RECORD = 27 };
    int updates = 0;

    (void)state;
    meet(&(struct habits){0}, true);
    while (updates < 1000 && ask_for_new_keys())
        updates++;
    assert_true(updates > 50);
    for (int left = bytes_here(), before; left > 0;) {
        before = left;
        assert_int_equal(read_result(), TLS_READ);
        left = bytes_here();
        assert_in_range(before - left, 0, RECORD);
    }
}

/* A record of ours waits, and the other side asks for new keys: ours must first get away. */
static void new_keys_wait_for_a_record_that_waits(void **state)
{
    static char big[TLS_RECORD_BYTES], got[TLS_RECORD_BYTES];
    size_t len, sent = 0, received = 0;
    int n;

    (void)state;
    meet(&(struct habits){0}, true);
    while (tls_write(f->ours, span_make(big, sizeof big), &len) == TLS_DONE)
        sent += len;
    assert_true(ask_for_new_keys());
    say("news");
    assert_int_equal(read_result(), TLS_READ);
    expect_read("news");
    while ((n = SSL_read(f->stranger, got, sizeof got)) > 0 || received == 0)
        received += n > 0 ? (size_t)n : 0;
    assert_int_equal(tls_write(f->ours, span_make(big, sizeof big), &len), TLS_DONE);
    sent += len;
    assert_int_equal(tls_write(f->ours, span_of("more"), &len), TLS_DONE);
    sent += len;
    while ((n = SSL_read(f->stranger, got, sizeof got)) > 0)
        received += (size_t)n;
    assert_int_equal(received, sent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_old_certificate_is_as_good_as_any),
        TEST(our_certificate_is_always_valid),
        TEST(who_shows_nothing_is_refused),
        TEST(other_kinds_of_key_are_refused),
        TEST(who_offers_no_protocol_is_refused),
        TEST(who_agrees_on_no_protocol_is_refused),
        TEST(who_offers_another_protocol_is_refused),
        TEST(older_versions_are_refused),
        TEST(a_pile_of_certificates_is_refused),
        TEST(a_refused_dialer_learns_it_by_reading),
        TEST(the_exporter_is_that_of_the_connection),
        TEST(a_listener_says_nothing_by_itself),
        TEST(tickets_of_others_do_no_harm),
        TEST(a_read_takes_one_record),
        TEST(an_announced_end_leaves_the_other_way_open),
        TEST(who_has_finished_still_hears),
        TEST(an_end_without_a_word_is_a_failure),
        TEST(a_changed_byte_is_a_failure),
        TEST(what_was_here_before_a_failed_send_is_read),
        TEST(a_read_takes_one_update_of_keys),
        TEST(new_keys_wait_for_a_record_that_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
