/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <string.h>

#define WAIT                                                                                       \
    "wait 60 seconds without any attempt (a daily limit: a day), since refused ones count too"

/* --- what went wrong ------------------------------------------------------------------------ */

/* HTTP status -> outcome, first row that covers it. The parsers know their exceptions. */
static const struct {
    int from, to;
    enum zn_status status;
    const char *detail;
    const char *next;
} outcomes[] = {
    {300, 399, ZN_REDIRECT, "the server redirects to ",
     "use the address it redirects to as server URL; if that is a login page, ask for a way past "
     "it"},
    {401, 401, ZN_REJECTED, "the server rejected the credential",
     "check that it is this server's, active and not rotated away"},
    {402, 403, ZN_FORBIDDEN, "the server forbids this to the account",
     "ask an admin of the server"},
    {404, 405, ZN_NOT_ZENML, "this is not the API of a ZenML server", ZN_CHECK_URL},
    {408, 408, ZN_SERVER_ERROR, "the server gave up waiting", ZN_LATER},
    {422, 422, ZN_CONFIG, "the server does not understand the request",
     "report this with the version of the server"},
    {425, 425, ZN_SERVER_ERROR, "the server is not ready", ZN_LATER},
    {429, 429, ZN_RATE_LIMITED, "the server refuses more attempts for now", WAIT},
    {500, 599, ZN_SERVER_ERROR, "the server failed", ZN_LATER},
    {0, 0, ZN_BAD_REPLY, "the server's reply is unusable", ZN_CHECK_URL},
};

/* The message in an error body, in any of the shapes of zenml-protocol 1.6; empty when none. */
struct zn_span zn_reply_message(const struct zn_json *body)
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
void zn_reply_quote(struct zn_error *error, const struct zn_reply *reply)
{
    struct zn_json *body = reply->is_json ? zn_json_parse(zn_buf_span(&reply->body)) : NULL;
    struct zn_span message = zn_reply_message(body);

    message = zn_span_cut(&message, '\n');
    if (message.len > 0) {
        zn_error_add(error, "; it says: ");
        zn_error_quote(error, message);
    }
    zn_json_free(&body);
}

void zn_reply_add_http_status(struct zn_error *error)
{
    const char code[4] = {(char)('0' + error->http_status / 100 % 10),
                          (char)('0' + error->http_status / 10 % 10),
                          (char)('0' + error->http_status % 10), '\0'};

    zn_error_add(error, " (HTTP ");
    zn_error_add(error, code);
    zn_error_add(error, ")");
}

/* Fails for a reply that is no success, whatever the endpoint. */
enum zn_status zn_reply_refuse(const struct zn_reply *reply, struct zn_error *error)
{
    size_t row = 0;

    while (outcomes[row].to != 0 &&
           (reply->status < outcomes[row].from || reply->status > outcomes[row].to))
        row++;
    zn_error_set(error, outcomes[row].status, outcomes[row].detail, outcomes[row].next);
    error->http_status = reply->status;
    if (outcomes[row].status == ZN_REDIRECT)
        zn_error_quote(error, zn_span_of(reply->location));
    zn_reply_add_http_status(error);
    if (outcomes[row].status != ZN_REDIRECT)
        zn_reply_quote(error, reply);
    return error->status;
}

/* Fails for a reply that is a success by its status only. */
enum zn_status zn_reply_fail(enum zn_status status, const char *detail, const char *next,
                             const struct zn_reply *reply, struct zn_error *error)
{
    zn_error_set(error, status, detail, next);
    error->http_status = reply->status;
    return status;
}

/* Opens the JSON body of a success. The caller frees `*ret`. */
enum zn_status zn_reply_open(const struct zn_reply *reply, struct zn_json **ret,
                             struct zn_error *error)
{
    if (reply->status < 200 || reply->status > 299)
        return zn_reply_refuse(reply, error);
    if (!reply->is_json)
        return zn_reply_fail(ZN_NOT_ZENML,
                             "this is not the API of a ZenML server: no JSON came back",
                             ZN_CHECK_URL, reply, error);
    *ret = zn_json_parse(zn_buf_span(&reply->body));
    if (*ret == NULL)
        return zn_reply_fail(ZN_BAD_REPLY, "the server's reply is not acceptable JSON", ZN_LATER,
                             reply, error);
    return ZN_OK;
}

/* --- values ---------------------------------------------------------------------------------- */

bool zn_reply_copy_uuid(const struct zn_json *value, char dst[37])
{
    struct zn_span text = {0};

    if (!zn_json_string(value, &text) || !zn_text_is_uuid(text))
        return false;
    memcpy(dst, text.ptr, text.len);
    dst[text.len] = '\0';
    return true;
}

/* Copies a non-empty printable string of fewer than `size` bytes. */
bool zn_reply_copy_name(const struct zn_json *value, char *dst, size_t size)
{
    struct zn_span text = {0};

    if (!zn_json_string(value, &text) || text.len == 0 || text.len >= size ||
        !zn_text_is_printable(text))
        return false;
    memcpy(dst, text.ptr, text.len);
    dst[text.len] = '\0';
    return true;
}

bool zn_reply_is_true(const struct zn_json *value)
{
    bool flag = false;
    return zn_json_bool(value, &flag) && flag;
}

enum zn_status zn_reply_take_secret(struct zn_span token, struct zn_secret *ret,
                                    const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_secret secret = {0};

    if (token.len > ZN_SECRET_MAX)
        return zn_reply_fail(ZN_BAD_REPLY, "the token is longer than 4096 bytes", ZN_LATER, reply,
                             error);
    if (!zn_secret_set(&secret, token))
        return zn_error_no_memory(error);
    zn_secret_take(ret, &secret);
    return ZN_OK;
}
