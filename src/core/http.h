/*
 * http - requests, replies, and the two doors to the outside: transport and clock.
 *
 * A transport is opened for one server; a request names only a path on it, so that a credential
 * cannot be sent anywhere else. Tests fill the same structs.
 *
 * Layer 2. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_HTTP_H
#define ZN_CORE_HTTP_H

#include <stdint.h>

#include "secret.h"
#include "status.h"

#define ZN_REQUEST_MAX       ((size_t)(16 * 1024))  /* bytes of path, and of body */
#define ZN_REPLY_BODY_MAX    ((size_t)(256 * 1024)) /* bytes */
#define ZN_REPLY_HEADERS_MAX ((size_t)(64 * 1024))  /* bytes, all header lines together */

enum zn_method { ZN_GET = 0, ZN_POST, ZN_DELETE };

/* "GET", "POST" or "DELETE". */
const char *zn_method_name(enum zn_method method);

/* What is asked of a server. All zero, then zn_request_init. */
struct zn_request {
    enum zn_method method;
    struct zn_buf path;             /* begins with '/', percent-encoded, with the query */
    struct zn_buf body;             /* application/x-www-form-urlencoded; POST only */
    const struct zn_secret *bearer; /* borrowed; NULL: no Authorization header */
};

/* Makes `request` an empty GET. */
void zn_request_init(struct zn_request *request);

/* Wipes and frees path and body. */
void zn_request_clear(struct zn_request *request);

/* What the server answered. All zero, then zn_reply_init. */
struct zn_reply {
    int status;            /* HTTP status code */
    bool is_json;          /* by its Content-Type */
    int64_t date_s;        /* Date header, seconds since 1970 UTC; 0: none */
    int64_t retry_after_s; /* Retry-After from now on, seconds; -1: none */
    char location[256];    /* Location header, cut to fit; "" : none. Foreign text. */
    struct zn_buf body;
};

/* Makes `reply` empty. */
void zn_reply_init(struct zn_reply *reply);

/* Wipes and frees the body and empties the rest. */
void zn_reply_clear(struct zn_reply *reply);

/*
 * Takes one header line ("Name: value", line end allowed) into `reply`. Unknown and malformed
 * headers are ignored. Date: RFC 9110 section 5.6.7 (IMF-fixdate), Retry-After: section 10.2.3;
 * one that is a date counts from the reply's Date, so Date has to come first, else it is ignored.
 */
void zn_reply_take_header(struct zn_reply *reply, struct zn_span line);

/*
 * Sends requests to one server, one after the other, on one connection where possible.
 *
 * perform: sends `request` and fills `reply`, which the caller has initialised, within
 * `timeout_ms`. ZN_OK: a reply came, of whatever HTTP status. Otherwise `error` says why not, and
 * `*ret_retry` whether the request surely never reached the server and may be sent once more.
 */
struct zn_transport {
    void *ctx;
    enum zn_status (*perform)(void *ctx, const struct zn_request *request, int64_t timeout_ms,
                              struct zn_reply *reply, bool *ret_retry, struct zn_error *error);
};

/*
 * Time and chance.
 *
 * now_ms: monotonic, milliseconds. wall_s: seconds since 1970 UTC. sleep_ms: waits that long.
 * random: a number from 0 to `bound` - 1, for jitter only.
 */
struct zn_clock {
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    int64_t (*wall_s)(void *ctx);
    void (*sleep_ms)(void *ctx, int64_t duration_ms);
    uint32_t (*random)(void *ctx, uint32_t bound);
};

#endif
