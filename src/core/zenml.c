/* SPDX-License-Identifier: Apache-2.0 */
#include "zenml.h"

#include <string.h>

#include "json.h"

#define CHECK_URL "check the server URL; a path prefix of the server belongs into it"
#define LATER     "try again later; if it stays, ask whoever runs the server"
#define WAIT                                                                                       \
    "wait 60 seconds without any attempt (a daily limit: a day), since refused ones count too"

/* --- building ------------------------------------------------------------------------------- */

static enum zn_status build_get(const char *path, const struct zn_secret *bearer,
                                struct zn_request *request, struct zn_error *error)
{
    request->method = ZN_GET;
    request->bearer = bearer;
    return zn_buf_append_text(&request->path, path) ? ZN_OK : zn_error_no_memory(error);
}

static enum zn_status build_key_login(const char *path, const struct zn_credential *api_key,
                                      struct zn_request *request, struct zn_error *error)
{
    request->method = ZN_POST;
    if (zn_buf_append_text(&request->path, path) &&
        zn_buf_append_text(&request->body, "password=") &&
        zn_buf_append_percent(&request->body, zn_secret_reveal(&api_key->secret)))
        return ZN_OK;
    return zn_error_no_memory(error);
}

enum zn_status zn_login_build(const struct zn_credential *api_key, struct zn_request *request,
                              struct zn_error *error)
{
    return build_key_login("/api/v1/login", api_key, request, error);
}

enum zn_status zn_external_login_build(const struct zn_secret *bearer, struct zn_request *request,
                                       struct zn_error *error)
{
    request->method = ZN_POST;
    request->bearer = bearer;
    if (zn_buf_append_text(&request->path, "/api/v1/login") &&
        zn_buf_append_text(&request->body, "grant_type=zenml-external"))
        return ZN_OK;
    return zn_error_no_memory(error);
}

/* Pro's API wants the key in both places. */
enum zn_status zn_pro_login_build(const struct zn_credential *pro_key, struct zn_request *request,
                                  struct zn_error *error)
{
    request->bearer = &pro_key->secret;
    return build_key_login("/auth/login", pro_key, request, error);
}

enum zn_status zn_current_user_build(const struct zn_secret *bearer, struct zn_request *request,
                                     struct zn_error *error)
{
    return build_get("/api/v1/current-user", bearer, request, error);
}

enum zn_status zn_info_build(struct zn_request *request, struct zn_error *error)
{
    return build_get("/api/v1/info", NULL, request, error);
}

static int64_t minutes(int64_t seconds)
{
    return (seconds + 59) / 60;
}

enum zn_status zn_api_token_build(const struct zn_secret *bearer, int64_t expires_in_s,
                                  struct zn_request *request, struct zn_error *error)
{
    request->bearer = bearer;
    if (zn_buf_append_text(&request->path, "/api/v1/api_token?token_type=generic&expires_in=") &&
        zn_buf_append_number(&request->path, expires_in_s) &&
        zn_buf_append_text(&request->path, "&expires_minutes=") &&
        zn_buf_append_number(&request->path, minutes(expires_in_s)))
        return ZN_OK;
    return zn_error_no_memory(error);
}

enum zn_status zn_project_build(const struct zn_secret *bearer, struct zn_span name_or_id,
                                struct zn_request *request, struct zn_error *error)
{
    request->bearer = bearer;
    if (zn_buf_append_text(&request->path, "/api/v1/projects/") &&
        zn_buf_append_percent(&request->path, name_or_id))
        return ZN_OK;
    return zn_error_no_memory(error);
}

/* --- what went wrong ------------------------------------------------------------------------ */

/* HTTP status -> outcome, first row that covers it. The parsers know their exceptions. */
static const struct {
    int from, to;
    enum zn_status status;
    const char *detail;
    const char *next;
} outcomes[] = {
    {300, 399, ZN_REDIRECT, "the server redirects to ",
     "use the address it redirects to as server URL"},
    {401, 401, ZN_REJECTED, "the server rejected the credential",
     "check that it is this server's, active and not rotated away"},
    {402, 403, ZN_FORBIDDEN, "the server forbids this to the account",
     "ask an admin of the server"},
    {404, 405, ZN_NOT_ZENML, "this is not the API of a ZenML server", CHECK_URL},
    {408, 408, ZN_SERVER_ERROR, "the server gave up waiting", LATER},
    {422, 422, ZN_CONFIG, "the server does not understand the request",
     "report this with the version of the server"},
    {425, 425, ZN_SERVER_ERROR, "the server is not ready", LATER},
    {429, 429, ZN_RATE_LIMITED, "the server refuses more attempts for now", WAIT},
    {500, 599, ZN_SERVER_ERROR, "the server failed", LATER},
    {0, 0, ZN_BAD_REPLY, "the server's reply is unusable", CHECK_URL},
};

/* The message in an error body, in any of the shapes of zenml-protocol 1.6; empty when none. */
static struct zn_span error_message(const struct zn_json *body)
{
    const struct zn_json *detail = zn_json_member(body, "detail");
    const struct zn_json *candidates[] = {
        detail,
        zn_json_item(detail, 1),
        zn_json_member(zn_json_item(detail, 0), "msg"),
        zn_json_item(body, 1),
        zn_json_member(body, "error_description"),
        zn_json_member(body, "error"),
    };
    struct zn_span message = {0};

    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
        if (zn_json_string(candidates[i], &message))
            return message;
    return message;
}

/* Stands behind our own words, so that nobody takes it for ours. One line: the first. */
static void quote_server(struct zn_error *error, const struct zn_reply *reply)
{
    struct zn_json *body = reply->is_json ? zn_json_parse(zn_buf_span(&reply->body)) : NULL;
    struct zn_span message = error_message(body);

    message = zn_span_cut(&message, '\n');
    if (message.len > 0) {
        zn_error_add(error, "; it says: ");
        zn_error_quote(error, message);
    }
    zn_json_free(&body);
}

static void add_http_status(struct zn_error *error)
{
    const char code[4] = {(char)('0' + error->http_status / 100 % 10),
                          (char)('0' + error->http_status / 10 % 10),
                          (char)('0' + error->http_status % 10), '\0'};

    zn_error_add(error, " (HTTP ");
    zn_error_add(error, code);
    zn_error_add(error, ")");
}

/* Fails for a reply that is no success, whatever the endpoint. */
static enum zn_status fail_by_status(const struct zn_reply *reply, struct zn_error *error)
{
    size_t row = 0;

    while (outcomes[row].to != 0 &&
           (reply->status < outcomes[row].from || reply->status > outcomes[row].to))
        row++;
    zn_error_set(error, outcomes[row].status, outcomes[row].detail, outcomes[row].next);
    error->http_status = reply->status;
    if (outcomes[row].status == ZN_REDIRECT)
        zn_error_quote(error, zn_span_of(reply->location));
    add_http_status(error);
    if (outcomes[row].status != ZN_REDIRECT)
        quote_server(error, reply);
    return error->status;
}

/* Fails for a reply that is a success by its status only. */
static enum zn_status fail_as(enum zn_status status, const char *detail, const char *next,
                              const struct zn_reply *reply, struct zn_error *error)
{
    zn_error_set(error, status, detail, next);
    error->http_status = reply->status;
    return status;
}

/* Opens the JSON body of a success. The caller frees `*ret`. */
static enum zn_status open_body(const struct zn_reply *reply, struct zn_json **ret,
                                struct zn_error *error)
{
    if (reply->status < 200 || reply->status > 299)
        return fail_by_status(reply, error);
    if (!reply->is_json)
        return fail_as(ZN_NOT_ZENML, "this is not the API of a ZenML server: no JSON came back",
                       CHECK_URL, reply, error);
    *ret = zn_json_parse(zn_buf_span(&reply->body));
    if (*ret == NULL)
        return fail_as(ZN_BAD_REPLY, "the server's reply is not acceptable JSON", LATER, reply,
                       error);
    return ZN_OK;
}

/* --- parsing -------------------------------------------------------------------------------- */

static bool copy_uuid(const struct zn_json *value, char dst[37])
{
    struct zn_span text = {0};

    if (!zn_json_string(value, &text) || !zn_text_is_uuid(text))
        return false;
    memcpy(dst, text.ptr, text.len);
    dst[text.len] = '\0';
    return true;
}

/* Copies a non-empty printable string of fewer than `size` bytes. */
static bool copy_name(const struct zn_json *value, char *dst, size_t size)
{
    struct zn_span text = {0};

    if (!zn_json_string(value, &text) || text.len == 0 || text.len >= size ||
        !zn_text_is_printable(text))
        return false;
    memcpy(dst, text.ptr, text.len);
    dst[text.len] = '\0';
    return true;
}

static bool is_true(const struct zn_json *value)
{
    bool flag = false;
    return zn_json_bool(value, &flag) && flag;
}

static enum zn_status take_secret(struct zn_span token, struct zn_secret *ret,
                                  const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_secret secret = {0};

    if (token.len > ZN_SECRET_MAX)
        return fail_as(ZN_BAD_REPLY, "the token is longer than 4096 bytes", LATER, reply, error);
    if (!zn_secret_set(&secret, token))
        return zn_error_no_memory(error);
    zn_secret_take(ret, &secret);
    return ZN_OK;
}

static enum zn_status take_login_token(const struct zn_json *body, const struct zn_reply *reply,
                                       struct zn_token *ret, struct zn_error *error)
{
    struct zn_span token = {0};
    struct zn_span type = {0};

    if (zn_json_member(body, "authorization_url") != NULL)
        return fail_as(ZN_SSO_REQUIRED, "the server wants a login in a browser",
                       "use an API key of a service account of this server", reply, error);
    if (!zn_json_string(zn_json_member(body, "access_token"), &token) || token.len == 0 ||
        !zn_text_is_graphic(token))
        return fail_as(ZN_BAD_REPLY, "the login reply holds no access token", LATER, reply, error);
    if (!zn_json_string(zn_json_member(body, "token_type"), &type) ||
        !zn_text_equal_ignoring_case(type, ZN_SPAN("bearer")))
        return fail_as(ZN_BAD_REPLY, "the login reply holds no bearer token", LATER, reply, error);
    return take_secret(token, &ret->secret, reply, error);
}

enum zn_status zn_login_parse(const struct zn_reply *reply, struct zn_token *ret,
                              struct zn_error *error)
{
    struct zn_json *body = NULL;
    enum zn_status status = open_body(reply, &body, error);

    if (status == ZN_OK)
        status = take_login_token(body, reply, ret, error);
    zn_json_free(&body);
    return status;
}

bool zn_login_key_unknown(const struct zn_reply *reply)
{
    const struct zn_span words = ZN_SPAN("error decoding API key");
    const bool is_refusal = reply->status == 401 && reply->is_json;
    struct zn_json *body = is_refusal ? zn_json_parse(zn_buf_span(&reply->body)) : NULL;
    const struct zn_span message = error_message(body);
    const bool unknown =
        message.len > 0 && memmem(message.ptr, message.len, words.ptr, words.len) != NULL;

    zn_json_free(&body);
    return unknown;
}

/* `body` is a member of the user object, or, before 0.50, the object itself. */
static enum zn_status take_identity(const struct zn_json *user, const struct zn_reply *reply,
                                    struct zn_identity *ret, struct zn_error *error)
{
    struct zn_identity identity = {0};
    bool active = false;
    const struct zn_json *body = zn_json_member(user, "body");

    if (!zn_json_is_object(body))
        body = user;
    if (!copy_uuid(zn_json_member(user, "id"), identity.id) ||
        !copy_name(zn_json_member(user, "name"), identity.name, sizeof(identity.name)))
        return fail_as(ZN_BAD_REPLY, "the server does not say whose the credential is", LATER,
                       reply, error);
    if (is_true(zn_json_member(user, "permission_denied")))
        return fail_as(ZN_FORBIDDEN, "the account may not see itself",
                       "give the account a role on the server", reply, error);
    if (!zn_json_bool(zn_json_member(body, "active"), &active))
        return fail_as(ZN_BAD_REPLY, "the server does not say whether the account is active", LATER,
                       reply, error);
    if (!active)
        return fail_as(ZN_FORBIDDEN, "the account is not active", "activate it on the server",
                       reply, error);
    if (!zn_json_bool(zn_json_member(body, "is_service_account"), &identity.is_service_account))
        return fail_as(ZN_BAD_REPLY, "the server does not say what kind of account it is", LATER,
                       reply, error);
    identity.is_admin = is_true(zn_json_member(body, "is_admin"));
    *ret = identity;
    return ZN_OK;
}

enum zn_status zn_current_user_parse(const struct zn_reply *reply, struct zn_identity *ret,
                                     struct zn_error *error)
{
    struct zn_json *body = NULL;
    enum zn_status status = open_body(reply, &body, error);

    if (status == ZN_OK)
        status = take_identity(body, reply, ret, error);
    zn_json_free(&body);
    return status;
}

/* Only a workspace has one; it is handed on byte for byte, so anything unusual in it is dropped. */
static void copy_pro_api_url(const struct zn_json *body, char dst[256])
{
    struct zn_span type = {0};

    if (!zn_json_string(zn_json_member(body, "deployment_type"), &type) ||
        !zn_span_equal(type, ZN_SPAN("cloud")) ||
        !copy_name(zn_json_member(body, "pro_api_url"), dst, 256) ||
        !zn_text_is_graphic(zn_span_of(dst)))
        dst[0] = '\0';
}

static enum zn_auth_scheme auth_scheme(const struct zn_json *value)
{
    static const struct {
        const char *name;
        enum zn_auth_scheme scheme;
    } schemes[] = {
        {"NO_AUTH", ZN_AUTH_NO_AUTH},
        {"HTTP_BASIC", ZN_AUTH_HTTP_BASIC},
        {"OAUTH2_PASSWORD_BEARER", ZN_AUTH_OAUTH2},
        {"EXTERNAL", ZN_AUTH_EXTERNAL},
    };
    struct zn_span name = {0};

    for (size_t i = 0; zn_json_string(value, &name) && i < sizeof(schemes) / sizeof(*schemes); i++)
        if (zn_span_equal(name, zn_span_of(schemes[i].name)))
            return schemes[i].scheme;
    return ZN_AUTH_UNKNOWN;
}

enum zn_status zn_info_parse(const struct zn_reply *reply, struct zn_server_info *ret,
                             struct zn_error *error)
{
    struct zn_server_info info = {.is_active = true}; /* servers before 0.58 do not say */
    struct zn_json *body = NULL;
    enum zn_status status = open_body(reply, &body, error);

    if (status == ZN_OK &&
        (!copy_uuid(zn_json_member(body, "id"), info.id) ||
         !copy_name(zn_json_member(body, "version"), info.version, sizeof(info.version))))
        status = fail_as(ZN_NOT_ZENML, "this does not say that it is a ZenML server", CHECK_URL,
                         reply, error);
    if (status == ZN_OK) {
        const struct zn_json *active = zn_json_member(body, "active");
        info.auth_scheme = auth_scheme(zn_json_member(body, "auth_scheme"));
        info.is_active = active == NULL || is_true(active);
        copy_pro_api_url(body, info.pro_api_url);
        *ret = info;
    }
    zn_json_free(&body);
    return status;
}

/* --- API tokens ----------------------------------------------------------------------------- */

/* Says "use --expires-in N" with the largest lifetime that the server's message names. */
static enum zn_status lifetime_refused(const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_json *body = reply->is_json ? zn_json_parse(zn_buf_span(&reply->body)) : NULL;
    struct zn_span rest = error_message(body);
    long long number = 0;
    long long maximum_s = 0;

    while (rest.len > 0)
        if (zn_text_to_number(zn_span_cut(&rest, ' '), &number))
            maximum_s = number;
    zn_error_set(error, ZN_CONFIG, "the server makes no API token of this lifetime", NULL);
    error->http_status = reply->status;
    add_http_status(error);
    quote_server(error, reply);
    zn_json_free(&body);
    if (maximum_s > 0) {
        struct zn_buf next;
        zn_buf_init(&next, sizeof(error->next) - 1);
        if (zn_buf_append_text(&next, "use --expires-in ") &&
            zn_buf_append_number(&next, maximum_s))
            zn_text_append_safe(error->next, sizeof(error->next), zn_buf_span(&next));
        zn_buf_clear(&next);
    }
    return ZN_CONFIG;
}

static enum zn_status check_lifetime(int64_t lifetime_s, int64_t asked_s,
                                     const struct zn_reply *reply, struct zn_error *error)
{
    static const char too_long[] = "the server made an API token that lives longer than asked";
    static const char use_key[] = "update the server, or use --credential key";
    static const int64_t clock_slack_s = 10;

    if (lifetime_s > minutes(asked_s) * 60 + clock_slack_s)
        return fail_as(ZN_BAD_REPLY, too_long, use_key, reply, error);
    if (lifetime_s <= 0)
        return fail_as(ZN_BAD_REPLY, "the server made an API token that has expired already",
                       "check the clock of the server", reply, error);
    return ZN_OK;
}

static enum zn_status take_api_token(const struct zn_json *body, int64_t expires_in_s,
                                     int64_t now_s, const struct zn_reply *reply,
                                     struct zn_token *ret, struct zn_error *error)
{
    struct zn_span token = {0};
    int64_t expires_s = 0;

    if (!zn_json_string(body, &token) || !zn_jwt_expiry(token, &expires_s))
        return fail_as(ZN_BAD_REPLY, "the server's reply holds no API token", LATER, reply, error);
    if (expires_s == 0)
        return fail_as(ZN_BAD_REPLY, "the server made an API token that never expires",
                       "update the server, or use --credential key", reply, error);
    enum zn_status status = check_lifetime(expires_s - now_s, expires_in_s, reply, error);
    if (status == ZN_OK)
        status = take_secret(token, &ret->secret, reply, error);
    if (status == ZN_OK)
        ret->expires_s = expires_s;
    return status;
}

enum zn_status zn_api_token_parse(const struct zn_reply *reply, int64_t expires_in_s, int64_t now_s,
                                  struct zn_token *ret, struct zn_error *error)
{
    struct zn_json *body = NULL;

    if (reply->status == 400 && reply->is_json)
        return lifetime_refused(reply, error);
    enum zn_status status = open_body(reply, &body, error);
    if (status == ZN_OK)
        status = take_api_token(body, expires_in_s, reply->date_s != 0 ? reply->date_s : now_s,
                                reply, ret, error);
    zn_json_free(&body);
    return status;
}

enum zn_status zn_project_parse(const struct zn_reply *reply, char ret_id[37],
                                struct zn_error *error)
{
    struct zn_json *body = NULL;

    if (reply->status == 404)
        return fail_as(ZN_CONFIG, "the server has no such project for this account (HTTP 404)",
                       "check the name; servers before 0.80 have no projects", reply, error);
    enum zn_status status = open_body(reply, &body, error);
    if (status == ZN_OK && !copy_uuid(zn_json_member(body, "id"), ret_id))
        status = fail_as(ZN_BAD_REPLY, "the server's reply names no project", LATER, reply, error);
    zn_json_free(&body);
    return status;
}
