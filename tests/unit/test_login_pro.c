/*
 * Logging in with a key of ZenML Pro: which forms of login are tried, in which order, and who gets
 * to see the key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "check.h"
#include "core/login.h"
#include "fake_server.h"
#include "memory.h"

#define PRO_KEY "ZENPROKEY_c2VjcmV0LW9mLXBybw"
#define UUID    "00000000-0000-4000-8000-0000000000aa"

#define INFO_OF(scheme)                                                                            \
    {                                                                                              \
        .request = "GET /api/v1/info", .http_status = 200,                                         \
        .body = "{\"id\":\"" UUID "\",\"version\":\"0.98.0\",\"auth_scheme\":\"" scheme "\","      \
                "\"deployment_type\":\"cloud\",\"pro_api_url\":\"https://pro.example.test/api\"}"  \
    }
#define TOKEN_OF(path, token)                                                                      \
    {                                                                                              \
        .request = "POST " path, .http_status = 200,                                               \
        .body = "{\"access_token\":\"" token "\",\"token_type\":\"bearer\"}"                       \
    }
#define REFUSAL_OF(path, words)                                                                    \
    {                                                                                              \
        .request = "POST " path, .http_status = 401,                                               \
        .body = "{\"detail\":[\"CredentialsNotValid\",\"Authentication error: " words "\"]}"       \
    }
#define USER_OF(is_service)                                                                        \
    {                                                                                              \
        .request = "GET /api/v1/current-user", .http_status = 200,                                 \
        .body = "{\"id\":\"" UUID "\",\"name\":\"pro-bot\",\"body\":{\"active\":true,"             \
                "\"is_service_account\":" is_service "}}"                                          \
    }

#define WORKSPACE   INFO_OF("EXTERNAL")
#define LOGIN_OK    TOKEN_OF("/api/v1/login", "workspace-token")
#define PRO_OK      TOKEN_OF("/auth/login", "pro-token")
#define UNKNOWN_KEY REFUSAL_OF("/api/v1/login", "error decoding API key")
#define REFUSED     REFUSAL_OF("/api/v1/login", "Not authorized to access this server..")
#define USER_OK     USER_OF("true")

/* Set up before each case. */
static struct zn_credential key;
static struct zn_policy policy;
static struct zn_proof proof;
static struct zn_error error;
static struct fake_server server, pro;
static bool has_pro;

static int start(void **state)
{
    (void)state;
    assert_int_equal(zn_credential_parse(ZN_SPAN(PRO_KEY), &key, &error), ZN_OK);
    policy = (struct zn_policy){.account_type = ZN_ACCOUNT_ANY};
    proof = (struct zn_proof){0};
    error = (struct zn_error){0};
    has_pro = false;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    zn_proof_clear(&proof);
    zn_credential_clear(&key);
    return 0;
}

/* Logs in by two scripts, of the workspace and of Pro, that have to be played to their ends. */
static enum zn_status play(const struct fake_step *steps, size_t count,
                           const struct fake_step *pro_steps, size_t pro_count)
{
    zn_proof_clear(&proof);
    fake_server_start(&server, steps, count, 30000);
    fake_server_start(&pro, pro_steps, pro_count, 30000);
    struct zn_session session = fake_server_session(&server, &key);
    if (has_pro)
        session.pro = fake_server_session(&pro, &key).transport;
    const enum zn_status status = zn_login(&session, &policy, false, &proof, &error);
    assert_int_equal(server.requests, count);
    assert_int_equal(pro.requests, pro_count);
    return status;
}

#define STEPS(...)                                                                                 \
    (const struct fake_step[]){__VA_ARGS__}, COUNT(((const struct fake_step[]){__VA_ARGS__}))
#define NO_STEPS NULL, 0

static void a_workspace_of_today_takes_the_key_as_a_password(void **state)
{
    (void)state;
    assert_int_equal(play(STEPS(WORKSPACE, LOGIN_OK, USER_OK), NO_STEPS), ZN_OK);
    assert_string_equal(server.log, "GET /api/v1/info\nPOST /api/v1/login password=" PRO_KEY
                                    "\nGET /api/v1/current-user <workspace-token>\n");
    assert_string_equal(proof.identity.name, "pro-bot");
    assert_string_equal(proof.info.pro_api_url, "https://pro.example.test/api");
}

static void an_older_workspace_gets_the_key_as_a_bearer(void **state)
{
    (void)state;
    assert_int_equal(play(STEPS(WORKSPACE, UNKNOWN_KEY, LOGIN_OK, USER_OK), NO_STEPS), ZN_OK);
    assert_non_null(
        strstr(server.log, "POST /api/v1/login grant_type=zenml-external <" PRO_KEY ">\n"));
}

static void the_oldest_workspace_gets_a_token_of_pro(void **state)
{
    (void)state;
    has_pro = true;
    assert_int_equal(play(STEPS(WORKSPACE, UNKNOWN_KEY, REFUSED, LOGIN_OK, USER_OK), STEPS(PRO_OK)),
                     ZN_OK);
    assert_string_equal(pro.log, "POST /auth/login password=" PRO_KEY " <" PRO_KEY ">\n");
    assert_non_null(
        strstr(server.log, "POST /api/v1/login grant_type=zenml-external <pro-token>\n"));
}

static void a_refusal_is_the_end_where_the_key_was_read(void **state)
{
    (void)state;
    has_pro = true;
    assert_int_equal(play(STEPS(WORKSPACE, REFUSED), NO_STEPS), ZN_REJECTED);
    assert_non_null(strstr(error.detail, "Not authorized"));
    assert_non_null(strstr(error.next, "an outage of ZenML Pro looks the same"));
}

static void what_pro_refuses_is_refused(void **state)
{
    (void)state;
    has_pro = true;
    assert_int_equal(
        play(STEPS(WORKSPACE, UNKNOWN_KEY, REFUSED), STEPS(REFUSAL_OF("/auth/login", "bad key"))),
        ZN_REJECTED);
    assert_non_null(strstr(error.detail, "bad key"));
    assert_int_equal(play(STEPS(WORKSPACE, UNKNOWN_KEY, REFUSED, REFUSED), STEPS(PRO_OK)),
                     ZN_REJECTED);
}

static void a_server_that_is_no_workspace_sees_no_key_of_pro(void **state)
{
    (void)state;
    assert_int_equal(play(STEPS(INFO_OF("OAUTH2_PASSWORD_BEARER")), NO_STEPS), ZN_REJECTED);
    assert_string_equal(server.log, "GET /api/v1/info\n");
    assert_non_null(strstr(error.detail, "no workspace"));
}

static void the_policy_says_whether_persons_may(void **state)
{
    (void)state;
    assert_int_equal(play(STEPS(WORKSPACE, LOGIN_OK, USER_OF("false")), NO_STEPS), ZN_OK);
    assert_false(proof.identity.is_service_account);
    policy.account_type = ZN_ACCOUNT_SERVICE;
    assert_int_equal(play(STEPS(WORKSPACE, LOGIN_OK, USER_OF("false")), NO_STEPS), ZN_FORBIDDEN);
}

static void no_error_shows_key_or_token(void **state)
{
    (void)state;
    has_pro = true;
    assert_int_equal(play(STEPS(WORKSPACE, REFUSAL_OF("/api/v1/login", "no: " PRO_KEY)), NO_STEPS),
                     ZN_REJECTED);
    assert_null(strstr(error.detail, "c2VjcmV0"));
    assert_int_equal(
        play(STEPS(WORKSPACE, UNKNOWN_KEY, REFUSED,
                   REFUSAL_OF("/api/v1/login", "no: a-long-pro-token-of-32-characters")),
             STEPS(TOKEN_OF("/auth/login", "a-long-pro-token-of-32-characters"))),
        ZN_REJECTED);
    assert_null(strstr(error.detail, "pro-token-of-32"));
}

static void log_in_without_memory(void *ctx)
{
    static const struct fake_step steps[] = {WORKSPACE, UNKNOWN_KEY, REFUSED, LOGIN_OK, USER_OK};
    static const struct fake_step pro_steps[] = {PRO_OK};

    (void)ctx;
    fake_server_start(&server, steps, COUNT(steps), 30000);
    fake_server_start(&pro, pro_steps, COUNT(pro_steps), 30000);
    struct zn_session session = fake_server_session(&server, &key);
    session.pro = fake_server_session(&pro, &key).transport;
    const enum zn_status status = zn_login(&session, &policy, false, &proof, &error);
    assert_true(status == ZN_OK || memory_has_failed());
    assert_true(status != ZN_OK || !zn_secret_is_empty(&proof.access.secret));
    zn_proof_clear(&proof);
}

static void without_memory_nothing_is_leaked_or_made_up(void **state)
{
    (void)state;
    assert_true(memory_fail_each(log_in_without_memory, NULL) > 20);
    assert_int_equal(memory_leaked_texts(), 0);
}

static int hook(void **state)
{
    (void)state;
    memory_hook_cjson();
    return 0;
}

#define TEST(case) cmocka_unit_test_setup_teardown(case, start, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_workspace_of_today_takes_the_key_as_a_password),
        TEST(an_older_workspace_gets_the_key_as_a_bearer),
        TEST(the_oldest_workspace_gets_a_token_of_pro),
        TEST(a_refusal_is_the_end_where_the_key_was_read),
        TEST(what_pro_refuses_is_refused),
        TEST(a_server_that_is_no_workspace_sees_no_key_of_pro),
        TEST(the_policy_says_whether_persons_may),
        TEST(no_error_shows_key_or_token),
        TEST(without_memory_nothing_is_leaked_or_made_up),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
