/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <curl/curl.h>

#include "check.h"
#include "core/url.h"
#include "memory.h"

static enum zn_status parse(const char *text, bool allow_http, struct zn_url *ret,
                            struct zn_error *error)
{
    return zn_url_parse(zn_span_of(text), allow_http, ret, error);
}

/* --- what comes out ------------------------------------------------------------------------- */

static void urls_are_normalised(void **state)
{
    static const struct {
        const char *text;
        const char *normalised;
    } rows[] = {
        {"https://zenml.example", "https://zenml.example"},
        {"https://zenml.example/", "https://zenml.example"},
        {"https://zenml.example////", "https://zenml.example"},
        {"HTTPS://ZenML.Example", "https://zenml.example"},
        {"https://zenml.example/Prefix", "https://zenml.example/Prefix"},
        {"https://zenml.example/a/b//", "https://zenml.example/a/b"},
        {"https://zenml.example/a//b", "https://zenml.example/a//b"},
        {"https://zenml.example/a/../b", "https://zenml.example/b"},
        {"https://zenml.example/a/./b", "https://zenml.example/a/b"},
        {"https://zenml.example/../..", "https://zenml.example"},
        {"https://zenml.example:8443", "https://zenml.example:8443"},
        {"https://zenml.example:8443/x/", "https://zenml.example:8443/x"},
        {"https://zenml.example:443", "https://zenml.example:443"},
        {"https://zenml.example:08443", "https://zenml.example:8443"},
        {"https://zenml.example:", "https://zenml.example"},
        {"https://zenml.example:65535", "https://zenml.example:65535"},
        {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
        {"https://under_score.example", "https://under_score.example"},
        {"https://192.0.2.7", "https://192.0.2.7"},
        {"https://192.0.2.7:8080/x", "https://192.0.2.7:8080/x"},
        {"https://[2001:db8::7]", "https://[2001:db8::7]"},
        {"https://[2001:DB8::7]:8080", "https://[2001:db8::7]:8080"},
        {"https://[0:0:0:0:0:0:0:1]", "https://[::1]"},
        {"https://0x7f000001", "https://127.0.0.1"},
        {"https://2130706433", "https://127.0.0.1"},
        {"https://127.1", "https://127.0.0.1"},
        {"https://0177.0.0.1", "https://127.0.0.1"},
        {"https://localhost:8237", "https://localhost:8237"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_url url = {0};
        struct zn_error error = {0};
        CHECK_ROW(rows[i].text, parse(rows[i].text, false, &url, &error) == ZN_OK);
        CHECK_ROW_TEXT(rows[i].text, url.text, rows[i].normalised);
        CHECK_ROW(rows[i].text, !url.is_http);
    }
}

static void a_normalised_url_stays_as_it_is(void **state)
{
    struct zn_url once = {0};
    struct zn_url twice = {0};
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse("HTTPS://Zen.Example:08443/A/../b/", false, &once, &error), ZN_OK);
    assert_int_equal(parse(once.text, false, &twice, &error), ZN_OK);
    assert_string_equal(once.text, twice.text);
}

/* --- what is refused ------------------------------------------------------------------------ */

static const struct {
    const char *text;
    const char *word;
} REFUSALS[] = {
    {"", "empty"},
    {"zenml.example", "begin with https"},
    {"zenml.example:8080", "begin with https"},
    {"localhost:8080", "begin with https"},
    {"//zenml.example", "begin with https"},
    {"/api/v1", "begin with https"},
    {"https://", "cannot be read"},
    {"https:zenml.example", "begin with https"},
    {"https:////zenml.example", "cannot be read"},
    {"https://zenml.example:65536", "cannot be read"},
    {"https://zenml.example:-1", "cannot be read"},
    {"https://zenml.example:+80", "cannot be read"},
    {"https://zenml.example:http", "cannot be read"},
    {"https://zenml.example:80:80", "cannot be read"},
    {"https://[::1", "cannot be read"},
    {"https://::1", "cannot be read"},
    {"https://[::xyz]", "cannot be read"},
    {"https://evil%2Fzenml.example", "does not belong"},
    {"https://evil%40zenml.example", "does not belong"},
    {"https://zenml.example/a%2Fb", "does not belong"},
    {"https://exa%25mple.com", "does not belong"},
    {"https://a%ffb", "does not belong"},
    {"https://a|b.com", "does not belong"},
    {"https://evil%00zenml.example", "does not belong"},
    {"https://evil%0d%0azenml.example", "does not belong"},
    {"https://evil%3Fzenml.example", "does not belong"},
    {"https://zenml.example;x", "cannot be read"},
    {"https://zenml<x>.example", "cannot be read"},
    {"ftp://zenml.example", "https://"},
    {"file:///etc/passwd", "https://"},
    {"httpss://zenml.example", "https://"},
    {"http+unix://zenml.example", "https://"},
    {"https://ada@zenml.example", "user name or password"},
    {"https://ada:hunter2@zenml.example", "user name or password"},
    {"https://:hunter2@zenml.example", "user name or password"},
    {"https://zenml.example:443@evil.example", "user name or password"},
    {"https://ada%40zenml.example@evil.example", "does not belong"},
    {"https://zenml.example?x=1", "query or fragment"},
    {"https://zenml.example/?x=1", "query or fragment"},
    {"https://zenml.example/x?y", "query or fragment"},
    {"https://zenml.example/#login", "query or fragment"},
    {"https://zenml.example#x", "query or fragment"},
    {"https://zenml.example/?", "query or fragment"},
    {"https://zenml.example/#", "query or fragment"},
    {"https://zenml.example\\@evil.example", "backslash"},
    {"https:\\\\zenml.example", "backslash"},
    {" https://zenml.example", "blank"},
    {"https://zenml.example ", "blank"},
    {"https://zenml .example", "blank"},
    {"https://zenml.example\t", "control"},
    {"https://zen\tml.example", "control"},
    {"https://zenml.example\n", "control"},
    {"https://zenml.example\r\nHost: x", "control"},
    {"https://zenml.example/\x1b[2J", "control"},
    {"https://zenml.example/\x7f", "control"},
    {"https://b\xc3\xbc"
     "cher.example",
     "non-ASCII"},
    {"https://zenml.example/\xe2\x80\xae", "non-ASCII"},
    {"\"https://zenml.example\"", "quote"},
    {"'https://zenml.example'", "quote"},
    {"`https://zenml.example`", "quote"},
};

static void other_things_than_a_server_url_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(REFUSALS); i++) {
        struct zn_url url = {.text = "untouched"};
        struct zn_error error = {0};
        CHECK_ROW(REFUSALS[i].text, parse(REFUSALS[i].text, true, &url, &error) == ZN_CONFIG);
        CHECK_ROW(REFUSALS[i].text, error.status == ZN_CONFIG);
        CHECK_ROW_TEXT(REFUSALS[i].text, url.text, "untouched");
        if (strstr(error.detail, REFUSALS[i].word) == NULL)
            fail_msg("%s: \"%s\" is not in \"%s\"", REFUSALS[i].text, REFUSALS[i].word,
                     error.detail);
    }
}

static void a_nul_byte_is_refused(void **state)
{
    struct zn_url url = {0};
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(zn_url_parse(ZN_SPAN("https://zenml.example\0.evil"), true, &url, &error),
                     ZN_CONFIG);
}

/* Without its zone a link-local address is another one, and libcurl takes the zone off the host. */
static void an_address_with_a_zone_is_refused(void **state)
{
    static const char *const rows[] = {"https://[fe80::1%25eth0]", "https://[fe80::1%eth0]:8080",
                                       "http://[::1%25lo]"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_url url = {0};
        struct zn_error error = {0};
        CHECK_ROW(rows[i], parse(rows[i], true, &url, &error) == ZN_CONFIG);
    }
}

/* --- length --------------------------------------------------------------------------------- */

static enum zn_status parse_of_length(size_t len, struct zn_url *url, struct zn_error *error)
{
    static const char start[] = "https://zenml.example/";
    static char text[ZN_URL_MAX + 100];

    memset(text, 'p', sizeof(text));
    memcpy(text, start, sizeof(start) - 1);
    return zn_url_parse((struct zn_span){text, len}, false, url, error);
}

static void an_overlong_url_is_refused(void **state)
{
    struct zn_url url = {0};
    struct zn_error error = {0};

    (void)state;
    assert_int_equal(parse_of_length(ZN_URL_MAX, &url, &error), ZN_OK);
    assert_int_equal(strlen(url.text), ZN_URL_MAX);
    assert_int_equal(parse_of_length(ZN_URL_MAX + 1, &url, &error), ZN_CONFIG);
    assert_non_null(strstr(error.detail, "too long"));
}

static void an_overlong_host_is_refused(void **state)
{
    char text[400] = "https://";
    struct zn_url url = {0};
    struct zn_error error = {0};

    (void)state;
    memset(text + 8, 'h', 300);
    assert_int_equal(parse(text, false, &url, &error), ZN_CONFIG);
}

/* "https://1" becomes "https://0.0.0.1": what comes out may be longer than what went in. */
static void a_url_that_grows_beyond_the_maximum_is_refused(void **state)
{
    char text[ZN_URL_MAX + 1] = "https://1/";
    struct zn_url url = {.text = "untouched"};
    struct zn_error error = {0};

    (void)state;
    memset(text + 10, 'p', sizeof(text) - 11);
    assert_int_equal(strlen(text), ZN_URL_MAX);
    assert_int_equal(parse(text, false, &url, &error), ZN_CONFIG);
    assert_non_null(strstr(error.detail, "too long"));
    assert_string_equal(url.text, "untouched");
}

/* --- plain http ----------------------------------------------------------------------------- */

static void plain_http_goes_to_this_machine_only(void **state)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } rows[] = {
        {"http://localhost", true},
        {"http://LOCALHOST:8080/x", true},
        {"http://127.0.0.1", true},
        {"http://127.0.0.1:8080", true},
        {"http://127.1.2.3", true},
        {"http://127.255.255.255", true},
        {"http://[::1]", true},
        {"http://[::1]:8080", true},
        {"http://[0:0:0:0:0:0:0:1]", true},
        {"http://0x7f000001", true},
        {"http://2130706433", true},
        {"http://127.1", true},
        {"http://0177.0.0.1", true},
        {"http://zenml.example", false},
        {"http://127.evil.com", false},
        {"http://127.0.0.08", false},
        {"http://127.0.0.1.evil.com", false},
        {"http://127.0.0.evil", false},
        {"http://localhost.evil.com", false},
        {"http://evil-localhost", false},
        {"http://notlocalhost", false},
        {"http://128.0.0.1", false},
        {"http://126.255.255.255", false},
        {"http://10.0.0.127", false},
        {"http://1.0.0.127", false},
        {"http://0.0.0.0", false},
        {"http://[::]", false},
        {"http://[::2]", false},
        {"http://[1::1]", false},
        {"http://[::ffff:192.0.2.1]", false},
        {"http://3232235777", false},
        {"http://0x80000001", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_url url = {0};
        struct zn_error error = {0};
        const enum zn_status status = parse(rows[i].text, false, &url, &error);
        CHECK_ROW(rows[i].text, status == (rows[i].is_loopback ? ZN_OK : ZN_CONFIG));
        CHECK_ROW(rows[i].text, url.is_loopback == rows[i].is_loopback);
        CHECK_ROW(rows[i].text, url.is_http == rows[i].is_loopback);
        CHECK_ROW(rows[i].text, status == ZN_OK || strstr(error.detail, "plain http") != NULL);
        CHECK_ROW(rows[i].text, parse(rows[i].text, true, &url, &error) == ZN_OK);
        CHECK_ROW(rows[i].text, url.is_http && url.is_loopback == rows[i].is_loopback);
    }
}

/* Releases of libcurl differ in what they make of these; none of it is this machine. */
static void what_only_resembles_an_address_is_not_loopback(void **state)
{
    static const char *const rows[] = {"http://127.0.0.256", "http://127.0.0.1000",
                                       "http://127.0.0.0.1", "http://127.0.0.1x",
                                       "http://127.0.0.-1",  "http://127..0.1"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_url url = {0};
        struct zn_error error = {0};
        CHECK_ROW(rows[i], parse(rows[i], false, &url, &error) == ZN_CONFIG);
    }
}

/* --- memory --------------------------------------------------------------------------------- */

struct expectation {
    const char *text;
    const char *normalised; /* NULL: refused when there is memory */
};

/* libcurl allocates here too: a part of the URL that it cannot copy is not a part that is absent.
 */
static void parse_without_memory(void *ctx)
{
    const struct expectation *expected = ctx;
    struct zn_url url = {0};
    struct zn_error error = {0};
    const enum zn_status status = parse(expected->text, true, &url, &error);

    if (!memory_has_failed())
        CHECK_ROW(expected->text, (status == ZN_OK) == (expected->normalised != NULL));
    if (status != ZN_OK) {
        CHECK_ROW(expected->text, status == ZN_CONFIG || status == ZN_INTERNAL);
        CHECK_ROW(expected->text, error.status == status);
    } else {
        CHECK_ROW(expected->text, expected->normalised != NULL);
        CHECK_ROW_TEXT(expected->text, url.text, expected->normalised);
    }
}

static void without_memory_no_part_of_a_url_gets_lost(void **state)
{
    static struct expectation rows[] = {
        {"https://zenml.example/prefix/", "https://zenml.example/prefix"},
        {"https://zenml.example:8443/prefix", "https://zenml.example:8443/prefix"},
        {"http://127.1:8080/x", "http://127.0.0.1:8080/x"},
        {"https://ada@zenml.example", NULL},
        {"https://:hunter2@zenml.example", NULL},
        {"https://zenml.example/x?query", NULL},
        {"https://zenml.example/x#fragment", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t failures = memory_fail_each(parse_without_memory, &rows[i]);
        CHECK_ROW(rows[i].text, failures > 2 || rows[i].normalised == NULL);
    }
}

static char *duplicate(const char *text)
{
    char *copy = malloc(strlen(text) + 1);

    if (copy != NULL)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static int start(void **state)
{
    (void)state;
    return curl_global_init_mem(CURL_GLOBAL_NOTHING, malloc, free, realloc, duplicate, calloc) !=
           CURLE_OK;
}

static int finish(void **state)
{
    (void)state;
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_normalised),
        cmocka_unit_test(a_normalised_url_stays_as_it_is),
        cmocka_unit_test(other_things_than_a_server_url_are_refused),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(an_address_with_a_zone_is_refused),
        cmocka_unit_test(an_overlong_url_is_refused),
        cmocka_unit_test(an_overlong_host_is_refused),
        cmocka_unit_test(a_url_that_grows_beyond_the_maximum_is_refused),
        cmocka_unit_test(plain_http_goes_to_this_machine_only),
        cmocka_unit_test(what_only_resembles_an_address_is_not_loopback),
        cmocka_unit_test(without_memory_no_part_of_a_url_gets_lost),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
