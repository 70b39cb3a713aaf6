/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <string.h>

const char *zn_method_name(enum zn_method method)
{
    static const char *const names[] = {"GET", "POST", "DELETE"};
    return names[method];
}

void zn_request_init(struct zn_request *request)
{
    *request = (struct zn_request){0};
    zn_buf_init(&request->path, ZN_REQUEST_MAX);
    zn_buf_init(&request->body, ZN_REQUEST_MAX);
}

void zn_request_clear(struct zn_request *request)
{
    zn_buf_clear(&request->path);
    zn_buf_clear(&request->body);
}

void zn_reply_init(struct zn_reply *reply)
{
    *reply = (struct zn_reply){.retry_after_s = -1};
    zn_buf_init(&reply->body, ZN_REPLY_BODY_MAX);
}

void zn_reply_clear(struct zn_reply *reply)
{
    zn_buf_clear(&reply->body);
    zn_reply_init(reply);
}

static struct zn_span trim(struct zn_span text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
        text.len--;
    while (text.len > 0 && strchr(" \t", text.ptr[0]) != NULL)
        text = zn_span_skip(text, 1);
    return text;
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, by counting in years from March. */
static int64_t days_since_epoch(long long year, long long month, long long day)
{
    const long long y = month <= 2 ? year - 1 : year;
    const long long day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static long long month_number(struct zn_span name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (long long month = 0; month < 12; month++)
        if (zn_span_equal(name, (struct zn_span){names + 3 * month, 3}))
            return month + 1;
    return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" -> seconds since 1970; 0 when it is not of that form. */
static int64_t parse_date(struct zn_span text)
{
    long long day = 0, year = 0, hour = 0, minute = 0, second = 0;

    if (text.len != 29 || !zn_span_equal(zn_span_skip(text, 25), ZN_SPAN(" GMT")))
        return 0;
    const long long month = month_number((struct zn_span){text.ptr + 8, 3});
    if (month == 0 || !zn_text_to_number((struct zn_span){text.ptr + 5, 2}, &day) ||
        !zn_text_to_number((struct zn_span){text.ptr + 12, 4}, &year) ||
        !zn_text_to_number((struct zn_span){text.ptr + 17, 2}, &hour) ||
        !zn_text_to_number((struct zn_span){text.ptr + 20, 2}, &minute) ||
        !zn_text_to_number((struct zn_span){text.ptr + 23, 2}, &second))
        return 0;
    if (year < 1970 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return 0;
    return days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

static int64_t parse_retry_after(struct zn_span text, int64_t date_s)
{
    long long seconds = 0;

    if (zn_text_to_number(text, &seconds))
        return seconds;
    const int64_t until_s = parse_date(text);
    return until_s == 0 || date_s == 0 ? -1 : until_s > date_s ? until_s - date_s : 0;
}

static bool is_json_type(struct zn_span type)
{
    return zn_text_equal_ignoring_case(trim(zn_span_cut(&type, ';')), ZN_SPAN("application/json"));
}

void zn_reply_take_header(struct zn_reply *reply, struct zn_span line)
{
    const struct zn_span name = zn_span_cut(&line, ':');
    const struct zn_span value = trim(line);

    if (line.ptr == NULL) /* no colon */
        return;
    if (zn_text_equal_ignoring_case(name, ZN_SPAN("content-type"))) {
        reply->is_json = is_json_type(value);
    } else if (zn_text_equal_ignoring_case(name, ZN_SPAN("date"))) {
        reply->date_s = parse_date(value);
    } else if (zn_text_equal_ignoring_case(name, ZN_SPAN("retry-after"))) {
        reply->retry_after_s = parse_retry_after(value, reply->date_s);
    } else if (zn_text_equal_ignoring_case(name, ZN_SPAN("location"))) {
        reply->location[0] = '\0';
        zn_text_append_safe(reply->location, sizeof(reply->location), value);
    }
}
