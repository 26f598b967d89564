/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSSL, told to do one thing: TLS 1.3 between two Ed25519 keys, with nothing resumed, nothing
 * verified but the possession of the key, and no more memory than a connection needs. It must not
 * know whose key is welcome.
 */
#include "config.h"

#include "net/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/alloc.h"
#include "base/openssl.h"

enum {
    CERTIFICATES_MAX = 4096, /* bytes of all that the other side shows */
    X509_V3 = 2,             /* as the version is written */
};

static const unsigned char alpn[] = "\012hashflow/1"; /* RFC 7301: a length, then the name */
enum { ALPN_BYTES = sizeof alpn - 1 };

/* A clock that is wrong must not matter: valid whenever anybody looks (RFC 5280 4.1.2.5). */
static const char valid_from[] = "19700101000000Z";
static const char valid_until[] = "99991231235959Z";

struct tls_context {
    const struct key *key;
    SSL_CTX *ssl; /* NULL until it is needed */
    BIO_METHOD *socket;
};

struct tls {
    SSL *ssl;
    int fd;
    int send_error, receive_error; /* errno of the socket; 0 */
    bool hung_up;                  /* it has come to its end */
    const char *cause;             /* NULL until it has failed for good */
    size_t owed;                   /* bytes of a write that is to be repeated */
    char fingerprint[FINGERPRINT_TEXT];
};

/* ---- the socket, seen by OpenSSL; its own kind would raise SIGPIPE and lose errno */

static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ENOBUFS ||
           error == ENOMEM;
}

/* To OpenSSL a send that has failed is one that waits, or it would refuse to read as well. */
static int socket_write(BIO *bio, const char *bytes, int len)
{
    struct tls *t = BIO_get_data(bio);
    ssize_t taken = send(t->fd, bytes, (size_t)len, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (taken < 0) {
        BIO_set_retry_write(bio);
        if (!is_passing(errno))
            t->send_error = errno;
    }
    return (int)taken;
}

static int socket_read(BIO *bio, char *out, int size)
{
    struct tls *t = BIO_get_data(bio);
    ssize_t len = recv(t->fd, out, (size_t)size, 0);

    BIO_clear_retry_flags(bio);
    if (len < 0 && is_passing(errno))
        BIO_set_retry_read(bio);
    else if (len < 0)
        t->receive_error = errno;
    t->hung_up = len == 0;
    return (int)len;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

    openssl_require(method != NULL && BIO_meth_set_write(method, socket_write) == 1 &&
                    BIO_meth_set_read(method, socket_read) == 1 &&
                    BIO_meth_set_ctrl(method, socket_control) == 1);
    return method;
}

/* ---- the context */

/* Whoever holds the key of its certificate is who the certificate says: dates, names and who has
 * signed it say nothing. */
static int look_at_key(X509_STORE_CTX *shown, void *arg)
{
    const EVP_PKEY *key = X509_get0_pubkey(X509_STORE_CTX_get0_cert(shown));
    bool fits = key != NULL && EVP_PKEY_is_a(key, "ED25519");

    (void)arg;
    X509_STORE_CTX_set_error(shown, fits ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    return fits;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg)
{
    unsigned char *chosen;
    int found = SSL_select_next_proto(&chosen, out_len, alpn, ALPN_BYTES, offered, offered_len);

    (void)ssl, (void)arg;
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    static const unsigned char name[] = "hashflow";
    X509 *certificate = X509_new();

    openssl_require(certificate != NULL && X509_set_version(certificate, X509_V3) == 1 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1);
    X509_NAME *subject = X509_get_subject_name(certificate);
    openssl_require(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(certificate, subject) == 1);
    openssl_require(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), valid_from) == 1 &&
                    ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), valid_until) == 1);
    openssl_require(X509_set_pubkey(certificate, key) == 1 &&
                    X509_sign(certificate, key, NULL) > 0);
    return certificate;
}

static void show_key(SSL_CTX *ssl, EVP_PKEY *key)
{
    X509 *certificate = make_certificate(key);

    openssl_require(SSL_CTX_use_certificate(ssl, certificate) == 1 &&
                    SSL_CTX_use_PrivateKey(ssl, key) == 1);
    X509_free(certificate);
}

static void limit_protocol(SSL_CTX *ssl)
{
    char groups[] = "X25519", signatures[] = "ed25519";

    openssl_require(SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
                    SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
                    SSL_CTX_set1_groups_list(ssl, groups) == 1 &&
                    SSL_CTX_set1_sigalgs_list(ssl, signatures) == 1 &&
                    SSL_CTX_set_alpn_protos(ssl, alpn, ALPN_BYTES) == 0);
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ssl, look_at_key, NULL);
    SSL_CTX_set_max_cert_list(ssl, CERTIFICATES_MAX);
    /* A ticket that nobody reads makes closing a socket a reset, which loses what was sent. */
    openssl_require(SSL_CTX_set_num_tickets(ssl, 0) == 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
    SSL_CTX_set_options(ssl, SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
}

static void limit_buffers(SSL_CTX *ssl)
{
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    /* One record a call: a flood of the protocol's own would never return to us. */
    SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ssl, 0);
}

/* For the first connection: it takes a third of a start, and many a node speaks plain text only. */
static void prepare(struct tls_context *context)
{
    openssl_start();
    context->ssl = SSL_CTX_new(TLS_method());
    openssl_require(context->ssl != NULL);
    context->socket = socket_method();
    limit_protocol(context->ssl);
    limit_buffers(context->ssl);
    show_key(context->ssl, key_handle(context->key));
    ERR_clear_error();
}

struct tls_context *tls_context_new(const struct key *key)
{
    struct tls_context *context = alloc_zero(1, sizeof *context);

    context->key = key;
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->socket);
    free(context);
}

/* ---- a connection */

struct tls *tls_new(struct tls_context *context, int fd, bool dialer)
{
    struct tls *t = alloc_zero(1, sizeof *t);

    if (context->ssl == NULL)
        prepare(context);
    BIO *bio = BIO_new(context->socket);
    t->ssl = SSL_new(context->ssl);
    t->fd = fd;
    openssl_require(t->ssl != NULL && bio != NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    if (dialer)
        SSL_set_connect_state(t->ssl);
    else
        SSL_set_accept_state(t->ssl);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

static enum tls_result fail(struct tls *t, const char *cause)
{
    t->cause = cause;
    errno = EPROTO;
    return TLS_FAILED;
}

static enum tls_result fail_with_socket(int error)
{
    errno = error;
    return TLS_FAILED;
}

/* What OpenSSL has to say of it. */
static const char *reason(void)
{
    unsigned long error = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(error);

    if (ERR_GET_REASON(error) == SSL_R_WRONG_VERSION_NUMBER)
        return "it does not speak TLS";
    return text != NULL ? text : "TLS has failed";
}

static enum tls_result judge_failure(struct tls *t)
{
    if (t->cause != NULL)
        return fail(t, t->cause);
    if (t->receive_error != 0)
        return fail_with_socket(t->receive_error);
    if (!t->hung_up)
        return fail(t, reason());
    return fail(t, SSL_is_init_finished(t->ssl) ? "it broke off without saying that it ends"
                                                : "it broke off in the middle of the handshake");
}

/* What the return value of a call means; ERR_clear_error() has preceded the call. */
static enum tls_result judge(struct tls *t, int returned)
{
    int error = SSL_get_error(t->ssl, returned);

    if (error == SSL_ERROR_NONE)
        return TLS_DONE;
    if (error == SSL_ERROR_WANT_WRITE)
        return t->send_error != 0 ? fail_with_socket(t->send_error) : TLS_WRITE;
    if (error == SSL_ERROR_WANT_READ)
        return TLS_READ;
    if (error == SSL_ERROR_ZERO_RETURN)
        return TLS_ENDED;
    return judge_failure(t);
}

/* The other side may have offered no protocol, which OpenSSL lets pass. */
static enum tls_result meet(struct tls *t)
{
    const unsigned char *agreed;
    unsigned len;

    SSL_get0_alpn_selected(t->ssl, &agreed, &len);
    if (len != ALPN_BYTES - 1 || memcmp(agreed, alpn + 1, len) != 0)
        return fail(t, "it speaks TLS, but not ours");
    key_fingerprint_of(X509_get0_pubkey(SSL_get0_peer_certificate(t->ssl)), t->fingerprint);
    return TLS_DONE;
}

enum tls_result tls_handshake(struct tls *t)
{
    ERR_clear_error();
    enum tls_result result = judge(t, SSL_do_handshake(t->ssl));

    if (result == TLS_ENDED)
        return fail(t, "it broke off in the middle of the handshake");
    return result == TLS_DONE ? meet(t) : result;
}

enum tls_result tls_read(struct tls *t, char *out, size_t *len)
{
    *len = 0;
    ERR_clear_error();
    enum tls_result result = judge(t, SSL_read_ex(t->ssl, out, TLS_RECORD_BYTES, len));

    assert(SSL_pending(t->ssl) == 0);
    return result;
}

enum tls_result tls_write(struct tls *t, struct span bytes, size_t *len)
{
    assert(bytes.len > 0 && bytes.len >= t->owed);
    *len = 0;
    ERR_clear_error();
    enum tls_result result = judge(t, SSL_write_ex(t->ssl, bytes.at, bytes.len, len));

    t->owed = result == TLS_DONE ? 0 : bytes.len;
    return result;
}

enum tls_result tls_finish(struct tls *t)
{
    ERR_clear_error();
    int returned = SSL_shutdown(t->ssl);

    return returned >= 0 ? TLS_DONE : judge(t, returned);
}

const char *tls_cause(const struct tls *t)
{
    return t->cause;
}

const char *tls_fingerprint(const struct tls *t)
{
    return t->fingerprint;
}

void tls_exporter(struct tls *t, unsigned char out[TLS_EXPORTER_BYTES])
{
    static const char label[] = "EXPORTER-Channel-Binding";

    openssl_require(SSL_export_keying_material(t->ssl, out, TLS_EXPORTER_BYTES, label,
                                               sizeof label - 1, NULL, 0, 0) == 1);
}
