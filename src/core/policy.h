/*
 * policy - may this identity, on this server, be what the caller expects, and may it be that local
 * user? Pure; starts at no.
 *
 * Layer 4. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_POLICY_H
#define ZN_CORE_POLICY_H

#include "zenml.h"

enum zn_account_type {
    ZN_ACCOUNT_SERVICE = 0, /* only service accounts */
    ZN_ACCOUNT_PERSON,      /* only people */
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

/* The local user that somebody wants to be, as the host knows them. All zero is nobody. */
struct zn_local_user {
    struct zn_span name; /* borrowed */
    bool exists;
    bool is_root;   /* uid 0 */
    bool in_group;  /* in a group that is allowed, or no group is asked for */
    bool is_mapped; /* the map lists the user for this very identity */
};

/* By which rules an identity may be a local user. All zero: by the map only, root never. */
struct zn_user_policy {
    bool match_name;    /* the account's name equals the user's, byte for byte */
    bool allow_root;    /* uid 0, if the map lists it: an equal name is never enough */
    bool require_admin; /* the account is an admin of the server */
};

enum zn_verdict {
    ZN_VERDICT_NO_MAPPING = 0,
    ZN_VERDICT_ALLOWED,
    ZN_VERDICT_UNKNOWN_USER,
    ZN_VERDICT_ROOT,
    ZN_VERDICT_GROUP,
    ZN_VERDICT_NOT_ADMIN,
    ZN_VERDICT_COUNT
};

/* May `identity` be `user`? The first rule that refuses is the verdict. */
ZN_MUST_CHECK enum zn_verdict zn_policy_check_user(const struct zn_user_policy *policy,
                                                   const struct zn_identity *identity,
                                                   const struct zn_local_user *user);

#endif
