/*
 * Randomness for mbedTLS in the static build, from getrandom(2): it needs no /dev, and blocks only
 * until the kernel has been seeded once. mbedTLS calls mbedtls_hardware_poll when it is configured
 * with MBEDTLS_ENTROPY_HARDWARE_ALT.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stddef.h>
#include <sys/random.h>

#define SOURCE_FAILED (-0x003C) /* MBEDTLS_ERR_ENTROPY_SOURCE_FAILED */

/* As in mbedTLS's own entropy_poll.h, which it does not install. */
int mbedtls_hardware_poll(void *ctx, unsigned char *output, size_t len, size_t *ret_len);

/* All `len` bytes or none: without them there is no TLS. */
int mbedtls_hardware_poll(void *ctx, unsigned char *output, size_t len, size_t *ret_len)
{
    size_t filled = 0;

    (void)ctx;
    *ret_len = 0;
    while (filled < len) {
        const ssize_t count = getrandom(output + filled, len - filled, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return SOURCE_FAILED;
        filled += (size_t)count;
    }
    *ret_len = len;
    return 0;
}
