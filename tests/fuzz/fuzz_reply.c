/*
 * Replies of a server: a byte names the endpoint (see `endpoints`), the rest is the reply as on the
 * wire. Each parser refuses it with a cause and writes nothing, or writes what zenml.h says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/json.h"
#include "core/zenml.h"
#include "fuzz.h"

#define NOW_S     1767225600 /* the Date of the replies in corpus/ */
#define ASKED_S   600
#define SLACK_S   10
#define UNTOUCHED 0x5a

static bool is_name(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);

    return end != NULL && end != text && zn_text_is_printable(zn_span_of(text));
}

static bool is_true(const struct zn_json *value)
{
    bool flag = false;
    return zn_json_bool(value, &flag) && flag;
}

/* --- one function an endpoint: parses, and checks what is written --------------------------- */

static enum zn_status try_login(const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_token token = {0};
    const enum zn_status status = zn_login_parse(reply, &token, error);
    const struct zn_span text = zn_secret_reveal(&token.secret);

    REQUIRE((status == ZN_OK) == (text.len > 0));
    REQUIRE(text.len <= ZN_SECRET_MAX && zn_text_is_graphic(text));
    zn_secret_clear(&token.secret);
    return status;
}

static enum zn_status try_api_token(const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_token token = {0};
    const enum zn_status status = zn_api_token_parse(reply, ASKED_S, NOW_S, &token, error);
    const struct zn_span text = zn_secret_reveal(&token.secret);
    const int64_t now_s = reply->date_s != 0 ? reply->date_s : NOW_S;

    REQUIRE((status == ZN_OK) == (text.len > 0));
    REQUIRE(text.len <= ZN_SECRET_MAX && zn_text_is_graphic(text));
    if (status == ZN_OK)
        REQUIRE(token.expires_s > now_s && token.expires_s <= now_s + ASKED_S + SLACK_S);
    else
        REQUIRE(token.expires_s == 0);
    zn_secret_clear(&token.secret);
    return status;
}

/* Nobody is let in whom the server does not call active in this very reply. */
static void require_active(const struct zn_reply *reply)
{
    struct zn_json *user = zn_json_parse(zn_buf_span(&reply->body));
    const struct zn_json *body = zn_json_member(user, "body");

    REQUIRE(is_true(zn_json_member(zn_json_is_object(body) ? body : user, "active")));
    REQUIRE(!is_true(zn_json_member(user, "permission_denied")));
    zn_json_free(&user);
}

static enum zn_status try_current_user(const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_identity identity;

    memset(&identity, UNTOUCHED, sizeof(identity));
    const enum zn_status status = zn_current_user_parse(reply, &identity, error);
    if (status == ZN_OK) {
        REQUIRE(zn_text_is_uuid(zn_span_of(identity.id)));
        REQUIRE(is_name(identity.name, sizeof(identity.name)));
        require_active(reply);
    } else {
        REQUIRE(fuzz_is_filled(&identity, UNTOUCHED, sizeof(identity)));
    }
    return status;
}

static enum zn_status try_info(const struct zn_reply *reply, struct zn_error *error)
{
    struct zn_server_info info;

    memset(&info, UNTOUCHED, sizeof(info));
    const enum zn_status status = zn_info_parse(reply, &info, error);
    if (status == ZN_OK) {
        REQUIRE(zn_text_is_uuid(zn_span_of(info.id)) &&
                is_name(info.version, sizeof(info.version)));
        REQUIRE(info.auth_scheme >= ZN_AUTH_UNKNOWN && info.auth_scheme <= ZN_AUTH_EXTERNAL);
    } else {
        REQUIRE(fuzz_is_filled(&info, UNTOUCHED, sizeof(info)));
    }
    return status;
}

static enum zn_status try_project(const struct zn_reply *reply, struct zn_error *error)
{
    char id[37];

    memset(id, UNTOUCHED, sizeof(id));
    const enum zn_status status = zn_project_parse(reply, id, error);
    if (status == ZN_OK)
        REQUIRE(zn_text_is_uuid(zn_span_of(id)));
    else
        REQUIRE(fuzz_is_filled(id, UNTOUCHED, sizeof(id)));
    return status;
}

static const struct {
    char byte;
    enum zn_status (*try)(const struct zn_reply *reply, struct zn_error *error);
} endpoints[] = {
    {'l', try_login},     {'c', try_current_user}, {'i', try_info},
    {'t', try_api_token}, {'p', try_project},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zn_error error = {0};
    struct zn_reply reply;
    size_t row = 0;

    while (row < sizeof(endpoints) / sizeof(endpoints[0]) - 1 &&
           (size == 0 || endpoints[row].byte != (char)data[0]))
        row++;
    fuzz_read_reply(zn_span_skip(fuzz_span(data, size), 1), &reply);
    const enum zn_status status = endpoints[row].try(&reply, &error);
    if (status == ZN_OK) {
        REQUIRE(reply.status >= 200 && reply.status <= 299 && reply.is_json);
    } else {
        fuzz_check_error(&error, status);
        REQUIRE(status != ZN_INTERNAL && error.http_status == reply.status);
        REQUIRE(!fuzz_shows_credential(error.detail) && !fuzz_shows_credential(error.next));
    }
    zn_reply_clear(&reply);
    return 0;
}
