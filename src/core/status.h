/*
 * status - what came of an operation, and what a person is told about it.
 *
 * Layer 0. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_STATUS_H
#define ZN_CORE_STATUS_H

#include "text.h"

/*
 * Every outcome: X(constant, name, class, text). The zero value is a refusal, so that a result
 * nobody set lets nobody in. Exit codes (src/cli/exit_code.c) and the documentation are checked
 * against this list by tests.
 */
#define ZN_STATUS_LIST(X)                                                                          \
    X(ZN_REJECTED, "rejected", ZN_CLASS_REFUSED, "the server rejected the credential")             \
    X(ZN_OK, "ok", ZN_CLASS_ALLOWED, "ok")                                                         \
    X(ZN_FORBIDDEN, "forbidden", ZN_CLASS_REFUSED, "this account may not do that")                 \
    X(ZN_IDENTITY, "identity", ZN_CLASS_REFUSED, "not the expected account or server")             \
    X(ZN_MISSING, "missing", ZN_CLASS_REFUSED, "no credential was given")                          \
    X(ZN_MALFORMED, "malformed", ZN_CLASS_REFUSED, "the credential is malformed")                  \
    X(ZN_UNREACHABLE, "unreachable", ZN_CLASS_UNAVAILABLE, "the server cannot be reached")         \
    X(ZN_TIMEOUT, "timeout", ZN_CLASS_UNAVAILABLE, "the server did not answer in time")            \
    X(ZN_TLS, "tls", ZN_CLASS_UNAVAILABLE, "no trusted TLS connection to the server")              \
    X(ZN_RATE_LIMITED, "rate-limited", ZN_CLASS_UNAVAILABLE, "the server refuses more attempts")   \
    X(ZN_SERVER_ERROR, "server-error", ZN_CLASS_UNAVAILABLE, "the server failed")                  \
    X(ZN_BAD_REPLY, "bad-reply", ZN_CLASS_UNAVAILABLE, "the server's reply is unusable")           \
    X(ZN_NOT_ZENML, "not-zenml", ZN_CLASS_NOT_ZENML, "this is not a ZenML server")                 \
    X(ZN_REDIRECT, "redirect", ZN_CLASS_NOT_ZENML, "the server redirects elsewhere")               \
    X(ZN_SSO_REQUIRED, "sso-required", ZN_CLASS_NOT_ZENML, "the server wants a browser login")     \
    X(ZN_CONFIG, "config", ZN_CLASS_CONFIGURATION, "usage or configuration error")                 \
    X(ZN_CANNOT_WRITE, "cannot-write", ZN_CLASS_CONFIGURATION, "the output cannot be written")     \
    X(ZN_UNSUPPORTED, "unsupported", ZN_CLASS_CONFIGURATION, "not supported here")                 \
    X(ZN_INTERNAL, "internal", ZN_CLASS_CONFIGURATION, "internal error")

/* What an outcome means to whoever has to decide on it. */
enum zn_class {
    ZN_CLASS_REFUSED = 0,
    ZN_CLASS_ALLOWED,
    ZN_CLASS_UNAVAILABLE,
    ZN_CLASS_NOT_ZENML,
    ZN_CLASS_CONFIGURATION
};

#define ZN_STATUS_CONSTANT(constant, name, class, text) constant,
enum zn_status { ZN_STATUS_LIST(ZN_STATUS_CONSTANT) ZN_STATUS_COUNT };
#undef ZN_STATUS_CONSTANT

/* The stable name of a status ("rate-limited"), for --json and logs. "unknown" out of range. */
const char *zn_status_name(enum zn_status status);

/* The status in words, without a final stop. "unknown status" out of range. */
const char *zn_status_text(enum zn_status status);

/* The class of a status. ZN_CLASS_REFUSED out of range. */
enum zn_class zn_status_class(enum zn_status status);

/*
 * Why an operation failed: fixed size, no ownership, safe to print. `detail` is one line that
 * says the cause; `next` is one line that says what a person does next, or empty.
 */
struct zn_error {
    enum zn_status status;
    int http_status; /* 0 when there was no reply */
    char detail[360];
    char next[240];
};

/*
 * Fills `error` and returns `status`, so that a function can fail in one line. `detail` and `next`
 * are our own words (NULL: none; without a detail the status text stands in). Keeps http_status.
 */
enum zn_status zn_error_set(struct zn_error *error, enum zn_status status, const char *detail,
                            const char *next);

/*
 * Appends foreign text to the detail: made safe by zn_text_append_safe, at most 200 bytes of it,
 * and without words that look like a credential, since people put one where a path belongs.
 */
void zn_error_quote(struct zn_error *error, struct zn_span text);

/* Appends our own words to the detail. */
void zn_error_add(struct zn_error *error, const char *text);

/* Puts our own words and ": " before the detail: where the error is. */
void zn_error_prefix(struct zn_error *error, const char *text);

/* Replaces what a person does next by our own words. */
void zn_error_advise(struct zn_error *error, const char *next);

/* Fails for lack of memory. Returns ZN_INTERNAL. */
enum zn_status zn_error_no_memory(struct zn_error *error);

#endif
