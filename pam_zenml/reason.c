/* SPDX-License-Identifier: Apache-2.0 */
#include "reason.h"

#include <security/pam_modules.h>

static const struct {
    const char *name; /* NULL: that of the status */
    const char *result;
    int code;
    bool outage;
} table[ZP_REASON_COUNT] = {
    [ZN_REJECTED] = {NULL, "deny", PAM_AUTH_ERR, false},
    [ZN_OK] = {NULL, "error", PAM_SYSTEM_ERR, false}, /* not a reason to decide by this table */
    [ZN_FORBIDDEN] = {NULL, "deny", PAM_AUTH_ERR, false},
    [ZN_IDENTITY] = {NULL, "deny", PAM_AUTH_ERR, false},
    [ZN_MISSING] = {NULL, "deny", PAM_AUTH_ERR, false},
    [ZN_MALFORMED] = {NULL, "deny", PAM_AUTH_ERR, false},
    [ZN_UNREACHABLE] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    [ZN_TIMEOUT] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    [ZN_TLS] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    [ZN_RATE_LIMITED] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    [ZN_SERVER_ERROR] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    [ZN_BAD_REPLY] = {NULL, "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    [ZN_NOT_ZENML] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_REDIRECT] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_SSO_REQUIRED] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_CONFIG] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_CANNOT_WRITE] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_UNSUPPORTED] = {NULL, "error", PAM_SERVICE_ERR, false},
    [ZN_INTERNAL] = {NULL, "error", PAM_SYSTEM_ERR, false},
    [ZP_NO_MAPPING] = {"no-mapping", "deny", PAM_AUTH_ERR, false},
    [ZP_UNKNOWN_USER] = {"unknown-user", "deny", PAM_AUTH_ERR, false},
    [ZP_ROOT] = {"root", "deny", PAM_AUTH_ERR, false},
    [ZP_GROUP] = {"group", "deny", PAM_AUTH_ERR, false},
    [ZP_NOT_ADMIN] = {"not-admin", "deny", PAM_AUTH_ERR, false},
    /* No outage, or whoever lets the time pass could switch the module off. */
    [ZP_NOT_APPROVED] = {"not-approved", "deny", PAM_AUTH_ERR, false},
    [ZP_CONVERSATION] = {"conversation", "error", PAM_CONV_ERR, false},
    [ZP_HELPER] = {"helper", "error", PAM_SERVICE_ERR, false},
    [ZP_SCOPE] = {"scope", "ignore", PAM_IGNORE, false},
};

static bool known(int reason)
{
    return reason >= 0 && reason < ZP_REASON_COUNT;
}

const char *zp_reason_name(int reason)
{
    if (known(reason) && table[reason].name != NULL)
        return table[reason].name;
    return zn_status_name((enum zn_status)reason);
}

const char *zp_reason_result(int reason)
{
    return known(reason) ? table[reason].result : "error";
}

int zp_reason_code(int reason)
{
    return known(reason) ? table[reason].code : PAM_SYSTEM_ERR;
}

bool zp_reason_is_outage(int reason)
{
    return known(reason) && table[reason].outage;
}
