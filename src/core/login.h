/*
 * login - coordinators: which requests are made, in which order, how often, until when. No parsing.
 *
 * Layer 5. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_LOGIN_H
#define ZN_CORE_LOGIN_H

#include "exchange.h"
#include "policy.h"

/* What a login has proven. All zero is nothing; ended by zn_proof_clear. */
struct zn_proof {
    struct zn_identity identity;
    struct zn_token access;     /* the bearer token that current-user accepted */
    struct zn_server_info info; /* filled when has_info */
    bool has_info;
};

/* Wipes and frees the token; the proof is empty. */
void zn_proof_clear(struct zn_proof *proof);

/* Where keys of ZenML Pro come from, unless an admin says otherwise (zenml-protocol 4). */
#define ZN_PRO_API_URL "https://cloudapi.zenml.io"

/*
 * Proves the credential of the session. API key: login, then current-user. API token: info first,
 * since a server without authentication answers current-user to anybody, then current-user with the
 * token. A key of ZenML Pro: info first, since only a workspace of Pro gets to see it; login, and
 * for older workspaces the grant zenml-external, with the key and then, over session->pro, with an
 * access token of Pro. A server id in `policy` or `want_info` makes it ask info too. The policy is
 * applied before anything is returned: ZN_OK means proven and allowed, and only then `*ret` is
 * written. Neither an error nor a name that the server gave shows any part of the credential.
 *
 * Tried again, at most ZN_ATTEMPTS_MAX times and until the deadline: no connection, 408, 425, 502,
 * 503, 504, and 429 with a Retry-After that ends before the deadline. Anything else once: the
 * server's limiter counts refused logins too (zenml-protocol 11.3).
 */
ZN_MUST_CHECK enum zn_status zn_login(const struct zn_session *session,
                                      const struct zn_policy *policy, bool want_info,
                                      struct zn_proof *ret, struct zn_error *error);

/*
 * Asks who the server is, and whether that is the one in `policy` and proves anything at all.
 * Fills proof->info.
 */
ZN_MUST_CHECK enum zn_status zn_login_check_server(const struct zn_session *session,
                                                   const struct zn_policy *policy,
                                                   struct zn_proof *proof, struct zn_error *error);

/* Asks whose proof->access is, and whether `policy` allows that account. Fills proof->identity. */
ZN_MUST_CHECK enum zn_status zn_login_check_identity(const struct zn_session *session,
                                                     const struct zn_policy *policy,
                                                     struct zn_proof *proof,
                                                     struct zn_error *error);

/* Makes an API token that lives `expires_in_s` seconds, for the account of `bearer`. */
ZN_MUST_CHECK enum zn_status zn_mint_api_token(const struct zn_session *session,
                                               const struct zn_secret *bearer, int64_t expires_in_s,
                                               struct zn_token *ret, struct zn_error *error);

/* Looks up the UUID of a project by name or UUID, as the account of `bearer`. */
ZN_MUST_CHECK enum zn_status zn_find_project(const struct zn_session *session,
                                             const struct zn_secret *bearer,
                                             struct zn_span name_or_id, char ret_id[37],
                                             struct zn_error *error);

#endif
