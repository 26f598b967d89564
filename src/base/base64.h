/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64 (RFC 4648, with padding), for bytes in places that take text alone.
 */
#ifndef HASHFLOW_BASE_BASE64_H
#define HASHFLOW_BASE_BASE64_H

#include "base/buffer.h"

/* Appends 4 characters for each 3 bytes begun. Returns false, with out cut, if it is full. */
bool base64_append(struct buffer *out, struct span bytes);

#endif
