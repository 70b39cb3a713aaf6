/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/clock.h"

#define TIMEOUT_MAX_MS       120000
#define BROWSER_MAX_MS       900000
#define TOKEN_LIFETIME_MAX_S ((int64_t)7 * 24 * 3600)

/* True when the array holds a string: one NUL at least, and nothing unprintable before it. */
static bool is_string(const char *array, size_t size)
{
    const char *end = memchr(array, '\0', size);

    return end != NULL && zn_text_is_printable((struct zn_span){array, (size_t)(end - array)});
}

static bool is_uuid_or_empty(const char *array, size_t size)
{
    return is_string(array, size) && (array[0] == '\0' || zn_text_is_uuid(zn_span_of(array)));
}

#define IS_STRING(array) is_string(array, sizeof(array))

bool zp_request_is_for_browser(const struct zp_request *request)
{
    return (request->accept & ZP_ACCEPT_DEVICE) != 0 && request->credential_len == 0;
}

bool zp_request_is_valid(const struct zp_request *request)
{
    const uint32_t known = ZP_ACCEPT_API_KEY | ZP_ACCEPT_API_TOKEN | ZP_ACCEPT_DEVICE;
    const int64_t timeout_max_ms =
        zp_request_is_for_browser(request) ? BROWSER_MAX_MS : TIMEOUT_MAX_MS;

    return request->magic == ZP_MAGIC && request->accept != 0 && (request->accept & ~known) == 0 &&
           request->any_account <= 1 && request->qr <= ZP_QR_LETTERS &&
           request->credential_len <= ZN_SECRET_MAX && request->timeout_ms > 0 &&
           request->timeout_ms <= timeout_max_ms && request->token_lifetime_s >= 0 &&
           request->token_lifetime_s <= TOKEN_LIFETIME_MAX_S && IS_STRING(request->server) &&
           request->server[0] != '\0' && IS_STRING(request->ca_file) && IS_STRING(request->pin) &&
           IS_STRING(request->proxy) && IS_STRING(request->pro_api_url) &&
           is_uuid_or_empty(request->server_id, sizeof(request->server_id));
}

/* Takes a blank, "#", half block or line end off the text. */
static bool cut_piece(struct zn_span *text)
{
    static const char *const pieces[] = {" ", "#", "\n", "▀", "▄", "█"};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const struct zn_span piece = zn_span_of(pieces[i]);
        if (!zn_span_starts_with(*text, piece))
            continue;
        *text = zn_span_skip(*text, piece.len);
        return true;
    }
    return false;
}

/* It goes to a terminal as it is. */
static bool is_drawing(const char *array, size_t size)
{
    const char *end = memchr(array, '\0', size);
    struct zn_span rest = {array, end == NULL ? 0 : (size_t)(end - array)};

    while (rest.len > 0 && cut_piece(&rest))
        ;
    return end != NULL && rest.len == 0;
}

bool zp_grant_is_valid(const struct zp_grant *grant)
{
    const bool well_formed = grant->magic == ZP_MAGIC && grant->is_granted <= 1 &&
                             IS_STRING(grant->url) && zn_text_is_graphic(zn_span_of(grant->url));

    return well_formed && (grant->url[0] != '\0') == (grant->is_granted == 1) &&
           is_drawing(grant->qr, sizeof(grant->qr)) &&
           (grant->qr[0] == '\0' || grant->is_granted == 1);
}

/* What has to be there when the helper says that somebody is logged in. */
static bool proves_somebody(const struct zp_reply *reply, bool with_token)
{
    return zn_text_is_uuid(zn_span_of(reply->account_id)) && reply->account_name[0] != '\0' &&
           reply->server_url[0] != '\0' && (reply->token_len > 0) == with_token &&
           zn_text_is_graphic((struct zn_span){reply->token, reply->token_len});
}

bool zp_reply_is_valid(const struct zp_reply *reply, bool with_token)
{
    const bool well_formed = reply->magic == ZP_MAGIC && reply->status < ZN_STATUS_COUNT &&
                             reply->is_service_account <= 1 && reply->is_admin <= 1 &&
                             reply->has_landlock <= 1 && reply->token_len <= ZN_SECRET_MAX &&
                             IS_STRING(reply->detail) && IS_STRING(reply->account_id) &&
                             IS_STRING(reply->account_name) && IS_STRING(reply->server_url);

    return well_formed &&
           (reply->status == ZN_OK ? proves_somebody(reply, with_token) : reply->token_len == 0);
}

bool zp_record_send(int fd, const void *record, size_t size)
{
    ssize_t sent = -1;

    do
        sent = send(fd, record, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

bool zp_record_receive(int fd, void *record, size_t size, int64_t deadline_ms)
{
    ssize_t got = -1;

    do {
        if (!zn_wait_readable(fd, deadline_ms))
            return false;
        /* MSG_TRUNC: a longer record says its real length, and is refused. */
        got = recv(fd, record, size, MSG_TRUNC | MSG_DONTWAIT);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    return got == (ssize_t)size;
}
