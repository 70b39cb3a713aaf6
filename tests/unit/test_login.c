/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/login.h"
#include "fake_server.h"
#include "memory.h"
#include "samples.h"

#define SERVER_ID    "00000000-0000-4000-8000-0000000000aa"
#define ACCOUNT_ID   "00000000-0000-4000-8000-0000000000bb"
#define PROJECT_ID   "00000000-0000-4000-8000-0000000000cc"
#define ACCESS_TOKEN "the-access-token-of-this-login"
#define API_TOKEN    "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3NjcyMjYyMDB9.c2ln" /* exp: 10 min from now */
#define TIMEOUT_MS   30000

/* --- what the server answers ---------------------------------------------------------------- */

#define INFO_OF(scheme)                                                                            \
    {                                                                                              \
        .request = "GET /api/v1/info", .http_status = 200,                                         \
        .body = "{\"id\":\"" SERVER_ID "\",\"version\":\"0.98.0\",\"auth_scheme\":\"" scheme "\"}" \
    }
#define USER_OF(name, is_service)                                                                  \
    {                                                                                              \
        .request = "GET /api/v1/current-user", .http_status = 200,                                 \
        .body = "{\"id\":\"" ACCOUNT_ID "\",\"name\":\"" name                                      \
                "\",\"body\":{\"active\":true,\"is_service_account\":" is_service "}}"             \
    }

#define LOGIN_OK                                                                                   \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = 200,                                       \
        .body = "{\"access_token\":\"" ACCESS_TOKEN "\",\"token_type\":\"bearer\"}"                \
    }
#define INFO_OK   INFO_OF("OAUTH2_PASSWORD_BEARER")
#define USER_OK   USER_OF("ci-bot", "true")
#define PERSON_OK USER_OF("ada", "false")
#define MINT_OK                                                                                    \
    {                                                                                              \
        .request = "GET /api/v1/api_token?token_type=generic&expires_in=600&expires_minutes=10",   \
        .http_status = 200, .body = "\"" API_TOKEN "\""                                            \
    }
#define PROJECT_OK                                                                                 \
    {                                                                                              \
        .request = "GET /api/v1/projects/default", .http_status = 200,                             \
        .body = "{\"id\":\"" PROJECT_ID "\"}"                                                      \
    }

#define LOGIN_STATUS(status)                                                                       \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = (status)                                   \
    }
#define USER_STATUS(status)                                                                        \
    {                                                                                              \
        .request = "GET /api/v1/current-user", .http_status = (status)                             \
    }
#define LOGIN_LIMITED(header_line)                                                                 \
    {                                                                                              \
        .request = "POST /api/v1/login", .http_status = 429, .header = (header_line)               \
    }
#define LOGIN_FAILS(status, may_repeat)                                                            \
    {                                                                                              \
        .request = "POST /api/v1/login", .failure = (status), .never_sent = (may_repeat)           \
    }

/* --- one login ------------------------------------------------------------------------------ */

/* Set up before each case: both credentials, a policy of all zero, a result that shows a touch. */
static struct zn_credential key, token;
static struct zn_policy policy;
static struct zn_proof proof;
static struct zn_error error;
static struct fake_server server;

/* Ends the proof of an earlier login, and marks it so that a touch shows. */
static void reset_proof(void)
{
    zn_proof_clear(&proof);
    proof.identity = (struct zn_identity){.name = "untouched"};
}

static int start(void **state)
{
    char text[256];

    (void)state;
    sample_key(text, sizeof(text), SAMPLE_ENVELOPE);
    assert_int_equal(zn_credential_parse(zn_span_of(text), &key, &error), ZN_OK);
    assert_int_equal(zn_credential_parse(ZN_SPAN(API_TOKEN), &token, &error), ZN_OK);
    policy = (struct zn_policy){0};
    reset_proof();
    error = (struct zn_error){0};
    return 0;
}

static int finish(void **state)
{
    (void)state;
    zn_proof_clear(&proof);
    zn_credential_clear(&key);
    zn_credential_clear(&token);
    return 0;
}

/* Logs in; on failure, nothing may have been written but the error. */
static enum zn_status log_in(const struct zn_credential *credential, bool want_info)
{
    const struct zn_session session = fake_server_session(&server, credential);
    const enum zn_status status = zn_login(&session, &policy, want_info, &proof, &error);

    if (status != ZN_OK) {
        assert_string_equal(proof.identity.name, "untouched");
        assert_true(zn_secret_is_empty(&proof.access.secret));
        assert_false(proof.has_info);
        assert_int_equal(error.status, status);
    }
    return status;
}

/* As log_in, with a script of its own that has to be played to its end. */
#define PLAY(credential, want_info, ...)                                                           \
    play((credential), (want_info), (const struct fake_step[]){__VA_ARGS__},                       \
         COUNT(((const struct fake_step[]){__VA_ARGS__})))

static enum zn_status play(const struct zn_credential *credential, bool want_info,
                           const struct fake_step *steps, size_t count)
{
    reset_proof();
    fake_server_start(&server, steps, count, TIMEOUT_MS);
    const enum zn_status status = log_in(credential, want_info);
    assert_int_equal(server.requests, count);
    return status;
}

/* --- the sequence --------------------------------------------------------------------------- */

static void an_api_key_is_exchanged_and_the_token_asked_whose_it_is(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_OK), ZN_OK);
    char expected[512] = "POST /api/v1/login password=";
    struct zn_buf encoded;
    zn_buf_init(&encoded, 512);
    assert_true(zn_buf_append_percent(&encoded, zn_secret_reveal(&key.secret)) &&
                zn_buf_append_text(&encoded, "\nGET /api/v1/current-user <" ACCESS_TOKEN ">\n"));
    memcpy(expected + strlen(expected), encoded.ptr, encoded.len + 1);
    assert_string_equal(server.log, expected);
    zn_buf_clear(&encoded);

    assert_string_equal(proof.identity.id, ACCOUNT_ID);
    assert_string_equal(proof.identity.name, "ci-bot");
    assert_true(proof.identity.is_service_account);
    CHECK_SPAN(zn_secret_reveal(&proof.access.secret), ACCESS_TOKEN);
    assert_false(proof.has_info);
    assert_int_equal(server.sleeps, 0);
}

static void an_api_token_is_used_itself_after_the_server_was_asked(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&token, false, INFO_OK, USER_OK), ZN_OK);
    assert_string_equal(server.log, "GET /api/v1/info\nGET /api/v1/current-user <" API_TOKEN ">\n");
    CHECK_SPAN(zn_secret_reveal(&proof.access.secret), API_TOKEN);
    assert_int_equal(proof.access.expires_s, 1767226200);
    assert_true(proof.has_info);
    assert_string_equal(proof.info.id, SERVER_ID);
}

static void the_server_is_asked_first_when_its_id_is_expected(void **state)
{
    (void)state;
    policy.expect_server_id = ZN_SPAN(SERVER_ID);
    assert_int_equal(PLAY(&key, false, INFO_OK, LOGIN_OK, USER_OK), ZN_OK);
    assert_true(proof.has_info);
}

static void the_server_is_asked_first_when_the_caller_wants_it(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, true, INFO_OK, LOGIN_OK, USER_OK), ZN_OK);
    assert_string_equal(proof.info.version, "0.98.0");
}

static void another_server_is_shown_no_credential(void **state)
{
    (void)state;
    policy.expect_server_id = ZN_SPAN(PROJECT_ID);
    assert_int_equal(PLAY(&key, false, INFO_OK), ZN_IDENTITY);
    assert_int_equal(PLAY(&token, false, INFO_OK), ZN_IDENTITY);
}

static void a_server_that_proves_nothing_is_shown_no_token(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&token, false, INFO_OF("NO_AUTH")), ZN_NOT_ZENML);
    assert_int_equal(PLAY(&token, false, INFO_OF("HTTP_BASIC")), ZN_NOT_ZENML);
    assert_int_equal(PLAY(&token, false, INFO_OF("SOMETHING_NEW")), ZN_NOT_ZENML);
    assert_string_equal(server.log, "GET /api/v1/info\n");
}

static void no_credential_is_missing(void **state)
{
    static const struct fake_step steps[] = {INFO_OK};
    const struct zn_credential none = {0};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    assert_int_equal(log_in(&none, false), ZN_MISSING);
}

static void a_refused_key_ends_it(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_STATUS(401)), ZN_REJECTED);
    assert_int_equal(error.http_status, 401);
    assert_int_equal(PLAY(&key, false, LOGIN_STATUS(403)), ZN_FORBIDDEN);
}

static void accounts_that_the_policy_does_not_expect_are_refused(void **state)
{
    (void)state;
    policy.expect_user = ZN_SPAN("cd-bot");
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_OK), ZN_IDENTITY);
    policy.expect_user = ZN_SPAN(ACCOUNT_ID);
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_OK), ZN_OK);
}

static void a_token_of_a_person_depends_on_the_account_type(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&token, false, INFO_OK, PERSON_OK), ZN_FORBIDDEN);
    policy.account_type = ZN_ACCOUNT_ANY;
    assert_int_equal(PLAY(&token, false, INFO_OK, PERSON_OK), ZN_OK);
}

/* --- a refusal that the server's kind explains ---------------------------------------------- */

static void a_key_that_makes_a_person_is_explained_by_no_auth(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_OK, PERSON_OK, INFO_OF("NO_AUTH")), ZN_NOT_ZENML);
    assert_non_null(strstr(error.detail, "proves nobody's identity"));
    assert_null(strstr(server.log, "info <"));
}

static void a_token_that_is_refused_at_once_is_explained_by_basic_auth(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_STATUS(401), INFO_OF("HTTP_BASIC")),
                     ZN_NOT_ZENML);
}

static void without_an_explanation_the_refusal_stays(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_OK, PERSON_OK, INFO_OK), ZN_FORBIDDEN);
    assert_non_null(strstr(error.detail, "ada"));
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_STATUS(401),
                          {.request = "GET /api/v1/info", .http_status = 500}),
                     ZN_REJECTED);
    assert_int_equal(error.http_status, 401);
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_STATUS(403),
                          {.request = "GET /api/v1/info", .failure = ZN_TLS}),
                     ZN_FORBIDDEN);
    assert_int_equal(error.http_status, 403);
}

static void a_server_that_was_asked_is_not_asked_again(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, true, INFO_OK, LOGIN_OK, PERSON_OK), ZN_FORBIDDEN);
    assert_int_equal(PLAY(&token, false, INFO_OK, USER_STATUS(401)), ZN_REJECTED);
}

/* --- a server that repeats what it was sent ------------------------------------------------- */

/* The bodies are made at run time: they hold the credential, or its inner secret. */
static enum zn_status log_in_and_hear(const struct zn_credential *credential, struct zn_span secret,
                                      const char *before, const char *after, int http_status)
{
    const bool is_key = credential == &key;
    struct fake_step steps[] = {INFO_OK, LOGIN_OK, USER_STATUS(http_status)};
    struct zn_buf body;

    zn_buf_init(&body, 2048);
    assert_true(zn_buf_append_text(&body, before) && zn_buf_append(&body, secret) &&
                zn_buf_append_text(&body, after));
    steps[2].body = body.ptr;
    if (!is_key)
        steps[1] = steps[2];
    fake_server_start(&server, steps, is_key ? 3 : 2, TIMEOUT_MS);
    const enum zn_status status = log_in(credential, true);
    zn_buf_clear(&body);
    return status;
}

static void an_error_shows_no_part_of_the_credential(void **state)
{
    static const int statuses[] = {401, 403, 422, 429, 500, 418};
    const struct {
        const struct zn_credential *credential;
        struct zn_span secret;
    } rows[] = {
        {&key, zn_secret_reveal(&key.secret)},
        {&key, zn_secret_reveal(&key.inner)},
        {&key, ZN_SPAN(ACCESS_TOKEN)},
        {&token, zn_secret_reveal(&token.secret)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(statuses); i++) {
        const struct zn_span secret = rows[i % COUNT(rows)].secret;
        char part[17] = "";
        memcpy(part, secret.ptr + secret.len - 16, 16);
        log_in_and_hear(rows[i % COUNT(rows)].credential, secret, "{\"detail\":\"you sent ",
                        " and no more\"}", statuses[i / COUNT(rows)]);
        assert_non_null(strstr(error.detail, "you sent "));
        assert_true(strstr(error.detail, "****") || strstr(error.detail, "(a credential)"));
        assert_null(strstr(error.detail, part));
    }
}

static void a_name_that_shows_the_credential_is_none(void **state)
{
    (void)state;
    assert_int_equal(log_in_and_hear(&key, zn_secret_reveal(&key.inner),
                                     "{\"id\":\"" ACCOUNT_ID "\",\"name\":\"",
                                     "\",\"body\":{\"active\":true,\"is_service_account\":true}}",
                                     200),
                     ZN_BAD_REPLY);
    assert_null(strstr(error.detail, SAMPLE_INNER));
}

/* --- how often ------------------------------------------------------------------------------ */

static void what_may_come_right_is_tried_three_times(void **state)
{
    static const int statuses[] = {408, 425, 502, 503, 504};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const struct fake_step step = LOGIN_STATUS(statuses[i]);
        assert_int_equal(PLAY(&key, false, step, step, step), ZN_SERVER_ERROR);
        assert_int_equal(error.http_status, statuses[i]);
        assert_int_equal(server.sleeps, 2);
        assert_int_equal(server.sleeps_ms[0], 250);
        assert_int_equal(server.sleeps_ms[1], 500);
    }
}

static void the_wait_doubles_and_jitters_from_half_to_whole(void **state)
{
    static const struct fake_step steps[] = {LOGIN_STATUS(503), LOGIN_STATUS(503),
                                             LOGIN_STATUS(503)};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    server.high_jitter = true;
    assert_int_equal(log_in(&key, false), ZN_SERVER_ERROR);
    assert_int_equal(server.sleeps, 2);
    assert_int_equal(server.sleeps_ms[0], 500);
    assert_int_equal(server.sleeps_ms[1], 1000);
}

static void what_cannot_come_right_is_tried_once(void **state)
{
    static const int statuses[] = {200, 204, 301, 302, 307, 308, 400, 401, 402, 403, 404, 405,
                                   409, 410, 413, 418, 422, 429, 500, 501, 505, 511, 599};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        const struct fake_step step = LOGIN_STATUS(statuses[i]);
        assert_int_not_equal(PLAY(&key, false, step), ZN_OK);
        assert_int_equal(error.http_status, statuses[i]);
        assert_int_equal(server.sleeps, 0);
    }
}

static void no_connection_is_tried_three_times(void **state)
{
    static const enum zn_status failures[] = {ZN_UNREACHABLE, ZN_TLS};

    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        const struct fake_step step = LOGIN_FAILS(failures[i], true);
        assert_int_equal(PLAY(&key, false, step, step, step), failures[i]);
        assert_string_equal(error.detail, "the transport says why");
        assert_int_equal(server.sleeps, 2);
    }
}

static void a_request_that_may_have_arrived_is_not_repeated(void **state)
{
    static const enum zn_status failures[] = {ZN_UNREACHABLE, ZN_TIMEOUT, ZN_TLS,
                                              ZN_BAD_REPLY,   ZN_CONFIG,  ZN_INTERNAL};

    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        const struct fake_step step = LOGIN_FAILS(failures[i], false);
        assert_int_equal(PLAY(&key, false, step), failures[i]);
        assert_int_equal(server.sleeps, 0);
    }
}

static void a_server_that_comes_back_is_logged_into(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_FAILS(ZN_UNREACHABLE, true), LOGIN_STATUS(503),
                          LOGIN_OK, USER_STATUS(502), USER_OK),
                     ZN_OK);
    assert_int_equal(server.sleeps, 3);
    assert_int_equal(server.sleeps_ms[2], 250); /* each request begins anew */
}

static void a_different_failure_after_a_retry_is_the_one_told(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_STATUS(503), LOGIN_STATUS(401)), ZN_REJECTED);
    assert_int_equal(PLAY(&key, false, LOGIN_STATUS(503), LOGIN_FAILS(ZN_TLS, false)), ZN_TLS);
}

static void a_rate_limit_is_waited_for_when_it_says_how_long(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 7"), LOGIN_OK, USER_OK), ZN_OK);
    assert_int_equal(server.sleeps, 1);
    assert_in_range(server.sleeps_ms[0], 7000, 7999);
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 0"), LOGIN_OK, USER_OK), ZN_OK);
    assert_int_equal(server.sleeps, 1);
}

static void a_rate_limit_is_waited_for_twice_at_most(void **state)
{
    const struct fake_step step = LOGIN_LIMITED("Retry-After: 1");

    (void)state;
    assert_int_equal(PLAY(&key, false, step, step, step), ZN_RATE_LIMITED);
}

static void a_rate_limit_without_end_is_not_tried_again(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED(NULL)), ZN_RATE_LIMITED);
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: soon")), ZN_RATE_LIMITED);
    assert_int_equal(server.sleeps, 0);
}

static void a_rate_limit_beyond_the_deadline_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 30")), ZN_RATE_LIMITED);
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 3600")), ZN_RATE_LIMITED);
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 999999999999999")),
                     ZN_RATE_LIMITED);
    assert_int_equal(server.sleeps, 0);
    assert_int_equal(PLAY(&key, false, LOGIN_LIMITED("Retry-After: 29"), LOGIN_OK, USER_OK), ZN_OK);
}

/* --- until when ----------------------------------------------------------------------------- */

static void nothing_is_sent_after_the_deadline(void **state)
{
    (void)state;
    fake_server_start(&server, NULL, 0, 0);
    assert_int_equal(log_in(&key, false), ZN_TIMEOUT);
    fake_server_start(&server, NULL, 0, -5000);
    assert_int_equal(log_in(&token, false), ZN_TIMEOUT);
    assert_true(error.detail[0] != '\0' && error.next[0] != '\0');
}

static void all_requests_share_one_deadline(void **state)
{
    struct fake_step slow = LOGIN_OK;

    (void)state;
    slow.takes_ms = TIMEOUT_MS;
    assert_int_equal(PLAY(&key, false, slow), ZN_TIMEOUT);
    slow.takes_ms = TIMEOUT_MS - 1;
    assert_int_equal(PLAY(&key, false, slow, USER_OK), ZN_OK);
}

static void a_wait_that_would_pass_the_deadline_is_not_begun(void **state)
{
    struct fake_step step = LOGIN_STATUS(503);

    (void)state;
    step.takes_ms = TIMEOUT_MS - 250;
    assert_int_equal(PLAY(&key, false, step), ZN_SERVER_ERROR);
    assert_int_equal(server.sleeps, 0);
    step.takes_ms = TIMEOUT_MS - 251;
    assert_int_equal(PLAY(&key, false, step, LOGIN_STATUS(503)), ZN_SERVER_ERROR);
    assert_int_equal(server.sleeps, 1);
}

/* libcurl takes a limit of 0 ms for none, so time that passes unnoticed must not lead to one. */
static void no_request_gets_a_time_limit_of_zero(void **state)
{
    static const struct fake_step steps[] = {LOGIN_OK, USER_OK};

    (void)state;
    for (int64_t timeout_ms = 1; timeout_ms < 20; timeout_ms++) {
        fake_server_start(&server, steps, COUNT(steps), timeout_ms);
        server.tick_ms = 1;
        const enum zn_status status = log_in(&key, false);
        assert_true(status == ZN_OK || status == ZN_TIMEOUT);
        reset_proof();
    }
}

/* --- progress ------------------------------------------------------------------------------- */

static void every_attempt_is_traced_without_a_secret(void **state)
{
    struct fake_step slow = LOGIN_STATUS(503);

    (void)state;
    slow.takes_ms = 12;
    assert_int_equal(PLAY(&key, false, slow, LOGIN_FAILS(ZN_UNREACHABLE, true), LOGIN_OK, USER_OK),
                     ZN_OK);
    assert_string_equal(server.trace, "POST /api/v1/login -> 503 12 250\n"
                                      "POST /api/v1/login -> 0 0 500\n"
                                      "POST /api/v1/login -> 200 0 0\n"
                                      "GET /api/v1/current-user -> 200 0 0\n");
}

static void nobody_needs_to_listen(void **state)
{
    static const struct fake_step steps[] = {LOGIN_OK, USER_OK};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    struct zn_session session = fake_server_session(&server, &key);
    session.trace = NULL;
    assert_int_equal(zn_login(&session, &policy, false, &proof, &error), ZN_OK);
    assert_string_equal(server.trace, "");
}

/* --- after the login ------------------------------------------------------------------------ */

static void an_api_token_is_minted_for_the_bearer(void **state)
{
    static const struct fake_step steps[] = {MINT_OK};
    struct zn_token minted = {0};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    const struct zn_session session = fake_server_session(&server, &token);
    assert_int_equal(zn_mint_api_token(&session, &token.secret, 600, &minted, &error), ZN_OK);
    assert_non_null(strstr(server.log, " <" API_TOKEN ">\n"));
    CHECK_SPAN(zn_secret_reveal(&minted.secret), API_TOKEN);
    assert_int_equal(minted.expires_s, server.wall_s + 600);
    zn_secret_clear(&minted.secret);
}

static void a_minted_token_is_checked_against_the_clock(void **state)
{
    static const struct fake_step steps[] = {MINT_OK};
    struct zn_token minted = {0};

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    server.wall_s -= 3600;
    const struct zn_session session = fake_server_session(&server, &token);
    assert_int_equal(zn_mint_api_token(&session, &token.secret, 600, &minted, &error),
                     ZN_BAD_REPLY);
    assert_true(zn_secret_is_empty(&minted.secret));
}

static void a_project_is_found_by_its_name(void **state)
{
    static const struct fake_step steps[] = {PROJECT_OK,
                                             {.request = "GET /api/v1/projects/default",
                                              .http_status = 404,
                                              .body = "{\"detail\":[\"KeyError\",\"none\"]}"}};
    char id[37] = "untouched";

    (void)state;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    const struct zn_session session = fake_server_session(&server, &token);
    assert_int_equal(zn_find_project(&session, &token.secret, ZN_SPAN("default"), id, &error),
                     ZN_OK);
    assert_string_equal(id, PROJECT_ID);
    memcpy(id, "untouched", 10);
    assert_int_equal(zn_find_project(&session, &token.secret, ZN_SPAN("default"), id, &error),
                     ZN_CONFIG);
    assert_string_equal(id, "untouched");
}

static void a_request_that_cannot_be_built_is_not_sent(void **state)
{
    static char name[ZN_REQUEST_MAX];
    char id[37] = "untouched";

    (void)state;
    memset(name, 'n', sizeof(name));
    fake_server_start(&server, NULL, 0, TIMEOUT_MS);
    const struct zn_session session = fake_server_session(&server, &token);
    assert_int_equal(
        zn_find_project(&session, &token.secret, (struct zn_span){name, sizeof(name)}, id, &error),
        ZN_INTERNAL);
    assert_string_equal(id, "untouched");
}

/* --- memory --------------------------------------------------------------------------------- */

static void the_token_is_wiped_when_the_login_is_refused(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(ACCESS_TOKEN);
    policy.expect_user = ZN_SPAN("cd-bot");
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_OK), ZN_IDENTITY);
    assert_int_equal(PLAY(&key, false, LOGIN_OK, PERSON_OK, INFO_OF("NO_AUTH")), ZN_NOT_ZENML);
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_STATUS(500)), ZN_SERVER_ERROR);
    assert_true(memory_freed_blocks() > 10);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void the_token_is_wiped_when_the_proof_is_cleared(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(ACCESS_TOKEN);
    assert_int_equal(PLAY(&key, false, LOGIN_OK, USER_OK), ZN_OK);
    assert_true(memory_live_blocks() > 0);
    zn_proof_clear(&proof);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void the_key_is_wiped_from_every_request(void **state)
{
    char text[32] = "";

    (void)state;
    memcpy(text, zn_secret_reveal(&key.secret).ptr + 40, 24); /* the same percent-encoded */
    memory_reset();
    memory_watch(text);
    assert_int_equal(PLAY(&key, false, LOGIN_STATUS(503), LOGIN_OK, USER_OK), ZN_OK);
    assert_int_equal(memory_leaked_texts(), 0);
}

static void login_and_mint_without_memory(void *ctx)
{
    static const struct fake_step steps[] = {INFO_OK, LOGIN_OK, USER_OK, MINT_OK, PROJECT_OK};
    struct zn_token minted = {0};
    char id[37] = "";

    (void)ctx;
    fake_server_start(&server, steps, COUNT(steps), TIMEOUT_MS);
    const struct zn_session session = fake_server_session(&server, &key);
    reset_proof();
    enum zn_status status = log_in(&key, true);
    if (status == ZN_OK)
        status = zn_mint_api_token(&session, &proof.access.secret, 600, &minted, &error);
    if (status == ZN_OK)
        status = zn_find_project(&session, &proof.access.secret, ZN_SPAN("default"), id, &error);
    assert_int_equal(status == ZN_OK, !memory_has_failed());
    assert_true(status == ZN_OK || error.status == status);
    assert_int_equal(strcmp(id, PROJECT_ID) == 0, status == ZN_OK);
    zn_secret_clear(&minted.secret);
    zn_proof_clear(&proof);
}

static void without_memory_nobody_is_logged_in(void **state)
{
    (void)state;
    assert_true(memory_fail_each(login_and_mint_without_memory, NULL) > 50);
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
        TEST(an_api_key_is_exchanged_and_the_token_asked_whose_it_is),
        TEST(an_api_token_is_used_itself_after_the_server_was_asked),
        TEST(the_server_is_asked_first_when_its_id_is_expected),
        TEST(the_server_is_asked_first_when_the_caller_wants_it),
        TEST(another_server_is_shown_no_credential),
        TEST(a_server_that_proves_nothing_is_shown_no_token),
        TEST(no_credential_is_missing),
        TEST(a_refused_key_ends_it),
        TEST(accounts_that_the_policy_does_not_expect_are_refused),
        TEST(a_token_of_a_person_depends_on_the_account_type),
        TEST(a_key_that_makes_a_person_is_explained_by_no_auth),
        TEST(a_token_that_is_refused_at_once_is_explained_by_basic_auth),
        TEST(without_an_explanation_the_refusal_stays),
        TEST(a_server_that_was_asked_is_not_asked_again),
        TEST(an_error_shows_no_part_of_the_credential),
        TEST(a_name_that_shows_the_credential_is_none),
        TEST(what_may_come_right_is_tried_three_times),
        TEST(the_wait_doubles_and_jitters_from_half_to_whole),
        TEST(what_cannot_come_right_is_tried_once),
        TEST(no_connection_is_tried_three_times),
        TEST(a_request_that_may_have_arrived_is_not_repeated),
        TEST(a_server_that_comes_back_is_logged_into),
        TEST(a_different_failure_after_a_retry_is_the_one_told),
        TEST(a_rate_limit_is_waited_for_when_it_says_how_long),
        TEST(a_rate_limit_is_waited_for_twice_at_most),
        TEST(a_rate_limit_without_end_is_not_tried_again),
        TEST(a_rate_limit_beyond_the_deadline_is_not_waited_for),
        TEST(nothing_is_sent_after_the_deadline),
        TEST(all_requests_share_one_deadline),
        TEST(a_wait_that_would_pass_the_deadline_is_not_begun),
        TEST(no_request_gets_a_time_limit_of_zero),
        TEST(every_attempt_is_traced_without_a_secret),
        TEST(nobody_needs_to_listen),
        TEST(an_api_token_is_minted_for_the_bearer),
        TEST(a_minted_token_is_checked_against_the_clock),
        TEST(a_project_is_found_by_its_name),
        TEST(a_request_that_cannot_be_built_is_not_sent),
        TEST(the_token_is_wiped_when_the_login_is_refused),
        TEST(the_token_is_wiped_when_the_proof_is_cleared),
        TEST(the_key_is_wiped_from_every_request),
        TEST(without_memory_nobody_is_logged_in),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
