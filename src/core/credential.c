/* SPDX-License-Identifier: Apache-2.0 */
#include "credential.h"

#include <string.h>

#include "json.h"

void zn_credential_clear(struct zn_credential *credential)
{
    zn_secret_clear(&credential->secret);
    zn_secret_clear(&credential->inner);
    *credential = (struct zn_credential){0};
}

const char *zn_credential_kind_name(enum zn_credential_kind kind)
{
    return kind == ZN_CREDENTIAL_API_KEY     ? "api_key"
           : kind == ZN_CREDENTIAL_API_TOKEN ? "api_token"
                                             : "none";
}

bool zn_credential_is_shown(const struct zn_credential *credential, struct zn_span text)
{
    return zn_secret_is_shown(&credential->secret, text) ||
           zn_secret_is_shown(&credential->inner, text);
}

void zn_credential_redact(const struct zn_credential *credential, struct zn_error *error)
{
    zn_secret_redact(&credential->secret, error->detail);
    zn_secret_redact(&credential->inner, error->detail);
}

static int base64_value(char c, bool url_alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url_alphabet ? '-' : '+'))
        return 62;
    return c == (url_alphabet ? '_' : '/') ? 63 : -1;
}

bool zn_base64_decode(struct zn_span text, bool url_alphabet, struct zn_buf *out)
{
    unsigned int bits = 0;

    if (!url_alphabet && text.len % 4 != 0)
        return false;
    if (text.len > 0 && text.len % 4 == 0)
        for (int padding = 0; padding < 2 && text.ptr[text.len - 1] == '='; padding++)
            text.len--;
    if (text.len % 4 == 1 || !zn_buf_append_text(out, ""))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const int value = base64_value(text.ptr[i], url_alphabet);
        if (value < 0)
            return false;
        bits = bits << 6 | (unsigned int)value;
        const unsigned int spare = 6 - 2 * (unsigned int)(i % 4);
        const char byte = (char)(bits >> (i % 4 == 0 ? 0 : spare) & 0xff);
        if (i % 4 != 0 && !zn_buf_append(out, (struct zn_span){&byte, 1}))
            return false;
    }
    return true;
}

/* The JSON object in `text`, base64; NULL when it is none. The caller frees it. */
static struct zn_json *decode_object(struct zn_span text, bool url_alphabet)
{
    struct zn_json *document = NULL;
    struct zn_buf decoded;

    zn_buf_init(&decoded, ZN_SECRET_MAX);
    if (zn_base64_decode(text, url_alphabet, &decoded))
        document = zn_json_parse(zn_buf_span(&decoded));
    zn_buf_clear(&decoded);
    if (document != NULL && !zn_json_is_object(document))
        zn_json_free(&document);
    return document;
}

static bool is_base64url(struct zn_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (base64_value(text.ptr[i], true) < 0)
            return false;
    return text.len > 0;
}

bool zn_jwt_expiry(struct zn_span text, int64_t *ret_expires_s)
{
    struct zn_span rest = text;
    const struct zn_span header = zn_span_cut(&rest, '.');
    const struct zn_span payload = zn_span_cut(&rest, '.');
    long long expires_s = 0;

    if (!is_base64url(header) || !is_base64url(rest))
        return false;
    struct zn_json *claims = decode_object(payload, true);
    if (claims == NULL)
        return false;
    const struct zn_json *exp = zn_json_member(claims, "exp");
    const bool ok = exp == NULL || zn_json_integer(exp, &expires_s);
    zn_json_free(&claims);
    if (ok)
        *ret_expires_s = expires_s;
    return ok;
}

/* --- the kinds ------------------------------------------------------------------------------ */

#define AGAIN "copy it again, whole, from where the server showed it"

static enum zn_status malformed(struct zn_error *error, const char *detail, const char *next)
{
    return zn_error_set(error, ZN_MALFORMED, detail, next);
}

static enum zn_status parse_zenkey(struct zn_span payload, struct zn_credential *credential,
                                   struct zn_error *error)
{
    struct zn_span id = {0};
    struct zn_span key = {0};
    enum zn_status status = ZN_OK;
    struct zn_json *envelope = decode_object(payload, false);

    if (envelope == NULL)
        return malformed(error, "the API key is damaged: what follows ZENKEY_ does not decode",
                         AGAIN);
    if (!zn_json_string(zn_json_member(envelope, "id"), &id) || !zn_text_is_uuid(id) ||
        !zn_json_string(zn_json_member(envelope, "key"), &key))
        status = malformed(error, "the API key is damaged: it holds no key id and secret", AGAIN);
    else if (key.len == 0)
        status = malformed(error, "the API key has an empty secret: it proves nothing",
                           "make a new API key and use that");
    else if (!zn_text_is_printable(key))
        status = malformed(error, "the API key is damaged: its secret is not printable", AGAIN);
    else if (!zn_secret_set(&credential->inner, key))
        status = zn_error_no_memory(error);
    else
        memcpy(credential->key_id, id.ptr, id.len);
    zn_json_free(&envelope);
    return status;
}

/* What is in it is known to ZenML Pro only. */
static enum zn_status parse_pro_key(struct zn_span payload, struct zn_credential *credential,
                                    struct zn_error *error)
{
    if (payload.len == 0)
        return malformed(error, "the API key is damaged: nothing follows ZENPROKEY_", AGAIN);
    credential->is_pro = true;
    return ZN_OK;
}

/* As Kubernetes shows the values of a secret. */
static enum zn_status parse_encoded_key(struct zn_span payload, struct zn_credential *credential,
                                        struct zn_error *error)
{
    (void)payload;
    (void)credential;
    return malformed(error, "the credential is an API key in base64", "decode it: base64 --decode");
}

static enum zn_status parse_token(struct zn_span payload, struct zn_credential *credential,
                                  struct zn_error *error)
{
    if (!zn_jwt_expiry(payload, &credential->expires_s))
        return malformed(error, "the credential is neither an API key nor an API token",
                         "an API key begins with ZENKEY_ or ZENPROKEY_, an API token with eyJ");
    return ZN_OK;
}

/* One row a kind; the first whose prefix fits parses the rest. */
static const struct {
    const char *prefix;
    enum zn_credential_kind kind;
    enum zn_status (*parse)(struct zn_span payload, struct zn_credential *credential,
                            struct zn_error *error);
} kinds[] = {
    {"ZENKEY_", ZN_CREDENTIAL_API_KEY, parse_zenkey},
    {"ZENPROKEY_", ZN_CREDENTIAL_API_KEY, parse_pro_key},
    {"WkVOS0VZ", ZN_CREDENTIAL_API_KEY, parse_encoded_key},     /* "ZENKEY" */
    {"WkVOUFJPS0VZ", ZN_CREDENTIAL_API_KEY, parse_encoded_key}, /* "ZENPROKEY" */
    {"", ZN_CREDENTIAL_API_TOKEN, parse_token},
};

/* --- what no kind may hold ------------------------------------------------------------------ */

static enum zn_status check_bytes(struct zn_span text, struct zn_error *error)
{
    if (text.len == 0)
        return zn_error_set(error, ZN_MISSING, "the credential is empty", NULL);
    if (text.len > ZN_SECRET_MAX)
        return malformed(error, "the credential is longer than 4096 bytes",
                         "check that this is the right file or variable");
    if (zn_span_starts_with(text, ZN_SPAN("\xef\xbb\xbf")))
        return malformed(error, "the credential begins with a byte-order mark",
                         "save it as plain text without BOM");
    if (text.ptr[0] == '$')
        return malformed(error, "the credential is the name of a variable, not its value",
                         "check that the variable is set, and that names are replaced here");
    if (strchr("\"'`", text.ptr[0]) != NULL)
        return malformed(error, "the credential begins with a quote",
                         "remove the quotes around it");
    if (memchr(text.ptr, '\r', text.len) == text.ptr + text.len - 1)
        return malformed(error, "the credential ends with a carriage return",
                         "save the file with Unix line ends");
    if (memchr(text.ptr, '\n', text.len) != NULL || memchr(text.ptr, '\r', text.len) != NULL)
        return malformed(error, "the credential holds a line break",
                         "leave one line, the credential");
    if (memchr(text.ptr, ' ', text.len) != NULL || memchr(text.ptr, '\t', text.len) != NULL)
        return malformed(error, "the credential holds a blank", "remove the blank");
    if (!zn_text_is_graphic(text))
        return malformed(error, "the credential holds a control or non-ASCII character", AGAIN);
    return ZN_OK;
}

enum zn_status zn_credential_parse(struct zn_span text, struct zn_credential *ret,
                                   struct zn_error *error)
{
    struct zn_credential credential = {0};
    size_t row = 0;
    enum zn_status status = check_bytes(text, error);

    if (status != ZN_OK)
        return status;
    while (!zn_span_starts_with(text, zn_span_of(kinds[row].prefix)))
        row++;
    credential.kind = kinds[row].kind;
    status = kinds[row].parse(zn_span_skip(text, strlen(kinds[row].prefix)), &credential, error);
    if (status == ZN_OK && !zn_secret_set(&credential.secret, text))
        status = zn_error_no_memory(error);
    if (status != ZN_OK) {
        zn_credential_clear(&credential);
        return status;
    }
    *ret = credential;
    return ZN_OK;
}
