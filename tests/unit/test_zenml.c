/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/zenml.h"
#include "memory.h"
#include "samples.h"

#define NOW_S 1767225600 /* Thu, 01 Jan 2026 00:00:00 GMT */
#define ID    "00000000-0000-4000-8000-000000000001"

/* --- requests ------------------------------------------------------------------------------- */

/* Compares a request that was built with what it has to be, and ends it. */
static void check_request(struct zn_request *request, enum zn_method method, const char *path,
                          const char *body, const struct zn_secret *bearer)
{
    assert_int_equal(request->method, method);
    CHECK_SPAN(zn_buf_span(&request->path), path);
    CHECK_SPAN(zn_buf_span(&request->body), body);
    assert_ptr_equal(request->bearer, bearer);
    zn_request_clear(request);
}

static void login_posts_the_key_as_a_form_without_bearer(void **state)
{
    struct zn_credential key = {.kind = ZN_CREDENTIAL_API_KEY};
    struct zn_request request;
    struct zn_error error = {0};

    (void)state;
    zn_request_init(&request);
    assert_true(zn_secret_set(&key.secret, ZN_SPAN("ZENKEY_ab+/c==&x")));
    assert_int_equal(zn_login_build(&key, &request, &error), ZN_OK);
    check_request(&request, ZN_POST, "/api/v1/login", "password=ZENKEY_ab%2B%2Fc%3D%3D%26x", NULL);
    zn_credential_clear(&key);
}

static void the_longest_key_fits_into_a_request(void **state)
{
    static char text[ZN_SECRET_MAX];
    struct zn_credential key = {.kind = ZN_CREDENTIAL_API_KEY};
    struct zn_request request;
    struct zn_error error = {0};

    (void)state;
    memset(text, '+', sizeof(text));
    zn_request_init(&request);
    assert_true(zn_secret_set(&key.secret, (struct zn_span){text, sizeof(text)}));
    assert_int_equal(zn_login_build(&key, &request, &error), ZN_OK);
    assert_int_equal(request.body.len, 9 + 3 * sizeof(text));
    zn_request_clear(&request);
    zn_credential_clear(&key);
}

static void current_user_and_info_are_plain_gets(void **state)
{
    const struct zn_secret bearer = {0};
    struct zn_request request;
    struct zn_error error = {0};

    (void)state;
    zn_request_init(&request);
    assert_int_equal(zn_current_user_build(&bearer, &request, &error), ZN_OK);
    check_request(&request, ZN_GET, "/api/v1/current-user", "", &bearer);
    assert_int_equal(zn_info_build(&request, &error), ZN_OK);
    check_request(&request, ZN_GET, "/api/v1/info", "", NULL);
}

static void api_token_names_the_lifetime_in_seconds_and_minutes(void **state)
{
    static const struct {
        int64_t expires_in_s;
        const char *path;
    } rows[] = {
        {21600, "/api/v1/api_token?token_type=generic&expires_in=21600&expires_minutes=360"},
        {60, "/api/v1/api_token?token_type=generic&expires_in=60&expires_minutes=1"},
        {61, "/api/v1/api_token?token_type=generic&expires_in=61&expires_minutes=2"},
        {59, "/api/v1/api_token?token_type=generic&expires_in=59&expires_minutes=1"},
        {1, "/api/v1/api_token?token_type=generic&expires_in=1&expires_minutes=1"},
    };
    const struct zn_secret bearer = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_request request;
        struct zn_error error = {0};
        zn_request_init(&request);
        assert_int_equal(zn_api_token_build(&bearer, rows[i].expires_in_s, &request, &error),
                         ZN_OK);
        check_request(&request, ZN_GET, rows[i].path, "", &bearer);
    }
}

static void project_encodes_its_name(void **state)
{
    const struct zn_secret bearer = {0};
    struct zn_request request;
    struct zn_error error = {0};

    (void)state;
    zn_request_init(&request);
    assert_int_equal(zn_project_build(&bearer, ZN_SPAN("a b/../c?d#e"), &request, &error), ZN_OK);
    check_request(&request, ZN_GET, "/api/v1/projects/a%20b%2F..%2Fc%3Fd%23e", "", &bearer);
}

static void a_request_that_does_not_fit_is_an_internal_error(void **state)
{
    static char name[ZN_REQUEST_MAX];
    struct zn_request request;
    struct zn_error error = {0};

    (void)state;
    memset(name, 'n', sizeof(name));
    zn_request_init(&request);
    assert_int_equal(zn_project_build(&(struct zn_secret){0}, (struct zn_span){name, sizeof(name)},
                                      &request, &error),
                     ZN_INTERNAL);
    zn_request_clear(&request);
}

/* --- the endpoints, alike ------------------------------------------------------------------- */

/* Where a parser leaves its result; filled before, so that a trace of a failure shows. */
struct results {
    struct zn_token token;
    struct zn_identity identity;
    struct zn_server_info info;
    char id[37];
};

static const char UNTOUCHED[] = "untouched";

static void results_fill(struct results *results)
{
    *results = (struct results){.identity.name = "untouched",
                                .info.version = "untouched",
                                .id = "untouched",
                                .token.expires_s = 4711};
    assert_true(zn_secret_set(&results->token.secret, zn_span_of(UNTOUCHED)));
}

static bool results_are_untouched(const struct results *results)
{
    return zn_span_equal(zn_secret_reveal(&results->token.secret), zn_span_of(UNTOUCHED)) &&
           results->token.expires_s == 4711 && strcmp(results->identity.name, UNTOUCHED) == 0 &&
           strcmp(results->info.version, UNTOUCHED) == 0 && strcmp(results->id, UNTOUCHED) == 0;
}

static enum zn_status parse_login(const struct zn_reply *reply, struct results *results,
                                  struct zn_error *error)
{
    return zn_login_parse(reply, &results->token, error);
}

static enum zn_status parse_current_user(const struct zn_reply *reply, struct results *results,
                                         struct zn_error *error)
{
    return zn_current_user_parse(reply, &results->identity, error);
}

static enum zn_status parse_info(const struct zn_reply *reply, struct results *results,
                                 struct zn_error *error)
{
    return zn_info_parse(reply, &results->info, error);
}

static enum zn_status parse_api_token(const struct zn_reply *reply, struct results *results,
                                      struct zn_error *error)
{
    return zn_api_token_parse(reply, 600, NOW_S, &results->token, error);
}

static enum zn_status parse_project(const struct zn_reply *reply, struct results *results,
                                    struct zn_error *error)
{
    return zn_project_parse(reply, results->id, error);
}

/* Each parser, and a body that it takes. */
static const struct endpoint {
    const char *name;
    enum zn_status (*parse)(const struct zn_reply *reply, struct results *results,
                            struct zn_error *error);
    const char *good;
} ENDPOINTS[] = {
    {"login", parse_login, "{\"access_token\":\"the-token\",\"token_type\":\"bearer\"}"},
    {"current-user", parse_current_user,
     "{\"id\":\"" ID "\",\"name\":\"ci\",\"body\":{\"active\":true,\"is_service_account\":true}}"},
    {"info", parse_info,
     "{\"id\":\"" ID "\",\"version\":\"0.98.0\",\"auth_scheme\":\"OAUTH2_PASSWORD_BEARER\"}"},
    {"api-token", parse_api_token,
     "\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3NjcyMjYyMDB9.c2ln\""},
    {"project", parse_project, "{\"id\":\"" ID "\"}"},
};

static const struct endpoint *const LOGIN = &ENDPOINTS[0];
static const struct endpoint *const CURRENT_USER = &ENDPOINTS[1];
static const struct endpoint *const INFO = &ENDPOINTS[2];
static const struct endpoint *const API_TOKEN = &ENDPOINTS[3];
static const struct endpoint *const PROJECT = &ENDPOINTS[4];

static void make_reply(struct zn_reply *reply, int status, const char *body)
{
    zn_reply_init(reply);
    reply->status = status;
    reply->is_json = true;
    assert_true(zn_buf_append_text(&reply->body, body));
}

/* Parses `body` with `status`; on failure, checks that nothing was written and the error is full.
 */
static enum zn_status parse(const struct endpoint *endpoint, int status, const char *body,
                            struct results *results, struct zn_error *error)
{
    struct zn_reply reply;

    make_reply(&reply, status, body);
    results_fill(results);
    const enum zn_status outcome = endpoint->parse(&reply, results, error);
    if (outcome != ZN_OK) {
        CHECK_ROW(body, results_are_untouched(results));
        CHECK_ROW(body, error->status == outcome);
        CHECK_ROW(body, error->http_status == status);
        CHECK_ROW(body, error->detail[0] != '\0');
    }
    zn_reply_clear(&reply);
    return outcome;
}

/* As parse, for cases that look at the outcome only. */
static enum zn_status outcome_of(const struct endpoint *endpoint, int status, const char *body)
{
    struct results results;
    struct zn_error error = {0};
    const enum zn_status outcome = parse(endpoint, status, body, &results, &error);

    zn_secret_clear(&results.token.secret);
    return outcome;
}

static void every_endpoint_takes_its_good_body_on_2xx_only(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ENDPOINTS); i++)
        for (int status = 0; status < 700; status++) {
            const bool success = status >= 200 && status <= 299;
            CHECK_ROW(ENDPOINTS[i].name,
                      (outcome_of(&ENDPOINTS[i], status, ENDPOINTS[i].good) == ZN_OK) == success);
        }
}

static void a_success_that_is_no_json_is_not_zenml(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ENDPOINTS); i++) {
        struct zn_reply reply;
        struct results results;
        struct zn_error error = {0};
        make_reply(&reply, 200, ENDPOINTS[i].good);
        reply.is_json = false;
        results_fill(&results);
        assert_int_equal(ENDPOINTS[i].parse(&reply, &results, &error), ZN_NOT_ZENML);
        assert_true(results_are_untouched(&results));
        zn_secret_clear(&results.token.secret);
        zn_reply_clear(&reply);
    }
}

static void a_success_with_a_useless_body_is_none(void **state)
{
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{}",
                                         "null",
                                         "true",
                                         "0",
                                         "\"\"",
                                         "{\"id\":",
                                         "[[]]",
                                         "{\"detail\":\"x\"}",
                                         "\"x\" \"y\"",
                                         "{'id':1}"};

    (void)state;
    for (size_t i = 0; i < COUNT(ENDPOINTS); i++)
        for (size_t j = 0; j < COUNT(bodies); j++) {
            const enum zn_status status = outcome_of(&ENDPOINTS[i], 200, bodies[j]);
            CHECK_ROW(bodies[j], status == ZN_BAD_REPLY || status == ZN_NOT_ZENML);
        }
}

static void each_http_status_has_its_outcome(void **state)
{
    static const struct {
        const char *name;
        int http_status;
        enum zn_status status;
        enum zn_status of_project, of_api_token; /* where they differ */
    } rows[] = {
        {"100", 100, ZN_BAD_REPLY, ZN_BAD_REPLY, ZN_BAD_REPLY},
        {"301", 301, ZN_REDIRECT, ZN_REDIRECT, ZN_REDIRECT},
        {"302", 302, ZN_REDIRECT, ZN_REDIRECT, ZN_REDIRECT},
        {"304", 304, ZN_REDIRECT, ZN_REDIRECT, ZN_REDIRECT},
        {"307", 307, ZN_REDIRECT, ZN_REDIRECT, ZN_REDIRECT},
        {"308", 308, ZN_REDIRECT, ZN_REDIRECT, ZN_REDIRECT},
        {"400", 400, ZN_BAD_REPLY, ZN_BAD_REPLY, ZN_CONFIG},
        {"401", 401, ZN_REJECTED, ZN_REJECTED, ZN_REJECTED},
        {"402", 402, ZN_FORBIDDEN, ZN_FORBIDDEN, ZN_FORBIDDEN},
        {"403", 403, ZN_FORBIDDEN, ZN_FORBIDDEN, ZN_FORBIDDEN},
        {"404", 404, ZN_NOT_ZENML, ZN_CONFIG, ZN_NOT_ZENML},
        {"405", 405, ZN_NOT_ZENML, ZN_NOT_ZENML, ZN_NOT_ZENML},
        {"408", 408, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"413", 413, ZN_BAD_REPLY, ZN_BAD_REPLY, ZN_BAD_REPLY},
        {"418", 418, ZN_BAD_REPLY, ZN_BAD_REPLY, ZN_BAD_REPLY},
        {"422", 422, ZN_CONFIG, ZN_CONFIG, ZN_CONFIG},
        {"425", 425, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"429", 429, ZN_RATE_LIMITED, ZN_RATE_LIMITED, ZN_RATE_LIMITED},
        {"500", 500, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"502", 502, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"503", 503, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"504", 504, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"599", 599, ZN_SERVER_ERROR, ZN_SERVER_ERROR, ZN_SERVER_ERROR},
        {"600", 600, ZN_BAD_REPLY, ZN_BAD_REPLY, ZN_BAD_REPLY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (const struct endpoint *e = ENDPOINTS; e < ENDPOINTS + COUNT(ENDPOINTS); e++) {
            struct results results;
            struct zn_error error = {0};
            const enum zn_status expected = e == PROJECT     ? rows[i].of_project
                                            : e == API_TOKEN ? rows[i].of_api_token
                                                             : rows[i].status;
            CHECK_ROW(rows[i].name,
                      parse(e, rows[i].http_status, "{}", &results, &error) == expected);
            CHECK_ROW(rows[i].name, strstr(error.detail, rows[i].name) != NULL);
            zn_secret_clear(&results.token.secret);
        }
}

static void a_bare_rate_limit_says_to_wait_without_any_attempt(void **state)
{
    struct results results;
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse(LOGIN, 429, "{}", &results, &error), ZN_RATE_LIMITED);
    assert_non_null(strstr(error.next, "wait 60 seconds without any attempt"));
    zn_secret_clear(&results.token.secret);
}

static void a_redirect_names_its_target_and_no_body(void **state)
{
    struct zn_reply reply;
    struct zn_token token = {0};
    struct zn_error error = {0};

    (void)state;
    make_reply(&reply, 302, "{\"detail\":\"not this\"}");
    zn_reply_take_header(&reply, ZN_SPAN("Location: https://elsewhere.example/"));
    assert_int_equal(zn_login_parse(&reply, &token, &error), ZN_REDIRECT);
    assert_string_equal(error.detail,
                        "the server redirects to https://elsewhere.example/ (HTTP 302)");
    zn_reply_clear(&reply);
}

/* --- what the server says ------------------------------------------------------------------- */

static void the_message_is_found_in_each_shape_of_error_body(void **state)
{
    static const struct {
        const char *body;
        const char *message; /* NULL: there is none */
    } rows[] = {
        {"{\"detail\":[\"CredentialsNotValid\",\"the message\"]}", "the message"},
        {"{\"detail\":\"the message\"}", "the message"},
        {"{\"error\":\"invalid_grant\",\"error_description\":\"the message\"}", "the message"},
        {"[\"ValueError\",\"the message\"]", "the message"},
        {"{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"the message\"}]}", "the message"},
        {"{\"error\":\"the message\"}", "the message"},
        {"{\"detail\":\"the message\",\"request_id\":\"12345678\"}", "the message"},
        {"{\"detail\":\"the message\\nand a trace\"}", "the message"},
        {"{\"detail\":\"\"}", NULL},
        {"{\"detail\":\"\\nsecond line\"}", NULL},
        {"{\"detail\":null}", NULL},
        {"{\"detail\":{\"a\":\"b\"}}", NULL},
        {"{\"detail\":[\"only the class\"]}", NULL},
        {"{\"message\":\"x\"}", NULL},
        {"\"a string\"", NULL},
        {"<html>", NULL},
        {"", NULL},
        {"{\"detail\":\"cut", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct results results;
        struct zn_error error = {0};
        CHECK_ROW(rows[i].body, parse(LOGIN, 401, rows[i].body, &results, &error) == ZN_REJECTED);
        const char *quoted = strstr(error.detail, "; it says: ");
        CHECK_ROW(rows[i].body, (quoted != NULL) == (rows[i].message != NULL));
        if (quoted != NULL)
            CHECK_ROW_TEXT(rows[i].body, quoted + strlen("; it says: "), rows[i].message);
        zn_secret_clear(&results.token.secret);
    }
}

static void a_message_from_html_is_not_quoted(void **state)
{
    struct zn_reply reply;
    struct zn_token token = {0};
    struct zn_error error = {0};

    (void)state;
    make_reply(&reply, 503, "{\"detail\":\"looks like JSON\"}");
    reply.is_json = false;
    assert_int_equal(zn_login_parse(&reply, &token, &error), ZN_SERVER_ERROR);
    assert_null(strstr(error.detail, "looks like JSON"));
    zn_reply_clear(&reply);
}

static void a_message_is_shown_safely_and_200_bytes_of_it(void **state)
{
    struct zn_buf body;
    struct results results;
    struct zn_error error = {0};
    size_t shown = 0;

    (void)state;
    assert_int_equal(
        parse(LOGIN, 401, "{\"detail\":\"\\u001b[2J::error::##vso[\\u00e4%s\"}", &results, &error),
        ZN_REJECTED);
    assert_non_null(strstr(error.detail, "?[2J:.error:.#.vso[??%s"));
    zn_secret_clear(&results.token.secret);

    zn_buf_init(&body, 4096);
    bool built = zn_buf_append_text(&body, "{\"detail\":\"");
    for (int i = 0; i < 1000; i++)
        built = built && zn_buf_append_text(&body, "Q");
    assert_true(built && zn_buf_append_text(&body, "\"}"));
    assert_int_equal(parse(LOGIN, 401, body.ptr, &results, &error), ZN_REJECTED);
    for (const char *at = error.detail; *at != '\0'; at++)
        shown += *at == 'Q';
    assert_int_equal(shown, 200);
    zn_secret_clear(&results.token.secret);
    zn_buf_clear(&body);
}

/* --- login ---------------------------------------------------------------------------------- */

static void a_login_needs_a_bearer_token(void **state)
{
    static const struct {
        const char *body;
        enum zn_status status;
    } rows[] = {
        {"{\"access_token\":\"t\",\"token_type\":\"bearer\"}", ZN_OK},
        {"{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":null}", ZN_OK},
        {"{\"access_token\":\"t\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"t\",\"token_type\":\"mac\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"t\",\"token_type\":\"\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"t\",\"token_type\":true}", ZN_BAD_REPLY},
        {"{\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"\",\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":null,\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":7,\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":[\"t\"],\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"Access_Token\":\"t\",\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"a b\",\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"access_token\":\"\\u00e4\",\"token_type\":\"bearer\"}", ZN_BAD_REPLY},
        {"{\"authorization_url\":\"https://sso.example\"}", ZN_SSO_REQUIRED},
        {"{\"authorization_url\":\"x\",\"access_token\":\"t\",\"token_type\":\"bearer\"}",
         ZN_SSO_REQUIRED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].body, outcome_of(LOGIN, 200, rows[i].body) == rows[i].status);
}

static void the_token_of_a_login_is_taken_as_it_is(void **state)
{
    struct results results;
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse(LOGIN, 200, LOGIN->good, &results, &error), ZN_OK);
    CHECK_SPAN(zn_secret_reveal(&results.token.secret), "the-token");
    zn_secret_clear(&results.token.secret);
}

/* Appends to `start` a token of that length, and `end`. */
static void long_body(struct zn_buf *body, const char *start, size_t len, const char *end)
{
    zn_buf_init(body, 16384);
    bool built = zn_buf_append_text(body, start);
    for (size_t i = 0; i < len; i++)
        built = built && zn_buf_append_text(body, "A");
    assert_true(built && zn_buf_append_text(body, end));
}

static void a_token_of_more_than_4096_bytes_is_refused(void **state)
{
    struct zn_buf body;

    (void)state;
    for (size_t len = ZN_SECRET_MAX; len <= ZN_SECRET_MAX + 1; len++) {
        const enum zn_status expected = len == ZN_SECRET_MAX ? ZN_OK : ZN_BAD_REPLY;
        long_body(&body, "{\"token_type\":\"bearer\",\"access_token\":\"", len, "\"}");
        assert_int_equal(outcome_of(LOGIN, 200, body.ptr), expected);
        zn_buf_clear(&body);
        /* The header, "{\"exp\":1767226200}" and two dots make 62 bytes of it. */
        long_body(&body, "\"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3NjcyMjYyMDB9.",
                  len - 62, "\"");
        assert_int_equal(body.len, len + 2);
        assert_int_equal(outcome_of(API_TOKEN, 200, body.ptr), expected);
        zn_buf_clear(&body);
    }
}

/* --- current-user --------------------------------------------------------------------------- */

static void current_user_says_who_it_is(void **state)
{
    struct results results;
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse(CURRENT_USER, 200,
                           "{\"id\":\"" ID "\",\"name\":\"ci b\\u00f6t\",\"permission_denied\":"
                           "false,\"body\":{\"active\":true,\"is_service_account\":true,"
                           "\"is_admin\":true}}",
                           &results, &error),
                     ZN_OK);
    assert_string_equal(results.identity.id, ID);
    assert_string_equal(results.identity.name, "ci b\xc3\xb6t");
    assert_true(results.identity.is_service_account);
    assert_true(results.identity.is_admin);
    zn_secret_clear(&results.token.secret);
}

/* Whether such a reply is taken at all is what replies/INDEX.tsv says. */
static void what_current_user_does_not_say_is_no(void **state)
{
    static const char *const bodies[] = {
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{\"active\":true}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"active\":true}", /* before 0.50 */
        "{\"id\":\"" ID "\",\"name\":\"x\",\"is_service_account\":true,\"is_admin\":true,"
        "\"body\":{\"active\":true}}",
        "{\"id\":\"" ID
        "\",\"name\":\"x\",\"body\":{\"active\":true,\"is_service_account\":\"true\","
        "\"is_admin\":1}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct results results;
        struct zn_error error = {0};
        parse(CURRENT_USER, 200, bodies[i], &results, &error);
        CHECK_ROW(bodies[i], !results.identity.is_service_account && !results.identity.is_admin);
        zn_secret_clear(&results.token.secret);
    }
}

static void an_account_must_be_named_active_and_visible(void **state)
{
    static const struct {
        const char *body;
        enum zn_status status;
    } rows[] = {
        {"{\"id\":\"" ID
         "\",\"name\":\"x\",\"body\":{\"active\":false,\"is_service_account\":true}}",
         ZN_FORBIDDEN},
        {"{\"id\":\"" ID "\",\"name\":\"x\",\"active\":false,\"is_service_account\":true}",
         ZN_FORBIDDEN},
        {"{\"id\":\"" ID "\",\"name\":\"x\",\"permission_denied\":true,\"body\":{\"active\":true,"
         "\"is_service_account\":true}}",
         ZN_FORBIDDEN},
        {"{\"name\":\"x\",\"body\":{\"active\":true,\"is_service_account\":true}}", ZN_BAD_REPLY},
        {"{\"id\":\"7\",\"name\":\"x\",\"body\":{\"active\":true,\"is_service_account\":true}}",
         ZN_BAD_REPLY},
        {"{\"id\":\"" ID "\",\"body\":{\"active\":true,\"name\":\"x\"}}", ZN_BAD_REPLY},
        {"{\"id\":\"" ID "\",\"name\":\"\",\"body\":{\"active\":true,\"is_service_account\":true}}",
         ZN_BAD_REPLY},
        {"{\"id\":\"" ID "\",\"name\":7,\"body\":{\"active\":true,\"is_service_account\":true}}",
         ZN_BAD_REPLY},
        {"{\"id\":\"" ID
         "\",\"name\":\"a\\nb\",\"body\":{\"active\":true,\"is_service_account\":true}}",
         ZN_BAD_REPLY},
        {"{\"id\":\"" ID
         "\",\"name\":\"a\\u009bb\",\"body\":{\"active\":true,\"is_service_account\":true}}",
         ZN_BAD_REPLY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].body, outcome_of(CURRENT_USER, 200, rows[i].body) == rows[i].status);
}

static void an_account_that_is_not_said_to_be_active_is_not_taken(void **state)
{
    static const char *const bodies[] = {
        "{\"id\":\"" ID "\",\"name\":\"x\"}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"active\":true,\"body\":{}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{\"active\":\"true\"}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{\"active\":1}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{\"active\":null}}",
        "{\"id\":\"" ID "\",\"name\":\"x\",\"body\":{\"Active\":true}}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        CHECK_ROW(bodies[i], outcome_of(CURRENT_USER, 200, bodies[i]) != ZN_OK);
}

static void a_name_has_at_most_255_bytes(void **state)
{
    struct zn_buf body;

    (void)state;
    for (size_t len = ZN_NAME_MAX; len <= ZN_NAME_MAX + 1; len++) {
        long_body(&body,
                  "{\"id\":\"" ID "\",\"active\":true,\"is_service_account\":false,\"name\":\"",
                  len, "\"}");
        assert_int_equal(outcome_of(CURRENT_USER, 200, body.ptr),
                         len == ZN_NAME_MAX ? ZN_OK : ZN_BAD_REPLY);
        zn_buf_clear(&body);
    }
}

/* --- info ----------------------------------------------------------------------------------- */

static void info_says_how_the_server_authenticates(void **state)
{
    static const struct {
        const char *members;
        enum zn_auth_scheme scheme;
        bool is_active;
    } rows[] = {
        {"\"auth_scheme\":\"NO_AUTH\"", ZN_AUTH_NO_AUTH, true},
        {"\"auth_scheme\":\"HTTP_BASIC\"", ZN_AUTH_HTTP_BASIC, true},
        {"\"auth_scheme\":\"OAUTH2_PASSWORD_BEARER\"", ZN_AUTH_OAUTH2, true},
        {"\"auth_scheme\":\"EXTERNAL\"", ZN_AUTH_EXTERNAL, true},
        {"\"auth_scheme\":\"oauth2_password_bearer\"", ZN_AUTH_UNKNOWN, true},
        {"\"auth_scheme\":\"OAUTH2\"", ZN_AUTH_UNKNOWN, true},
        {"\"auth_scheme\":\"\"", ZN_AUTH_UNKNOWN, true},
        {"\"auth_scheme\":null", ZN_AUTH_UNKNOWN, true},
        {"\"auth_scheme\":3", ZN_AUTH_UNKNOWN, true},
        {"\"x\":1", ZN_AUTH_UNKNOWN, true},
        {"\"active\":true", ZN_AUTH_UNKNOWN, true},
        {"\"active\":false", ZN_AUTH_UNKNOWN, false},
        {"\"active\":null", ZN_AUTH_UNKNOWN, false},
        {"\"active\":\"true\"", ZN_AUTH_UNKNOWN, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf body;
        struct results results;
        struct zn_error error = {0};
        zn_buf_init(&body, 512);
        assert_true(zn_buf_append_text(&body, "{\"id\":\"" ID "\",\"version\":\"0.98.0\",") &&
                    zn_buf_append_text(&body, rows[i].members) && zn_buf_append_text(&body, "}"));
        CHECK_ROW(rows[i].members, parse(INFO, 200, body.ptr, &results, &error) == ZN_OK);
        CHECK_ROW(rows[i].members, results.info.auth_scheme == rows[i].scheme);
        CHECK_ROW(rows[i].members, results.info.is_active == rows[i].is_active);
        CHECK_ROW_TEXT(rows[i].members, results.info.id, ID);
        CHECK_ROW_TEXT(rows[i].members, results.info.version, "0.98.0");
        zn_secret_clear(&results.token.secret);
        zn_buf_clear(&body);
    }
}

static void info_without_id_and_version_is_none(void **state)
{
    static const char *const bodies[] = {
        "{\"version\":\"0.98.0\"}",
        "{\"id\":\"" ID "\"}",
        "{\"id\":\"7\",\"version\":\"0.98.0\"}",
        "{\"id\":\"" ID "\",\"version\":\"\"}",
        "{\"id\":\"" ID "\",\"version\":98}",
        "{\"id\":\"" ID "\",\"version\":\"0.98\\u001b[2J\"}",
        "{\"id\":\"" ID "\",\"version\":\"01234567890123456789012345678901\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++)
        CHECK_ROW(bodies[i], outcome_of(INFO, 200, bodies[i]) != ZN_OK);
    assert_int_equal(outcome_of(INFO, 200,
                                "{\"id\":\"" ID
                                "\",\"version\":\"0123456789012345678901234567890\"}"),
                     ZN_OK);
}

/* --- api_token ------------------------------------------------------------------------------ */

/* Parses the reply with a token of that payload, asked for `asked_s` seconds. */
static enum zn_status parse_lifetime(const char *payload, int64_t asked_s, int64_t date_s,
                                     int64_t now_s, struct zn_token *token, struct zn_error *error)
{
    char jwt[256];
    struct zn_reply reply;

    sample_token(jwt, sizeof(jwt), payload);
    make_reply(&reply, 200, "\"");
    assert_true(zn_buf_append_text(&reply.body, jwt) && zn_buf_append_text(&reply.body, "\""));
    reply.date_s = date_s;
    const enum zn_status status = zn_api_token_parse(&reply, asked_s, now_s, token, error);
    zn_reply_clear(&reply);
    return status;
}

static void a_token_must_live_as_long_as_asked_at_most(void **state)
{
    static const struct {
        const char *name;
        const char *payload;
        int64_t asked_s;
        enum zn_status status;
        const char *word;
    } rows[] = {
        {"exactly as asked", "{\"exp\":1767226200}", 600, ZN_OK, ""},
        {"shorter", "{\"exp\":1767225601}", 600, ZN_OK, ""},
        {"rounded up to minutes", "{\"exp\":1767225720}", 61, ZN_OK, ""},
        {"a minute longer than rounded", "{\"exp\":1767225780}", 61, ZN_BAD_REPLY, "longer"},
        {"a minute longer", "{\"exp\":1767226260}", 600, ZN_BAD_REPLY, "longer"},
        {"a week longer", "{\"exp\":1767830400}", 600, ZN_BAD_REPLY, "longer"},
        {"milliseconds instead of seconds", "{\"exp\":1767226200000}", 600, ZN_BAD_REPLY, "longer"},
        {"no expiry", "{\"sub\":\"x\"}", 600, ZN_BAD_REPLY, "never expires"},
        {"expiry zero", "{\"exp\":0}", 600, ZN_BAD_REPLY, "never expires"},
        {"expired now", "{\"exp\":1767225600}", 600, ZN_BAD_REPLY, "expired"},
        {"expired before", "{\"exp\":1767225599}", 600, ZN_BAD_REPLY, "expired"},
        {"negative expiry", "{\"exp\":-1}", 600, ZN_BAD_REPLY, "expired"},
        {"expiry as text", "{\"exp\":\"1767226200\"}", 600, ZN_BAD_REPLY, "no API token"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_token token = {0};
        struct zn_error error = {0};
        CHECK_ROW(rows[i].name, parse_lifetime(rows[i].payload, rows[i].asked_s, NOW_S, 0, &token,
                                               &error) == rows[i].status);
        CHECK_ROW(rows[i].name, strstr(error.detail, rows[i].word) != NULL);
        CHECK_ROW(rows[i].name, zn_secret_is_empty(&token.secret) == (rows[i].status != ZN_OK));
        CHECK_ROW(rows[i].name, (token.expires_s != 0) == (rows[i].status == ZN_OK));
        zn_secret_clear(&token.secret);
    }
}

static void the_date_of_the_reply_counts_before_our_own_clock(void **state)
{
    static const char payload[] = "{\"exp\":1767226200}"; /* ten minutes after NOW_S */
    struct zn_token token = {0};
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse_lifetime(payload, 600, NOW_S, NOW_S - 86400, &token, &error), ZN_OK);
    assert_int_equal(token.expires_s, NOW_S + 600);
    assert_int_equal(parse_lifetime(payload, 600, NOW_S, NOW_S + 86400, &token, &error), ZN_OK);
    zn_secret_clear(&token.secret);
    assert_int_equal(parse_lifetime(payload, 600, NOW_S - 86400, NOW_S, &token, &error),
                     ZN_BAD_REPLY);
    assert_int_equal(parse_lifetime(payload, 600, 0, NOW_S, &token, &error), ZN_OK);
    zn_secret_clear(&token.secret);
    assert_int_equal(parse_lifetime(payload, 600, 0, NOW_S - 86400, &token, &error), ZN_BAD_REPLY);
}

static void a_lifetime_that_the_server_refuses_names_its_maximum(void **state)
{
    static const struct {
        const char *body;
        const char *next;
    } rows[] = {
        {"{\"detail\":[\"ValueError\",\"The maximum expiration time for generic API tokens "
         "allowed by this server is 604800 seconds.\"]}",
         "use --expires-in 604800"},
        {"{\"detail\":\"no number\"}", ""},
        {"{\"detail\":\"\"}", ""},
        {"{}", ""},
        {"nonsense", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct results results;
        struct zn_error error = {0};
        CHECK_ROW(rows[i].body, parse(API_TOKEN, 400, rows[i].body, &results, &error) == ZN_CONFIG);
        CHECK_ROW_TEXT(rows[i].body, error.next, rows[i].next);
        zn_secret_clear(&results.token.secret);
    }
}

static void a_400_that_is_no_json_says_nothing_about_lifetimes(void **state)
{
    struct zn_reply reply;
    struct zn_token token = {0};
    struct zn_error error = {0};

    (void)state;
    make_reply(&reply, 400, "<html>");
    reply.is_json = false;
    assert_int_equal(zn_api_token_parse(&reply, 600, NOW_S, &token, &error), ZN_BAD_REPLY);
    zn_reply_clear(&reply);
}

/* --- memory --------------------------------------------------------------------------------- */

static void parse_without_memory(void *ctx)
{
    const struct endpoint *endpoint = ctx;
    struct zn_reply reply;
    struct results results = {0};
    struct zn_error error = {0};

    zn_reply_init(&reply);
    reply.status = 200;
    reply.is_json = true;
    if (zn_buf_append_text(&reply.body, endpoint->good)) {
        const enum zn_status status = endpoint->parse(&reply, &results, &error);
        CHECK_ROW(endpoint->name, (status != ZN_OK) == memory_has_failed());
        CHECK_ROW(endpoint->name, status == ZN_OK || error.status == status);
        CHECK_ROW(endpoint->name, status == ZN_OK || zn_secret_is_empty(&results.token.secret));
    }
    zn_reply_clear(&reply);
    zn_secret_clear(&results.token.secret);
}

static void without_memory_no_reply_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ENDPOINTS); i++) {
        struct endpoint endpoint = ENDPOINTS[i];
        assert_true(memory_fail_each(parse_without_memory, &endpoint) > 2);
    }
}

static void refuse_without_memory(void *ctx)
{
    struct zn_reply reply;
    struct zn_token token = {0};
    struct zn_error error = {0};

    (void)ctx;
    zn_reply_init(&reply);
    reply.status = 400;
    reply.is_json = true;
    if (zn_buf_append_text(&reply.body, "{\"detail\":[\"ValueError\",\"the maximum is 60 s\"]}"))
        assert_int_equal(zn_api_token_parse(&reply, 600, NOW_S, &token, &error), ZN_CONFIG);
    zn_reply_clear(&reply);
}

static void without_memory_a_refusal_stays_one(void **state)
{
    (void)state;
    assert_true(memory_fail_each(refuse_without_memory, NULL) > 5);
}

static int hook(void **state)
{
    (void)state;
    memory_hook_cjson();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login_posts_the_key_as_a_form_without_bearer),
        cmocka_unit_test(the_longest_key_fits_into_a_request),
        cmocka_unit_test(current_user_and_info_are_plain_gets),
        cmocka_unit_test(api_token_names_the_lifetime_in_seconds_and_minutes),
        cmocka_unit_test(project_encodes_its_name),
        cmocka_unit_test(a_request_that_does_not_fit_is_an_internal_error),
        cmocka_unit_test(every_endpoint_takes_its_good_body_on_2xx_only),
        cmocka_unit_test(a_success_that_is_no_json_is_not_zenml),
        cmocka_unit_test(a_success_with_a_useless_body_is_none),
        cmocka_unit_test(each_http_status_has_its_outcome),
        cmocka_unit_test(a_bare_rate_limit_says_to_wait_without_any_attempt),
        cmocka_unit_test(a_redirect_names_its_target_and_no_body),
        cmocka_unit_test(the_message_is_found_in_each_shape_of_error_body),
        cmocka_unit_test(a_message_from_html_is_not_quoted),
        cmocka_unit_test(a_message_is_shown_safely_and_200_bytes_of_it),
        cmocka_unit_test(a_login_needs_a_bearer_token),
        cmocka_unit_test(the_token_of_a_login_is_taken_as_it_is),
        cmocka_unit_test(a_token_of_more_than_4096_bytes_is_refused),
        cmocka_unit_test(current_user_says_who_it_is),
        cmocka_unit_test(what_current_user_does_not_say_is_no),
        cmocka_unit_test(an_account_must_be_named_active_and_visible),
        cmocka_unit_test(an_account_that_is_not_said_to_be_active_is_not_taken),
        cmocka_unit_test(a_name_has_at_most_255_bytes),
        cmocka_unit_test(info_says_how_the_server_authenticates),
        cmocka_unit_test(info_without_id_and_version_is_none),
        cmocka_unit_test(a_token_must_live_as_long_as_asked_at_most),
        cmocka_unit_test(the_date_of_the_reply_counts_before_our_own_clock),
        cmocka_unit_test(a_lifetime_that_the_server_refuses_names_its_maximum),
        cmocka_unit_test(a_400_that_is_no_json_says_nothing_about_lifetimes),
        cmocka_unit_test(without_memory_no_reply_is_taken),
        cmocka_unit_test(without_memory_a_refusal_stays_one),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
