/*
 * The records between module and helper. The input is a list of changes, each "which record, offset
 * (2 bytes), length, bytes", to a good request, grant and reply, so that any bytes can come about
 * from few. A record is valid exactly when every field holds what record.h says.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "fuzz.h"
#include "pam_zenml/record.h"

#define UUID "01234567-89ab-4cde-8f01-23456789abcd"

/* --- good records, changed ------------------------------------------------------------------ */

struct records {
    struct zp_request request;
    struct zp_grant grant;
    struct zp_reply reply;
};

static const struct records good = {
    .request =
        {
            .magic = ZP_MAGIC,
            .accept = ZP_ACCEPT_API_KEY,
            .credential_len = 6,
            .timeout_ms = 10000,
            .token_lifetime_s = 3600,
            .server = "https://zenml.example.com",
            .credential = "ZENKEY",
        },
    .grant =
        {
            .magic = ZP_MAGIC,
            .is_granted = 1,
            .url = "https://zenml.example.com/devices/verify?device_id=" UUID,
            .qr = "## █▀▄\n",
        },
    .reply =
        {
            .magic = ZP_MAGIC,
            .status = ZN_OK,
            .http_status = 200,
            .is_service_account = 1,
            .token_len = 5,
            .account_id = UUID,
            .account_name = "ci-bot",
            .server_url = "https://zenml.example.com",
            .token = "a.b.c",
        },
};

static uint8_t take_byte(struct zn_span *rest)
{
    const uint8_t byte = rest->len > 0 ? (uint8_t)rest->ptr[0] : 0;

    *rest = zn_span_skip(*rest, 1);
    return byte;
}

static void change(struct zn_span rest, struct records *records)
{
    const struct {
        void *record;
        size_t size;
    } all[] = {
        {&records->request, sizeof(records->request)},
        {&records->reply, sizeof(records->reply)},
        {&records->grant, sizeof(records->grant)},
    };

    while (rest.len > 0) {
        const size_t which = take_byte(&rest) % 3;
        const size_t size = all[which].size;
        const size_t high = take_byte(&rest);
        const size_t at = (high << 8 | take_byte(&rest)) % size;
        size_t len = take_byte(&rest);

        if (len > rest.len)
            len = rest.len;
        if (len > size - at)
            len = size - at;
        if (len > 0)
            memcpy((char *)all[which].record + at, rest.ptr, len);
        rest = zn_span_skip(rest, len);
    }
}

/* --- what record.h says --------------------------------------------------------------------- */

/* `array` is a string of at least `least` printable bytes. */
static bool holds_text(const char *array, size_t size, size_t least)
{
    size_t len = 0;

    while (len < size && array[len] != '\0')
        len++;
    return len < size && len >= least && zn_text_is_printable((struct zn_span){array, len});
}

#define HOLDS_TEXT(array, least) holds_text(array, sizeof(array), least)

static bool is_request(const struct zp_request *r)
{
    const bool is_for_browser = r->accept >= 4 && r->credential_len == 0;

    if (r->magic != ZP_MAGIC || r->accept < 1 || r->accept > 7 || r->any_account > 1 || r->qr > 2)
        return false;
    if (r->credential_len > sizeof(r->credential))
        return false;
    if (r->timeout_ms < 1 || r->timeout_ms > (is_for_browser ? 900000 : 120000))
        return false;
    if (r->token_lifetime_s < 0 || r->token_lifetime_s > 7 * 86400)
        return false;
    if (!HOLDS_TEXT(r->server, 1) || !HOLDS_TEXT(r->ca_file, 0) || !HOLDS_TEXT(r->pin, 0) ||
        !HOLDS_TEXT(r->proxy, 0) || !HOLDS_TEXT(r->pro_api_url, 0) || !HOLDS_TEXT(r->server_id, 0))
        return false;
    return r->server_id[0] == '\0' || zn_text_is_uuid(zn_span_of(r->server_id));
}

/* How many bytes the first piece of a drawing takes; 0: it is none. */
static size_t piece_len(struct zn_span text)
{
    if (text.ptr[0] == ' ' || text.ptr[0] == '#' || text.ptr[0] == '\n')
        return 1;
    if (text.len < 3 || memcmp(text.ptr, "\xe2\x96", 2) != 0)
        return 0;
    const uint8_t last = (uint8_t)text.ptr[2];
    return last == 0x80 || last == 0x84 || last == 0x88 ? 3 : 0;
}

static bool is_grant(const struct zp_grant *r)
{
    size_t len = 0;
    size_t at = 0;

    if (r->magic != ZP_MAGIC || r->is_granted > 1 || !HOLDS_TEXT(r->url, r->is_granted))
        return false;
    if (!zn_text_is_graphic(zn_span_of(r->url)))
        return false;
    if (r->is_granted == 0 && (r->url[0] != '\0' || r->qr[0] != '\0'))
        return false;
    while (len < sizeof(r->qr) && r->qr[len] != '\0')
        len++;
    while (at < len) {
        const size_t piece = piece_len((struct zn_span){r->qr + at, len - at});
        if (piece == 0)
            return false;
        at += piece;
    }
    return len < sizeof(r->qr);
}

static bool is_reply(const struct zp_reply *r, bool with_token)
{
    const bool ok = r->status == ZN_OK;

    if (r->magic != ZP_MAGIC || r->status >= ZN_STATUS_COUNT || r->is_service_account > 1 ||
        r->is_admin > 1 || r->has_landlock > 1 || r->token_len > sizeof(r->token))
        return false;
    if (!HOLDS_TEXT(r->detail, 0) || !HOLDS_TEXT(r->account_id, ok) ||
        !HOLDS_TEXT(r->account_name, ok) || !HOLDS_TEXT(r->server_url, ok))
        return false;
    if (!ok)
        return r->token_len == 0;
    return zn_text_is_uuid(zn_span_of(r->account_id)) && (r->token_len != 0) == with_token &&
           zn_text_is_graphic((struct zn_span){r->token, r->token_len});
}

/* --- on the wire ---------------------------------------------------------------------------- */

static bool is_received(const void *sent, size_t size, void *record, size_t record_size)
{
    const struct zn_clock clock = zn_clock_system();
    int sockets[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
    REQUIRE(zp_record_send(sockets[0], sent, size));
    close(sockets[0]);
    const bool received =
        zp_record_receive(sockets[1], record, record_size, clock.now_ms(clock.ctx) + 10000);
    close(sockets[1]);
    return received;
}

static void check_wire(const struct zp_request *request, struct zn_span bytes)
{
    static struct zp_request got;
    static char large[sizeof(got) + 1];

    REQUIRE(is_received(request, sizeof(*request), &got, sizeof(got)));
    REQUIRE(memcmp(&got, request, sizeof(got)) == 0);
    REQUIRE(!is_received(large, sizeof(large), &got, sizeof(got)));
    REQUIRE(is_received(bytes.ptr, bytes.len, &got, sizeof(got)) == (bytes.len == sizeof(got)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct records records;

    records = good;
    REQUIRE(zp_request_is_valid(&records.request));
    REQUIRE(zp_grant_is_valid(&records.grant));
    REQUIRE(zp_reply_is_valid(&records.reply, true));
    change(fuzz_span(data, size), &records);
    REQUIRE(zp_request_is_valid(&records.request) == is_request(&records.request));
    REQUIRE(zp_grant_is_valid(&records.grant) == is_grant(&records.grant));
    REQUIRE(zp_reply_is_valid(&records.reply, true) == is_reply(&records.reply, true));
    REQUIRE(zp_reply_is_valid(&records.reply, false) == is_reply(&records.reply, false));
    if (size % 16 == 0) /* system calls are slow */
        check_wire(&records.request, fuzz_span(data, size));
    return 0;
}
