/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/http.h"

#define EPOCH_2026 1767225600 /* Thu, 01 Jan 2026 00:00:00 GMT */

static void take(struct zn_reply *reply, const char *line)
{
    zn_reply_take_header(reply, zn_span_of(line));
}

static void an_empty_reply_has_no_header(void **state)
{
    struct zn_reply reply;

    (void)state;
    zn_reply_init(&reply);
    assert_int_equal(reply.status, 0);
    assert_false(reply.is_json);
    assert_int_equal(reply.date_s, 0);
    assert_int_equal(reply.retry_after_s, -1);
    assert_string_equal(reply.location, "");
    assert_int_equal(reply.body.cap, 256 * 1024);
}

static void clearing_a_reply_empties_all_of_it(void **state)
{
    struct zn_reply reply;

    (void)state;
    zn_reply_init(&reply);
    reply.status = 200;
    take(&reply, "Content-Type: application/json");
    take(&reply, "Date: Thu, 01 Jan 2026 00:00:00 GMT");
    take(&reply, "Retry-After: 5");
    take(&reply, "Location: https://elsewhere");
    assert_true(zn_buf_append_text(&reply.body, "{}"));
    zn_reply_clear(&reply);
    assert_int_equal(reply.status, 0);
    assert_false(reply.is_json);
    assert_int_equal(reply.date_s, 0);
    assert_int_equal(reply.retry_after_s, -1);
    assert_string_equal(reply.location, "");
    assert_null(reply.body.ptr);
    assert_int_equal(reply.body.cap, ZN_REPLY_BODY_MAX);
}

static void an_empty_request_is_a_get_with_capped_buffers(void **state)
{
    struct zn_request request = {.method = ZN_POST};

    (void)state;
    zn_request_init(&request);
    assert_int_equal(request.method, ZN_GET);
    assert_null(request.bearer);
    assert_int_equal(request.path.cap, 16 * 1024);
    assert_int_equal(request.body.cap, 16 * 1024);
    assert_true(zn_buf_append_text(&request.path, "/"));
    assert_true(zn_buf_append_text(&request.body, "a=b"));
    zn_request_clear(&request);
    assert_null(request.path.ptr);
    assert_null(request.body.ptr);
}

static void json_is_told_by_the_content_type(void **state)
{
    static const struct {
        const char *line;
        bool is_json;
    } rows[] = {
        {"Content-Type: application/json", true},
        {"Content-Type: application/json\r\n", true},
        {"content-type:application/json", true},
        {"CONTENT-TYPE: Application/JSON", true},
        {"Content-Type: \t application/json \t", true},
        {"Content-Type: application/json; charset=utf-8", true},
        {"Content-Type: application/json ;charset=utf-8", true},
        {"Content-Type: application/json;", true},
        {"Content-Type: text/html", false},
        {"Content-Type: text/html; charset=application/json", false},
        {"Content-Type: text/plain;application/json", false},
        {"Content-Type: application/jsonp", false},
        {"Content-Type: application/json5", false},
        {"Content-Type: application/problem+json", false},
        {"Content-Type: application/json, text/html", false},
        {"Content-Type: json", false},
        {"Content-Type:", false},
        {"Content-Type", false},
        {"X-Content-Type: application/json", false},
        {"Content-Type2: application/json", false},
        {" Content-Type: application/json", false},
        {"Content-Type : application/json", false},
        {": application/json", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        zn_reply_init(&reply);
        take(&reply, rows[i].line);
        CHECK_ROW(rows[i].line, reply.is_json == rows[i].is_json);
    }
}

static void a_date_is_an_imf_fixdate_after_1970(void **state)
{
    static const struct {
        const char *line;
        int64_t date_s;
    } rows[] = {
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
        {"date:Sun, 06 Nov 1994 08:49:37 GMT\r\n", 784111777},
        {"Date: Thu, 01 Jan 1970 00:00:01 GMT", 1},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", EPOCH_2026},
        {"Date: Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
        {"Date: Wed, 01 Mar 2000 00:00:00 GMT", 951868800},
        {"Date: Mon, 31 Dec 2029 23:59:59 GMT", 1893455999},
        {"Date: Sun, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Date: Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, /* a leap second */
        {"Date: Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
        {"Date: Sunday, 06-Nov-94 08:49:37 GMT", 0}, /* RFC 850, obsolete */
        {"Date: Sun Nov  6 08:49:37 1994", 0},       /* asctime, obsolete */
        {"Date: Sun, 06 Nov 1994 08:49:37 UTC", 0},
        {"Date: Sun, 06 Nov 1994 08:49:37 +00", 0},
        {"Date: Sun, 6 Nov 1994 08:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:49:37", 0},
        {"Date: Sun, 06 nov 1994 08:49:37 GMT", 0},
        {"Date: Sun, 06 Foo 1994 08:49:37 GMT", 0},
        {"Date: Sun, 06 anF 1994 08:49:37 GMT", 0},
        {"Date: Sun, 00 Nov 1994 08:49:37 GMT", 0},
        {"Date: Sun, 32 Nov 1994 08:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1969 08:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 24:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:60:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:49:61 GMT", 0},
        {"Date: Sun, -6 Nov 1994 08:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 199x 08:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 x8:49:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:4x:37 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:49:x7 GMT", 0},
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT and more", 0},
        {"Date: yesterday", 0},
        {"Date:", 0},
        {"Dates: Sun, 06 Nov 1994 08:49:37 GMT", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        zn_reply_init(&reply);
        take(&reply, rows[i].line);
        CHECK_ROW(rows[i].line, reply.date_s == rows[i].date_s);
    }
}

static void every_month_is_known(void **state)
{
    static const struct {
        const char *line;
        int days;
    } rows[] = {
        {"Date: Fri, 01 Jan 2027 00:00:00 GMT", 0},   {"Date: Mon, 01 Feb 2027 00:00:00 GMT", 31},
        {"Date: Mon, 01 Mar 2027 00:00:00 GMT", 59},  {"Date: Thu, 01 Apr 2027 00:00:00 GMT", 90},
        {"Date: Sat, 01 May 2027 00:00:00 GMT", 120}, {"Date: Tue, 01 Jun 2027 00:00:00 GMT", 151},
        {"Date: Thu, 01 Jul 2027 00:00:00 GMT", 181}, {"Date: Sun, 01 Aug 2027 00:00:00 GMT", 212},
        {"Date: Wed, 01 Sep 2027 00:00:00 GMT", 243}, {"Date: Fri, 01 Oct 2027 00:00:00 GMT", 273},
        {"Date: Mon, 01 Nov 2027 00:00:00 GMT", 304}, {"Date: Wed, 01 Dec 2027 00:00:00 GMT", 334},
    };
    const int64_t start_s = EPOCH_2026 + 365 * 86400;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        zn_reply_init(&reply);
        take(&reply, rows[i].line);
        CHECK_ROW(rows[i].line, reply.date_s == start_s + rows[i].days * 86400);
    }
}

static void retry_after_is_seconds_or_a_date_behind_date(void **state)
{
    static const struct {
        const char *date; /* NULL: no Date header */
        const char *line;
        int64_t retry_after_s;
    } rows[] = {
        {NULL, "Retry-After: 120", 120},
        {NULL, "retry-after:0\r\n", 0},
        {NULL, "Retry-After: \t 7 ", 7},
        {NULL, "Retry-After: 999999999999999", 999999999999999},
        {NULL, "Retry-After: 1000000000000000", -1},
        {NULL, "Retry-After: -5", -1},
        {NULL, "Retry-After: +5", -1},
        {NULL, "Retry-After: 1.5", -1},
        {NULL, "Retry-After: 5s", -1},
        {NULL, "Retry-After: soon", -1},
        {NULL, "Retry-After:", -1},
        {NULL, "Retry-After: Thu, 01 Jan 2026 00:00:30 GMT", -1},
        {"Date: garbage", "Retry-After: Thu, 01 Jan 2026 00:00:30 GMT", -1},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After: Thu, 01 Jan 2026 00:00:30 GMT", 30},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After: Thu, 01 Jan 2026 00:00:00 GMT", 0},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After: Wed, 31 Dec 2025 23:00:00 GMT", 0},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After: tomorrow", -1},
        {"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Retry-After: 9", 9},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_reply reply;
        zn_reply_init(&reply);
        if (rows[i].date != NULL)
            take(&reply, rows[i].date);
        take(&reply, rows[i].line);
        CHECK_ROW(rows[i].line, reply.retry_after_s == rows[i].retry_after_s);
    }
}

static void location_is_made_safe_and_cut_to_fit(void **state)
{
    char line[600] = "Location: ";
    struct zn_reply reply;

    (void)state;
    zn_reply_init(&reply);
    take(&reply, "location: https://elsewhere/a?b \r\n");
    assert_string_equal(reply.location, "https://elsewhere/a?b");
    take(&reply, "Location: ::error::\x1b[2J\tx");
    assert_string_equal(reply.location, ":.error:.?[2J?x");
    memset(line + 10, 'x', sizeof(line) - 11);
    take(&reply, line);
    assert_int_equal(strlen(reply.location), sizeof(reply.location) - 1);
    take(&reply, "Location: /last");
    assert_string_equal(reply.location, "/last");
}

static void unknown_and_malformed_lines_change_nothing(void **state)
{
    static const char *const lines[] = {
        "",
        "\r\n",
        "HTTP/1.1 200 OK\r\n",
        "Server: uvicorn",
        "X-Date: Sun, 06 Nov 1994 08:49:37 GMT",
        "no colon at all",
        ":",
        "Content-Type",
        "Date",
        "Retry-After",
        "Location",
    };
    struct zn_reply reply;

    (void)state;
    zn_reply_init(&reply);
    take(&reply, "Content-Type: application/json");
    take(&reply, "Date: Thu, 01 Jan 2026 00:00:00 GMT");
    take(&reply, "Retry-After: 5");
    take(&reply, "Location: /there");
    for (size_t i = 0; i < COUNT(lines); i++) {
        take(&reply, lines[i]);
        CHECK_ROW(lines[i], reply.is_json);
        CHECK_ROW(lines[i], reply.date_s == EPOCH_2026);
        CHECK_ROW(lines[i], reply.retry_after_s == 5);
        CHECK_ROW_TEXT(lines[i], reply.location, "/there");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_reply_has_no_header),
        cmocka_unit_test(clearing_a_reply_empties_all_of_it),
        cmocka_unit_test(an_empty_request_is_a_get_with_capped_buffers),
        cmocka_unit_test(json_is_told_by_the_content_type),
        cmocka_unit_test(a_date_is_an_imf_fixdate_after_1970),
        cmocka_unit_test(every_month_is_known),
        cmocka_unit_test(retry_after_is_seconds_or_a_date_behind_date),
        cmocka_unit_test(location_is_made_safe_and_cut_to_fit),
        cmocka_unit_test(unknown_and_malformed_lines_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
