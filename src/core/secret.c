/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

bool zn_secret_set(struct zn_secret *secret, struct zn_span bytes)
{
    zn_secret_clear(secret);
    zn_buf_init(&secret->bytes, ZN_SECRET_MAX);
    return zn_buf_append(&secret->bytes, bytes);
}

void zn_secret_take(struct zn_secret *secret, struct zn_secret *source)
{
    zn_secret_clear(secret);
    *secret = *source;
    *source = (struct zn_secret){0};
}

void zn_secret_clear(struct zn_secret *secret)
{
    zn_buf_clear(&secret->bytes);
}

bool zn_secret_is_empty(const struct zn_secret *secret)
{
    return secret->bytes.len == 0;
}

struct zn_span zn_secret_reveal(const struct zn_secret *secret)
{
    return zn_buf_span(&secret->bytes);
}
