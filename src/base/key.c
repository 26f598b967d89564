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

#include "base/alloc.h"
#include "base/clock.h"
#include "base/openssl.h"

enum { KEY_BYTES = 32 }; /* of either half */

struct key {
    EVP_PKEY *pair;
    char fingerprint[FINGERPRINT_TEXT];
};

/* What stands before the 32 bytes in a SubjectPublicKeyInfo of Ed25519 (RFC 8410); to have the
 * library write it takes a hundred times as long as to digest it. */
static const char der_head[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21";
enum { DER_HEAD = sizeof der_head }; /* its last byte is 0 */

void key_fingerprint_of(const EVP_PKEY *handle, char out[FINGERPRINT_TEXT])
{
    unsigned char digest[DIGEST_BYTES];
    unsigned char half[KEY_BYTES];
    size_t len = sizeof half;

    openssl_require(EVP_PKEY_get_raw_public_key(handle, half, &len) == 1 && len == sizeof half);
    const struct span der[] = {span_make(der_head, DER_HEAD),
                               span_make((const char *)half, sizeof half)};
    digest_sha256(der, 2, digest);
    base32_encode(digest, sizeof digest, out);
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
    unsigned char secret[KEY_BYTES]; /* any 32 bytes are one (RFC 8032) */
    clock_random_bytes(secret, sizeof secret);
    EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
    digest_wipe(secret, sizeof secret);

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
