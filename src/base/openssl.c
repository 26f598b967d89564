/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OpenSSL's start and its failures. It does not know what the library is used for.
 */
#include "config.h"

#include "base/openssl.h"

#include <stdlib.h>

#include <openssl/crypto.h>

void openssl_start(void)
{
    openssl_require(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
}

void openssl_require(bool made)
{
    if (!made)
        abort();
}
