/*
 * policy - may this identity, on this server, be what the caller expects? Pure; starts at no.
 *
 * Layer 4. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_POLICY_H
#define ZN_CORE_POLICY_H

#include "zenml.h"

enum zn_account_type {
    ZN_ACCOUNT_SERVICE = 0, /* only service accounts */
    ZN_ACCOUNT_ANY
};

/* What is expected; the texts are borrowed. All zero: any service account of any server. */
struct zn_policy {
    enum zn_account_type account_type;
    struct zn_span expect_user; /* an id if it is a UUID, else a name, byte for byte; empty: any */
    struct zn_span expect_server_id; /* UUID; empty: any */
};

/*
 * Refuses a server whose current-user proves nothing (NO_AUTH, HTTP_BASIC, unknown scheme, not set
 * up: ZN_NOT_ZENML) or that is not the expected one (ZN_IDENTITY). Otherwise ZN_OK.
 */
ZN_MUST_CHECK enum zn_status zn_policy_check_server(const struct zn_policy *policy,
                                                    const struct zn_server_info *info,
                                                    struct zn_error *error);

/* Refuses an account of the wrong type (ZN_FORBIDDEN) or another one (ZN_IDENTITY). */
ZN_MUST_CHECK enum zn_status zn_policy_check_identity(const struct zn_policy *policy,
                                                      const struct zn_identity *identity,
                                                      struct zn_error *error);

#endif
