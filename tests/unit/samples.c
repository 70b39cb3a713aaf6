/* SPDX-License-Identifier: Apache-2.0 */
#include "samples.h"

#include "check.h"

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void append(char *dst, size_t size, const char *text, size_t len)
{
    const size_t at = strlen(dst);

    assert_true(at + len < size);
    memcpy(dst + at, text, len);
    dst[at + len] = '\0';
}

/* RFC 4648. The standard alphabet comes with padding, the URL alphabet without, as in a JWT. */
static void append_base64(char *dst, size_t size, const char *text, const char *alphabet)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const size_t len = strlen(text);

    for (size_t i = 0; i < len; i += 3) {
        const size_t count = len - i < 3 ? len - i : 3;
        const unsigned int bits = (unsigned int)bytes[i] << 16 |
                                  (count > 1 ? (unsigned int)bytes[i + 1] << 8 : 0) |
                                  (count > 2 ? bytes[i + 2] : 0);
        char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63], alphabet[bits >> 6 & 63],
                         alphabet[bits & 63]};
        memset(group + count + 1, '=', 3 - count);
        append(dst, size, group, alphabet == URL ? count + 1 : 4);
    }
}

void sample_key(char *dst, size_t size, const char *envelope)
{
    dst[0] = '\0';
    append(dst, size, "ZENKEY_", 7);
    append_base64(dst, size, envelope, STANDARD);
}

void sample_token(char *dst, size_t size, const char *payload)
{
    dst[0] = '\0';
    append_base64(dst, size, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", URL);
    append(dst, size, ".", 1);
    append_base64(dst, size, payload, URL);
    append(dst, size, ".", 1);
    append_base64(dst, size, "a signature of thirty-two bytes.", URL);
}
