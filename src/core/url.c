/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <string.h>

#include <curl/curl.h>

#define WRITE_IT_AS "write it as https://HOST or https://HOST/PATH"

static enum zn_status refuse(struct zn_error *error, const char *why, const char *next)
{
    zn_error_set(error, ZN_CONFIG, "server URL: ", next);
    zn_error_add(error, why);
    return ZN_CONFIG;
}

/* True unless libcurl says, with `absent`, that the part is not there. */
static bool has_part(CURLU *handle, CURLUPart part, CURLUcode absent)
{
    char *value = NULL;
    const CURLUcode code = curl_url_get(handle, part, &value, 0);

    curl_free(value);
    return code != absent;
}

/*
 * Copies one part into a fixed array; an `optional` one that is absent leaves it as it is. False
 * when the part is too long, absent, or, which must not look like absent, memory is short.
 */
static bool get_part(CURLU *handle, CURLUPart part, CURLUcode optional, char *dst, size_t size)
{
    char *value = NULL;
    const CURLUcode code = curl_url_get(handle, part, &value, 0);
    const bool fits = code == CURLUE_OK && strlen(value) < size;

    if (fits)
        memcpy(dst, value, strlen(value) + 1);
    curl_free(value);
    return fits || (code != CURLUE_OK && code == optional);
}

static void lower_case(char *text)
{
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static bool is_loopback(const char *host)
{
    const struct zn_span name = zn_span_of(host);
    struct zn_span rest = name;
    const bool in_127 = zn_span_equal(zn_span_cut(&rest, '.'), ZN_SPAN("127"));
    bool dotted = in_127;

    for (int i = 1; i < 4; i++) {
        const struct zn_span octet = zn_span_cut(&rest, '.');
        long long number = 256;
        dotted = dotted && zn_text_to_number(octet, &number) && number < 256 &&
                 (octet.len == 1 || octet.ptr[0] != '0'); /* 08 is a name to some resolvers */
    }
    return (dotted && rest.ptr == NULL) || zn_span_equal(name, ZN_SPAN("localhost")) ||
           zn_span_equal(name, ZN_SPAN("[::1]"));
}

/* Puts the checked parts together again: that, and not the text given, is what is used. */
static enum zn_status assemble(CURLU *handle, struct zn_url *url, struct zn_error *error)
{
    char host[256] = "";
    char path[ZN_URL_MAX] = "";
    char port[8] = "";
    struct zn_buf out;
    enum zn_status status = ZN_CONFIG;

    zn_buf_init(&out, ZN_URL_MAX);
    if (!get_part(handle, CURLUPART_HOST, CURLUE_OK, host, sizeof(host)) ||
        !get_part(handle, CURLUPART_PATH, CURLUE_OK, path, sizeof(path)) ||
        !get_part(handle, CURLUPART_PORT, CURLUE_NO_PORT, port, sizeof(port)))
        return refuse(error, "its host, port or path is missing or too long", WRITE_IT_AS);
    lower_case(host);
    for (size_t len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';

    if (zn_buf_append_text(&out, url->is_http ? "http://" : "https://") &&
        zn_buf_append_text(&out, host) && zn_buf_append_text(&out, port[0] != '\0' ? ":" : "") &&
        zn_buf_append_text(&out, port) && zn_buf_append_text(&out, path)) {
        memcpy(url->text, out.ptr, out.len + 1);
        url->is_loopback = is_loopback(host);
        status = ZN_OK;
    } else {
        status = refuse(error, "it is too long", WRITE_IT_AS);
    }
    zn_buf_clear(&out);
    return status;
}

static enum zn_status check_parts(CURLU *handle, struct zn_url *url, struct zn_error *error)
{
    char scheme[8] = "";

    if (!get_part(handle, CURLUPART_SCHEME, CURLUE_OK, scheme, sizeof(scheme)) ||
        (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        return refuse(error, "it must begin with https://", WRITE_IT_AS);
    if (has_part(handle, CURLUPART_USER, CURLUE_NO_USER) ||
        has_part(handle, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD))
        return refuse(error, "it holds a user name or password", "leave only https://HOST/PATH");
    url->is_http = strcmp(scheme, "http") == 0;
    return assemble(handle, url, error);
}

/* libcurl decodes a host after it was checked: "%" must not get there. */
static bool holds_any(struct zn_span text, const char *characters)
{
    for (; *characters != '\0'; characters++)
        if (memchr(text.ptr, *characters, text.len) != NULL)
            return true;
    return false;
}

enum zn_status zn_url_parse(struct zn_span text, bool allow_http, struct zn_url *ret,
                            struct zn_error *error)
{
    struct zn_url url = {0};
    char copy[ZN_URL_MAX + 1];

    if (text.len == 0 || text.len > ZN_URL_MAX)
        return refuse(error, text.len == 0 ? "it is empty" : "it is too long", WRITE_IT_AS);
    if (text.ptr[0] == '$')
        return refuse(error, "it is the name of a variable, not its value",
                      "check that the variable is set, and that names are replaced here");
    if (memchr(text.ptr, '\r', text.len) == text.ptr + text.len - 1)
        return refuse(error, "it ends with a carriage return", "save the file with Unix line ends");
    if (holds_any(text, " ") && !holds_any(text, "\r\n"))
        return refuse(error, "it holds a blank", "remove the blank");
    if (!zn_text_is_graphic(text) || holds_any(text, "\\"))
        return refuse(error, "it holds a backslash, a control or non-ASCII character",
                      "write an international host name in its xn-- form");
    if (holds_any(text, "%|"))
        return refuse(error, "it holds a percent sign or a bar, which does not belong there",
                      WRITE_IT_AS);
    if (strchr("\"'`", text.ptr[0]) != NULL)
        return refuse(error, "it begins with a quote", "remove the quotes around it");
    if (holds_any(text, "?#"))
        return refuse(error, "it holds a query or fragment", "leave only https://HOST/PATH");
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';

    if (strstr(copy, "://") == NULL)
        return refuse(error, "it must begin with https://", WRITE_IT_AS);

    CURLU *handle = curl_url();
    if (handle == NULL)
        return zn_error_no_memory(error);
    enum zn_status status = ZN_CONFIG;
    if (curl_url_set(handle, CURLUPART_URL, copy, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        status = refuse(error, "it cannot be read", WRITE_IT_AS);
    else
        status = check_parts(handle, &url, error);
    curl_url_cleanup(handle);

    if (status == ZN_OK && url.is_http && !url.is_loopback && !allow_http)
        return refuse(error, "plain http would send the credential unprotected",
                      "use https, or --allow-http if the network itself is trusted");
    if (status == ZN_OK)
        *ret = url;
    return status;
}
