/* SPDX-License-Identifier: Apache-2.0 */
#include "zenml.h"

#include <string.h>

#include "json.h"
#include "reply.h"

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

/* --- parsing -------------------------------------------------------------------------------- */

static enum zn_status take_login_token(const struct zn_json *body, const struct zn_reply *reply,
                                       struct zn_token *ret, struct zn_error *error)
{
    struct zn_span token = {0};
    struct zn_span type = {0};

    if (zn_json_member(body, "authorization_url") != NULL)
        return zn_reply_fail(ZN_SSO_REQUIRED, "the server wants a login in a browser",
                             "use an API key of a service account of this server", reply, error);
    if (!zn_json_string(zn_json_member(body, "access_token"), &token) || token.len == 0 ||
        !zn_text_is_graphic(token))
        return zn_reply_fail(ZN_BAD_REPLY, "the login reply holds no access token", ZN_LATER, reply,
                             error);
    if (!zn_json_string(zn_json_member(body, "token_type"), &type) ||
        !zn_text_equal_ignoring_case(type, ZN_SPAN("bearer")))
        return zn_reply_fail(ZN_BAD_REPLY, "the login reply holds no bearer token", ZN_LATER, reply,
                             error);
    return zn_reply_take_secret(token, &ret->secret, reply, error);
}

enum zn_status zn_login_parse(const struct zn_reply *reply, struct zn_token *ret,
                              struct zn_error *error)
{
    struct zn_json *body = NULL;
    enum zn_status status = zn_reply_open(reply, &body, error);

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
    const struct zn_span message = zn_reply_message(body);
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
    if (!zn_reply_copy_uuid(zn_json_member(user, "id"), identity.id) ||
        !zn_reply_copy_name(zn_json_member(user, "name"), identity.name, sizeof(identity.name)))
        return zn_reply_fail(ZN_BAD_REPLY, "the server does not say whose the credential is",
                             ZN_LATER, reply, error);
    if (zn_reply_is_true(zn_json_member(user, "permission_denied")))
        return zn_reply_fail(ZN_FORBIDDEN, "the account may not see itself",
                             "give the account a role on the server", reply, error);
    if (!zn_json_bool(zn_json_member(body, "active"), &active))
        return zn_reply_fail(ZN_BAD_REPLY, "the server does not say whether the account is active",
                             ZN_LATER, reply, error);
    if (!active)
        return zn_reply_fail(ZN_FORBIDDEN, "the account is not active", "activate it on the server",
                             reply, error);
    if (!zn_json_bool(zn_json_member(body, "is_service_account"), &identity.is_service_account))
        return zn_reply_fail(ZN_BAD_REPLY, "the server does not say what kind of account it is",
                             ZN_LATER, reply, error);
    identity.is_admin = zn_reply_is_true(zn_json_member(body, "is_admin"));
    *ret = identity;
    return ZN_OK;
}

enum zn_status zn_current_user_parse(const struct zn_reply *reply, struct zn_identity *ret,
                                     struct zn_error *error)
{
    struct zn_json *body = NULL;
    enum zn_status status = zn_reply_open(reply, &body, error);

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
        !zn_reply_copy_name(zn_json_member(body, "pro_api_url"), dst, 256) ||
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
    enum zn_status status = zn_reply_open(reply, &body, error);

    if (status == ZN_OK &&
        (!zn_reply_copy_uuid(zn_json_member(body, "id"), info.id) ||
         !zn_reply_copy_name(zn_json_member(body, "version"), info.version, sizeof(info.version))))
        status = zn_reply_fail(ZN_NOT_ZENML, "this does not say that it is a ZenML server",
                               ZN_CHECK_URL, reply, error);
    if (status == ZN_OK) {
        const struct zn_json *active = zn_json_member(body, "active");
        info.auth_scheme = auth_scheme(zn_json_member(body, "auth_scheme"));
        info.date_s = reply->date_s;
        info.is_active = active == NULL || zn_reply_is_true(active);
        copy_pro_api_url(body, info.pro_api_url);
        if (!zn_reply_copy_name(zn_json_member(body, "dashboard_url"), info.dashboard_url,
                                sizeof(info.dashboard_url)))
            info.dashboard_url[0] = '\0';
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
    struct zn_span rest = zn_reply_message(body);
    long long number = 0;
    long long maximum_s = 0;

    while (rest.len > 0)
        if (zn_text_to_number(zn_span_cut(&rest, ' '), &number))
            maximum_s = number;
    zn_error_set(error, ZN_CONFIG, "the server makes no API token of this lifetime", NULL);
    error->http_status = reply->status;
    zn_reply_add_http_status(error);
    zn_reply_quote(error, reply);
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
        return zn_reply_fail(ZN_BAD_REPLY, too_long, use_key, reply, error);
    if (lifetime_s <= 0)
        return zn_reply_fail(ZN_BAD_REPLY, "the server made an API token that has expired already",
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
        return zn_reply_fail(ZN_BAD_REPLY, "the server's reply holds no API token", ZN_LATER, reply,
                             error);
    if (expires_s == 0)
        return zn_reply_fail(ZN_BAD_REPLY, "the server made an API token that never expires",
                             "update the server, or use --credential key", reply, error);
    enum zn_status status = check_lifetime(expires_s - now_s, expires_in_s, reply, error);
    if (status == ZN_OK)
        status = zn_reply_take_secret(token, &ret->secret, reply, error);
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
    enum zn_status status = zn_reply_open(reply, &body, error);
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
        return zn_reply_fail(ZN_CONFIG,
                             "the server has no such project for this account (HTTP 404)",
                             "check the name; servers before 0.80 have no projects", reply, error);
    enum zn_status status = zn_reply_open(reply, &body, error);
    if (status == ZN_OK && !zn_reply_copy_uuid(zn_json_member(body, "id"), ret_id))
        status = zn_reply_fail(ZN_BAD_REPLY, "the server's reply names no project", ZN_LATER, reply,
                               error);
    zn_json_free(&body);
    return status;
}
