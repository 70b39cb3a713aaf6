/* SPDX-License-Identifier: Apache-2.0 */
#include "exit_code.h"

const struct zc_exit_code zc_exit_codes[] = {
    {0, "ok"},
    {1, "internal error (out of memory, no randomness)"},
    {2, "usage or configuration"},
    {3, "credential missing"},
    {4, "credential malformed"},
    {5, "credential rejected by the server"},
    {6, "forbidden, or account inactive"},
    {7, "not the expected account or server"},
    {8, "server unreachable, or timeout"},
    {9, "TLS"},
    {10, "rate limited"},
    {11, "server error or unusable reply"},
    {12, "not a ZenML server, redirect, or SSO required"},
    {13, "cannot write the output"},
    {14, "unsupported platform, or unsafe value for it"},
    {ZC_EXIT_ENDS_SOON, "whoami --min-ttl: the credential ends sooner"},
    {ZC_EXIT_CANNOT_RUN, "exec: command cannot be run"},
    {ZC_EXIT_NOT_FOUND, "exec: command not found"},
    {0, NULL},
};

int zc_exit_code_of(enum zn_status status)
{
    switch (status) {
    case ZN_OK:
        return 0;
    case ZN_CONFIG:
        return 2;
    case ZN_MISSING:
        return 3;
    case ZN_MALFORMED:
        return 4;
    case ZN_REJECTED:
        return 5;
    case ZN_FORBIDDEN:
        return 6;
    case ZN_IDENTITY:
        return 7;
    case ZN_UNREACHABLE:
    case ZN_TIMEOUT:
        return 8;
    case ZN_TLS:
        return 9;
    case ZN_RATE_LIMITED:
        return 10;
    case ZN_SERVER_ERROR:
    case ZN_BAD_REPLY:
        return 11;
    case ZN_NOT_ZENML:
    case ZN_REDIRECT:
    case ZN_SSO_REQUIRED:
        return 12;
    case ZN_CANNOT_WRITE:
        return 13;
    case ZN_UNSUPPORTED:
        return 14;
    case ZN_INTERNAL:
    case ZN_STATUS_COUNT:
        break;
    }
    return 1;
}
