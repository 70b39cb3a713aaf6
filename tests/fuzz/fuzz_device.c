/*
 * Replies to a login in a browser: a byte says to what (see `requests`), the rest is the reply as
 * on the wire. A person is sent to the server or its dashboard only, whatever the server says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/device_flow.h"
#include "core/json.h"
#include "fuzz.h"

#define UNTOUCHED 0x5a
#define SERVER    "https://zen.example.test/zenml"
#define DASHBOARD "https://dash.example.test/"

/* A browser sends a person to the origin of the URL, and that ends at the first of these bytes. */
static bool leads_to(const char *url, const char *origin)
{
    const size_t len = strlen(origin);

    for (size_t i = 0; i < len; i++)
        if ((url[i] >= 'A' && url[i] <= 'Z' ? url[i] + 32 : url[i]) != origin[i])
            return false;
    return url[len] == '/' || url[len] == '\0';
}

static void check_grant(const struct zn_device_grant *grant)
{
    const struct zn_span code = zn_secret_reveal(&grant->device_code);
    const struct zn_span device_id = zn_span_of(grant->device_id);

    REQUIRE(memchr(grant->url, '\0', sizeof(grant->url)) != NULL);
    REQUIRE(zn_text_is_graphic(zn_span_of(grant->url)) && strchr(grant->url, '\\') == NULL);
    REQUIRE(leads_to(grant->url, "https://zen.example.test") ||
            leads_to(grant->url, "https://dash.example.test"));
    REQUIRE(code.len > 0 && code.len <= ZN_SECRET_MAX && zn_text_is_graphic(code));
    REQUIRE(device_id.len == 0 || zn_text_is_uuid(device_id));
    REQUIRE(device_id.len == 0 || strstr(grant->url, grant->device_id) != NULL);
    REQUIRE(grant->expires_in_s > 0 && grant->expires_in_s <= 86400);
    REQUIRE(grant->interval_s > 0 && grant->interval_s <= 300);
    REQUIRE(fuzz_is_filled(grant->client_id, UNTOUCHED, sizeof(grant->client_id)));
}

static enum zn_status try_authorization(const struct zn_reply *reply, struct zn_error *error)
{
    const struct zn_browser_origins origins = {ZN_SPAN(SERVER), ZN_SPAN(DASHBOARD)};
    struct zn_device_grant grant;

    memset(&grant, UNTOUCHED, sizeof(grant));
    const enum zn_status status = zn_device_authorization_parse(reply, &origins, &grant, error);
    if (status == ZN_OK) {
        check_grant(&grant);
        zn_device_grant_clear(&grant);
    } else {
        REQUIRE(fuzz_is_filled(&grant, UNTOUCHED, sizeof(grant)));
    }
    return status;
}

/* Nobody keeps waiting but for the two words that mean it. */
static void require_word(const struct zn_reply *reply, const char *word)
{
    struct zn_json *body = zn_json_parse(zn_buf_span(&reply->body));
    struct zn_span said = {0};

    REQUIRE(reply->status == 400 && reply->is_json);
    REQUIRE(zn_json_string(zn_json_member(body, "error"), &said));
    REQUIRE(zn_span_equal(said, zn_span_of(word)));
    zn_json_free(&body);
}

static enum zn_status try_poll(const struct zn_reply *reply, struct zn_error *error)
{
    enum zn_device_answer answer = (enum zn_device_answer)UNTOUCHED;
    struct zn_token token = {0};
    const enum zn_status status = zn_device_poll_parse(reply, &answer, &token, error);
    const struct zn_span text = zn_secret_reveal(&token.secret);

    REQUIRE((status == ZN_OK && answer == ZN_DEVICE_APPROVED) == (text.len > 0));
    REQUIRE(text.len <= ZN_SECRET_MAX && zn_text_is_graphic(text));
    if (status != ZN_OK)
        REQUIRE(answer == (enum zn_device_answer)UNTOUCHED);
    else if (answer == ZN_DEVICE_APPROVED)
        REQUIRE(reply->status >= 200 && reply->status <= 299 && reply->is_json);
    else
        require_word(reply, answer == ZN_DEVICE_PENDING ? "authorization_pending" : "slow_down");
    zn_secret_clear(&token.secret);
    return status;
}

static enum zn_status try_delete(const struct zn_reply *reply, struct zn_error *error)
{
    return zn_device_delete_parse(reply, error);
}

static const struct {
    char byte;
    enum zn_status (*try)(const struct zn_reply *reply, struct zn_error *error);
} requests[] = {{'p', try_poll}, {'d', try_delete}, {'a', try_authorization}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zn_error error = {0};
    struct zn_reply reply;
    size_t row = 0;

    while (row < sizeof(requests) / sizeof(requests[0]) - 1 &&
           (size == 0 || requests[row].byte != (char)data[0]))
        row++;
    fuzz_read_reply(zn_span_skip(fuzz_span(data, size), 1), &reply);
    const enum zn_status status = requests[row].try(&reply, &error);
    if (status != ZN_OK) {
        fuzz_check_error(&error, status);
        REQUIRE(status != ZN_INTERNAL && error.http_status == reply.status);
        REQUIRE(!fuzz_shows_credential(error.detail) && !fuzz_shows_credential(error.next));
    }
    zn_reply_clear(&reply);
    return 0;
}
