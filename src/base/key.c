/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys by way of OpenSSL 3: made, read, written. No other kind than Ed25519 is taken, and nobody is
 * ever asked for a passphrase.
 */
#include "config.h"

#include "base/key.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/alloc.h"
#include "base/openssl.h"

struct key {
    EVP_PKEY *pair;
    char fingerprint[FINGERPRINT_TEXT];
};

void key_fingerprint_of(const EVP_PKEY *handle, char out[FINGERPRINT_TEXT])
{
    unsigned char digest[DIGEST_BYTES];
    unsigned char *public_half = NULL;
    int len = i2d_PUBKEY(handle, &public_half);

    openssl_require(len > 0);
    struct span der = span_make((const char *)public_half, (size_t)len);
    digest_sha256(&der, 1, digest);
    base32_encode(digest, sizeof digest, out);
    OPENSSL_free(public_half);
}

static struct key *own(EVP_PKEY *pair)
{
    struct key *key = alloc_zero(1, sizeof *key);

    key_fingerprint_of(pair, key->fingerprint);
    key->pair = pair;
    return key;
}

struct key *key_make(void)
{
    openssl_start();
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    openssl_require(pair != NULL);
    return own(pair);
}

/* The library would ask on the terminal. */
static int no_passphrase(char *out, int size, int writing, void *asked)
{
    (void)out, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

struct key *key_parse(struct span pem, const char **cause)
{
    bool asked = false;

    *cause = "it is longer than a key";
    if (pem.len > KEY_PEM_MAX)
        return NULL;
    openssl_start();
    BIO *in = BIO_new_mem_buf(pem.at, (int)pem.len);
    openssl_require(in != NULL);
    EVP_PKEY *pair = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked);
    BIO_free(in);
    ERR_clear_error();
    if (pair != NULL && EVP_PKEY_is_a(pair, "ED25519"))
        return own(pair);
    *cause = pair != NULL ? "its key is of another kind than Ed25519"
             : asked      ? "its key wants a passphrase"
                          : "it holds no private key in PEM";
    EVP_PKEY_free(pair);
    return NULL;
}

void key_format(const struct key *key, struct buffer *out)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *at;

    openssl_require(text != NULL &&
                    PEM_write_bio_PKCS8PrivateKey(text, key->pair, NULL, NULL, 0, NULL, NULL) == 1);
    long len = BIO_get_mem_data(text, &at);
    openssl_require(len > 0 && buffer_append(out, span_make(at, (size_t)len)));
    BIO_free(text); /* which wipes it */
}

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pair);
    free(key);
}

const char *key_fingerprint(const struct key *key)
{
    return key->fingerprint;
}

struct evp_pkey_st *key_handle(const struct key *key)
{
    return key->pair;
}
