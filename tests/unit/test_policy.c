/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/policy.h"

#define SERVER_ID  "00000000-0000-4000-8000-0000000000aa"
#define ACCOUNT_ID "00000000-0000-4000-8000-0000000000bb"
#define OTHER_ID   "00000000-0000-4000-8000-0000000000cc"

static const struct zn_server_info SERVER = {
    .id = SERVER_ID, .version = "0.98.0", .auth_scheme = ZN_AUTH_OAUTH2, .is_active = true};
static const struct zn_identity ROBOT = {
    .id = ACCOUNT_ID, .name = "ci-bot", .is_service_account = true};
static const struct zn_identity IMPOSTOR = {
    .id = ACCOUNT_ID, .name = OTHER_ID, .is_service_account = true};
static const struct zn_identity PERSON = {.id = ACCOUNT_ID, .name = "ada", .is_admin = true};

/* --- servers -------------------------------------------------------------------------------- */

static enum zn_status check_server(const char *expected_id, struct zn_server_info info,
                                   struct zn_error *error)
{
    const struct zn_policy policy = {.expect_server_id = zn_span_of(expected_id)};
    return zn_policy_check_server(&policy, &info, error);
}

static void only_schemes_that_prove_an_identity_are_allowed(void **state)
{
    static const struct {
        const char *name;
        enum zn_auth_scheme scheme;
        enum zn_status status;
    } rows[] = {
        {"OAuth2", ZN_AUTH_OAUTH2, ZN_OK},          {"Pro", ZN_AUTH_EXTERNAL, ZN_OK},
        {"none", ZN_AUTH_NO_AUTH, ZN_NOT_ZENML},    {"basic", ZN_AUTH_HTTP_BASIC, ZN_NOT_ZENML},
        {"unknown", ZN_AUTH_UNKNOWN, ZN_NOT_ZENML},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_server_info info = SERVER;
        struct zn_error error = {0};
        info.auth_scheme = rows[i].scheme;
        CHECK_ROW(rows[i].name, check_server(NULL, info, &error) == rows[i].status);
        CHECK_ROW(rows[i].name, (error.detail[0] != '\0') == (rows[i].status != ZN_OK));
        CHECK_ROW(rows[i].name, rows[i].status == ZN_OK || error.status == rows[i].status);
    }
}

static void a_server_that_is_not_set_up_is_refused(void **state)
{
    struct zn_server_info info = SERVER;
    struct zn_error error = {0};

    (void)state;
    info.is_active = false;
    assert_int_equal(check_server(SERVER_ID, info, &error), ZN_NOT_ZENML);
    assert_int_equal(error.status, ZN_NOT_ZENML);
}

static void an_all_zero_server_is_refused(void **state)
{
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(check_server(NULL, (struct zn_server_info){0}, &error), ZN_NOT_ZENML);
}

static void the_server_id_is_compared_without_case(void **state)
{
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(check_server(NULL, SERVER, &error), ZN_OK);
    assert_int_equal(check_server("", SERVER, &error), ZN_OK);
    assert_int_equal(check_server(SERVER_ID, SERVER, &error), ZN_OK);
    assert_int_equal(check_server("00000000-0000-4000-8000-0000000000AA", SERVER, &error), ZN_OK);
    assert_int_equal(check_server(OTHER_ID, SERVER, &error), ZN_IDENTITY);
    assert_int_equal(error.status, ZN_IDENTITY);
    assert_non_null(strstr(error.detail, SERVER_ID));
    assert_int_equal(check_server("00000000", SERVER, &error), ZN_IDENTITY);
    assert_int_equal(check_server(SERVER_ID "0", SERVER, &error), ZN_IDENTITY);
}

static void the_expected_id_does_not_excuse_a_server_that_proves_nothing(void **state)
{
    struct zn_server_info info = SERVER;
    struct zn_error error = {0};

    (void)state;
    info.auth_scheme = ZN_AUTH_NO_AUTH;
    assert_int_equal(check_server(SERVER_ID, info, &error), ZN_NOT_ZENML);
}

/* --- accounts ------------------------------------------------------------------------------- */

static void accounts_are_what_the_policy_expects(void **state)
{
    static const struct {
        const char *name;
        enum zn_account_type type;
        const char *expected;
        const struct zn_identity *identity;
        enum zn_status status;
    } rows[] = {
        {"any robot", ZN_ACCOUNT_SERVICE, NULL, &ROBOT, ZN_OK},
        {"a person, robots only", ZN_ACCOUNT_SERVICE, NULL, &PERSON, ZN_FORBIDDEN},
        {"the right person, robots only", ZN_ACCOUNT_SERVICE, "ada", &PERSON, ZN_FORBIDDEN},
        {"any person", ZN_ACCOUNT_ANY, NULL, &PERSON, ZN_OK},
        {"a robot, anybody", ZN_ACCOUNT_ANY, NULL, &ROBOT, ZN_OK},
        {"its name", ZN_ACCOUNT_SERVICE, "ci-bot", &ROBOT, ZN_OK},
        {"its id", ZN_ACCOUNT_SERVICE, ACCOUNT_ID, &ROBOT, ZN_OK},
        {"its id in capitals", ZN_ACCOUNT_SERVICE, "00000000-0000-4000-8000-0000000000BB", &ROBOT,
         ZN_OK},
        {"another id", ZN_ACCOUNT_SERVICE, OTHER_ID, &ROBOT, ZN_IDENTITY},
        {"another name", ZN_ACCOUNT_SERVICE, "cd-bot", &ROBOT, ZN_IDENTITY},
        {"its name in other case", ZN_ACCOUNT_SERVICE, "CI-bot", &ROBOT, ZN_IDENTITY},
        {"the beginning of its name", ZN_ACCOUNT_SERVICE, "ci", &ROBOT, ZN_IDENTITY},
        {"more than its name", ZN_ACCOUNT_SERVICE, "ci-bot2", &ROBOT, ZN_IDENTITY},
        {"its name and a blank", ZN_ACCOUNT_SERVICE, "ci-bot ", &ROBOT, ZN_IDENTITY},
        {"another person", ZN_ACCOUNT_ANY, "bob", &PERSON, ZN_IDENTITY},
        {"an id that is only its name", ZN_ACCOUNT_SERVICE, OTHER_ID, &IMPOSTOR, ZN_IDENTITY},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct zn_policy policy = {.account_type = rows[i].type,
                                         .expect_user = zn_span_of(rows[i].expected)};
        struct zn_error error = {0};
        const enum zn_status status = zn_policy_check_identity(&policy, rows[i].identity, &error);
        CHECK_ROW(rows[i].name, status == rows[i].status);
        CHECK_ROW(rows[i].name, status == ZN_OK || error.status == status);
        CHECK_ROW(rows[i].name,
                  status == ZN_OK || strstr(error.detail, rows[i].identity->name) != NULL);
    }
}

static void an_unknown_account_type_means_service_accounts_only(void **state)
{
    static const int number = 99;
    struct zn_policy policy = {0};
    struct zn_error error = {0};

    (void)state;
    memcpy(&policy.account_type, &number, sizeof(policy.account_type));
    assert_int_equal(zn_policy_check_identity(&policy, &PERSON, &error), ZN_FORBIDDEN);
}

static void a_name_from_the_server_is_quoted_safely(void **state)
{
    struct zn_identity identity = PERSON;
    const struct zn_policy policy = {0};
    struct zn_error error = {0};

    (void)state;
    memcpy(identity.name, "::error::x", 11);
    assert_int_equal(zn_policy_check_identity(&policy, &identity, &error), ZN_FORBIDDEN);
    assert_null(strstr(error.detail, "::"));
}

/* --- local users ---------------------------------------------------------------------------- */

#define MATCH ((struct zn_user_policy){.match_name = true})
#define MAP   ((struct zn_user_policy){.match_name = false})
#define ROOT  ((struct zn_user_policy){.match_name = true, .allow_root = true})
#define ADMIN ((struct zn_user_policy){.match_name = true, .require_admin = true})

/* A user of that name, in the allowed group, who is not root and not in the map. */
#define USER(text) .name = {(text), sizeof(text) - 1}, .exists = true, .in_group = true

static void a_local_user_is_whom_the_rules_allow(void **state)
{
    static const struct zn_identity admin = {
        .id = ACCOUNT_ID, .name = "ci-bot", .is_service_account = true, .is_admin = true};
    static const struct zn_identity nameless = {.id = ACCOUNT_ID, .is_service_account = true};
    const struct {
        const char *name;
        struct zn_user_policy policy;
        const struct zn_identity *identity;
        struct zn_local_user user;
        enum zn_verdict verdict;
    } rows[] = {
        {"same name", MATCH, &ROBOT, {USER("ci-bot")}, ZN_VERDICT_ALLOWED},
        {"same name, not a rule", MAP, &ROBOT, {USER("ci-bot")}, ZN_VERDICT_NO_MAPPING},
        {"mapped", MAP, &ROBOT, {USER("alice"), .is_mapped = true}, ZN_VERDICT_ALLOWED},
        {"mapped or same name",
         MATCH,
         &ROBOT,
         {USER("alice"), .is_mapped = true},
         ZN_VERDICT_ALLOWED},
        {"neither", MATCH, &ROBOT, {USER("alice")}, ZN_VERDICT_NO_MAPPING},
        {"other case", MATCH, &ROBOT, {USER("CI-bot")}, ZN_VERDICT_NO_MAPPING},
        {"longer", MATCH, &ROBOT, {USER("ci-bot1")}, ZN_VERDICT_NO_MAPPING},
        {"shorter", MATCH, &ROBOT, {USER("ci-bo")}, ZN_VERDICT_NO_MAPPING},
        {"blank behind", MATCH, &ROBOT, {USER("ci-bot ")}, ZN_VERDICT_NO_MAPPING},
        {"the account's id", MATCH, &ROBOT, {USER(ACCOUNT_ID)}, ZN_VERDICT_NO_MAPPING},
        {"no names at all", MATCH, &nameless, {USER("")}, ZN_VERDICT_NO_MAPPING},
        {"unknown",
         MATCH,
         &ROBOT,
         {.name = {"ci-bot", 6}, .in_group = true, .is_mapped = true},
         ZN_VERDICT_UNKNOWN_USER},
        {"group",
         MATCH,
         &ROBOT,
         {.name = {"ci-bot", 6}, .exists = true, .is_mapped = true},
         ZN_VERDICT_GROUP},
        {"no admin", ADMIN, &ROBOT, {USER("ci-bot")}, ZN_VERDICT_NOT_ADMIN},
        {"admin", ADMIN, &admin, {USER("ci-bot")}, ZN_VERDICT_ALLOWED},
        {"root by name", MATCH, &ROBOT, {USER("ci-bot"), .is_root = true}, ZN_VERDICT_ROOT},
        {"root by map",
         MATCH,
         &ROBOT,
         {USER("root"), .is_root = true, .is_mapped = true},
         ZN_VERDICT_ROOT},
        {"root by option", ROOT, &ROBOT, {USER("ci-bot"), .is_root = true}, ZN_VERDICT_ROOT},
        {"root by both",
         ROOT,
         &ROBOT,
         {USER("root"), .is_root = true, .is_mapped = true},
         ZN_VERDICT_ALLOWED},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].name, zn_policy_check_user(&rows[i].policy, rows[i].identity,
                                                     &rows[i].user) == rows[i].verdict);
}

static void nobody_is_allowed_by_all_zero(void **state)
{
    const struct zn_user_policy policy = {0};
    const struct zn_identity identity = {0};
    const struct zn_local_user user = {0};

    (void)state;
    assert_int_not_equal(zn_policy_check_user(&policy, &identity, &user), ZN_VERDICT_ALLOWED);
    assert_int_not_equal(ZN_VERDICT_ALLOWED, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_schemes_that_prove_an_identity_are_allowed),
        cmocka_unit_test(a_server_that_is_not_set_up_is_refused),
        cmocka_unit_test(an_all_zero_server_is_refused),
        cmocka_unit_test(the_server_id_is_compared_without_case),
        cmocka_unit_test(the_expected_id_does_not_excuse_a_server_that_proves_nothing),
        cmocka_unit_test(accounts_are_what_the_policy_expects),
        cmocka_unit_test(an_unknown_account_type_means_service_accounts_only),
        cmocka_unit_test(a_name_from_the_server_is_quoted_safely),
        cmocka_unit_test(a_local_user_is_whom_the_rules_allow),
        cmocka_unit_test(nobody_is_allowed_by_all_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
