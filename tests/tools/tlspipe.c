/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TLS 1.3 over a connected socket that it is given, with stdin and stdout in the clear: what a
 * test's stranger says and hears. It tells on stderr what it has found out (own, peer, exporter in
 * hex) and how it has ended, and does wrong what it is told to. It must not know hashflow: what it
 * computes is a second opinion.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { RECORD = 16384, EXPORTER = 32 };

static const char usage[] =
    "usage: tlspipe [-s] [-k KEY] [-o CERTIFICATE] [-c CERTIFICATE] [-w CERTIFICATE] "
    "[-b BYTES] [-a PROTOCOL] [-u COUNT] [-n] FD\n"
    "  -s  as the server; else as the client\n"
    "  -k  our key, made if the file is not there; without it one that nobody keeps\n"
    "  -o  keeps the certificate that we show\n"
    "  -b  makes it larger by so much\n"
    "  -c  shows this certificate of another, whose key we do not have\n"
    "  -w  keeps the certificate that the other side shows\n"
    "  -a  offers this protocol instead of hashflow/1; none if it is empty\n"
    "  -u  asks for so many new keys, and reads nothing meanwhile\n"
    "  -n  ends without saying so (no close_notify)\n";

struct wishes {
    bool server, rude;
    const char *key, *ours, *copied, *keep, *protocol;
    unsigned long updates;
    size_t ballast; /* bytes in our certificate that nobody wants */
    int fd;
};

static _Noreturn void fail(const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    fprintf(stderr, "failed %s: %s\n", what, reason != NULL ? reason : strerror(errno));
    exit(1);
}

static void require(bool made, const char *what)
{
    if (!made)
        fail(what);
}

static void tell(const char *what, const unsigned char *bytes, size_t count)
{
    fprintf(stderr, "%s ", what);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%02x", bytes[i]);
    fprintf(stderr, "\n");
}

/* ---- keys and certificates */

static void tell_key(const char *whose, X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
    unsigned len = 0;
    int size = i2d_PUBKEY(X509_get0_pubkey(certificate), &der);

    require(size > 0 && EVP_Digest(der, (size_t)size, digest, &len, EVP_sha256(), NULL) == 1,
            "fingerprint");
    tell(whose, digest, len);
    OPENSSL_free(der);
}

static EVP_PKEY *make_key(const char *path)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *file = path != NULL ? BIO_new_file(path, "w") : BIO_new(BIO_s_null());

    require(key != NULL && file != NULL, "key");
    require(PEM_write_bio_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1, "key");
    BIO_free(file);
    return key;
}

static EVP_PKEY *find_key(const char *path)
{
    BIO *file = path != NULL ? BIO_new_file(path, "r") : NULL;

    ERR_clear_error();
    if (file == NULL)
        return make_key(path);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    BIO_free(file);
    require(key != NULL, path);
    return key;
}

static void add_ballast(X509 *certificate, size_t size)
{
    char *text = calloc(1, size + 1);

    if (text == NULL)
        fail("ballast");
    memset(text, 'x', size);
    X509_EXTENSION *comment = X509V3_EXT_nconf_nid(NULL, NULL, NID_netscape_comment, text);
    require(comment != NULL && X509_add_ext(certificate, comment, -1) == 1, "ballast");
    X509_EXTENSION_free(comment);
    free(text);
}

static X509 *make_certificate(EVP_PKEY *key, size_t ballast)
{
    X509 *certificate = X509_new();

    require(certificate != NULL, "certificate");
    if (ballast > 0)
        add_ballast(certificate, ballast);

    require(X509_set_version(certificate, 2) == 1 &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL &&
                X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, NULL) > 0,
            "certificate");
    return certificate;
}

static X509 *read_certificate(const char *path)
{
    BIO *file = BIO_new_file(path, "r");

    require(file != NULL, path);
    X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    BIO_free(file);
    require(certificate != NULL, path);
    return certificate;
}

static void keep_certificate(X509 *certificate, const char *path)
{
    BIO *file = BIO_new_file(path, "w");

    require(file != NULL && PEM_write_bio_X509(file, certificate) == 1, path);
    BIO_free(file);
}

/* The library wants a certificate to fit the key. So it does, until the library has looked. */
static void show_copied(SSL_CTX *context, EVP_PKEY *key, const char *path)
{
    X509 *original = read_certificate(path), *shown = X509_dup(original);
    unsigned char *wanted = NULL, *made = NULL;

    require(shown != NULL && X509_set_pubkey(shown, key) == 1 &&
                SSL_CTX_use_certificate(context, shown) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1 &&
                X509_set_pubkey(shown, X509_get0_pubkey(original)) == 1,
            "copy");
    int len = i2d_X509(original, &wanted);
    require(i2d_X509(shown, &made) == len && memcmp(wanted, made, (size_t)len) == 0,
            "copy that is none");
    tell_key("own", shown);
}

static void show_own(SSL_CTX *context, EVP_PKEY *key, const struct wishes *w)
{
    X509 *certificate = make_certificate(key, w->ballast);

    require(SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1,
            "key");
    if (w->ours != NULL)
        keep_certificate(certificate, w->ours);
    tell_key("own", certificate);
}

/* ---- the handshake */

static int accept_anybody(X509_STORE_CTX *shown, void *arg)
{
    (void)arg;
    X509_STORE_CTX_set_error(shown, X509_V_OK);
    return 1;
}

static int choose_any(SSL *ssl, const unsigned char **out, unsigned char *len,
                      const unsigned char *offered, unsigned offered_len, void *arg)
{
    (void)ssl, (void)offered_len, (void)arg;
    *len = offered[0];
    *out = offered + 1;
    return SSL_TLSEXT_ERR_OK;
}

static void offer(SSL_CTX *context, const char *protocol)
{
    unsigned char list[256];
    size_t len = strlen(protocol);

    if (len == 0)
        return;
    require(len < sizeof list, protocol);
    list[0] = (unsigned char)len;
    memcpy(list + 1, protocol, len);
    require(SSL_CTX_set_alpn_protos(context, list, (unsigned)len + 1) == 0, protocol);
    SSL_CTX_set_alpn_select_cb(context, choose_any, NULL);
}

static SSL_CTX *make_context(const struct wishes *w)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    EVP_PKEY *key = find_key(w->key);

    require(context != NULL && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1,
            "context");
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, accept_anybody, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    offer(context, w->protocol);
    if (w->copied != NULL)
        show_copied(context, key, w->copied);
    else
        show_own(context, key, w);
    return context;
}

static SSL *shake(SSL_CTX *context, const struct wishes *w)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    unsigned char exporter[EXPORTER];
    SSL *ssl = SSL_new(context);

    require(ssl != NULL && SSL_set_fd(ssl, w->fd) == 1, "socket");
    require((w->server ? SSL_accept(ssl) : SSL_connect(ssl)) == 1, "handshake");
    require(SSL_export_keying_material(ssl, exporter, sizeof exporter, label, sizeof label - 1,
                                       NULL, 0, 0) == 1,
            "exporter");
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    tell_key("peer", certificate);
    if (w->keep != NULL)
        keep_certificate(certificate, w->keep);
    tell("exporter", exporter, sizeof exporter);
    return ssl;
}

/* ---- afterwards */

static bool waits(SSL *ssl, int returned, short *events)
{
    int error = SSL_get_error(ssl, returned);
    *events = error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
    return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
}

static void ask_for_keys(SSL *ssl, const struct wishes *w)
{
    struct pollfd socket = {.fd = w->fd};

    for (unsigned long i = 0; i < w->updates; i++) {
        require(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, "update");
        int returned;
        while ((returned = SSL_do_handshake(ssl)) != 1) {
            if (!waits(ssl, returned, &socket.events)) {
                fprintf(stderr, "updates %lu\n", i);
                fail("updates");
            }
            poll(&socket, 1, -1);
        }
    }
    if (w->updates > 0)
        fprintf(stderr, "updates %lu\n", w->updates);
}

/* What was read of stdin and has not been taken by the other side yet. */
struct outgoing {
    char bytes[RECORD];
    size_t at, len;
    bool ended, said;
};

static void end_ours(SSL *ssl, const struct wishes *w, struct outgoing *out)
{
    if (!w->rude)
        SSL_shutdown(ssl);
    shutdown(w->fd, SHUT_WR);
    out->said = true;
}

static void send_some(SSL *ssl, struct outgoing *out)
{
    short events;
    int taken = SSL_write(ssl, out->bytes + out->at, (int)(out->len - out->at));

    if (taken > 0)
        out->at += (size_t)taken;
    else if (!waits(ssl, taken, &events))
        fail("write");
    if (out->at == out->len)
        out->at = out->len = 0;
}

static void take_some(struct outgoing *out)
{
    ssize_t len = read(STDIN_FILENO, out->bytes, sizeof out->bytes);
    out->ended = len <= 0;
    out->len = len > 0 ? (size_t)len : 0;
}

/* False at the other side's end. */
static bool receive_some(SSL *ssl)
{
    char bytes[RECORD];
    short events;
    int len;

    ERR_clear_error();
    while ((len = SSL_read(ssl, bytes, sizeof bytes)) > 0)
        if (write(STDOUT_FILENO, bytes, (size_t)len) != len)
            return false;
    if (waits(ssl, len, &events))
        return true;
    if (SSL_get_error(ssl, len) != SSL_ERROR_ZERO_RETURN)
        fail("read");
    return false;
}

static void pipe_through(SSL *ssl, const struct wishes *w)
{
    struct outgoing out = {.len = 0};
    bool open = true;

    while (open) {
        struct pollfd ends[] = {
            {.fd = w->fd, .events = POLLIN},
            {.fd = out.len == 0 && !out.ended ? STDIN_FILENO : -1, .events = POLLIN}};
        if (out.len > 0)
            ends[0].events |= POLLOUT;
        poll(ends, 2, -1);
        if (ends[1].revents != 0)
            take_some(&out);
        if (out.len > 0)
            send_some(ssl, &out);
        if (out.ended && !out.said)
            end_ours(ssl, w, &out);
        if (ends[0].revents & (POLLIN | POLLHUP | POLLERR))
            open = receive_some(ssl);
    }
}

int main(int count, char **words)
{
    struct wishes w = {.protocol = "hashflow/1"};
    int letter;

    signal(SIGPIPE, SIG_IGN);
    while ((letter = getopt(count, words, "sk:o:b:c:w:a:u:n")) != -1) {
        switch (letter) {
        case 's': w.server = true; break;
        case 'k': w.key = optarg; break;
        case 'o': w.ours = optarg; break;
        case 'b': w.ballast = strtoul(optarg, NULL, 10); break;
        case 'c': w.copied = optarg; break;
        case 'w': w.keep = optarg; break;
        case 'a': w.protocol = optarg; break;
        case 'u': w.updates = strtoul(optarg, NULL, 10); break;
        case 'n': w.rude = true; break;
        default: fputs(usage, stderr); return 2;
        }
    }
    if (optind + 1 != count) {
        fputs(usage, stderr);
        return 2;
    }
    w.fd = atoi(words[optind]);
    SSL *ssl = shake(make_context(&w), &w);
    fcntl(w.fd, F_SETFL, fcntl(w.fd, F_GETFL) | O_NONBLOCK);
    ask_for_keys(ssl, &w);
    pipe_through(ssl, &w);
    fprintf(stderr, "ended\n");
    return 0;
}
