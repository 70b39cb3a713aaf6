/*
 * The endpoints of a login in a browser: what is sent, and what is made of every reply. Where the
 * person is sent counts most: a server that could send them elsewhere could have them approve
 * there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "check.h"
#include "core/device_flow.h"
#include "memory.h"

#define CLIENT_ID   "00000000-0000-4000-8000-0000000000c1"
#define DEVICE_ID   "00000000-0000-4000-8000-0000000000d1"
#define DEVICE_CODE "4b1d3c5e7f90a2b4c6d8e0f1a3b5c7d94b1d3c5e7f90a2b4c6d8e0f1a3b5c7d9"
#define SERVER      "https://zen.example.test"
#define QUERY       "device_id=" DEVICE_ID "&user_code=0123456789abcdef0123456789abcdef"
#define TOKEN       "the-access-token-of-a-device"

static struct zn_reply reply;
static struct zn_error error;
static struct zn_device_grant grant;

static int start(void **state)
{
    (void)state;
    zn_reply_init(&reply);
    error = (struct zn_error){0};
    grant = (struct zn_device_grant){.client_id = CLIENT_ID};
    return 0;
}

static int finish(void **state)
{
    (void)state;
    zn_reply_clear(&reply);
    zn_device_grant_clear(&grant);
    return 0;
}

/* The server answers this; `body` is JSON unless it is NULL. */
static void answer(int http_status, const char *body)
{
    zn_reply_clear(&reply);
    reply.status = http_status;
    if (body == NULL)
        return;
    zn_reply_take_header(&reply, ZN_SPAN("Content-Type: application/json"));
    assert_true(zn_buf_append_text(&reply.body, body));
}

/* --- requests ------------------------------------------------------------------------------- */

static void check_request(struct zn_request *request, enum zn_method method, const char *path,
                          const char *body, const struct zn_secret *bearer)
{
    assert_int_equal(request->method, method);
    CHECK_SPAN(zn_buf_span(&request->path), path);
    CHECK_SPAN(zn_buf_span(&request->body), body);
    assert_ptr_equal(request->bearer, bearer);
    zn_request_clear(request);
}

static void authorization_names_the_client_and_nobody(void **state)
{
    struct zn_request request;

    (void)state;
    zn_request_init(&request);
    assert_int_equal(zn_device_authorization_build(CLIENT_ID, &request, &error), ZN_OK);
    check_request(&request, ZN_POST, "/api/v1/device_authorization", "client_id=" CLIENT_ID, NULL);
}

static void a_poll_shows_the_device_code_as_a_form(void **state)
{
    struct zn_request request;

    (void)state;
    zn_request_init(&request);
    assert_true(zn_secret_set(&grant.device_code, ZN_SPAN("a+b&c=d")));
    assert_int_equal(zn_device_poll_build(&grant, &request, &error), ZN_OK);
    check_request(&request, ZN_POST, "/api/v1/login",
                  "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
                  "&client_id=" CLIENT_ID "&device_code=a%2Bb%26c%3Dd",
                  NULL);
}

static void the_longest_device_code_fits_into_a_poll(void **state)
{
    static char code[ZN_SECRET_MAX];
    struct zn_request request;

    (void)state;
    memset(code, '+', sizeof(code));
    zn_request_init(&request);
    assert_true(zn_secret_set(&grant.device_code, (struct zn_span){code, sizeof(code)}));
    assert_int_equal(zn_device_poll_build(&grant, &request, &error), ZN_OK);
    assert_true(request.body.len > 3 * sizeof(code));
    zn_request_clear(&request);
}

static void a_device_is_deleted_by_its_token(void **state)
{
    struct zn_secret bearer = {0};
    struct zn_request request;

    (void)state;
    zn_request_init(&request);
    assert_int_equal(zn_device_delete_build(&bearer, DEVICE_ID, &request, &error), ZN_OK);
    check_request(&request, ZN_DELETE, "/api/v1/devices/" DEVICE_ID, "", &bearer);
    assert_int_equal(zn_device_delete_build(&bearer, "../users", &request, &error), ZN_OK);
    check_request(&request, ZN_DELETE, "/api/v1/devices/..%2Fusers", "", &bearer);
}

/* --- authorization -------------------------------------------------------------------------- */

/* Parses the reply; `grant` may be written only on success. */
static enum zn_status parse_authorization(const char *server, const char *dashboard)
{
    const struct zn_browser_origins origins = {zn_span_of(server), zn_span_of(dashboard)};
    struct zn_device_grant before;

    zn_device_grant_clear(&grant);
    memset(&grant, 0x5a, sizeof(grant));
    memcpy(grant.client_id, CLIENT_ID, sizeof(CLIENT_ID));
    before = grant;
    const enum zn_status status = zn_device_authorization_parse(&reply, &origins, &grant, &error);
    if (status == ZN_OK) {
        assert_string_equal(grant.client_id, CLIENT_ID);
        return status;
    }
    assert_int_equal(error.status, status);
    assert_memory_equal(&grant, &before, sizeof(grant));
    grant = (struct zn_device_grant){0};
    return status;
}

/* The server grants an authorization, with this as the URL to be opened. */
static enum zn_status parse_url(const char *server, const char *dashboard, const char *url)
{
    char body[4096];

    snprintf(body, sizeof(body),
             "{\"device_code\":\"" DEVICE_CODE "\",\"verification_uri_complete\":\"%s\"}", url);
    answer(200, body);
    return parse_authorization(server, dashboard);
}

static void what_the_server_grants_is_taken(void **state)
{
    (void)state;
    answer(200, "{\"device_code\":\"" DEVICE_CODE "\",\"user_code\":\"0123456789abcdef\","
                "\"verification_uri\":\"/devices/verify\",\"verification_uri_complete\":"
                "\"/devices/verify?" QUERY "\",\"expires_in\":300,\"interval\":7}");
    assert_int_equal(parse_authorization(SERVER, ""), ZN_OK);
    CHECK_SPAN(zn_secret_reveal(&grant.device_code), DEVICE_CODE);
    assert_string_equal(grant.url, SERVER "/devices/verify?" QUERY);
    assert_string_equal(grant.device_id, DEVICE_ID);
    assert_int_equal(grant.expires_in_s, 300);
    assert_int_equal(grant.interval_s, 7);
}

#define DASHBOARD "https://dash.example.test/base/"

static void the_person_is_sent_to_the_server_or_its_dashboard(void **state)
{
    static const struct {
        const char *server, *dashboard;
        const char *given; /* inside of a JSON string */
        const char *expected;
    } rows[] = {
        /* relative to the server */
        {SERVER, "", "/devices/verify?" QUERY, SERVER "/devices/verify?" QUERY},
        {SERVER, "", "/", SERVER "/"},
        {SERVER "/zenml", "", "/devices/verify?a=b", SERVER "/zenml/devices/verify?a=b"},
        {SERVER ":8443", "", "/devices/verify", SERVER ":8443/devices/verify"},
        {"http://127.0.0.1:8080", "", "/devices/verify", "http://127.0.0.1:8080/devices/verify"},
        {SERVER, "", "/@evil.test", SERVER "/@evil.test"},
        /* doubled slashes, but those of the query are its own business */
        {SERVER, "", "/devices//verify///x", SERVER "/devices/verify/x"},
        {SERVER, "", "/x//y?next=//z//", SERVER "/x/y?next=//z//"},
        {SERVER, "", "/x//y#//z", SERVER "/x/y#//z"},
        {SERVER, "", SERVER "//devices//verify?" QUERY, SERVER "/devices/verify?" QUERY},
        /* absolute */
        {SERVER, "", SERVER "/devices/verify?" QUERY, SERVER "/devices/verify?" QUERY},
        {SERVER "/zenml", "", SERVER "/devices/verify", SERVER "/devices/verify"},
        {SERVER, "", "https://ZEN.example.TEST/x", "https://ZEN.example.TEST/x"},
        {"https://[::1]:8443", "", "https://[::1]:8443/x", "https://[::1]:8443/x"},
        {SERVER, DASHBOARD, SERVER "/x", SERVER "/x"},
        {SERVER, DASHBOARD, "https://dash.example.test/base//devices/verify?a=b",
         "https://dash.example.test/base/devices/verify?a=b"},
        {SERVER, DASHBOARD, "https://dash.example.test/elsewhere",
         "https://dash.example.test/elsewhere"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].given,
                  parse_url(rows[i].server, rows[i].dashboard, rows[i].given) == ZN_OK);
        CHECK_ROW_TEXT(rows[i].given, grant.url, rows[i].expected);
    }
}

static void the_person_is_not_sent_elsewhere(void **state)
{
    static const struct {
        const char *server, *dashboard;
        const char *given; /* inside of a JSON string */
    } rows[] = {
        {SERVER, "", "https://evil.test/devices/verify"},
        {SERVER, "", "https://dash.example.test/x"},
        {SERVER, DASHBOARD, "https://evil.test/x"},
        {SERVER, DASHBOARD, "https://dash.example.test.evil.test/x"},
        {SERVER, "dash.example.test", "dash.example.test/x"},
        {SERVER, "", "http://zen.example.test/x"},
        {"http://127.0.0.1:8080", "", "https://127.0.0.1:8080/x"},
        {"http://127.0.0.1:8080", "", "http://127.0.0.1:8081/x"},
        {SERVER, "", SERVER ":8443/x"},
        {SERVER ":8443", "", SERVER "/x"},
        {SERVER, "", SERVER ".evil.test/x"},
        {SERVER, "", SERVER "."},
        {SERVER, "", "https://zen.example.tes/x"},
        {SERVER, "", SERVER "@evil.test/x"},
        {SERVER, "", SERVER ":443@evil.test/x"},
        {SERVER, "", "https://evil.test@zen.example.test/x"},
        {SERVER, "", SERVER "?@evil.test/x"},
        {SERVER, "", SERVER "#@evil.test/x"},
        {SERVER, "", SERVER "%2eevil.test/x"},
        {SERVER, "", "//evil.test/x"},
        {SERVER, "", "//zen.example.test/x"},
        {SERVER, "", "///evil.test/x"},
        {SERVER, "", "/\\\\evil.test/x"},
        {SERVER, "", "\\\\/evil.test/x"},
        {SERVER, "", SERVER "\\\\@evil.test/x"},
        {SERVER, "", SERVER "/x\\\\y"},
        {SERVER, "", "https:///x"},
        {SERVER, "", "https://"},
        {SERVER, "", "https:zen.example.test/x"},
        {SERVER, "", "file:///etc/passwd"},
        {SERVER, "", "javascript:alert(1)//zen.example.test/"},
        {SERVER, "", "data:text/html,x"},
        {SERVER, "", "devices/verify"},
        {SERVER, "", "?" QUERY},
        {SERVER, "", ""},
        /* what a terminal, a shell or a browser would make something of */
        {SERVER, "", " /x"},
        {SERVER, "", "/a b"},
        {SERVER, "", "/a\\nb"},
        {SERVER, "", "/a\\tb"},
        {SERVER, "", "/\\u001b[31m"},
        {SERVER, "", "/\\u007f"},
        {SERVER, "", "/\\u202e"},
        {SERVER, "", "/\\u00e9"},
        {SERVER, "", "\\t/evil.test"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].given,
                  parse_url(rows[i].server, rows[i].dashboard, rows[i].given) == ZN_BAD_REPLY);
        CHECK_ROW(rows[i].given, strstr(error.next, "dashboard_url") != NULL);
    }
}

static void a_refusal_names_where_the_person_would_have_been_sent(void **state)
{
    (void)state;
    assert_int_equal(parse_url(SERVER, "", "https://evil.test/verify?user_code=1"), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "https://evil.test"));
    assert_null(strstr(error.detail, "user_code"));
    assert_int_equal(parse_url(SERVER, "", "javascript:alert(1)"), ZN_BAD_REPLY);
    assert_non_null(strstr(error.detail, "no usable URL"));
}

static void a_url_has_a_limit(void **state)
{
    char given[ZN_BROWSER_URL_MAX + 2];
    const size_t most = ZN_BROWSER_URL_MAX - strlen(SERVER);

    (void)state;
    memset(given, 'x', sizeof(given));
    given[0] = '/';
    given[most] = '\0';
    assert_int_equal(parse_url(SERVER, "", given), ZN_OK);
    assert_int_equal(strlen(grant.url), ZN_BROWSER_URL_MAX);
    given[most] = 'x';
    given[most + 1] = '\0';
    assert_int_equal(parse_url(SERVER, "", given), ZN_BAD_REPLY);
}

static void the_device_id_is_taken_out_of_the_url(void **state)
{
    static const struct {
        const char *url;
        const char *device_id;
    } rows[] = {
        {"/devices/verify?" QUERY, DEVICE_ID},
        {"/devices/verify?user_code=1&device_id=" DEVICE_ID, DEVICE_ID},
        {"/x?device_id=" DEVICE_ID, DEVICE_ID},
        {"/x?device_id=00000000-0000-4000-8000-0000000000DD",
         "00000000-0000-4000-8000-0000000000DD"},
        {SERVER "//x?device_id=" DEVICE_ID "&user_code=1", DEVICE_ID},
        {"/x", ""},
        {"/device_id=" DEVICE_ID, ""},
        {"/x?user_code=1", ""},
        {"/x?device_id=", ""},
        {"/x?device_id", ""},
        {"/x?my_device_id=" DEVICE_ID, ""},
        {"/x?device_id=" DEVICE_ID "0", ""},
        {"/x?device_id=../users", ""},
        {"/x?device_id=00000000-0000-4000-8000-0000000000d", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].url, parse_url(SERVER, "", rows[i].url) == ZN_OK);
        CHECK_ROW_TEXT(rows[i].url, grant.device_id, rows[i].device_id);
    }
}

static void times_have_defaults_and_bounds(void **state)
{
    static const struct {
        const char *members;
        int64_t expires_in_s, interval_s;
    } rows[] = {
        {"", 300, 5},
        {",\"expires_in\":1,\"interval\":1", 1, 1},
        {",\"expires_in\":86400,\"interval\":300", 86400, 300},
        {",\"expires_in\":0,\"interval\":0", 300, 5},
        {",\"expires_in\":-1,\"interval\":-1", 300, 5},
        {",\"expires_in\":null,\"interval\":null", 300, 5},
        {",\"expires_in\":\"600\",\"interval\":\"60\"", 300, 5},
        {",\"expires_in\":1e30,\"interval\":1e30", 300, 5},
        {",\"expires_in\":86401,\"interval\":301", 86400, 300},
    };
    char body[512];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(body, sizeof(body),
                 "{\"device_code\":\"x\",\"verification_uri_complete\":\"/x\"%s}", rows[i].members);
        answer(200, body);
        CHECK_ROW(rows[i].members, parse_authorization(SERVER, "") == ZN_OK);
        CHECK_ROW(rows[i].members, grant.expires_in_s == rows[i].expires_in_s);
        CHECK_ROW(rows[i].members, grant.interval_s == rows[i].interval_s);
    }
}

static void an_authorization_without_its_parts_is_none(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "[]",
        "null",
        "\"device_code\"",
        "{",
        "",
        "{\"device_code\":\"x\"}",
        "{\"device_code\":\"x\",\"verification_uri\":\"/x\"}",
        "{\"device_code\":\"x\",\"verification_uri_complete\":null}",
        "{\"device_code\":\"x\",\"verification_uri_complete\":[\"/x\"]}",
        "{\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":\"\",\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":17,\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":\"a b\",\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":\"a\\nb\",\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":\"\\u00e9\",\"verification_uri_complete\":\"/x\"}",
        "{\"device_code\":\"x\",\"device_code\":\"y\",\"verification_uri_complete\":\"/x\"}",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        answer(200, bodies[i]);
        CHECK_ROW(bodies[i], parse_authorization(SERVER, "") == ZN_BAD_REPLY);
        CHECK_ROW(bodies[i], error.http_status == 200 && error.detail[0] != '\0');
    }
}

static void a_device_code_has_a_limit(void **state)
{
    static char body[ZN_SECRET_MAX + 128];

    (void)state;
    for (size_t len = ZN_SECRET_MAX; len <= ZN_SECRET_MAX + 1; len++) {
        snprintf(body, sizeof(body),
                 "{\"verification_uri_complete\":\"/x\",\"device_code\":\"%0*d\"}", (int)len, 0);
        answer(200, body);
        assert_int_equal(parse_authorization(SERVER, ""),
                         len > ZN_SECRET_MAX ? ZN_BAD_REPLY : ZN_OK);
    }
}

static void a_refused_authorization_says_why(void **state)
{
    static const struct {
        int http_status;
        const char *body;
        enum zn_status status;
        const char *words;
    } rows[] = {
        {403, "{\"detail\":\"Device authorization is not supported.\"}", ZN_SSO_REQUIRED,
         "no login in a browser"},
        {403, NULL, ZN_SSO_REQUIRED, "no login in a browser"},
        {401, NULL, ZN_REJECTED, "HTTP 401"},
        {404, "{\"detail\":\"Not Found\"}", ZN_NOT_ZENML, "HTTP 404"},
        {422, "[\"ValueError\",\"1 validation error:\\n  loc\"]", ZN_CONFIG, "1 validation error"},
        {429, NULL, ZN_RATE_LIMITED, "HTTP 429"},
        {500, "{\"detail\":[\"RuntimeError\",\"oh\"]}", ZN_SERVER_ERROR, "oh"},
        {503, NULL, ZN_SERVER_ERROR, "HTTP 503"},
        {307, NULL, ZN_REDIRECT, "HTTP 307"},
        {200, NULL, ZN_NOT_ZENML, "no JSON"},
        {0, NULL, ZN_BAD_REPLY, "unusable"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer(rows[i].http_status, rows[i].body);
        const enum zn_status status = parse_authorization(SERVER, "");
        CHECK_ROW(rows[i].words, status == rows[i].status);
        CHECK_ROW(rows[i].words, error.http_status == rows[i].http_status);
        CHECK_ROW(rows[i].words, strstr(error.detail, rows[i].words) != NULL);
        CHECK_ROW(rows[i].words, error.next[0] != '\0');
    }
}

/* --- polling -------------------------------------------------------------------------------- */

/* Parses the reply; what it does not stand for may not be written. */
static enum zn_status parse_poll(enum zn_device_answer *ret_answer)
{
    const enum zn_device_answer untouched = (enum zn_device_answer)0x5a;
    struct zn_token token = {.expires_s = 17};

    *ret_answer = untouched;
    const enum zn_status status = zn_device_poll_parse(&reply, ret_answer, &token, &error);
    if (status == ZN_OK && *ret_answer == ZN_DEVICE_APPROVED) {
        CHECK_SPAN(zn_secret_reveal(&token.secret), TOKEN);
    } else {
        assert_true(zn_secret_is_empty(&token.secret) && token.expires_s == 17);
    }
    if (status != ZN_OK) {
        assert_int_equal(*ret_answer, untouched);
        assert_int_equal(error.status, status);
        assert_int_equal(error.http_status, reply.status);
    }
    zn_secret_clear(&token.secret);
    return status;
}

#define OAUTH(code, words) "{\"error\":\"" code "\",\"error_description\":\"" words "\"}"

static void every_oauth_error_is_known(void **state)
{
    static const struct {
        const char *body;
        enum zn_status status;
        enum zn_device_answer answer; /* for ZN_OK */
        const char *words;
    } rows[] = {
        {OAUTH("authorization_pending", "is pending."), ZN_OK, ZN_DEVICE_PENDING, ""},
        {"{\"error\":\"authorization_pending\"}", ZN_OK, ZN_DEVICE_PENDING, ""},
        {OAUTH("slow_down", "too fast"), ZN_OK, ZN_DEVICE_SLOW_DOWN, ""},
        {OAUTH("access_denied", "has an invalid device code"), ZN_REJECTED, 0, "invalid device"},
        {OAUTH("access_denied", "is locked."), ZN_REJECTED, 0, "refused in the browser"},
        {OAUTH("expired_token", "has expired"), ZN_TIMEOUT, 0, "too late"},
        {OAUTH("expired_token", "is active."), ZN_TIMEOUT, 0, "handed out before"},
        {OAUTH("invalid_client", "unknown"), ZN_REJECTED, 0, "deleted on the server"},
        {OAUTH("invalid_grant", "unknown"), ZN_REJECTED, 0, "does not know this login"},
        {OAUTH("unsupported_grant_type", "no"), ZN_SSO_REQUIRED, 0, "no login in a browser"},
        /* errors that no server of ours gives */
        {OAUTH("server_error", "oh"), ZN_BAD_REPLY, 0, "it says: oh"},
        {OAUTH("AUTHORIZATION_PENDING", ""), ZN_BAD_REPLY, 0, "unusable"},
        {OAUTH("authorization_pending ", ""), ZN_BAD_REPLY, 0, "unusable"},
        {OAUTH("", ""), ZN_BAD_REPLY, 0, "unusable"},
        {"{\"error\":[\"authorization_pending\"]}", ZN_BAD_REPLY, 0, "unusable"},
        {"{\"error\":null}", ZN_BAD_REPLY, 0, "unusable"},
        {"{\"detail\":\"Invalid request: invalid client ID.\"}", ZN_BAD_REPLY, 0, "invalid client"},
        {"{\"detail\":{\"error\":\"authorization_pending\"}}", ZN_BAD_REPLY, 0, "unusable"},
        {"[\"authorization_pending\"]", ZN_BAD_REPLY, 0, "unusable"},
        {"\"authorization_pending\"", ZN_BAD_REPLY, 0, "unusable"},
        {"{\"error\":\"authorization_pending\"", ZN_BAD_REPLY, 0, "unusable"},
        {"", ZN_BAD_REPLY, 0, "unusable"},
    };
    enum zn_device_answer got;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer(400, rows[i].body);
        CHECK_ROW(rows[i].body, parse_poll(&got) == rows[i].status);
        if (rows[i].status == ZN_OK)
            CHECK_ROW(rows[i].body, got == rows[i].answer);
        else
            CHECK_ROW(rows[i].body, strstr(error.detail, rows[i].words) != NULL);
    }
}

static void an_end_says_what_to_do_next(void **state)
{
    static const char *const bodies[] = {
        OAUTH("access_denied", "x"),          OAUTH("expired_token", "x"),
        OAUTH("invalid_client", "x"),         OAUTH("invalid_grant", "x"),
        OAUTH("unsupported_grant_type", "x"),
    };
    enum zn_device_answer got;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        answer(400, bodies[i]);
        CHECK_ROW(bodies[i], parse_poll(&got) != ZN_OK && error.next[0] != '\0');
    }
}

/* The words of an error count only with its HTTP status, and where they are JSON. */
static void pending_is_said_by_400_alone(void **state)
{
    static const struct {
        int http_status;
        enum zn_status status;
    } rows[] = {{200, ZN_BAD_REPLY}, {401, ZN_REJECTED},     {403, ZN_FORBIDDEN},
                {404, ZN_NOT_ZENML}, {429, ZN_RATE_LIMITED}, {500, ZN_SERVER_ERROR},
                {302, ZN_REDIRECT},  {422, ZN_CONFIG},       {418, ZN_BAD_REPLY},
                {0, ZN_BAD_REPLY}};
    enum zn_device_answer got;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer(rows[i].http_status, OAUTH("authorization_pending", "is pending."));
        assert_int_equal(parse_poll(&got), rows[i].status);
    }
    answer(400, NULL);
    assert_true(zn_buf_append_text(&reply.body, OAUTH("authorization_pending", "")));
    assert_int_equal(parse_poll(&got), ZN_BAD_REPLY);
}

static void an_approval_brings_the_token(void **state)
{
    enum zn_device_answer got;

    (void)state;
    answer(200, "{\"access_token\":\"" TOKEN "\",\"token_type\":\"bearer\",\"expires_in\":7199,"
                "\"device_id\":null}");
    assert_int_equal(parse_poll(&got), ZN_OK);
    assert_int_equal(got, ZN_DEVICE_APPROVED);
}

static void an_approval_without_a_bearer_token_is_none(void **state)
{
    static const char *const bodies[] = {
        "{}",
        "{\"access_token\":\"\",\"token_type\":\"bearer\"}",
        "{\"access_token\":17,\"token_type\":\"bearer\"}",
        "{\"access_token\":\"" TOKEN "\",\"token_type\":\"mac\"}",
        "{\"error\":\"authorization_pending\"}",
    };
    enum zn_device_answer got;

    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        answer(200, bodies[i]);
        CHECK_ROW(bodies[i], parse_poll(&got) == ZN_BAD_REPLY);
    }
}

static void what_the_server_says_is_made_safe_to_print(void **state)
{
    enum zn_device_answer got;

    (void)state;
    answer(400, OAUTH("access_denied", "\\u001b[31m::error::no\\nsecond line ZENKEY_abcdefgh"));
    assert_int_equal(parse_poll(&got), ZN_REJECTED);
    assert_non_null(strstr(error.detail, "error"));
    assert_null(strchr(error.detail, '\x1b'));
    assert_null(strstr(error.detail, "::"));
    assert_null(strstr(error.detail, "second line"));
    assert_null(strstr(error.detail, "ZENKEY_"));
}

/* --- deleting ------------------------------------------------------------------------------- */

static void a_device_that_is_gone_is_gone(void **state)
{
    static const struct {
        int http_status;
        const char *body; /* JSON; NULL: none */
        enum zn_status status;
    } rows[] = {
        {200, "null", ZN_OK},         {202, "null", ZN_OK},      {204, NULL, ZN_OK},
        {404, "{}", ZN_OK},           {200, NULL, ZN_BAD_REPLY}, /* somebody who stands before the
                                                                    server */
        {404, NULL, ZN_BAD_REPLY},    {401, NULL, ZN_REJECTED},  {403, NULL, ZN_FORBIDDEN},
        {405, NULL, ZN_NOT_ZENML},    {302, NULL, ZN_REDIRECT},  {429, NULL, ZN_RATE_LIMITED},
        {500, NULL, ZN_SERVER_ERROR}, {199, NULL, ZN_BAD_REPLY}, {0, NULL, ZN_BAD_REPLY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        answer(rows[i].http_status, rows[i].body);
        assert_int_equal(zn_device_delete_parse(&reply, &error), rows[i].status);
    }
}

/* --- memory --------------------------------------------------------------------------------- */

static void the_device_code_is_wiped(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(DEVICE_CODE);
    assert_int_equal(parse_url(SERVER, "", "/x"), ZN_OK);
    zn_device_grant_clear(&grant);
    assert_int_equal(parse_url(SERVER, "", "https://evil.test/"), ZN_BAD_REPLY);
    zn_reply_clear(&reply);
    assert_true(memory_freed_blocks() > 4);
    assert_int_equal(memory_leaked_texts(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void a_cleared_grant_is_empty(void **state)
{
    static const struct zn_device_grant empty;

    (void)state;
    assert_int_equal(parse_url(SERVER, "", "/x?" QUERY), ZN_OK);
    zn_device_grant_clear(&grant);
    assert_memory_equal(&grant, &empty, sizeof(grant));
    zn_device_grant_clear(&grant);
}

/* The reply stands before memory runs short: only what the parser needs fails. */
static void parse_without_memory(void *ctx)
{
    const struct zn_browser_origins origins = {ZN_SPAN(SERVER), {0}};
    char body[256] = "{\"device_code\":\"" DEVICE_CODE "\",\"verification_uri_complete\":\"/x\"}";
    enum zn_device_answer got;
    struct zn_token token = {0};
    struct zn_reply local;

    (void)ctx;
    zn_reply_init(&local);
    local.status = 200;
    zn_reply_take_header(&local, ZN_SPAN("Content-Type: application/json"));
    local.body.ptr = body;
    local.body.len = strlen(body);
    enum zn_status status = zn_device_authorization_parse(&local, &origins, &grant, &error);
    assert_int_equal(status == ZN_OK, !memory_has_failed());
    assert_int_equal(zn_secret_is_empty(&grant.device_code), status != ZN_OK);
    zn_device_grant_clear(&grant);

    if (!memory_has_failed()) {
        memcpy(body, OAUTH("authorization_pending", ""),
               sizeof(OAUTH("authorization_pending", "")));
        local.status = 400;
        local.body.len = strlen(body);
        status = zn_device_poll_parse(&local, &got, &token, &error);
        assert_int_equal(status == ZN_OK, !memory_has_failed());
    }
}

static void build_without_memory(void *ctx)
{
    const struct zn_secret bearer = {0};
    struct zn_request request;

    zn_request_init(&request);
    const enum zn_status status =
        ctx == NULL ? zn_device_authorization_build(CLIENT_ID, &request, &error)
                    : zn_device_delete_build(&bearer, DEVICE_ID, &request, &error);
    assert_int_equal(status, memory_has_failed() ? ZN_INTERNAL : ZN_OK);
    zn_request_clear(&request);
}

static void poll_without_memory(void *ctx)
{
    struct zn_request request;

    (void)ctx;
    zn_request_init(&request);
    const enum zn_status status = zn_device_poll_build(&grant, &request, &error);
    assert_int_equal(status, memory_has_failed() ? ZN_INTERNAL : ZN_OK);
    zn_request_clear(&request);
}

static void without_memory_nothing_is_made_up(void **state)
{
    (void)state;
    assert_true(memory_fail_each(parse_without_memory, NULL) > 5);
    assert_true(memory_fail_each(build_without_memory, NULL) > 1);
    assert_true(memory_fail_each(build_without_memory, &error) > 0);
    assert_true(memory_fail_each(poll_without_memory, NULL) > 1);
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
        TEST(authorization_names_the_client_and_nobody),
        TEST(a_poll_shows_the_device_code_as_a_form),
        TEST(the_longest_device_code_fits_into_a_poll),
        TEST(a_device_is_deleted_by_its_token),
        TEST(what_the_server_grants_is_taken),
        TEST(the_person_is_sent_to_the_server_or_its_dashboard),
        TEST(the_person_is_not_sent_elsewhere),
        TEST(a_refusal_names_where_the_person_would_have_been_sent),
        TEST(a_url_has_a_limit),
        TEST(the_device_id_is_taken_out_of_the_url),
        TEST(times_have_defaults_and_bounds),
        TEST(an_authorization_without_its_parts_is_none),
        TEST(a_device_code_has_a_limit),
        TEST(a_refused_authorization_says_why),
        TEST(every_oauth_error_is_known),
        TEST(an_end_says_what_to_do_next),
        TEST(pending_is_said_by_400_alone),
        TEST(an_approval_brings_the_token),
        TEST(an_approval_without_a_bearer_token_is_none),
        TEST(what_the_server_says_is_made_safe_to_print),
        TEST(a_device_that_is_gone_is_gone),
        TEST(the_device_code_is_wiped),
        TEST(a_cleared_grant_is_empty),
        TEST(without_memory_nothing_is_made_up),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
