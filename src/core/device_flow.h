/*
 * device_flow - the endpoints of a login in a browser: builders and parsers (RFC 8628; what ZenML
 * makes of it: zenml-protocol 11.2). They touch only their arguments.
 *
 * Layer 3. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_DEVICE_FLOW_H
#define ZN_CORE_DEVICE_FLOW_H

#include "zenml.h"

#define ZN_BROWSER_URL_MAX ((size_t)1279)

/* What a server answers to a request for authorization. All zero, ended by zn_device_grant_clear.
 */
struct zn_device_grant {
    char client_id[37];               /* UUID, of this attempt alone */
    char device_id[37];               /* UUID; "": the server does not tell it */
    struct zn_secret device_code;     /* shown to the server with each poll */
    char url[ZN_BROWSER_URL_MAX + 1]; /* to be opened by a person; holds the user code */
    int64_t expires_in_s;
    int64_t interval_s; /* that the server wants between polls */
};

/* Wipes and frees it. */
void zn_device_grant_clear(struct zn_device_grant *grant);

/* Where a person may be sent. Both texts are borrowed. */
struct zn_browser_origins {
    struct zn_span server;    /* the server's URL, normalised */
    struct zn_span dashboard; /* dashboard_url of /info; empty: none */
};

/* POST /api/v1/device_authorization. `client_id`: a fresh UUID, since a device belongs for ever to
 * the person who approved it first. */
ZN_MUST_CHECK enum zn_status zn_device_authorization_build(const char *client_id,
                                                           struct zn_request *request,
                                                           struct zn_error *error);

/*
 * Fills `ret`, except for client_id. A relative URL is joined to that of the server and doubled
 * slashes in its path are made one; ZN_BAD_REPLY for a URL elsewhere than at `origins`.
 */
ZN_MUST_CHECK enum zn_status zn_device_authorization_parse(const struct zn_reply *reply,
                                                           const struct zn_browser_origins *origins,
                                                           struct zn_device_grant *ret,
                                                           struct zn_error *error);

enum zn_device_answer {
    ZN_DEVICE_PENDING = 0,
    ZN_DEVICE_SLOW_DOWN, /* pending, and the polls come too fast (RFC 8628 section 3.5) */
    ZN_DEVICE_APPROVED
};

/*
 * POST /api/v1/login with the device code: has somebody approved? The parser returns ZN_OK with an
 * answer, and fills `ret_token` for ZN_DEVICE_APPROVED. ZN_REJECTED: refused, locked, deleted, or
 * the token was handed out before; ZN_TIMEOUT: approved too late. As for zn_login_parse otherwise.
 */
ZN_MUST_CHECK enum zn_status zn_device_poll_build(const struct zn_device_grant *grant,
                                                  struct zn_request *request,
                                                  struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_device_poll_parse(const struct zn_reply *reply,
                                                  enum zn_device_answer *ret_answer,
                                                  struct zn_token *ret_token,
                                                  struct zn_error *error);

/* DELETE /api/v1/devices/{id}: ends all tokens of the device. The reply of a device that is gone
 * is a success, too. */
ZN_MUST_CHECK enum zn_status zn_device_delete_build(const struct zn_secret *bearer,
                                                    const char *device_id,
                                                    struct zn_request *request,
                                                    struct zn_error *error);
ZN_MUST_CHECK enum zn_status zn_device_delete_parse(const struct zn_reply *reply,
                                                    struct zn_error *error);

#endif
