/*
 * reply - what the parsers of all endpoints need: what an HTTP status means, what a server says of
 * it, and values out of its JSON. Touches only its arguments.
 *
 * Layer 3. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_REPLY_H
#define ZN_CORE_REPLY_H

#include "http.h"
#include "json.h"

/* Next steps that fit many a failure. */
#define ZN_CHECK_URL                                                                               \
    "check the server URL: a path prefix belongs into it, /api/v1 or a page of the dashboard "     \
    "does "                                                                                        \
    "not; of ZenML Pro, give that of the workspace"
#define ZN_LATER "try again later; if it stays, ask whoever runs the server"

/*
 * Fails for a reply that is no success: by its HTTP status, with the server's own words quoted.
 * Returns the status.
 */
enum zn_status zn_reply_refuse(const struct zn_reply *reply, struct zn_error *error);

/* Fails for a reply that is a success by its HTTP status only. Returns `status`. */
enum zn_status zn_reply_fail(enum zn_status status, const char *detail, const char *next,
                             const struct zn_reply *reply, struct zn_error *error);

/* Opens the JSON body of a success; anything else fails as above. The caller frees `*ret`. */
ZN_MUST_CHECK enum zn_status zn_reply_open(const struct zn_reply *reply, struct zn_json **ret,
                                           struct zn_error *error);

/* The message in an error body, in any of the shapes of zenml-protocol 1.6; empty when none. */
struct zn_span zn_reply_message(const struct zn_json *body);

/* Appends to the detail what the server says: one line, quoted, behind our own words. */
void zn_reply_quote(struct zn_error *error, const struct zn_reply *reply);

/* Appends " (HTTP 401)" to the detail. */
void zn_reply_add_http_status(struct zn_error *error);

/* Copies a UUID. False, and `dst` untouched, for anything else. */
ZN_MUST_CHECK bool zn_reply_copy_uuid(const struct zn_json *value, char dst[37]);

/* Copies a non-empty printable string of fewer than `size` bytes. False, and `dst` untouched, for
 * anything else. */
ZN_MUST_CHECK bool zn_reply_copy_name(const struct zn_json *value, char *dst, size_t size);

/* True when the value is true. */
bool zn_reply_is_true(const struct zn_json *value);

/* Takes a copy of a token. ZN_BAD_REPLY: it is longer than ZN_SECRET_MAX. */
ZN_MUST_CHECK enum zn_status zn_reply_take_secret(struct zn_span token, struct zn_secret *ret,
                                                  const struct zn_reply *reply,
                                                  struct zn_error *error);

#endif
