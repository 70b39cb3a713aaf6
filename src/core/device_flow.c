/* SPDX-License-Identifier: Apache-2.0 */
#include "device_flow.h"

#include <string.h>

#include "json.h"
#include "reply.h"

#define GRANT_TYPE "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
#define AGAIN      "start the login again"

void zn_device_grant_clear(struct zn_device_grant *grant)
{
    zn_secret_clear(&grant->device_code);
    explicit_bzero(grant, sizeof(*grant));
}

/* --- authorization -------------------------------------------------------------------------- */

enum zn_status zn_device_authorization_build(const char *client_id, struct zn_request *request,
                                             struct zn_error *error)
{
    request->method = ZN_POST;
    if (zn_buf_append_text(&request->path, "/api/v1/device_authorization") &&
        zn_buf_append_text(&request->body, "client_id=") &&
        zn_buf_append_percent(&request->body, zn_span_of(client_id)))
        return ZN_OK;
    return zn_error_no_memory(error);
}

/* Scheme, host and port of a URL: what stands before its path. Empty for anything else. */
static struct zn_span origin_of(struct zn_span url)
{
    const struct zn_span scheme =
        zn_span_starts_with(url, ZN_SPAN("https://"))  ? ZN_SPAN("https://")
        : zn_span_starts_with(url, ZN_SPAN("http://")) ? ZN_SPAN("http://")
                                                       : ZN_SPAN("");
    struct zn_span rest = zn_span_skip(url, scheme.len);
    const struct zn_span authority = zn_span_cut(&rest, '/');

    return scheme.len > 0 ? (struct zn_span){url.ptr, scheme.len + authority.len}
                          : (struct zn_span){0};
}

static bool is_allowed(struct zn_span url, const struct zn_browser_origins *origins)
{
    const struct zn_span origin = origin_of(url);

    return origin.len > 0 && (zn_text_equal_ignoring_case(origin, origin_of(origins->server)) ||
                              zn_text_equal_ignoring_case(origin, origin_of(origins->dashboard)));
}

/* Appends a path with its query; a server whose own URL ends in "/" doubles slashes. */
static bool append_path(struct zn_span path, struct zn_buf *out)
{
    bool in_query = false;
    bool ok = true;

    for (size_t i = 0; ok && i < path.len; i++) {
        in_query = in_query || path.ptr[i] == '?' || path.ptr[i] == '#';
        if (in_query || i == 0 || path.ptr[i] != '/' || path.ptr[i - 1] != '/')
            ok = zn_buf_append(out, (struct zn_span){path.ptr + i, 1});
    }
    return ok;
}

/* Puts the absolute URL into `out`. False: it leads elsewhere, or is none. */
static bool make_url(struct zn_span given, const struct zn_browser_origins *origins,
                     struct zn_buf *out)
{
    if (given.len == 0 || !zn_text_is_graphic(given) || memchr(given.ptr, '\\', given.len) != NULL)
        return false;
    if (given.ptr[0] == '/' && (given.len == 1 || given.ptr[1] != '/'))
        return zn_buf_append(out, origins->server) && append_path(given, out);
    const struct zn_span origin = origin_of(given);
    return is_allowed(given, origins) && zn_buf_append(out, origin) &&
           append_path(zn_span_skip(given, origin.len), out);
}

static enum zn_status take_url(const struct zn_json *body, const struct zn_reply *reply,
                               const struct zn_browser_origins *origins,
                               struct zn_device_grant *grant, struct zn_error *error)
{
    struct zn_span given = {0};
    struct zn_buf url;
    bool ok = false;

    zn_buf_init(&url, ZN_BROWSER_URL_MAX);
    ok = zn_json_string(zn_json_member(body, "verification_uri_complete"), &given) &&
         make_url(given, origins, &url);
    if (ok)
        memcpy(grant->url, url.ptr, url.len + 1);
    zn_buf_clear(&url);
    if (ok)
        return ZN_OK;
    zn_reply_fail(
        ZN_BAD_REPLY, "the server sends the person elsewhere: ",
        "have server_url and dashboard_url of the server corrected, or the server updated", reply,
        error);
    zn_error_quote(error, origin_of(given).len > 0 ? origin_of(given) : ZN_SPAN("no usable URL"));
    return ZN_BAD_REPLY;
}

/* The id stands only in the URL: ".../verify?device_id=...&user_code=...". */
static void take_device_id(struct zn_device_grant *grant)
{
    struct zn_span rest = zn_span_of(grant->url);

    zn_span_cut(&rest, '?');
    while (rest.len > 0) {
        struct zn_span value = zn_span_cut(&rest, '&');
        const struct zn_span name = zn_span_cut(&value, '=');
        if (zn_span_equal(name, ZN_SPAN("device_id")) && zn_text_is_uuid(value))
            memcpy(grant->device_id, value.ptr, value.len);
    }
}

static int64_t seconds(const struct zn_json *value, int64_t fallback, int64_t max)
{
    long long number = 0;

    if (!zn_json_integer(value, &number) || number <= 0)
        return fallback;
    return number < max ? number : max;
}

static enum zn_status take_grant(const struct zn_json *body, const struct zn_reply *reply,
                                 const struct zn_browser_origins *origins,
                                 struct zn_device_grant *grant, struct zn_error *error)
{
    struct zn_span code = {0};

    if (!zn_json_string(zn_json_member(body, "device_code"), &code) || code.len == 0 ||
        !zn_text_is_graphic(code))
        return zn_reply_fail(ZN_BAD_REPLY, "the server's reply holds no device code", ZN_LATER,
                             reply, error);
    /* Without them, RFC 8628 section 3.2 says five seconds, and ZenML five minutes. */
    grant->expires_in_s = seconds(zn_json_member(body, "expires_in"), 300, 86400);
    grant->interval_s = seconds(zn_json_member(body, "interval"), 5, 300);
    enum zn_status status = take_url(body, reply, origins, grant, error);
    if (status == ZN_OK)
        status = zn_reply_take_secret(code, &grant->device_code, reply, error);
    if (status == ZN_OK)
        take_device_id(grant);
    return status;
}

enum zn_status zn_device_authorization_parse(const struct zn_reply *reply,
                                             const struct zn_browser_origins *origins,
                                             struct zn_device_grant *ret, struct zn_error *error)
{
    struct zn_device_grant grant = {0};
    struct zn_json *body = NULL;
    enum zn_status status = zn_reply_open(reply, &body, error);

    if (status == ZN_OK)
        status = take_grant(body, reply, origins, &grant, error);
    zn_json_free(&body);
    if (reply->status == 403)
        status = zn_reply_fail(ZN_SSO_REQUIRED, "the server has no login in a browser of its own",
                               "use an API key", reply, error);
    if (status == ZN_OK) {
        memcpy(grant.client_id, ret->client_id, sizeof(grant.client_id));
        *ret = grant;
    } else {
        zn_device_grant_clear(&grant);
    }
    return status;
}

/* --- polling -------------------------------------------------------------------------------- */

enum zn_status zn_device_poll_build(const struct zn_device_grant *grant, struct zn_request *request,
                                    struct zn_error *error)
{
    request->method = ZN_POST;
    if (zn_buf_append_text(&request->path, "/api/v1/login") &&
        zn_buf_append_text(&request->body, "grant_type=" GRANT_TYPE "&client_id=") &&
        zn_buf_append_percent(&request->body, zn_span_of(grant->client_id)) &&
        zn_buf_append_text(&request->body, "&device_code=") &&
        zn_buf_append_percent(&request->body, zn_secret_reveal(&grant->device_code)))
        return ZN_OK;
    return zn_error_no_memory(error);
}

/* RFC 8628 section 3.5, RFC 6749 section 5.2, and how ZenML uses them. */
static const struct {
    const char *code;
    enum zn_status status; /* ZN_OK: not an end */
    enum zn_device_answer answer;
    const char *detail;
    const char *next;
} oauth_errors[] = {
    {"authorization_pending", ZN_OK, ZN_DEVICE_PENDING, NULL, NULL},
    {"slow_down", ZN_OK, ZN_DEVICE_SLOW_DOWN, NULL, NULL},
    {"access_denied", ZN_REJECTED, ZN_DEVICE_PENDING, "the login was refused in the browser",
     AGAIN},
    {"expired_token", ZN_TIMEOUT, ZN_DEVICE_PENDING,
     "the login was approved too late, or its token was handed out before", AGAIN},
    {"invalid_client", ZN_REJECTED, ZN_DEVICE_PENDING, "the login was deleted on the server",
     AGAIN},
    {"invalid_grant", ZN_REJECTED, ZN_DEVICE_PENDING, "the server does not know this login", AGAIN},
    {"unsupported_grant_type", ZN_SSO_REQUIRED, ZN_DEVICE_PENDING,
     "the server has no login in a browser of its own", "use an API key"},
};

/* Reads the error of a 400. Returns ZN_BAD_REPLY, and writes nothing, when it is none of those. */
static enum zn_status take_oauth_error(const struct zn_json *body, const struct zn_reply *reply,
                                       enum zn_device_answer *ret, struct zn_error *error)
{
    struct zn_span code = {0};

    for (size_t i = 0; zn_json_string(zn_json_member(body, "error"), &code) &&
                       i < sizeof(oauth_errors) / sizeof(oauth_errors[0]);
         i++) {
        if (!zn_span_equal(code, zn_span_of(oauth_errors[i].code)))
            continue;
        if (oauth_errors[i].status == ZN_OK) {
            *ret = oauth_errors[i].answer;
            return ZN_OK;
        }
        zn_reply_fail(oauth_errors[i].status, oauth_errors[i].detail, oauth_errors[i].next, reply,
                      error);
        zn_reply_quote(error, reply);
        return oauth_errors[i].status;
    }
    return ZN_BAD_REPLY;
}

enum zn_status zn_device_poll_parse(const struct zn_reply *reply, enum zn_device_answer *ret_answer,
                                    struct zn_token *ret_token, struct zn_error *error)
{
    const bool is_error = reply->status == 400 && reply->is_json;
    struct zn_json *body = is_error ? zn_json_parse(zn_buf_span(&reply->body)) : NULL;
    enum zn_status status = ZN_BAD_REPLY;

    if (!is_error) {
        status = zn_login_parse(reply, ret_token, error);
        if (status == ZN_OK)
            *ret_answer = ZN_DEVICE_APPROVED;
        return status;
    }
    status = take_oauth_error(body, reply, ret_answer, error);
    zn_json_free(&body);
    return status == ZN_BAD_REPLY ? zn_reply_refuse(reply, error) : status;
}

/* --- deleting ------------------------------------------------------------------------------- */

enum zn_status zn_device_delete_build(const struct zn_secret *bearer, const char *device_id,
                                      struct zn_request *request, struct zn_error *error)
{
    request->method = ZN_DELETE;
    request->bearer = bearer;
    if (zn_buf_append_text(&request->path, "/api/v1/devices/") &&
        zn_buf_append_percent(&request->path, zn_span_of(device_id)))
        return ZN_OK;
    return zn_error_no_memory(error);
}

enum zn_status zn_device_delete_parse(const struct zn_reply *reply, struct zn_error *error)
{
    const bool is_gone = (reply->status >= 200 && reply->status <= 299) || reply->status == 404;

    if (!is_gone)
        return zn_reply_refuse(reply, error);
    /* What stands before a server knows of no devices, and answers in HTML. */
    return reply->is_json || reply->status == 204
               ? ZN_OK
               : zn_reply_fail(ZN_BAD_REPLY, "this is not the answer of a ZenML server", ZN_LATER,
                               reply, error);
}
