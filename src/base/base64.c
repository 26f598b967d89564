/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three bytes become four characters of the alphabet; at the end = stands for what is missing.
 */
#include "config.h"

#include "base/base64.h"

static bool append_group(struct buffer *out, const unsigned char *bytes, size_t count)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = (unsigned)bytes[0] << 16;
    bits |= count > 1 ? (unsigned)bytes[1] << 8 : 0;
    bits |= count > 2 ? bytes[2] : 0;
    char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                     count > 1 ? alphabet[bits >> 6 & 63] : '=',
                     count > 2 ? alphabet[bits & 63] : '='};
    return buffer_append(out, span_make(group, sizeof group));
}

bool base64_append(struct buffer *out, struct span bytes)
{
    while (bytes.len > 0) {
        size_t count = bytes.len < 3 ? bytes.len : 3;
        if (!append_group(out, (const unsigned char *)bytes.at, count))
            return false;
        bytes = span_after(bytes, count);
    }
    return true;
}
