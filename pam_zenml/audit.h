/*
 * audit - one line in the log for each decision.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZP_AUDIT_H
#define ZP_AUDIT_H

#include <stdint.h>

#include <security/pam_modules.h>

#include "core/text.h"

/* What the line says. Texts are borrowed; NULL or empty is shown as "-". */
struct zp_audit {
    bool allowed;
    int reason; /* enum zp_reason */
    const char *user;
    const char *account;
    const char *account_id;
    const char *server;
    const char *detail; /* shown when there is one */
    int64_t elapsed_ms;
    uint32_t request_id;
};

/* The most that a line has, in bytes with its NUL. */
#define ZP_AUDIT_MAX ((size_t)2048)

/*
 * Writes the line into `dst`: key=value pairs in a fixed order. A value of other characters than
 * [A-Za-z0-9._:/@+-] stands in double quotes, with quote, backslash and everything unprintable as
 * \xNN, so that no value can end itself, or the line. A value of more than 150 bytes is cut and
 * ends with "...", so that all keys are always there. `service` and `rhost` come from
 * the host.
 */
void zp_audit_format(const struct zp_audit *audit, const char *service, const char *rhost,
                     char dst[ZP_AUDIT_MAX]);

/*
 * Logs the line: an allow as LOG_INFO, a deny as LOG_NOTICE, an ignore as LOG_DEBUG, anything else
 * as LOG_ERR.
 */
void zp_audit_log(pam_handle_t *pamh, const struct zp_audit *audit);

#endif
