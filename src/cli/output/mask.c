/* SPDX-License-Identifier: Apache-2.0 */
#include "mask.h"

#define SHORTEST 4

static const char *const base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char *const base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool add_form(struct zn_span form, zc_mask_line *line, struct zn_buf *out)
{
    return form.len < SHORTEST || line(form, out);
}

/* The whole 3-byte groups of `text`; what is left over is cut off. */
static bool encode_groups(struct zn_span text, const char *alphabet, struct zn_buf *out)
{
    bool ok = zn_buf_append_text(out, "");

    for (size_t i = 0; ok && i + 3 <= text.len; i += 3) {
        const unsigned char *in = (const unsigned char *)text.ptr + i;
        const char group[4] = {alphabet[in[0] >> 2], alphabet[(in[0] & 3) << 4 | in[1] >> 4],
                               alphabet[(in[1] & 15) << 2 | in[2] >> 6], alphabet[in[2] & 63]};
        ok = zn_buf_append(out, (struct zn_span){group, sizeof(group)});
    }
    return ok;
}

static bool base64_lines(struct zn_span secret, zc_mask_line *line, struct zn_buf *out)
{
    bool ok = true;

    for (size_t shift = 0; ok && shift < 3; shift++) {
        struct zn_buf plain;
        struct zn_buf url;
        zn_buf_init(&plain, 2 * ZN_SECRET_MAX);
        zn_buf_init(&url, 2 * ZN_SECRET_MAX);
        ok = encode_groups(zn_span_skip(secret, shift), base64_alphabet, &plain) &&
             encode_groups(zn_span_skip(secret, shift), base64url_alphabet, &url) &&
             add_form(zn_buf_span(&plain), line, out) &&
             (zn_span_equal(zn_buf_span(&plain), zn_buf_span(&url)) ||
              add_form(zn_buf_span(&url), line, out));
        zn_buf_clear(&plain);
        zn_buf_clear(&url);
    }
    return ok;
}

bool zc_mask_secret(struct zn_span secret, zc_mask_line *line, struct zn_buf *out)
{
    struct zn_buf encoded;

    zn_buf_init(&encoded, 3 * ZN_SECRET_MAX);
    const bool ok = add_form(secret, line, out) && zn_buf_append_percent(&encoded, secret) &&
                    (zn_span_equal(zn_buf_span(&encoded), secret) ||
                     add_form(zn_buf_span(&encoded), line, out)) &&
                    base64_lines(secret, line, out);
    zn_buf_clear(&encoded);
    return ok;
}

bool zc_mask_credential(const struct zn_credential *credential, zc_mask_line *line,
                        struct zn_buf *out)
{
    const struct zn_span text = zn_secret_reveal(&credential->secret);
    struct zn_span payload = text;

    if (!zc_mask_secret(text, line, out))
        return false;
    if (credential->kind != ZN_CREDENTIAL_API_KEY)
        return true;
    zn_span_cut(&payload, '_');
    return zc_mask_secret(payload, line, out) &&
           zc_mask_secret(zn_secret_reveal(&credential->inner), line, out);
}
