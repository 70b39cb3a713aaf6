/* SPDX-License-Identifier: Apache-2.0 */
#include "secret.h"

#include <string.h>

#define SHORTEST ((size_t)8)

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

static size_t common_prefix(struct zn_span a, struct zn_span b)
{
    size_t len = 0;

    while (len < a.len && len < b.len && a.ptr[len] == b.ptr[len])
        len++;
    return len;
}

/* How many bytes at the start of `text` are a part of the secret; 0 when too few to matter. */
static size_t shown_len(struct zn_span secret, struct zn_span text)
{
    const size_t enough = secret.len < ZN_SECRET_PART ? secret.len : ZN_SECRET_PART;
    size_t longest = 0;

    if (secret.len < SHORTEST)
        return 0;
    for (struct zn_span rest = secret; rest.len >= enough; rest = zn_span_skip(rest, 1)) {
        const size_t len = common_prefix(rest, text);
        if (len > longest)
            longest = len;
    }
    return longest >= enough ? longest : 0;
}

bool zn_secret_is_shown(const struct zn_secret *secret, struct zn_span text)
{
    for (; text.len > 0; text = zn_span_skip(text, 1))
        if (shown_len(zn_secret_reveal(secret), text) > 0)
            return true;
    return false;
}

void zn_secret_redact(const struct zn_secret *secret, char *text)
{
    while (*text != '\0') {
        const size_t len = shown_len(zn_secret_reveal(secret), zn_span_of(text));
        memset(text, '*', len);
        text += len > 0 ? len : 1;
    }
}
