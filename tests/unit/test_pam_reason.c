/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include <security/pam_modules.h>

#include "check.h"
#include "pam_zenml/reason.h"

/* The table that is published: pam_zenml(8), RETURN VALUES. */
static const struct row {
    int reason;
    const char *name;
    const char *result;
    int code;
    bool outage;
} rows[] = {
    {ZN_REJECTED, "rejected", "deny", PAM_AUTH_ERR, false},
    {ZN_FORBIDDEN, "forbidden", "deny", PAM_AUTH_ERR, false},
    {ZN_IDENTITY, "identity", "deny", PAM_AUTH_ERR, false},
    {ZN_MISSING, "missing", "deny", PAM_AUTH_ERR, false},
    {ZN_MALFORMED, "malformed", "deny", PAM_AUTH_ERR, false},
    {ZP_NO_MAPPING, "no-mapping", "deny", PAM_AUTH_ERR, false},
    {ZP_UNKNOWN_USER, "unknown-user", "deny", PAM_AUTH_ERR, false},
    {ZP_ROOT, "root", "deny", PAM_AUTH_ERR, false},
    {ZP_GROUP, "group", "deny", PAM_AUTH_ERR, false},
    {ZP_NOT_ADMIN, "not-admin", "deny", PAM_AUTH_ERR, false},
    {ZP_NOT_APPROVED, "not-approved", "deny", PAM_AUTH_ERR, false},
    {ZN_UNREACHABLE, "unreachable", "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    {ZN_TIMEOUT, "timeout", "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    {ZN_SERVER_ERROR, "server-error", "unavailable", PAM_AUTHINFO_UNAVAIL, true},
    {ZN_TLS, "tls", "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    {ZN_RATE_LIMITED, "rate-limited", "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    {ZN_BAD_REPLY, "bad-reply", "unavailable", PAM_AUTHINFO_UNAVAIL, false},
    {ZN_NOT_ZENML, "not-zenml", "error", PAM_SERVICE_ERR, false},
    {ZN_REDIRECT, "redirect", "error", PAM_SERVICE_ERR, false},
    {ZN_SSO_REQUIRED, "sso-required", "error", PAM_SERVICE_ERR, false},
    {ZN_CONFIG, "config", "error", PAM_SERVICE_ERR, false},
    {ZN_UNSUPPORTED, "unsupported", "error", PAM_SERVICE_ERR, false},
    {ZN_CANNOT_WRITE, "cannot-write", "error", PAM_SERVICE_ERR, false},
    {ZP_HELPER, "helper", "error", PAM_SERVICE_ERR, false},
    {ZN_INTERNAL, "internal", "error", PAM_SYSTEM_ERR, false},
    {ZP_CONVERSATION, "conversation", "error", PAM_CONV_ERR, false},
    {ZP_SCOPE, "scope", "ignore", PAM_IGNORE, false},
    {ZN_OK, "ok", "error", PAM_SYSTEM_ERR, false}, /* no reason to refuse, so none to allow */
};

static void every_reason_is_as_published(void **state)
{
    bool seen[ZP_REASON_COUNT] = {false};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        CHECK_ROW_TEXT(row->name, zp_reason_name(row->reason), row->name);
        CHECK_ROW_TEXT(row->name, zp_reason_result(row->reason), row->result);
        CHECK_ROW(row->name, zp_reason_code(row->reason) == row->code);
        CHECK_ROW(row->name, zp_reason_is_outage(row->reason) == row->outage);
        CHECK_ROW(row->name, !seen[row->reason]);
        seen[row->reason] = true;
    }
    assert_int_equal(COUNT(rows), ZP_REASON_COUNT);
}

static void statuses_keep_their_numbers(void **state)
{
    (void)state;
    for (int status = 0; status < ZN_STATUS_COUNT; status++)
        assert_string_equal(zp_reason_name(status), zn_status_name((enum zn_status)status));
    assert_int_equal(ZP_NO_MAPPING, ZN_STATUS_COUNT);
}

static void a_reason_that_nobody_set_is_a_refusal(void **state)
{
    (void)state;
    assert_int_equal(zp_reason_code(0), PAM_AUTH_ERR);
    assert_string_equal(zp_reason_result(0), "deny");
}

static void no_number_at_all_means_success(void **state)
{
    (void)state;
    for (int number = -1000; number <= 1000; number++) {
        assert_int_not_equal(zp_reason_code(number), PAM_SUCCESS);
        assert_string_not_equal(zp_reason_result(number), "allow");
    }
}

/* Only what a host is told to leave to the next module when somebody wrote unavailable=ignore. */
static void only_scope_is_ignored(void **state)
{
    (void)state;
    for (int number = -1000; number <= 1000; number++)
        assert_int_equal(zp_reason_code(number) == PAM_IGNORE, number == ZP_SCOPE);
}

static void out_of_range_is_an_error_of_the_system(void **state)
{
    static const int numbers[] = {-1, ZP_REASON_COUNT, ZP_REASON_COUNT + 1, INT_MAX, INT_MIN};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        assert_int_equal(zp_reason_code(numbers[i]), PAM_SYSTEM_ERR);
        assert_string_equal(zp_reason_result(numbers[i]), "error");
        assert_string_equal(zp_reason_name(numbers[i]), "unknown");
        assert_false(zp_reason_is_outage(numbers[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_as_published),
        cmocka_unit_test(statuses_keep_their_numbers),
        cmocka_unit_test(a_reason_that_nobody_set_is_a_refusal),
        cmocka_unit_test(no_number_at_all_means_success),
        cmocka_unit_test(only_scope_is_ignored),
        cmocka_unit_test(out_of_range_is_an_error_of_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
