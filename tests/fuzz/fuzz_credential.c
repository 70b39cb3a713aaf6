/*
 * Credentials: whatever is typed is refused, or taken as it is and of a kind that it shows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/credential.h"
#include "fuzz.h"

static void check_api_key(struct zn_span text, const struct zn_credential *credential)
{
    const struct zn_span inner = zn_secret_reveal(&credential->inner);

    REQUIRE(credential->expires_s == 0);
    if (credential->is_pro) {
        REQUIRE(zn_span_starts_with(text, ZN_SPAN("ZENPROKEY_")) && inner.len == 0);
        return;
    }
    REQUIRE(zn_span_starts_with(text, ZN_SPAN("ZENKEY_")));
    REQUIRE(inner.len > 0 && zn_text_is_printable(inner));
    REQUIRE(zn_text_is_uuid(zn_span_of(credential->key_id)));
}

static void check_api_token(struct zn_span text, const struct zn_credential *credential)
{
    int64_t expires_s = -1;

    REQUIRE(zn_jwt_expiry(text, &expires_s) && expires_s == credential->expires_s);
    REQUIRE(zn_secret_is_empty(&credential->inner) && credential->key_id[0] == '\0');
}

/* A server may repeat what it was sent. */
static void check_redaction(struct zn_span text, const struct zn_credential *credential)
{
    struct zn_error error = {0};

    zn_text_append_safe(error.detail, sizeof(error.detail), text);
    zn_credential_redact(credential, &error);
    REQUIRE(fuzz_is_safe(error.detail));
    REQUIRE(!zn_credential_is_shown(credential, zn_span_of(error.detail)));
}

static void check_taken(struct zn_span text, const struct zn_credential *credential)
{
    REQUIRE(text.len > 0 && text.len <= ZN_SECRET_MAX && zn_text_is_graphic(text));
    REQUIRE(zn_span_equal(zn_secret_reveal(&credential->secret), text));
    if (credential->kind == ZN_CREDENTIAL_API_KEY)
        check_api_key(text, credential);
    else
        check_api_token(text, credential);
    if (text.len >= 8)
        REQUIRE(zn_credential_is_shown(credential, text));
    check_redaction(text, credential);
}

/* The lengths of RFC 4648: three bytes for four characters, fewer at the end. */
static void check_base64(struct zn_span text, bool url_alphabet)
{
    struct zn_span digits = text;
    struct zn_buf out;

    while (digits.len > 0 && digits.ptr[digits.len - 1] == '=')
        digits.len--;
    zn_buf_init(&out, text.len);
    if (zn_base64_decode(text, url_alphabet, &out)) {
        REQUIRE(out.len == digits.len * 3 / 4 && digits.len % 4 != 1 && text.len - digits.len <= 2);
        REQUIRE(url_alphabet || text.len % 4 == 0);
        REQUIRE(zn_text_is_graphic(text));
    }
    zn_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zn_span text = fuzz_span(data, size);
    struct zn_credential credential = {0};
    struct zn_error error = {0};

    const enum zn_status status = zn_credential_parse(text, &credential, &error);
    if (status == ZN_OK) {
        check_taken(text, &credential);
    } else {
        REQUIRE(status == (size == 0 ? ZN_MISSING : ZN_MALFORMED));
        fuzz_check_error(&error, status);
        REQUIRE(fuzz_is_filled(&credential, 0, sizeof(credential)));
    }
    zn_credential_clear(&credential);
    check_base64(text, false);
    check_base64(text, true);
    return 0;
}
