/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/status.h"

static bool is_name(const char *name)
{
    return name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name);
}

static void every_status_has_name_text_and_class(void **state)
{
    (void)state;
    for (int status = 0; status < ZN_STATUS_COUNT; status++) {
        const char *name = zn_status_name((enum zn_status)status);
        const char *text = zn_status_text((enum zn_status)status);
        CHECK_ROW(name, is_name(name));
        CHECK_ROW(name, text[0] != '\0' && text[strlen(text) - 1] != '.');
        CHECK_ROW(name, zn_text_is_printable(zn_span_of(text)));
        CHECK_ROW(name, zn_status_class((enum zn_status)status) <= ZN_CLASS_CONFIGURATION);
    }
}

static void names_and_texts_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < ZN_STATUS_COUNT; a++)
        for (int b = 0; b < a; b++) {
            const char *name = zn_status_name((enum zn_status)a);
            CHECK_ROW(name, strcmp(name, zn_status_name((enum zn_status)b)) != 0);
            CHECK_ROW(name, strcmp(zn_status_text((enum zn_status)a),
                                   zn_status_text((enum zn_status)b)) != 0);
        }
}

static void a_result_that_nobody_set_is_a_refusal(void **state)
{
    const struct zn_error error = {0};

    (void)state;
    assert_int_equal(error.status, ZN_REJECTED);
    assert_int_equal(zn_status_class(error.status), ZN_CLASS_REFUSED);
    assert_int_equal((enum zn_class)0, ZN_CLASS_REFUSED);
}

static void only_ok_allows(void **state)
{
    (void)state;
    for (int status = 0; status < ZN_STATUS_COUNT; status++)
        CHECK_ROW(zn_status_name((enum zn_status)status),
                  (zn_status_class((enum zn_status)status) == ZN_CLASS_ALLOWED) ==
                      (status == ZN_OK));
}

static void each_class_has_the_statuses_that_belong_to_it(void **state)
{
    static const struct {
        enum zn_status status;
        enum zn_class class;
    } rows[] = {
        {ZN_FORBIDDEN, ZN_CLASS_REFUSED},         {ZN_IDENTITY, ZN_CLASS_REFUSED},
        {ZN_MALFORMED, ZN_CLASS_REFUSED},         {ZN_MISSING, ZN_CLASS_REFUSED},
        {ZN_UNREACHABLE, ZN_CLASS_UNAVAILABLE},   {ZN_TIMEOUT, ZN_CLASS_UNAVAILABLE},
        {ZN_TLS, ZN_CLASS_UNAVAILABLE},           {ZN_RATE_LIMITED, ZN_CLASS_UNAVAILABLE},
        {ZN_SERVER_ERROR, ZN_CLASS_UNAVAILABLE},  {ZN_BAD_REPLY, ZN_CLASS_UNAVAILABLE},
        {ZN_NOT_ZENML, ZN_CLASS_NOT_ZENML},       {ZN_REDIRECT, ZN_CLASS_NOT_ZENML},
        {ZN_SSO_REQUIRED, ZN_CLASS_NOT_ZENML},    {ZN_CONFIG, ZN_CLASS_CONFIGURATION},
        {ZN_INTERNAL, ZN_CLASS_CONFIGURATION},    {ZN_CANNOT_WRITE, ZN_CLASS_CONFIGURATION},
        {ZN_UNSUPPORTED, ZN_CLASS_CONFIGURATION},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(zn_status_name(rows[i].status), zn_status_class(rows[i].status) == rows[i].class);
}

static void out_of_range_is_unknown_and_refused(void **state)
{
    /* Taken from memory, so that no value of the enumeration is converted out of its range. */
    static const int numbers[] = {ZN_STATUS_COUNT, ZN_STATUS_COUNT + 1, 1000, -1};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        enum zn_status status;
        memcpy(&status, &numbers[i], sizeof(status));
        assert_string_equal(zn_status_name(status), "unknown");
        assert_string_equal(zn_status_text(status), "unknown status");
        assert_int_equal(zn_status_class(status), ZN_CLASS_REFUSED);
    }
}

static void an_error_says_cause_and_next_step_and_keeps_the_http_status(void **state)
{
    struct zn_error error = {.http_status = 401, .detail = "old", .next = "old"};

    (void)state;
    assert_int_equal(zn_error_set(&error, ZN_TLS, "the cause", "the next step"), ZN_TLS);
    assert_int_equal(error.status, ZN_TLS);
    assert_int_equal(error.http_status, 401);
    assert_string_equal(error.detail, "the cause");
    assert_string_equal(error.next, "the next step");
}

static void without_a_detail_the_text_of_the_status_stands_in(void **state)
{
    struct zn_error error = {.next = "old"};

    (void)state;
    zn_error_set(&error, ZN_TIMEOUT, NULL, NULL);
    assert_string_equal(error.detail, zn_status_text(ZN_TIMEOUT));
    assert_string_equal(error.next, "");
}

static void foreign_text_is_quoted_safely_and_at_most_200_bytes_of_it(void **state)
{
    struct zn_error error = {0};
    char foreign[300];

    (void)state;
    zn_error_set(&error, ZN_REJECTED, "it says: ", NULL);
    zn_error_quote(&error, ZN_SPAN("::error::\x1b[2J\n"));
    assert_string_equal(error.detail, "it says: :.error:.?[2J?");
    memset(foreign, 'x', sizeof(foreign));
    zn_error_set(&error, ZN_REJECTED, "", NULL);
    zn_error_quote(&error, (struct zn_span){foreign, sizeof(foreign)});
    assert_int_equal(strlen(error.detail), 200);
}

static void foreign_text_is_quoted_without_what_looks_like_a_credential(void **state)
{
    static const struct {
        const char *foreign;
        const char *detail;
    } rows[] = {
        {"ZENKEY_abc", "(a credential)"},
        {"/run/ZENPROKEY_abc= is not there", "/run/(a credential) is not there"},
        {"eyJhbGciOiJIUzI1NiJ9.e30.x eyJ", "(a credential) (a credential)"},
        {"ZENKE_ and e yJ", "ZENKE_ and e yJ"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zn_error error = {0};
        zn_error_set(&error, ZN_CONFIG, "", NULL);
        zn_error_quote(&error, zn_span_of(rows[i].foreign));
        assert_string_equal(error.detail, rows[i].detail);
    }
}

static void an_overlong_error_is_cut_to_its_size(void **state)
{
    static char text[1000];
    struct zn_error error = {0};

    (void)state;
    memset(text, 'y', sizeof(text) - 1);
    zn_error_set(&error, ZN_CONFIG, text, text);
    zn_error_add(&error, text);
    zn_error_quote(&error, zn_span_of(text));
    assert_int_equal(strlen(error.detail), sizeof(error.detail) - 1);
    assert_int_equal(strlen(error.next), sizeof(error.next) - 1);
}

static void a_prefix_says_where_the_error_is(void **state)
{
    static char text[400];
    struct zn_error error = {0};

    (void)state;
    zn_error_set(&error, ZN_MALFORMED, "the credential is empty", "next");
    zn_error_prefix(&error, "--api-key-file x");
    assert_string_equal(error.detail, "--api-key-file x: the credential is empty");
    assert_string_equal(error.next, "next");
    assert_int_equal(error.status, ZN_MALFORMED);
    memset(text, 'y', sizeof(text) - 1);
    zn_error_prefix(&error, text);
    assert_int_equal(strlen(error.detail), sizeof(error.detail) - 1);
}

static void lack_of_memory_is_an_internal_error(void **state)
{
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(zn_error_no_memory(&error), ZN_INTERNAL);
    assert_int_equal(error.status, ZN_INTERNAL);
    assert_string_equal(error.detail, "out of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_name_text_and_class),
        cmocka_unit_test(names_and_texts_are_unique),
        cmocka_unit_test(a_result_that_nobody_set_is_a_refusal),
        cmocka_unit_test(only_ok_allows),
        cmocka_unit_test(each_class_has_the_statuses_that_belong_to_it),
        cmocka_unit_test(out_of_range_is_unknown_and_refused),
        cmocka_unit_test(an_error_says_cause_and_next_step_and_keeps_the_http_status),
        cmocka_unit_test(without_a_detail_the_text_of_the_status_stands_in),
        cmocka_unit_test(foreign_text_is_quoted_safely_and_at_most_200_bytes_of_it),
        cmocka_unit_test(foreign_text_is_quoted_without_what_looks_like_a_credential),
        cmocka_unit_test(an_overlong_error_is_cut_to_its_size),
        cmocka_unit_test(a_prefix_says_where_the_error_is),
        cmocka_unit_test(lack_of_memory_is_an_internal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
