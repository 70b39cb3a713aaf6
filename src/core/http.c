/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <string.h>

#include "date.h"

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

static int64_t parse_retry_after(struct zn_span text, int64_t date_s)
{
    long long seconds = 0;

    if (zn_text_to_number(text, &seconds))
        return seconds;
    const int64_t until_s = zn_date_from_header(text);
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
        reply->date_s = zn_date_from_header(value);
    } else if (zn_text_equal_ignoring_case(name, ZN_SPAN("retry-after"))) {
        reply->retry_after_s = parse_retry_after(value, reply->date_s);
    } else if (zn_text_equal_ignoring_case(name, ZN_SPAN("location"))) {
        reply->location[0] = '\0';
        zn_text_append_safe(reply->location, sizeof(reply->location), value);
    }
}
