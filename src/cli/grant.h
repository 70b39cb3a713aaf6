/*
 * grant - what is handed on after a login: the ZENML_STORE_* set that env writes and exec gives to
 * its command.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_GRANT_H
#define ZC_GRANT_H

#include "output/variables.h"
#include "session.h"

#define ZC_TOKEN_LIFETIME_S (6 * 3600) /* of the API token, unless --expires-in says otherwise */

/* What is handed on: the credential and all that a ZenML client needs beside it. All zero is none.
 */
struct zc_grant {
    struct zc_variables variables;
    enum zn_credential_kind kind; /* of the credential that is handed on */
    int64_t expires_s;            /* seconds since 1970 UTC; 0: never, or not known */
    struct zn_token token;        /* owned: the API token, when one was made */
    struct zn_buf ca_path;        /* owned */
    char project_id[37];
};

/*
 * Decides, before anything is sent, what is handed on: `by_default` unless --credential says
 * otherwise; an API token is handed on as it is. ZN_CONFIG: an option that contradicts the
 * credential.
 */
ZN_MUST_CHECK enum zn_status zc_grant_choose(const struct zc_options *options,
                                             const struct zc_session *session,
                                             enum zc_hand_on by_default, enum zc_hand_on *ret,
                                             struct zn_error *error);

/*
 * After a login: makes the API token if one is to be handed on, looks up the project, and fills
 * `grant`, which borrows from `session` and must end before it. The caller clears it in any case.
 */
ZN_MUST_CHECK enum zn_status zc_grant_obtain(const struct zc_options *options,
                                             const struct zc_session *session,
                                             enum zc_hand_on hand_on, struct zc_grant *grant,
                                             struct zn_error *error);

/* Wipes and frees what the grant owns. */
void zc_grant_clear(struct zc_grant *grant);

#endif
