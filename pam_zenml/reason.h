/*
 * reason - why the module decided as it did, and the PAM code of each reason: one table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_REASON_H
#define ZP_REASON_H

#include "core/status.h"

/* An enum zn_status, or one of these, which follow on. The zero value is ZN_REJECTED. */
enum zp_reason {
    ZP_NO_MAPPING = ZN_STATUS_COUNT, /* no rule says that the account may be this user */
    ZP_UNKNOWN_USER,                 /* the host does not know the user */
    ZP_ROOT,                         /* uid 0, without the map line and the option */
    ZP_GROUP,                        /* not in allow_groups, or that cannot be found out */
    ZP_NOT_ADMIN,                    /* require_admin */
    ZP_NOT_APPROVED,                 /* nobody approved the login in a browser in time */
    ZP_CONVERSATION,                 /* the host got no answer, or was interrupted */
    ZP_HELPER,                       /* the helper is missing, unsafe or broken */
    ZP_SCOPE,                        /* not for us */
    ZP_REASON_COUNT
};

/* The name of a reason in the log. */
const char *zp_reason_name(int reason);

/* "deny", "unavailable", "error" or "ignore": what the log calls it. "error" out of range. */
const char *zp_reason_result(int reason);

/*
 * The PAM code of a reason. Never PAM_SUCCESS, whatever comes in: success is not a reason, and is
 * returned in one place of pam_zenml.c. PAM_SYSTEM_ERR out of range.
 */
int zp_reason_code(int reason);

/* True when unavailable = ignore lets the stack go on: the server was not reached, or failed. */
bool zp_reason_is_outage(int reason);

#endif
