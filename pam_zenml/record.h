/*
 * record - the messages between the module and its helper: fixed size, checked by both sides as if
 * the other were hostile.
 *
 *     module                                     helper
 *     zp_request  ------------------------------>  logs in
 *     (when a person is to approve in a browser:)
 *                 <------------------------------  zp_grant: where
 *     zp_go_ahead ------------------------------>  the person says that it is done: asks for that
 *     (in any case:)
 *                 <------------------------------  zp_reply: whose the credential is
 *     (may that be this user? if so, and if a token is wanted:)
 *     zp_go_ahead ------------------------------>  makes the token, which nobody can take back
 *                 <------------------------------  zp_reply, with the token
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_RECORD_H
#define ZP_RECORD_H

#include <stdint.h>

#include "core/policy.h"
#include "core/url.h"

#define ZP_MAGIC ((uint32_t)0x5a4e4c32) /* "ZNL2": changes with the layout */

#define ZP_PATH_MAX ((size_t)1024)
#define ZP_TEXT_MAX ((size_t)512)

#define ZP_BROWSER_URL_MAX ((size_t)1279)
#define ZP_QR_MAX          ((size_t)16383)

/* zp_request.qr */
enum zp_qr { ZP_QR_NONE = 0, ZP_QR_BLOCKS, ZP_QR_LETTERS };

/* Which credentials are accepted. */
#define ZP_ACCEPT_API_KEY   ((uint32_t)1)
#define ZP_ACCEPT_API_TOKEN ((uint32_t)2)
#define ZP_ACCEPT_DEVICE    ((uint32_t)4) /* the credential is empty: a login in a browser */

/* What the helper is asked. Strings end with NUL inside their array. */
struct zp_request {
    uint32_t magic;
    uint32_t accept;          /* ZP_ACCEPT_..., at least one */
    uint32_t any_account;     /* 1: people, too; 0: service accounts only */
    uint32_t credential_len;  /* bytes; may be 0 */
    int64_t timeout_ms;       /* for everything, 1 to 120,000, in a browser 900,000 */
    int64_t token_lifetime_s; /* make an API token for the session; 0: none */
    char server[ZN_URL_MAX + 1];
    char ca_file[ZP_PATH_MAX + 1];     /* "": the system's */
    char pin[ZP_TEXT_MAX + 1];         /* "": none */
    char proxy[ZP_TEXT_MAX + 1];       /* "": none */
    char pro_api_url[ZP_TEXT_MAX + 1]; /* for keys of ZenML Pro; "": its own */
    char server_id[37];                /* "": any */
    char credential[ZN_SECRET_MAX];    /* as typed, not a string */
    uint32_t qr;                       /* enum zp_qr: the page as a QR code as well */
};

/* Comes first when a login in a browser was asked for; without a grant, a refusing reply follows.
 */
struct zp_grant {
    uint32_t magic;
    uint32_t is_granted;              /* 0 or 1 */
    char url[ZP_BROWSER_URL_MAX + 1]; /* to be opened by the person; "" without a grant */
    char qr[ZP_QR_MAX + 1];           /* the same, drawn in lines; "": not wanted, or too large */
};

/*
 * The person has approved; or, later, the module let the user in: the token that the request wants
 * may be made.
 */
struct zp_go_ahead {
    uint32_t magic;
};

/* What the helper answers. Account, server and token are filled for status ZN_OK only. */
struct zp_reply {
    uint32_t magic;
    uint32_t status; /* enum zn_status */
    int32_t http_status;
    uint32_t is_service_account; /* 0 or 1 */
    uint32_t is_admin;           /* 0 or 1 */
    uint32_t has_landlock;       /* 0 or 1: the helper's kernel has it */
    uint32_t token_len;          /* bytes; 0 before the go-ahead */
    char detail[360];
    char account_id[37];
    char account_name[ZN_NAME_MAX + 1];
    char server_url[ZN_URL_MAX + 1]; /* as a ZenML client wants it */
    char token[ZN_SECRET_MAX];       /* not a string */
};

/* True when every field of a request holds what its comment says. */
bool zp_request_is_valid(const struct zp_request *request);

/* True when it asks for a login in a browser. */
bool zp_request_is_for_browser(const struct zp_request *request);

/* True when every field of a grant holds what its comment says. */
bool zp_grant_is_valid(const struct zp_grant *grant);

/* True when every field of a reply, with or without a token, holds what its comment says. */
bool zp_reply_is_valid(const struct zp_reply *reply, bool with_token);

/*
 * Sends or receives one record of exactly `size` bytes over a SOCK_SEQPACKET socket. Receiving
 * waits until `deadline_ms` (monotonic). False for anything else than one whole record.
 */
ZN_MUST_CHECK bool zp_record_send(int fd, const void *record, size_t size);
ZN_MUST_CHECK bool zp_record_receive(int fd, void *record, size_t size, int64_t deadline_ms);

#endif
