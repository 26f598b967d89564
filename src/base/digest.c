/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Digests by way of OpenSSL 3. It does not know what is digested.
 */
#include "config.h"

#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/openssl.h"

void digest_sha256(const struct span *parts, size_t count, unsigned char out[DIGEST_BYTES])
{
    openssl_start();
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    openssl_require(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
    for (size_t i = 0; i < count; i++)
        openssl_require(EVP_DigestUpdate(context, parts[i].at, parts[i].len) == 1);
    openssl_require(EVP_DigestFinal_ex(context, out, NULL) == 1);
    EVP_MD_CTX_free(context);
}

void digest_hmac(const unsigned char key[DIGEST_BYTES], const struct span *parts, size_t count,
                 unsigned char out[DIGEST_BYTES])
{
    char sha256[] = "SHA256";
    const OSSL_PARAM with[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t len;

    openssl_start();
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
    openssl_require(context != NULL && EVP_MAC_init(context, key, DIGEST_BYTES, with) == 1);
    for (size_t i = 0; i < count; i++)
        openssl_require(EVP_MAC_update(context, (const unsigned char *)parts[i].at, parts[i].len) ==
                        1);
    openssl_require(EVP_MAC_final(context, out, &len, DIGEST_BYTES) == 1 && len == DIGEST_BYTES);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(hmac);
}

bool digest_equal(const unsigned char a[DIGEST_BYTES], const unsigned char b[DIGEST_BYTES])
{
    return CRYPTO_memcmp(a, b, DIGEST_BYTES) == 0;
}

void digest_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}
