/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/certificate.h"
#include "core/date.h"

#define NOVEMBER_6 1793954977 /* 2026-11-06 08:49:37 UTC */

/* --- dates ---------------------------------------------------------------------------------- */

static void a_date_is_read_as_openssl_or_libcurl_writes_it(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"Nov  6 08:49:37 2026 GMT", NOVEMBER_6},
        {"2026-11-06 08:49:37 GMT", NOVEMBER_6},
        {"Nov 16 08:49:37 2026 GMT", NOVEMBER_6 + 10 * 86400},
        {"2026-11-16 08:49:37 GMT", NOVEMBER_6 + 10 * 86400},
        {"Dec 31 23:59:59 9999 GMT", 253402300799},
        {"9999-12-31 23:59:59 GMT", 253402300799},
        {"Jan  1 00:00:01 1970 GMT", 1},
        {"Nov  6 08:49:37 2026", 0},
        {"Nov  6 08:49:37 2026 UTC", 0},
        {"Nov 6 08:49:37 2026 GMT", 0},
        {"Nov 32 08:49:37 2026 GMT", 0},
        {"Nuv  6 08:49:37 2026 GMT", 0},
        {"Nov  6 08.49.37 2026 GMT", 0},
        {"Nov  6 24:49:37 2026 GMT", 0},
        {"Nov -6 08:49:37 2026 GMT", 0},
        {"Nov  6 08:49:37 1969 GMT", 0},
        {"2026-13-06 08:49:37 GMT", 0},
        {"2026-00-06 08:49:37 GMT", 0},
        {"2026-11-00 08:49:37 GMT", 0},
        {"2026/11/06 08:49:37 GMT", 0},
        {"2026-11-06 08:60:37 GMT", 0},
        {"2026-11-06 08:49:37 +00", 0},
        {"2026-11-06", 0},
        {" GMT", 0},
        {"", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].text,
                  zn_date_from_certificate(zn_span_of(rows[i].text)) == rows[i].seconds);
}

/* --- names ---------------------------------------------------------------------------------- */

static void take(struct zn_chain *chain, const char *subject, const char *issuer)
{
    const struct zn_certificate certificate = {
        .subject = zn_span_of(subject),
        .issuer = zn_span_of(issuer),
        .expires = ZN_SPAN("2026-11-06 08:49:37 GMT"),
    };

    zn_chain_add(chain, &certificate);
}

static void people_call_a_holder_by_the_common_name(void **state)
{
    static const struct {
        const char *name;
        const char *called;
    } rows[] = {
        {"CN = zenml.example.com", "zenml.example.com"},
        {"CN=zenml.example.com", "zenml.example.com"},
        {"C = DE, O = Example, CN = Root R1", "Root R1"},
        {"C=DE, O=Example, CN=Root R1, L=Berlin", "Root R1"},
        {"C = DE, O = Example", "Example"},
        {"C = DE, CN = , O = Example", "Example"},
        {"XCN = no, O = Example", "Example"},
        {"C = DE, L = Berlin", "C = DE, L = Berlin"},
        {"  L=Berlin ", "L=Berlin"},
        {"CN", "CN"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_chain chain = {0};
        take(&chain, rows[i].name, rows[i].name);
        CHECK_ROW_TEXT(rows[i].name, chain.names, rows[i].called);
    }
}

static void a_chain_names_server_and_authorities(void **state)
{
    struct zn_chain chain = {0};

    (void)state;
    take(&chain, "CN=zenml.example.com", "CN=R11");
    assert_string_equal(chain.names, "zenml.example.com, by R11");
    take(&chain, "CN=R11", "CN=Root");
    take(&chain, "CN=Root", "CN=Root"); /* signed by itself */
    assert_string_equal(chain.names, "zenml.example.com, by R11, by Root");
    assert_int_equal(chain.count, 3);
}

static void newer_certificates_have_no_name_of_their_own(void **state)
{
    struct zn_chain chain = {0};

    (void)state;
    take(&chain, "", "C=US, O=Let's Encrypt, CN=R11");
    take(&chain, "C=US, O=Let's Encrypt, CN=R11", "CN=Root");
    assert_string_equal(chain.names, "by R11, by Root");
}

static void names_that_do_not_fit_are_left_out(void **state)
{
    char longest[ZN_CHAIN_NAMES_MAX + 1];
    struct zn_chain chain = {0};

    (void)state;
    memset(longest, 'a', ZN_CHAIN_NAMES_MAX);
    longest[ZN_CHAIN_NAMES_MAX] = '\0';
    take(&chain, longest, "CN=Root");
    assert_string_equal(chain.names, longest);

    chain = (struct zn_chain){0};
    take(&chain, "CN=server", longest);
    take(&chain, longest, "CN=Root");
    assert_string_equal(chain.names, "server, by Root");
}

static void the_end_is_that_of_the_servers_own(void **state)
{
    static const struct zn_certificate others[] = {
        {.expires = {"2020-01-01 00:00:00 GMT", 23}},
        {.expires = {NULL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        struct zn_chain chain = {0};
        take(&chain, "CN=server", "CN=Root");
        zn_chain_add(&chain, &others[i]);
        assert_int_equal(chain.expires_s, NOVEMBER_6);
    }
}

/* --- lines ---------------------------------------------------------------------------------- */

static void lines_fill_a_certificate(void **state)
{
    static const char *const lines[] = {
        "",
        ":",
        "Subject",
        "Version:2",
        "Start date:today",
        "Subject:CN = a:b",
        "ISSUER:CN = c",
        "Expire Date:tomorrow",
        "X509v3 Subject Key Identifier:DA:9B",
    };
    struct zn_certificate certificate = {0};

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        zn_certificate_take_line(&certificate, zn_span_of(lines[i]));
    assert_true(zn_span_equal(certificate.subject, ZN_SPAN("CN = a:b")));
    assert_true(zn_span_equal(certificate.issuer, ZN_SPAN("CN = c")));
    assert_true(zn_span_equal(certificate.expires, ZN_SPAN("tomorrow")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_read_as_openssl_or_libcurl_writes_it),
        cmocka_unit_test(people_call_a_holder_by_the_common_name),
        cmocka_unit_test(a_chain_names_server_and_authorities),
        cmocka_unit_test(newer_certificates_have_no_name_of_their_own),
        cmocka_unit_test(names_that_do_not_fit_are_left_out),
        cmocka_unit_test(the_end_is_that_of_the_servers_own),
        cmocka_unit_test(lines_fill_a_certificate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
