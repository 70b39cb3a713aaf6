/*
 * device - the login of a person in a browser (RFC 8628): the coordinator.
 *
 * Layer 6. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_DEVICE_H
#define ZN_CORE_DEVICE_H

#include "device_flow.h"
#include "login.h"

/*
 * The person at the other end.
 *
 * show: tells where to approve. False: they cancel.
 * wait: passes `duration_ms`, less when the person says that they have approved. False: they
 * cancel. NULL: the clock waits.
 */
struct zn_person {
    void *ctx;
    bool (*show)(void *ctx, const struct zn_device_grant *grant);
    bool (*wait)(void *ctx, int64_t duration_ms);
};

/*
 * Asks the server at `server_url` (normalised) for authorization, shows the person where to
 * approve, and asks the server until somebody has: whoever that is, is who logs in. `policy` is
 * applied to them before anything is returned.
 *
 * Ends at the deadline of the session or of the authorization, with ZN_TIMEOUT. ZN_REJECTED: the
 * person cancelled or refused. The server may restart meanwhile. It is asked at most four times in
 * any 60 seconds, and left alone for longer than that after it said "too many": its limiter counts
 * refused requests as well (zenml-protocol 11.2.5).
 *
 * On ZN_OK, `*ret` holds the proof and `*ret_grant` the device, which the caller clears; what was
 * granted to somebody whom the policy refuses has been deleted on the server.
 */
ZN_MUST_CHECK enum zn_status
zn_device_login(const struct zn_session *session, const struct zn_policy *policy,
                struct zn_span server_url, const struct zn_person *person,
                struct zn_device_grant *ret_grant, struct zn_proof *ret, struct zn_error *error);

/*
 * Ends all tokens of the device on the server. `bearer`: one of them. Takes two seconds when the
 * session has none left: nobody is to find a token that was refused.
 */
ZN_MUST_CHECK enum zn_status zn_device_delete(const struct zn_session *session,
                                              const struct zn_secret *bearer, const char *device_id,
                                              struct zn_error *error);

#endif
