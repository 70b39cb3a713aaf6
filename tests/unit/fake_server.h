/*
 * fake_server - a transport that answers from a script, and a clock that only moves when told to.
 *
 * A request that the script does not expect fails the test, and so does a time limit other than
 * what is left until the deadline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_FAKE_SERVER_H
#define ZN_TESTS_FAKE_SERVER_H

#include "core/login.h"

/* What is answered to one request. */
struct fake_step {
    const char *request;    /* "METHOD /path", which the request must be */
    int http_status;        /* 0: there is no reply, but `failure` */
    const char *body;       /* NULL: none. With one, the Content-Type is JSON. */
    const char *header;     /* one more header line; NULL: none */
    enum zn_status failure; /* what the transport returns without a reply */
    bool never_sent;        /* its "may be sent once more" */
    int64_t takes_ms;       /* the clock moves on by this */
};

#define FAKE_SLEEPS_MAX   512
#define FAKE_REQUESTS_MAX 512

struct fake_server {
    const struct fake_step *steps;
    size_t step_count;
    size_t requests;                        /* that were made */
    int64_t asked_ms[FAKE_REQUESTS_MAX];    /* when */
    int64_t timeouts_ms[FAKE_REQUESTS_MAX]; /* that each had */
    bool has_own_limits;                    /* a time limit is not what is left of the session's */
    char log[2048]; /* a line for each, as far as they fit: "METHOD path", " body", " <bearer>" */

    int64_t now_ms;
    int64_t tick_ms; /* the clock moves on by this whenever it is read; 0: time limits are exact */
    int64_t wall_s;
    int64_t deadline_ms;
    bool high_jitter; /* random numbers are as high as possible, otherwise 0 */
    int64_t sleeps_ms[FAKE_SLEEPS_MAX];
    size_t sleeps;

    char trace[2048]; /* a line for each trace: "METHOD path -> status elapsed retry_in" */
};

/* Fills `server` for a script; the deadline is `timeout_ms` from now. */
void fake_server_start(struct fake_server *server, const struct fake_step *steps, size_t step_count,
                       int64_t timeout_ms);

/* A session with the server about `credential`, which is borrowed. It listens to traces. */
struct zn_session fake_server_session(struct fake_server *server,
                                      const struct zn_credential *credential);

#endif
