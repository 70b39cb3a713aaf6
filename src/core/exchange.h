/*
 * exchange - one request and its reply, as often as it takes and until the deadline. No parsing.
 *
 * Layer 4. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_EXCHANGE_H
#define ZN_CORE_EXCHANGE_H

#include "zenml.h"

#define ZN_ATTEMPTS_MAX 3 /* for one request, unless its sender wants fewer */

/* One request that was made, for progress and logs. Holds no secret. */
struct zn_trace {
    enum zn_method method;
    const char *path; /* with its query */
    int http_status;  /* 0: no reply */
    int64_t elapsed_ms;
    int64_t retry_in_ms; /* wait before the next attempt; 0: there is none */
};

/* A conversation with one server about one credential: all requests share transport and deadline.
 */
struct zn_session {
    const struct zn_credential *credential; /* borrowed */
    const struct zn_credential *rejected;   /* the server has seen it as well; NULL: none */
    struct zn_transport transport;
    struct zn_transport pro; /* to the API of ZenML Pro; all zero: none */
    const char *pro_url; /* what its URL has to be by /info; NULL: anything, somebody chose it */
    struct zn_clock clock;
    int64_t deadline_ms;                                    /* by clock.now_ms */
    void (*trace)(void *ctx, const struct zn_trace *trace); /* NULL: nobody listens */
    void *trace_ctx;
};

/* A request on its way and what comes back. */
struct zn_exchange {
    struct zn_request request;
    struct zn_reply reply;
    int attempts_max;
    int64_t attempt_max_ms; /* for each of them; 0: all that is left */
};

/* Makes it empty, for the builder of the request. */
void zn_exchange_init(struct zn_exchange *exchange);

/*
 * Sends a request that was built (`built` is what came of that) over `transport`, at most
 * `attempts_max` times. ZN_OK: there is a reply, of whatever HTTP status. Otherwise that of the
 * builder or of the transport, ZN_TIMEOUT at the deadline.
 */
ZN_MUST_CHECK enum zn_status zn_exchange_send(const struct zn_session *session,
                                              const struct zn_transport *transport,
                                              enum zn_status built, struct zn_exchange *exchange,
                                              struct zn_error *error);

/*
 * Wipes and frees both. Returns `status`; when it is a failure, takes out of `error` what shows the
 * credential or the bearer token: a server may repeat what it was sent.
 */
enum zn_status zn_exchange_finish(const struct zn_session *session, struct zn_exchange *exchange,
                                  enum zn_status status, struct zn_error *error);

#endif
