/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

static bool proves_identity(enum zn_auth_scheme scheme)
{
    return scheme == ZN_AUTH_OAUTH2 || scheme == ZN_AUTH_EXTERNAL;
}

enum zn_status zn_policy_check_server(const struct zn_policy *policy,
                                      const struct zn_server_info *info, struct zn_error *error)
{
    const struct zn_span id = zn_span_of(info->id);
    enum zn_status status = ZN_NOT_ZENML;

    if (!info->is_active) {
        zn_error_set(error, status, "the server has not been set up yet", "activate the server");
    } else if (!proves_identity(info->auth_scheme)) {
        zn_error_set(error, status, "the server's authentication scheme proves nobody's identity",
                     "have the server run with OAUTH2_PASSWORD_BEARER");
    } else if (policy->expect_server_id.len > 0 &&
               !zn_text_equal_ignoring_case(policy->expect_server_id, id)) {
        status = zn_error_set(error, ZN_IDENTITY, "not the expected server: its id is ",
                              "check the server URL and --expect-server-id");
        zn_error_quote(error, id);
    } else {
        status = ZN_OK;
    }
    return status;
}

static bool is_expected(struct zn_span expected, const struct zn_identity *identity)
{
    if (expected.len == 0)
        return true;
    /* Nobody shall pass by taking another account's id for a name. */
    if (zn_text_is_uuid(expected))
        return zn_text_equal_ignoring_case(expected, zn_span_of(identity->id));
    return zn_span_equal(expected, zn_span_of(identity->name));
}

enum zn_status zn_policy_check_identity(const struct zn_policy *policy,
                                        const struct zn_identity *identity, struct zn_error *error)
{
    enum zn_status status = ZN_FORBIDDEN;

    if (policy->account_type == ZN_ACCOUNT_PERSON && identity->is_service_account) {
        zn_error_set(error, status, "the account is a service account, not a person: ",
                     "have a person approve the login");
        zn_error_quote(error, zn_span_of(identity->name));
    } else if (policy->account_type != ZN_ACCOUNT_PERSON &&
               policy->account_type != ZN_ACCOUNT_ANY && !identity->is_service_account) {
        zn_error_set(error, status, "the account is a person's, not a service account: ",
                     "use an API key of a service account");
        zn_error_quote(error, zn_span_of(identity->name));
    } else if (!is_expected(policy->expect_user, identity)) {
        status = zn_error_set(error, ZN_IDENTITY, "not the expected account: it is ",
                              "check which credential is used, and --expect-user");
        zn_error_quote(error, zn_span_of(identity->name));
    } else {
        status = ZN_OK;
    }
    return status;
}

enum zn_verdict zn_policy_check_user(const struct zn_user_policy *policy,
                                     const struct zn_identity *identity,
                                     const struct zn_local_user *user)
{
    const bool same_name = policy->match_name && identity->name[0] != '\0' &&
                           zn_span_equal(user->name, zn_span_of(identity->name));
    enum zn_verdict verdict = ZN_VERDICT_NO_MAPPING;

    if (!user->exists)
        verdict = ZN_VERDICT_UNKNOWN_USER;
    else if (user->is_root && !(policy->allow_root && user->is_mapped))
        verdict = ZN_VERDICT_ROOT;
    else if (!user->in_group)
        verdict = ZN_VERDICT_GROUP;
    else if (policy->require_admin && !identity->is_admin)
        verdict = ZN_VERDICT_NOT_ADMIN;
    else if (user->is_mapped || same_name)
        verdict = ZN_VERDICT_ALLOWED;
    return verdict;
}
