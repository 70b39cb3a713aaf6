/*
 * credential - what a user presents: its kind, its shape, and what can be told from it locally.
 *
 * Layer 2. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_CREDENTIAL_H
#define ZN_CORE_CREDENTIAL_H

#include <stdint.h>

#include "secret.h"
#include "status.h"

enum zn_credential_kind {
    ZN_CREDENTIAL_NONE = 0,
    ZN_CREDENTIAL_API_KEY,  /* ZENKEY_... of one server, ZENPROKEY_... of ZenML Pro */
    ZN_CREDENTIAL_API_TOKEN /* a JWT */
};

/* A credential whose shape has been checked. All zero is none. */
struct zn_credential {
    enum zn_credential_kind kind;
    struct zn_secret secret; /* as it goes on the wire */
    struct zn_secret inner;  /* ZENKEY_: the secret inside the envelope */
    char key_id[37];         /* ZENKEY_: the UUID inside the envelope; not secret */
    bool is_pro;             /* API key: of ZenML Pro, of a service account or a person */
    int64_t expires_s;       /* API token: its exp, seconds since 1970 UTC; 0: none */
};

/* Wipes and frees. The credential is none afterwards. */
void zn_credential_clear(struct zn_credential *credential);

/* "api_key" or "api_token"; "none" otherwise. */
const char *zn_credential_kind_name(enum zn_credential_kind kind);

/*
 * Checks `text` and takes a copy of it into `*ret`, which the caller clears. The kind is told by
 * its prefix (an API token has none). Nothing is sent anywhere.
 *
 * Returns ZN_MISSING for no bytes; ZN_MALFORMED for control bytes, blanks, quotes, a byte-order
 * mark, more than ZN_SECRET_MAX bytes, an unknown shape, a ZENKEY_ that does not decode, and a
 * ZENKEY_ with an empty inner secret: servers before 0.95.1 let such a key in unverified
 * (zenml-protocol 11.0). The error text never holds a byte of the credential.
 */
ZN_MUST_CHECK enum zn_status zn_credential_parse(struct zn_span text, struct zn_credential *ret,
                                                 struct zn_error *error);

/*
 * The `exp` claim of a JWT (RFC 7519 section 4.1.4) in seconds since 1970; 0 when it has none. The
 * signature is the server's to check. Returns false when `text` is not a JWT with a JSON payload.
 */
ZN_MUST_CHECK bool zn_jwt_expiry(struct zn_span text, int64_t *ret_expires_s);

/* True when `text` shows a part of the credential, as zn_secret_is_shown. */
bool zn_credential_is_shown(const struct zn_credential *credential, struct zn_span text);

/* Makes what `error` says show no part of the credential: a server may repeat what it was sent. */
void zn_credential_redact(const struct zn_credential *credential, struct zn_error *error);

/*
 * Decodes base64 into `out` (RFC 4648 section 4, padded; or with `url_alphabet` section 5, padding
 * optional), which has been initialised. False for anything else, or when the buffer refuses it.
 */
ZN_MUST_CHECK bool zn_base64_decode(struct zn_span text, bool url_alphabet, struct zn_buf *out);

#endif
