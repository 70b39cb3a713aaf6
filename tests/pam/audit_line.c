/*
 * audit_line - prints what the module logs: `pam_audit_line REASON SERVICE USER RHOST ACCOUNT
 * DETAIL`. REASON is a name of reason.c ("ok" is an allow). Without arguments, prints all names.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_zenml/audit.h"
#include "pam_zenml/reason.h"

static int find_reason(const char *name)
{
    for (int reason = 0; reason < ZP_REASON_COUNT; reason++)
        if (strcmp(zp_reason_name(reason), name) == 0)
            return reason;
    fprintf(stderr, "no such reason: %s\n", name);
    exit(2);
}

int main(int count, char **arguments)
{
    char line[ZP_AUDIT_MAX];

    if (count == 1)
        for (int reason = 0; reason < ZP_REASON_COUNT; reason++)
            puts(zp_reason_name(reason));
    if (count != 7)
        return count == 1 ? EXIT_SUCCESS : 2;
    const int reason = find_reason(arguments[1]);
    const struct zp_audit audit = {
        .allowed = reason == ZN_OK,
        .reason = reason,
        .user = arguments[3],
        .account = arguments[5],
        .server = "https://zenml.example.com",
        .detail = arguments[6],
        .elapsed_ms = 41,
        .request_id = 0x5f0c9a2e,
    };
    zp_audit_format(&audit, arguments[2], arguments[4], line);
    puts(line);
    return EXIT_SUCCESS;
}
