/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What all who use OpenSSL do before and after a call. A library that cannot do what it is there
 * for leaves nothing to go on with: like a system without chance, it ends the program.
 */
#ifndef HASHFLOW_BASE_OPENSSL_H
#define HASHFLOW_BASE_OPENSSL_H

#include <stdbool.h>

/* Before the first call of a module. Whatever a machine's openssl.cnf says about other programs
 * does not change what we are. */
void openssl_start(void);

/* Of a call that fails only without memory or a working library. */
void openssl_require(bool made);

#endif
