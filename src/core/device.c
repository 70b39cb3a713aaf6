/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include "clock.h"

/* --- when the server is asked --------------------------------------------------------------- */

#define WINDOW_MS     61000 /* of the limiter, and a second for clocks that differ */
#define WINDOW_POLLS  4     /* of the five that it allows: the fifth is for somebody else */
#define LIMITED_GAP_S 16    /* once it has said "too many" */
#define LAST_CALL_MS  2000  /* before the end: enough for an answer */
#define POLL_MAX_MS   10000 /* one that hangs must not cost the rest of the time */
#define BEGIN_MAX_MS  30000 /* until the page is shown: nobody is there to be waited for yet */
#define TAKE_BACK_MS  2000  /* to delete a device, also when there is no time left */

struct pace {
    int64_t last_ms[WINDOW_POLLS]; /* of the latest polls; the oldest at `polls` % WINDOW_POLLS */
    size_t polls;
    int64_t gap_s; /* at least so long between two */
    int64_t silent_until_ms;
};

/* The earliest time at which the server may be asked. */
static int64_t earliest_ms(const struct pace *pace)
{
    int64_t time_ms = pace->silent_until_ms;

    if (pace->polls == 0)
        return time_ms;
    const int64_t latest_ms = pace->last_ms[(pace->polls - 1) % WINDOW_POLLS];
    const int64_t oldest_ms = pace->last_ms[pace->polls % WINDOW_POLLS];
    if (time_ms < latest_ms + pace->gap_s * 1000)
        time_ms = latest_ms + pace->gap_s * 1000;
    if (pace->polls >= WINDOW_POLLS && time_ms < oldest_ms + WINDOW_MS)
        time_ms = oldest_ms + WINDOW_MS;
    return time_ms;
}

static void count_poll(struct pace *pace, int64_t now_ms)
{
    pace->last_ms[pace->polls % WINDOW_POLLS] = now_ms;
    pace->polls++;
}

/* True when the server may still be asked at `last_ms` after it has been asked at `time_ms`. */
static bool leaves_another(struct pace pace, int64_t time_ms, int64_t last_ms)
{
    count_poll(&pace, time_ms);
    return earliest_ms(&pace) <= last_ms;
}

/*
 * When it is asked unless the person speaks up: soon at first, and seldom later. Once more at the
 * end, for which a poll is kept.
 */
static int64_t planned_ms(const struct pace *pace, int64_t now_ms, int64_t deadline_ms)
{
    static const int64_t gaps_s[] = {5, 10, 15, 31};
    const int64_t gap_s = pace->polls == 0 ? 5 : gaps_s[(pace->polls - 1) % WINDOW_POLLS];
    const int64_t earliest = earliest_ms(pace);
    const int64_t last_ms = deadline_ms - LAST_CALL_MS;
    int64_t time_ms = now_ms + gap_s * 1000;

    if (time_ms < earliest)
        time_ms = earliest;
    if (time_ms >= last_ms || !leaves_another(*pace, time_ms, last_ms))
        time_ms = last_ms;
    return time_ms > earliest ? time_ms : earliest;
}

static enum zn_status nobody_approved(struct zn_error *error)
{
    return zn_error_set(error, ZN_TIMEOUT, "nobody approved the login in time",
                        "start again, and approve in the browser");
}

static enum zn_status cancelled(struct zn_error *error)
{
    return zn_error_set(error, ZN_REJECTED, "the login was cancelled", NULL);
}

static bool pass(const struct zn_session *session, const struct zn_person *person,
                 int64_t duration_ms)
{
    if (duration_ms <= 0)
        return true;
    if (person->wait != NULL)
        return person->wait(person->ctx, duration_ms);
    session->clock.sleep_ms(session->clock.ctx, duration_ms);
    return true;
}

/* Waits for the next poll: the plan, or, when the person says so, the earliest possible. */
static enum zn_status await_poll(const struct zn_session *session, const struct zn_person *person,
                                 const struct pace *pace, int64_t deadline_ms,
                                 struct zn_error *error)
{
    const struct zn_clock *clock = &session->clock;
    int64_t now_ms = clock->now_ms(clock->ctx);
    const int64_t planned = planned_ms(pace, now_ms, deadline_ms);

    if (planned > deadline_ms - LAST_CALL_MS || planned < now_ms)
        return nobody_approved(error);
    if (!pass(session, person, planned - now_ms))
        return cancelled(error);
    now_ms = clock->now_ms(clock->ctx);
    if (earliest_ms(pace) > now_ms)
        clock->sleep_ms(clock->ctx, earliest_ms(pace) - now_ms);
    return ZN_OK;
}

/* --- the requests --------------------------------------------------------------------------- */

static enum zn_status ask_authorization(const struct zn_session *session,
                                        const struct zn_browser_origins *origins,
                                        struct zn_device_grant *grant, struct zn_error *error)
{
    struct zn_exchange x;

    if (!zn_random_uuid(grant->client_id))
        return zn_error_set(error, ZN_INTERNAL, "there is no randomness", NULL);
    zn_exchange_init(&x);
    enum zn_status status = zn_exchange_send(
        session, &session->transport,
        zn_device_authorization_build(grant->client_id, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_device_authorization_parse(&x.reply, origins, grant, error);
    return zn_exchange_finish(session, &x, status, error);
}

/* What came of one poll. */
struct poll {
    enum zn_device_answer answer;
    int64_t retry_after_s; /* that the server wants; -1: it does not say */
};

/* A single attempt: the pace of the polls is that of the requests. */
static enum zn_status poll_once(const struct zn_session *session,
                                const struct zn_device_grant *grant, struct poll *poll,
                                struct zn_token *ret, struct zn_error *error)
{
    struct zn_exchange x;

    zn_exchange_init(&x);
    x.attempts_max = 1;
    x.attempt_max_ms = POLL_MAX_MS;
    enum zn_status status = zn_exchange_send(
        session, &session->transport, zn_device_poll_build(grant, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_device_poll_parse(&x.reply, &poll->answer, ret, error);
    poll->retry_after_s = x.reply.retry_after_s;
    if (status != ZN_OK)
        zn_secret_redact(&grant->device_code, error->detail);
    return zn_exchange_finish(session, &x, status, error);
}

enum zn_status zn_device_delete(const struct zn_session *session, const struct zn_secret *bearer,
                                const char *device_id, struct zn_error *error)
{
    const int64_t soon_ms = session->clock.now_ms(session->clock.ctx) + TAKE_BACK_MS;
    struct zn_session extended = *session;
    struct zn_exchange x;

    if (extended.deadline_ms < soon_ms)
        extended.deadline_ms = soon_ms;
    zn_exchange_init(&x);
    enum zn_status status =
        zn_exchange_send(&extended, &session->transport,
                         zn_device_delete_build(bearer, device_id, &x.request, error), &x, error);
    if (status == ZN_OK)
        status = zn_device_delete_parse(&x.reply, error);
    return zn_exchange_finish(session, &x, status, error);
}

/* --- until somebody has approved ------------------------------------------------------------ */

/* True when the server may yet give an answer: it is busy, restarts, or says "too many". */
static bool may_yet_answer(enum zn_status status)
{
    return status == ZN_UNREACHABLE || status == ZN_TIMEOUT || status == ZN_SERVER_ERROR ||
           status == ZN_RATE_LIMITED;
}

static void slow_down(struct pace *pace, enum zn_status status, const struct poll *poll,
                      int64_t now_ms)
{
    const int64_t wanted_ms = poll->retry_after_s > 0 ? poll->retry_after_s * 1000 : 0;

    if (status == ZN_OK && poll->answer == ZN_DEVICE_SLOW_DOWN)
        pace->gap_s += 5;
    if (wanted_ms > 0)
        pace->silent_until_ms = now_ms + wanted_ms;
    if (status != ZN_RATE_LIMITED)
        return;
    if (wanted_ms < WINDOW_MS)
        pace->silent_until_ms = now_ms + WINDOW_MS;
    if (pace->gap_s < LIMITED_GAP_S)
        pace->gap_s = LIMITED_GAP_S;
}

static enum zn_status await_approval(const struct zn_session *session,
                                     const struct zn_person *person,
                                     const struct zn_device_grant *grant, int64_t expires_ms,
                                     struct zn_token *ret, struct zn_error *error)
{
    const struct zn_clock *clock = &session->clock;
    const int64_t deadline_ms =
        expires_ms < session->deadline_ms ? expires_ms : session->deadline_ms;
    struct pace pace = {.gap_s = grant->interval_s};

    for (;;) {
        struct poll poll = {ZN_DEVICE_PENDING, -1};
        enum zn_status status = await_poll(session, person, &pace, deadline_ms, error);
        if (status != ZN_OK)
            return status;
        count_poll(&pace, clock->now_ms(clock->ctx));
        status = poll_once(session, grant, &poll, ret, error);
        if (status == ZN_OK && poll.answer == ZN_DEVICE_APPROVED)
            return ZN_OK;
        /* The server's own word for "too late" is an end; a time-out on the way is not. */
        if (status != ZN_OK && (error->http_status == 400 || !may_yet_answer(status)))
            return status;
        slow_down(&pace, status, &poll, clock->now_ms(clock->ctx));
        error->http_status = 0;
    }
}

/* Nobody is to find a token of a login that was refused. */
static void take_back(const struct zn_session *session, const struct zn_device_grant *grant,
                      const struct zn_proof *proof)
{
    struct zn_error ignored = {0};

    if (grant->device_id[0] == '\0' || zn_secret_is_empty(&proof->access.secret))
        return;
    if (zn_device_delete(session, &proof->access.secret, grant->device_id, &ignored) != ZN_OK)
        return; /* the refusal is what counts, and it stands */
}

/* Everything up to the page that the person is shown. */
static enum zn_status begin(const struct zn_session *session, const struct zn_policy *policy,
                            struct zn_span server_url, struct zn_device_grant *grant,
                            struct zn_proof *proof, struct zn_error *error)
{
    const int64_t until_ms = session->clock.now_ms(session->clock.ctx) + BEGIN_MAX_MS;
    struct zn_session shortened = *session;

    if (shortened.deadline_ms > until_ms)
        shortened.deadline_ms = until_ms;
    const enum zn_status status = zn_login_check_server(&shortened, policy, proof, error);
    const struct zn_browser_origins origins = {server_url, zn_span_of(proof->info.dashboard_url)};
    return status == ZN_OK ? ask_authorization(&shortened, &origins, grant, error) : status;
}

enum zn_status zn_device_login(const struct zn_session *session, const struct zn_policy *policy,
                               struct zn_span server_url, const struct zn_person *person,
                               struct zn_device_grant *ret_grant, struct zn_proof *ret,
                               struct zn_error *error)
{
    struct zn_device_grant grant = {0};
    struct zn_proof proof = {0};
    enum zn_status status = begin(session, policy, server_url, &grant, &proof, error);
    const int64_t expires_ms =
        session->clock.now_ms(session->clock.ctx) + grant.expires_in_s * 1000;
    if (status == ZN_OK && !person->show(person->ctx, &grant))
        status = cancelled(error);
    if (status == ZN_OK)
        status = await_approval(session, person, &grant, expires_ms, &proof.access, error);
    if (status == ZN_OK)
        status = zn_login_check_identity(session, policy, &proof, error);
    if (status == ZN_OK) {
        *ret_grant = grant;
        *ret = proof;
        return ZN_OK;
    }
    take_back(session, &grant, &proof);
    zn_device_grant_clear(&grant);
    zn_proof_clear(&proof);
    return status;
}
