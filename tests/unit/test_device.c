/*
 * The login of a person in a browser on a clock that only the test moves: when the server is asked,
 * what ends the wait, who is let in, and what is taken back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "check.h"
#include "core/device.h"
#include "fake_server.h"
#include "memory.h"

#define SERVER       "https://zen.example.test"
#define SERVER_ID    "00000000-0000-4000-8000-0000000000aa"
#define ACCOUNT_ID   "00000000-0000-4000-8000-0000000000bb"
#define DEVICE_ID    "00000000-0000-4000-8000-0000000000d1"
#define DEVICE_CODE  "4b1d3c5e7f90a2b4c6d8e0f1a3b5c7d94b1d3c5e7f90a2b4c6d8e0f1a3b5c7d9"
#define ACCESS_TOKEN "the-access-token-of-this-device"
#define VERIFY       "/devices/verify?device_id=" DEVICE_ID "&user_code=0123456789abcdef"
#define TIMEOUT_MS   300000

ssize_t __real_getrandom(void *buffer, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags);

static bool no_randomness;

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags)
{
    if (!no_randomness)
        return __real_getrandom(buffer, size, flags);
    errno = ENOSYS;
    return -1;
}

/* --- what the server answers ---------------------------------------------------------------- */

#define INFO_OF(scheme)                                                                            \
    {                                                                                              \
        .request = "GET /api/v1/info", .http_status = 200,                                         \
        .body = "{\"id\":\"" SERVER_ID "\",\"version\":\"0.98.0\",\"auth_scheme\":\"" scheme "\"}" \
    }
#define GRANT_OF(url, times)                                                                       \
    {                                                                                              \
        .request = "POST /api/v1/device_authorization", .http_status = 200,                        \
        .body = "{\"device_code\":\"" DEVICE_CODE "\",\"verification_uri_complete\":\"" url        \
                "\"" times "}"                                                                     \
    }
#define POLL_STATUS(status)                                                                        \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = (status)                                   \
    }
#define POLL_ERROR(code)                                                                           \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = 400, .body = "{\"error\":\"" code "\"}"    \
    }
#define POLL_FAILS(status, may_repeat)                                                             \
    {                                                                                              \
        .request = "POST /api/v1/login", .failure = (status), .never_sent = (may_repeat)           \
    }
#define USER_OF(name, is_service)                                                                  \
    {                                                                                              \
        .request = "GET /api/v1/current-user", .http_status = 200,                                 \
        .body = "{\"id\":\"" ACCOUNT_ID "\",\"name\":\"" name                                      \
                "\",\"body\":{\"active\":true,\"is_service_account\":" is_service "}}"             \
    }
#define USER_STATUS(status)                                                                        \
    {                                                                                              \
        .request = "GET /api/v1/current-user", .http_status = (status)                             \
    }
#define DELETE_STATUS(status)                                                                      \
    {                                                                                              \
        .request = "DELETE /api/v1/devices/" DEVICE_ID, .http_status = (status), .body = "null"    \
    }

#define INFO_OK   INFO_OF("OAUTH2_PASSWORD_BEARER")
#define GRANT_OK  GRANT_OF(VERIFY, ",\"expires_in\":3600,\"interval\":5")
#define PENDING   POLL_ERROR("authorization_pending")
#define SLOW_DOWN POLL_ERROR("slow_down")
#define LIMITED   POLL_STATUS(429)
#define APPROVED                                                                                   \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = 200,                                       \
        .body = "{\"access_token\":\"" ACCESS_TOKEN "\",\"token_type\":\"bearer\"}"                \
    }
#define PERSON_OK  USER_OF("ada", "false")
#define SERVICE_OK USER_OF("ci-bot", "true")
#define DELETED    DELETE_STATUS(200)

/* --- the person ----------------------------------------------------------------------------- */

static struct fake_server server;

/* What the person does, and what they were shown. */
static struct {
    bool refuses_to_look;
    int64_t looks_ms;           /* at the page, before anything else */
    size_t waits_before_cancel; /* 0: never cancels */
    int64_t speaks_up_ms;       /* after so long in every wait; 0: never */
    size_t shown, waits;
    char url[ZN_BROWSER_URL_MAX + 1];
    char client_id[37];
    int64_t shown_ms;
} person;

static bool show(void *ctx, const struct zn_device_grant *grant)
{
    (void)ctx;
    person.shown++;
    person.shown_ms = server.now_ms;
    server.now_ms += person.looks_ms;
    snprintf(person.url, sizeof(person.url), "%s", grant->url);
    memcpy(person.client_id, grant->client_id, sizeof(person.client_id));
    return !person.refuses_to_look;
}

static bool wait_for_person(void *ctx, int64_t duration_ms)
{
    (void)ctx;
    assert_true(duration_ms > 0);
    person.waits++;
    if (person.speaks_up_ms > 0 && person.speaks_up_ms < duration_ms)
        duration_ms = person.speaks_up_ms;
    server.now_ms += duration_ms;
    return person.waits != person.waits_before_cancel;
}

/* --- one login ------------------------------------------------------------------------------ */

static const struct zn_credential no_credential;
static struct zn_policy policy;
static struct zn_proof proof;
static struct zn_device_grant grant;
static struct zn_error error;

/* Ends what an earlier login has left, and marks it so that a touch shows. */
static void reset_results(void)
{
    zn_proof_clear(&proof);
    zn_device_grant_clear(&grant);
    proof.identity = (struct zn_identity){.name = "untouched"};
    grant = (struct zn_device_grant){.url = "untouched"};
    error = (struct zn_error){0};
}

static int start(void **state)
{
    (void)state;
    memset(&person, 0, sizeof(person));
    policy = (struct zn_policy){.account_type = ZN_ACCOUNT_PERSON};
    no_randomness = false;
    reset_results();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    zn_proof_clear(&proof);
    zn_device_grant_clear(&grant);
    return 0;
}

/* Logs in on a server that was started; on failure, nothing may have been written but the error. */
static enum zn_status log_in(void)
{
    const struct zn_session session = fake_server_session(&server, &no_credential);
    const struct zn_person reached = {NULL, show, wait_for_person};
    server.has_own_limits = true;
    const enum zn_status status =
        zn_device_login(&session, &policy, ZN_SPAN(SERVER), &reached, &grant, &proof, &error);

    if (status != ZN_OK) {
        assert_string_equal(proof.identity.name, "untouched");
        assert_true(zn_secret_is_empty(&proof.access.secret));
        assert_string_equal(grant.url, "untouched");
        assert_true(zn_secret_is_empty(&grant.device_code));
        assert_int_equal(error.status, status);
        assert_true(error.detail[0] != '\0');
    }
    return status;
}

/* Logs in by a script that has to be played to its end. */
#define PLAY(...)                                                                                  \
    play((const struct fake_step[]){__VA_ARGS__}, COUNT(((const struct fake_step[]){__VA_ARGS__})))

static enum zn_status play(const struct fake_step *steps, size_t count)
{
    reset_results();
    fake_server_start(&server, steps, count, TIMEOUT_MS);
    const enum zn_status status = log_in();
    assert_int_equal(server.requests, count);
    return status;
}

#define AUTHORIZED 2 /* requests before the first poll */

/* Logs in where nobody approves: a script that begins with `steps` goes on with `rest` for ever. */
#define WAIT_IN_VAIN(timeout_ms, rest, ...)                                                        \
    wait_in_vain((timeout_ms), &(const struct fake_step)rest,                                      \
                 (const struct fake_step[]){__VA_ARGS__},                                          \
                 COUNT(((const struct fake_step[]){__VA_ARGS__})))

static void wait_in_vain(int64_t timeout_ms, const struct fake_step *rest,
                         const struct fake_step *steps, size_t count)
{
    static struct fake_step script[FAKE_REQUESTS_MAX];

    for (size_t i = 0; i < FAKE_REQUESTS_MAX; i++)
        script[i] = i < count ? steps[i] : *rest;
    reset_results();
    fake_server_start(&server, script, FAKE_REQUESTS_MAX, timeout_ms);
    assert_int_equal(log_in(), ZN_TIMEOUT);
    assert_non_null(strstr(error.detail, "nobody approved"));
    assert_true(error.next[0] != '\0');
    assert_int_equal(error.http_status, 0);
    assert_true(server.now_ms <= server.deadline_ms);
}

/* When a poll was made, the first is 0: in milliseconds since the person was shown the URL. */
static int64_t poll_ms(size_t number)
{
    return server.asked_ms[AUTHORIZED + number] - person.shown_ms;
}

static size_t polls(void)
{
    size_t count = 0;

    while (AUTHORIZED + count < server.requests &&
           strcmp(server.steps[AUTHORIZED + count].request, "POST /api/v1/login") == 0)
        count++;
    return count;
}

/* The shortest time in which `count` + 1 requests to log in lie. */
static int64_t shortest_ms(size_t count)
{
    int64_t shortest = INT64_MAX;

    for (size_t i = 0; i + count < polls(); i++)
        if (poll_ms(i + count) - poll_ms(i) < shortest)
            shortest = poll_ms(i + count) - poll_ms(i);
    return shortest;
}

/* --- the sequence --------------------------------------------------------------------------- */

static void whoever_approves_is_who_logs_in(void **state)
{
    char expected[1024];

    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, APPROVED, PERSON_OK), ZN_OK);
    assert_int_equal(person.shown, 1);
    assert_string_equal(person.url, SERVER VERIFY);
    snprintf(expected, sizeof(expected),
             "GET /api/v1/info\n"
             "POST /api/v1/device_authorization client_id=%s\n"
             "POST /api/v1/login %s%s&device_code=" DEVICE_CODE "\n"
             "POST /api/v1/login %s%s&device_code=" DEVICE_CODE "\n"
             "GET /api/v1/current-user <" ACCESS_TOKEN ">\n",
             person.client_id,
             "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=",
             person.client_id,
             "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&client_id=",
             person.client_id);
    assert_string_equal(server.log, expected);

    assert_string_equal(proof.identity.name, "ada");
    assert_string_equal(proof.identity.id, ACCOUNT_ID);
    CHECK_SPAN(zn_secret_reveal(&proof.access.secret), ACCESS_TOKEN);
    assert_true(proof.has_info);
    assert_string_equal(grant.device_id, DEVICE_ID);
    assert_string_equal(grant.client_id, person.client_id);
}

static void every_login_is_a_client_of_its_own(void **state)
{
    char first[37];

    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK), ZN_OK);
    assert_true(zn_text_is_uuid(zn_span_of(person.client_id)));
    memcpy(first, person.client_id, sizeof(first));
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK), ZN_OK);
    assert_string_not_equal(first, person.client_id);
}

static void without_randomness_nothing_is_asked_for(void **state)
{
    (void)state;
    no_randomness = true;
    assert_int_equal(PLAY(INFO_OK), ZN_INTERNAL);
    assert_int_equal(person.shown, 0);
}

static void a_server_that_proves_nothing_is_not_asked(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OF("NO_AUTH")), ZN_NOT_ZENML);
    assert_int_equal(PLAY(INFO_OF("HTTP_BASIC")), ZN_NOT_ZENML);
    policy.expect_server_id = ZN_SPAN(ACCOUNT_ID);
    assert_int_equal(PLAY(INFO_OK), ZN_IDENTITY);
    assert_int_equal(person.shown, 0);
}

static void a_server_without_device_flow_says_so(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OF("EXTERNAL"),
                          {.request = "POST /api/v1/device_authorization",
                           .http_status = 403,
                           .body = "{\"detail\":\"Device authorization is not supported.\"}"}),
                     ZN_SSO_REQUIRED);
    assert_int_equal(person.shown, 0);
}

static void nobody_is_sent_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OF("https://evil.test" VERIFY, "")), ZN_BAD_REPLY);
    assert_int_equal(person.shown, 0);
}

static void the_dashboard_of_the_server_is_not_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(PLAY({.request = "GET /api/v1/info",
                           .http_status = 200,
                           .body = "{\"id\":\"" SERVER_ID "\",\"version\":\"0.98.0\","
                                   "\"auth_scheme\":\"OAUTH2_PASSWORD_BEARER\","
                                   "\"dashboard_url\":\"https://dash.example.test/base/\"}"},
                          GRANT_OF("https://dash.example.test/base/" VERIFY, ""), APPROVED,
                          PERSON_OK),
                     ZN_OK);
    assert_string_equal(person.url, "https://dash.example.test/base" VERIFY);
}

/* --- when the server is asked --------------------------------------------------------------- */

static void at_most_four_polls_lie_in_any_minute(void **state)
{
    (void)state;
    WAIT_IN_VAIN(3600000, PENDING, INFO_OK, GRANT_OK);
    assert_true(polls() > 200); /* and the pace is not bought by asking seldom */
    assert_true(shortest_ms(4) > 60000);
    assert_true(shortest_ms(1) >= 5000);
}

/* Whoever approves at once, as most do, is not kept waiting. */
static void the_first_polls_come_soon(void **state)
{
    (void)state;
    WAIT_IN_VAIN(TIMEOUT_MS, PENDING, INFO_OK, GRANT_OK);
    assert_true(poll_ms(0) <= 5000 && poll_ms(1) <= 10000 && poll_ms(3) <= 40000);
}

static void a_person_who_speaks_up_all_the_time_changes_no_pace(void **state)
{
    static const int64_t after_ms[] = {1, 900, 5000, 14000};

    (void)state;
    for (size_t i = 0; i < COUNT(after_ms); i++) {
        person.speaks_up_ms = after_ms[i];
        WAIT_IN_VAIN(600000, PENDING, INFO_OK, GRANT_OK);
        assert_true(shortest_ms(4) > 60000);
        assert_true(shortest_ms(1) >= 5000);
    }
}

static void a_person_who_speaks_up_is_heard_at_once(void **state)
{
    (void)state;
    person.speaks_up_ms = 1500;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK), ZN_OK);
    assert_int_equal(poll_ms(0), 1500);
}

/* The second time, the interval of the server comes first. */
static void speaking_up_does_not_break_the_interval(void **state)
{
    (void)state;
    person.speaks_up_ms = 1500;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, APPROVED, PERSON_OK), ZN_OK);
    assert_int_equal(poll_ms(0), 1500);
    assert_int_equal(poll_ms(1), 6500);
}

static void the_interval_of_the_server_is_kept(void **state)
{
    (void)state;
    WAIT_IN_VAIN(900000, PENDING, INFO_OK,
                 GRANT_OF(VERIFY, ",\"expires_in\":3600,\"interval\":20"));
    assert_true(shortest_ms(1) >= 20000);
    person.speaks_up_ms = 1;
    WAIT_IN_VAIN(900000, PENDING, INFO_OK,
                 GRANT_OF(VERIFY, ",\"expires_in\":3600,\"interval\":300"));
    assert_true(shortest_ms(1) >= 300000);
}

static void slow_down_adds_five_seconds_for_good(void **state)
{
    (void)state;
    person.speaks_up_ms = 1;
    WAIT_IN_VAIN(900000, PENDING, INFO_OK, GRANT_OK, SLOW_DOWN, SLOW_DOWN, PENDING, SLOW_DOWN);
    assert_true(poll_ms(1) - poll_ms(0) >= 10000);
    assert_true(poll_ms(2) - poll_ms(1) >= 15000);
    assert_true(poll_ms(3) - poll_ms(2) >= 15000);
    for (size_t i = 4; i < polls(); i++)
        assert_true(poll_ms(i) - poll_ms(i - 1) >= 20000);
}

static void too_many_is_answered_with_silence(void **state)
{
    (void)state;
    person.speaks_up_ms = 1000; /* neither does the person break it */
    for (size_t at = 0; at < 3; at++) {
        const struct fake_step steps[] = {INFO_OK, GRANT_OK, PENDING, PENDING, PENDING};
        struct fake_step script[COUNT(steps)];
        memcpy(script, steps, sizeof(steps));
        script[AUTHORIZED + at] = (struct fake_step)LIMITED;
        wait_in_vain(900000, &(const struct fake_step)PENDING, script, COUNT(script));
        assert_true(poll_ms(at + 1) - poll_ms(at) > 60000);
        for (size_t i = at + 2; i < polls(); i++)
            assert_true(poll_ms(i) - poll_ms(i - 1) >= 15000);
        assert_true(polls() > 20);
    }
}

static void a_limiter_that_stays_is_not_fed(void **state)
{
    (void)state;
    WAIT_IN_VAIN(900000, LIMITED, INFO_OK, GRANT_OK);
    assert_true(shortest_ms(1) > 60000);
}

/* A limiter of ZenML gives no Retry-After; what a proxy gives must not shorten the silence. */
static void retry_after_does_not_shorten_the_silence(void **state)
{
    (void)state;
    WAIT_IN_VAIN(900000, PENDING, INFO_OK, GRANT_OK,
                 {.request = "POST /api/v1/login", .http_status = 429, .header = "Retry-After: 1"});
    assert_true(poll_ms(1) - poll_ms(0) > 60000);
}

static void a_busy_server_is_not_asked_more_often(void **state)
{
    static const int statuses[] = {408, 425, 500, 502, 503, 504};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const struct fake_step steps[] = {INFO_OK, GRANT_OK};
        const struct fake_step busy = POLL_STATUS(statuses[i]);
        wait_in_vain(600000, &busy, steps, COUNT(steps));
        if (shortest_ms(4) <= 60000)
            fail_msg("HTTP %d: five requests in %lld ms", statuses[i], (long long)shortest_ms(4));
    }
}

/* --- until when ----------------------------------------------------------------------------- */

static void the_wait_ends_at_the_deadline(void **state)
{
    static const int64_t timeouts_ms[] = {1, 1000, 2000, 2001, 5000, 7000, 33000, 61000, 299000};

    (void)state;
    for (size_t i = 0; i < COUNT(timeouts_ms); i++)
        WAIT_IN_VAIN(timeouts_ms[i], PENDING, INFO_OK, GRANT_OK);
}

static void the_wait_ends_when_the_authorization_does(void **state)
{
    (void)state;
    WAIT_IN_VAIN(TIMEOUT_MS, PENDING, INFO_OK,
                 GRANT_OF(VERIFY, ",\"expires_in\":30,\"interval\":5"));
    assert_true(server.now_ms - person.shown_ms <= 30000);
    assert_true(poll_ms(polls() - 1) >= 25000);
}

/* A prompt that is answered late does not make the authorization last longer. */
static void the_time_of_the_authorization_runs_while_the_page_is_shown(void **state)
{
    (void)state;
    person.looks_ms = 20000;
    WAIT_IN_VAIN(TIMEOUT_MS, PENDING, INFO_OK,
                 GRANT_OF(VERIFY, ",\"expires_in\":30,\"interval\":5"));
    assert_true(server.now_ms - person.shown_ms <= 30000 && polls() > 0);
    person.looks_ms = 31000;
    WAIT_IN_VAIN(TIMEOUT_MS, PENDING, INFO_OK,
                 GRANT_OF(VERIFY, ",\"expires_in\":30,\"interval\":5"));
    assert_int_equal(polls(), 0);
}

/* Whoever approves at the last moment is still let in. */
static void the_server_is_asked_once_more_before_the_end(void **state)
{
    static const int64_t timeouts_ms[] = {4000, 9000, 17000, 30000, 33000};

    (void)state;
    for (size_t i = 0; i < COUNT(timeouts_ms); i++) {
        WAIT_IN_VAIN(timeouts_ms[i], PENDING, INFO_OK, GRANT_OK);
        assert_in_range(timeouts_ms[i] - poll_ms(polls() - 1), 1, 5000);
    }
}

/* However long the server lets a poll wait, and however few of them are left. */
static void a_poll_is_kept_for_the_end(void **state)
{
    static const struct {
        int64_t timeout_ms;
        const char *interval;
    } rows[] = {{60000, "5"}, {45000, "5"}, {50000, "60"}, {100000, "5"}, {120000, "40"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[512];
        snprintf(body, sizeof(body),
                 "{\"device_code\":\"" DEVICE_CODE "\",\"verification_uri_complete\":\"" VERIFY
                 "\",\"expires_in\":3600,\"interval\":%s}",
                 rows[i].interval);
        WAIT_IN_VAIN(
            rows[i].timeout_ms, PENDING, INFO_OK,
            {.request = "POST /api/v1/device_authorization", .http_status = 200, .body = body});
        assert_in_range(rows[i].timeout_ms - poll_ms(polls() - 1), 1, 5000);
        assert_true(polls() < 5 || shortest_ms(4) > 60000);
    }
}

/* A server that hangs costs no more than one of them. */
static void no_request_has_all_the_time(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, APPROVED, PERSON_OK), ZN_OK);
    assert_int_equal(server.timeouts_ms[0], 30000);
    assert_int_equal(server.timeouts_ms[1], 30000);
    assert_int_equal(server.timeouts_ms[2], 10000);
    assert_int_equal(server.timeouts_ms[3], 10000);
    assert_int_equal(server.timeouts_ms[4], server.deadline_ms - server.now_ms);
}

static void a_slow_answer_at_the_end_is_waited_for(void **state)
{
    struct fake_step late = APPROVED;
    const struct fake_step steps[] = {INFO_OK, GRANT_OK, PENDING, late, PERSON_OK};
    struct fake_step script[COUNT(steps)];

    (void)state;
    memcpy(script, steps, sizeof(steps));
    script[3].takes_ms = 1900;
    fake_server_start(&server, script, COUNT(script), 12000);
    assert_int_equal(log_in(), ZN_OK);
}

static void time_spent_before_counts(void **state)
{
    const struct fake_step steps[] = {INFO_OK, GRANT_OK};
    struct fake_step script[COUNT(steps)];

    (void)state;
    memcpy(script, steps, sizeof(steps));
    script[1].takes_ms = 29000;
    fake_server_start(&server, script, COUNT(script), 30000);
    assert_int_equal(log_in(), ZN_TIMEOUT);
    assert_int_equal(server.requests, AUTHORIZED);
}

static void time_that_passes_unnoticed_breaks_nothing(void **state)
{
    static const struct fake_step steps[] = {INFO_OK, GRANT_OK, PENDING, PENDING, PENDING, PENDING};

    (void)state;
    for (int64_t timeout_ms = 1; timeout_ms < 40000; timeout_ms += 1000) {
        reset_results();
        fake_server_start(&server, steps, COUNT(steps), timeout_ms);
        server.tick_ms = 7;
        assert_int_equal(log_in(), ZN_TIMEOUT);
    }
}

/* --- what ends the wait --------------------------------------------------------------------- */

static void every_oauth_error_but_two_is_an_end(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_ERROR("access_denied")), ZN_REJECTED);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, POLL_ERROR("invalid_client")), ZN_REJECTED);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, SLOW_DOWN, POLL_ERROR("invalid_grant")), ZN_REJECTED);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_ERROR("expired_token")), ZN_TIMEOUT);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_ERROR("unsupported_grant_type")),
                     ZN_SSO_REQUIRED);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_ERROR("no_such_error")), ZN_BAD_REPLY);
}

static void what_no_wait_repairs_is_an_end(void **state)
{
    static const struct {
        int http_status;
        enum zn_status status;
    } rows[] = {{200, ZN_NOT_ZENML}, {302, ZN_REDIRECT},  {400, ZN_BAD_REPLY}, {401, ZN_REJECTED},
                {403, ZN_FORBIDDEN}, {404, ZN_NOT_ZENML}, {422, ZN_CONFIG}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_STATUS(rows[i].http_status)), rows[i].status);
        assert_int_equal(error.http_status, rows[i].http_status);
    }
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_FAILS(ZN_TLS, false)), ZN_TLS);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_FAILS(ZN_BAD_REPLY, false)), ZN_BAD_REPLY);
}

static void a_server_may_restart_meanwhile(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, POLL_FAILS(ZN_UNREACHABLE, false),
                          POLL_STATUS(500), POLL_FAILS(ZN_TIMEOUT, false), PENDING, APPROVED,
                          PERSON_OK),
                     ZN_OK);
    assert_true(shortest_ms(4) > 60000);
}

/* While nothing listens, nothing is counted either: a refused connection costs no poll. */
static void a_server_that_does_not_listen_is_tried_again(void **state)
{
    const struct fake_step gone = POLL_FAILS(ZN_UNREACHABLE, true);

    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, gone, gone, gone, gone, APPROVED, PERSON_OK), ZN_OK);
}

static void a_lost_reply_with_the_token_is_told(void **state)
{
    (void)state;
    assert_int_equal(
        PLAY(INFO_OK, GRANT_OK, POLL_FAILS(ZN_UNREACHABLE, false), POLL_ERROR("expired_token")),
        ZN_TIMEOUT);
    assert_non_null(strstr(error.detail, "handed out before"));
    assert_non_null(strstr(error.next, "again"));
    assert_int_equal(error.http_status, 400);
}

static void whoever_does_not_want_to_look_has_cancelled(void **state)
{
    (void)state;
    person.refuses_to_look = true;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK), ZN_REJECTED);
    assert_non_null(strstr(error.detail, "cancelled"));
}

static void a_cancelled_wait_asks_no_more(void **state)
{
    (void)state;
    person.waits_before_cancel = 1;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK), ZN_REJECTED);
    person.waits = 0;
    person.waits_before_cancel = 3;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, PENDING), ZN_REJECTED);
    assert_non_null(strstr(error.detail, "cancelled"));
}

static void without_a_person_to_wait_for_the_clock_waits(void **state)
{
    static const struct fake_step steps[] = {INFO_OK, GRANT_OK, PENDING, APPROVED, PERSON_OK};
    const struct zn_person reached = {NULL, show, NULL};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    server.has_own_limits = true;
    const struct zn_session session = fake_server_session(&server, &no_credential);
    assert_int_equal(
        zn_device_login(&session, &policy, ZN_SPAN(SERVER), &reached, &grant, &proof, &error),
        ZN_OK);
    assert_int_equal(server.sleeps, 2);
    assert_int_equal(person.waits, 0);
}

/* --- who is let in -------------------------------------------------------------------------- */

static void a_service_account_is_no_person(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, SERVICE_OK, DELETED), ZN_FORBIDDEN);
    assert_non_null(strstr(error.detail, "ci-bot"));
    assert_non_null(
        strstr(server.log, "DELETE /api/v1/devices/" DEVICE_ID " <" ACCESS_TOKEN ">\n"));
}

static void somebody_else_is_not_who_was_expected(void **state)
{
    (void)state;
    policy.expect_user = ZN_SPAN("grace");
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK, DELETED), ZN_IDENTITY);
    policy.expect_user = ZN_SPAN("Ada");
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK, DELETED), ZN_IDENTITY);
    policy.expect_user = ZN_SPAN(SERVER_ID);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK, DELETED), ZN_IDENTITY);
    policy.expect_user = ZN_SPAN("ada");
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK), ZN_OK);
    policy.expect_user = ZN_SPAN(ACCOUNT_ID);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, PERSON_OK), ZN_OK);
}

static void a_token_that_proves_nobody_is_taken_back(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, USER_STATUS(401), DELETED), ZN_REJECTED);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, USER_STATUS(500), DELETED), ZN_SERVER_ERROR);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, USER_OF("", "false"), DELETED),
                     ZN_BAD_REPLY);
}

/* There is no time left, and yet nobody is to find its token. */
static void a_device_is_taken_back_after_the_time(void **state)
{
    struct fake_step hangs = {.request = "GET /api/v1/current-user", .failure = ZN_TIMEOUT};
    hangs.takes_ms = TIMEOUT_MS;

    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, hangs, DELETED), ZN_TIMEOUT);
    assert_true(server.now_ms > server.deadline_ms);
    assert_int_equal(server.timeouts_ms[4], 2000);
}

static void a_name_that_shows_the_token_is_none(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, USER_OF(ACCESS_TOKEN, "false"), DELETED),
                     ZN_BAD_REPLY);
    assert_null(strstr(error.detail, ACCESS_TOKEN));
}

static void the_refusal_stands_when_the_device_cannot_be_deleted(void **state)
{
    static const int statuses[] = {401, 404, 500};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, SERVICE_OK, DELETE_STATUS(statuses[i])),
                         ZN_FORBIDDEN);
        assert_non_null(strstr(error.detail, "ci-bot"));
    }
}

static void a_device_without_id_cannot_be_deleted(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OF("/devices/verify", ""), APPROVED, SERVICE_OK),
                     ZN_FORBIDDEN);
}

static void nothing_is_deleted_that_was_not_granted(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, POLL_ERROR("access_denied")), ZN_REJECTED);
    assert_null(strstr(server.log, "DELETE"));
}

/* --- deleting ------------------------------------------------------------------------------- */

static void a_device_is_deleted_with_its_token(void **state)
{
    static const struct {
        struct fake_step step;
        enum zn_status status;
    } rows[] = {{DELETED, ZN_OK},
                {DELETE_STATUS(404), ZN_OK},
                {DELETE_STATUS(401), ZN_REJECTED},
                {DELETE_STATUS(500), ZN_SERVER_ERROR}};
    struct zn_secret bearer = {0};

    (void)state;
    assert_true(zn_secret_set(&bearer, ZN_SPAN(ACCESS_TOKEN)));
    for (size_t i = 0; i < COUNT(rows); i++) {
        fake_server_start(&server, &rows[i].step, 1, TIMEOUT_MS);
        const struct zn_session session = fake_server_session(&server, &no_credential);
        assert_int_equal(zn_device_delete(&session, &bearer, DEVICE_ID, &error), rows[i].status);
        assert_non_null(strstr(server.log, " <" ACCESS_TOKEN ">\n"));
    }
    zn_secret_clear(&bearer);
}

/* --- secrets -------------------------------------------------------------------------------- */

static void a_server_that_repeats_what_it_was_sent_is_not_quoted(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK,
                          {.request = "POST /api/v1/login",
                           .http_status = 400,
                           .body = "{\"error\":\"access_denied\",\"error_description\":"
                                   "\"you sent " DEVICE_CODE " and no more\"}"}),
                     ZN_REJECTED);
    assert_non_null(strstr(error.detail, "you sent "));
    assert_null(strstr(error.detail, "4b1d3c5e7f90"));
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED,
                          {.request = "GET /api/v1/current-user",
                           .http_status = 403,
                           .body = "{\"detail\":\"you sent " ACCESS_TOKEN "\"}"},
                          DELETED),
                     ZN_FORBIDDEN);
    assert_non_null(strstr(error.detail, "you sent "));
    assert_null(strstr(error.detail, "access-token-of"));
}

static void progress_shows_no_secret(void **state)
{
    (void)state;
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, PENDING, APPROVED, SERVICE_OK, DELETED), ZN_FORBIDDEN);
    assert_non_null(strstr(server.trace, "POST /api/v1/login -> 400 0 0\n"));
    assert_null(strstr(server.trace, "4b1d3c5e7f90"));
    assert_null(strstr(server.trace, "user_code"));
    assert_null(strstr(server.trace, ACCESS_TOKEN));
}

static void the_token_is_wiped_when_somebody_is_refused(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(ACCESS_TOKEN);
    assert_int_equal(PLAY(INFO_OK, GRANT_OK, APPROVED, SERVICE_OK, DELETED), ZN_FORBIDDEN);
    assert_true(memory_freed_blocks() > 10);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void the_device_code_is_wiped_when_nobody_approves(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(DEVICE_CODE);
    WAIT_IN_VAIN(TIMEOUT_MS, PENDING, INFO_OK, GRANT_OK);
    assert_true(memory_freed_blocks() > 10);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

/* Without the id of the device there is nothing to be deleted, wherever memory runs short. */
static void log_in_without_memory(void *ctx)
{
    static const struct fake_step steps[] = {INFO_OK, GRANT_OF("/devices/verify", ""), PENDING,
                                             APPROVED, PERSON_OK};

    (void)ctx;
    reset_results();
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    const enum zn_status status = log_in();
    assert_int_equal(status == ZN_OK, !memory_has_failed());
    reset_results();
}

static void delete_without_memory(void *ctx)
{
    static const struct fake_step steps[] = {DELETED};
    const struct zn_secret bearer = {0};

    (void)ctx;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    const struct zn_session session = fake_server_session(&server, &no_credential);
    const enum zn_status status = zn_device_delete(&session, &bearer, DEVICE_ID, &error);
    assert_int_equal(status == ZN_OK, !memory_has_failed());
}

static void without_memory_nobody_is_logged_in(void **state)
{
    (void)state;
    assert_true(memory_fail_each(log_in_without_memory, NULL) > 30);
    assert_true(memory_fail_each(delete_without_memory, NULL) > 0);
}

static int hook(void **state)
{
    (void)state;
    memory_hook_cjson();
    return 0;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_approves_is_who_logs_in),
        TEST(every_login_is_a_client_of_its_own),
        TEST(without_randomness_nothing_is_asked_for),
        TEST(a_server_that_proves_nothing_is_not_asked),
        TEST(a_server_without_device_flow_says_so),
        TEST(nobody_is_sent_elsewhere),
        TEST(the_dashboard_of_the_server_is_not_elsewhere),
        TEST(at_most_four_polls_lie_in_any_minute),
        TEST(the_first_polls_come_soon),
        TEST(a_person_who_speaks_up_all_the_time_changes_no_pace),
        TEST(a_person_who_speaks_up_is_heard_at_once),
        TEST(speaking_up_does_not_break_the_interval),
        TEST(the_interval_of_the_server_is_kept),
        TEST(slow_down_adds_five_seconds_for_good),
        TEST(too_many_is_answered_with_silence),
        TEST(a_limiter_that_stays_is_not_fed),
        TEST(retry_after_does_not_shorten_the_silence),
        TEST(a_busy_server_is_not_asked_more_often),
        TEST(the_wait_ends_at_the_deadline),
        TEST(the_wait_ends_when_the_authorization_does),
        TEST(the_time_of_the_authorization_runs_while_the_page_is_shown),
        TEST(the_server_is_asked_once_more_before_the_end),
        TEST(a_poll_is_kept_for_the_end),
        TEST(no_request_has_all_the_time),
        TEST(a_slow_answer_at_the_end_is_waited_for),
        TEST(time_spent_before_counts),
        TEST(time_that_passes_unnoticed_breaks_nothing),
        TEST(every_oauth_error_but_two_is_an_end),
        TEST(what_no_wait_repairs_is_an_end),
        TEST(a_server_may_restart_meanwhile),
        TEST(a_server_that_does_not_listen_is_tried_again),
        TEST(a_lost_reply_with_the_token_is_told),
        TEST(whoever_does_not_want_to_look_has_cancelled),
        TEST(a_cancelled_wait_asks_no_more),
        TEST(without_a_person_to_wait_for_the_clock_waits),
        TEST(a_service_account_is_no_person),
        TEST(somebody_else_is_not_who_was_expected),
        TEST(a_token_that_proves_nobody_is_taken_back),
        TEST(a_device_is_taken_back_after_the_time),
        TEST(a_name_that_shows_the_token_is_none),
        TEST(the_refusal_stands_when_the_device_cannot_be_deleted),
        TEST(a_device_without_id_cannot_be_deleted),
        TEST(nothing_is_deleted_that_was_not_granted),
        TEST(a_device_is_deleted_with_its_token),
        TEST(a_server_that_repeats_what_it_was_sent_is_not_quoted),
        TEST(progress_shows_no_secret),
        TEST(the_token_is_wiped_when_somebody_is_refused),
        TEST(the_device_code_is_wiped_when_nobody_approves),
        TEST(without_memory_nobody_is_logged_in),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
