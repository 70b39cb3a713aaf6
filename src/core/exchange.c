/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#define BACKOFF_FIRST_MS 500

static bool may_come_right(int http_status)
{
    return http_status == 408 || http_status == 425 || http_status == 502 || http_status == 503 ||
           http_status == 504;
}

/* Exponential, and from half to the whole of it, so that a fleet does not come back in step. */
static int64_t backoff_ms(const struct zn_session *session, int attempt)
{
    const int64_t whole = (int64_t)BACKOFF_FIRST_MS << (attempt - 1);
    return whole / 2 + session->clock.random(session->clock.ctx, (uint32_t)(whole / 2) + 1);
}

/* How long to wait before another attempt; 0: make none. */
static int64_t retry_delay_ms(const struct zn_session *session, int attempt, int64_t left_ms,
                              const struct zn_exchange *exchange, bool never_sent)
{
    const struct zn_reply *reply = &exchange->reply;
    int64_t delay_ms = 0;

    if (attempt >= exchange->attempts_max)
        return 0;
    if (reply->status == 429 && reply->retry_after_s >= 0)
        delay_ms = reply->retry_after_s * 1000 + 1;
    else if (never_sent || may_come_right(reply->status))
        delay_ms = backoff_ms(session, attempt);
    return delay_ms < left_ms ? delay_ms : 0;
}

void zn_exchange_init(struct zn_exchange *exchange)
{
    zn_request_init(&exchange->request);
    zn_reply_init(&exchange->reply);
    exchange->attempts_max = ZN_ATTEMPTS_MAX;
    exchange->attempt_max_ms = 0;
}

enum zn_status zn_exchange_finish(const struct zn_session *session, struct zn_exchange *exchange,
                                  enum zn_status status, struct zn_error *error)
{
    if (status != ZN_OK) {
        zn_credential_redact(session->credential, error);
        if (session->rejected != NULL)
            zn_credential_redact(session->rejected, error);
        if (exchange->request.bearer != NULL)
            zn_secret_redact(exchange->request.bearer, error->detail);
    }
    zn_request_clear(&exchange->request);
    zn_reply_clear(&exchange->reply);
    return status;
}

static void report(const struct zn_session *session, const struct zn_exchange *exchange,
                   int64_t elapsed_ms, int64_t retry_in_ms)
{
    const struct zn_trace trace = {exchange->request.method, exchange->request.path.ptr,
                                   exchange->reply.status, elapsed_ms, retry_in_ms};
    if (session->trace != NULL)
        session->trace(session->trace_ctx, &trace);
}

/* One attempt, at `start_ms`. Returns in `*ret_delay_ms` when to make another one; 0: not at all.
 */
static enum zn_status attempt_once(const struct zn_session *session,
                                   const struct zn_transport *transport, int attempt,
                                   int64_t start_ms, struct zn_exchange *exchange,
                                   int64_t *ret_delay_ms, struct zn_error *error)
{
    const struct zn_clock *clock = &session->clock;
    const int64_t left_ms = session->deadline_ms - start_ms;
    const int64_t max_ms = exchange->attempt_max_ms;
    bool never_sent = false;

    zn_reply_clear(&exchange->reply);
    const enum zn_status status = transport->perform(
        transport->ctx, &exchange->request, max_ms > 0 && max_ms < left_ms ? max_ms : left_ms,
        &exchange->reply, &never_sent, error);
    const int64_t end_ms = clock->now_ms(clock->ctx);
    *ret_delay_ms = retry_delay_ms(session, attempt, session->deadline_ms - end_ms, exchange,
                                   status != ZN_OK && never_sent);
    report(session, exchange, end_ms - start_ms, *ret_delay_ms);
    return status;
}

enum zn_status zn_exchange_send(const struct zn_session *session,
                                const struct zn_transport *transport, enum zn_status built,
                                struct zn_exchange *exchange, struct zn_error *error)
{
    const struct zn_clock *clock = &session->clock;
    enum zn_status status = ZN_TIMEOUT;
    int64_t delay_ms = 0;

    if (built != ZN_OK)
        return built;
    zn_error_set(error, ZN_TIMEOUT, NULL, "check the network, or give more --timeout");
    for (int attempt = 1;; attempt++) {
        const int64_t start_ms = clock->now_ms(clock->ctx);
        if (start_ms >= session->deadline_ms)
            break;
        status = attempt_once(session, transport, attempt, start_ms, exchange, &delay_ms, error);
        if (delay_ms == 0)
            break;
        clock->sleep_ms(clock->ctx, delay_ms);
    }
    return status;
}
