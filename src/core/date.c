/* SPDX-License-Identifier: Apache-2.0 */
#include "date.h"

/* A date and time as they are written, UTC. */
struct fields {
    long long year, month, day, hour, minute, second;
};

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

static bool read_number(struct zn_span text, size_t at, size_t len, long long *ret)
{
    return zn_text_to_number((struct zn_span){text.ptr + at, len}, ret);
}

/* "08:49:37" */
static bool read_time(struct zn_span text, size_t at, struct fields *ret)
{
    return text.ptr[at + 2] == ':' && text.ptr[at + 5] == ':' &&
           read_number(text, at, 2, &ret->hour) && read_number(text, at + 3, 2, &ret->minute) &&
           read_number(text, at + 6, 2, &ret->second);
}

static int64_t to_seconds(const struct fields *f)
{
    if (f->year < 1970 || f->month < 1 || f->month > 12 || f->day < 1 || f->day > 31 ||
        f->hour > 23 || f->minute > 59 || f->second > 60)
        return 0;
    return days_since_epoch(f->year, f->month, f->day) * 86400 + f->hour * 3600 + f->minute * 60 +
           f->second;
}

static bool ends_with(struct zn_span text, size_t at, struct zn_span end)
{
    return text.len == at + end.len && zn_span_equal(zn_span_skip(text, at), end);
}

int64_t zn_date_from_header(struct zn_span text)
{
    struct fields f = {0};

    if (!ends_with(text, 25, ZN_SPAN(" GMT")))
        return 0;
    f.month = month_number((struct zn_span){text.ptr + 8, 3});
    if (!read_number(text, 5, 2, &f.day) || !read_number(text, 12, 4, &f.year) ||
        !read_time(text, 17, &f))
        return 0;
    return to_seconds(&f);
}

/* "Nov  6 08:49:37 2026 GMT" */
static bool read_openssl(struct zn_span text, struct fields *ret)
{
    const size_t blank = text.len > 4 && text.ptr[4] == ' ' ? 1 : 0;

    if (!ends_with(text, 20, ZN_SPAN(" GMT")))
        return false;
    ret->month = month_number((struct zn_span){text.ptr, 3});
    return read_number(text, 4 + blank, 2 - blank, &ret->day) && read_time(text, 7, ret) &&
           read_number(text, 16, 4, &ret->year);
}

/* "2026-11-06 08:49:37 GMT" */
static bool read_curl(struct zn_span text, struct fields *ret)
{
    return ends_with(text, 19, ZN_SPAN(" GMT")) && text.ptr[4] == '-' && text.ptr[7] == '-' &&
           read_number(text, 0, 4, &ret->year) && read_number(text, 5, 2, &ret->month) &&
           read_number(text, 8, 2, &ret->day) && read_time(text, 11, ret);
}

int64_t zn_date_from_certificate(struct zn_span text)
{
    struct fields f = {0};

    return read_openssl(text, &f) || read_curl(text, &f) ? to_seconds(&f) : 0;
}
