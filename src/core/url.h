/*
 * url - the address of a ZenML server, checked and normalised.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_URL_H
#define ZN_CORE_URL_H

#include "status.h"

#define ZN_URL_MAX ((size_t)1024) /* bytes */

/* A server URL as the ZenML client wants it: lower-case scheme and host, no trailing slash. */
struct zn_url {
    char text[ZN_URL_MAX + 1];
    bool is_http;     /* plain http; otherwise https */
    bool is_loopback; /* localhost, 127.0.0.0/8 or ::1 */
};

/*
 * Checks and normalises `text`: http or https, a host, optionally a port and a path prefix. User
 * information, query, fragment, percent-encoding, non-ASCII and blanks are refused; so is plain
 * http, except for a loopback host or with `allow_http`. On failure returns ZN_CONFIG and leaves
 * `*ret` untouched.
 */
ZN_MUST_CHECK enum zn_status zn_url_parse(struct zn_span text, bool allow_http, struct zn_url *ret,
                                          struct zn_error *error);

#endif
