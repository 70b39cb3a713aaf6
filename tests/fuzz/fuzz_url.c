/*
 * Server URLs: refused, or written in one form that names nothing but a server and a path, and that
 * reads as itself.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/url.h"
#include "fuzz.h"

#define UNTOUCHED 0x5a

static bool holds_any(struct zn_span text, const char *set)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(set, text.ptr[i]) != NULL)
            return true;
    return false;
}

static bool is_same(const struct zn_url *a, const struct zn_url *b)
{
    return strcmp(a->text, b->text) == 0 && a->is_http == b->is_http &&
           a->is_loopback == b->is_loopback;
}

/* "localhost", "[::1]" or "127.", digits and dots; and perhaps a port. */
static bool is_loopback(struct zn_span authority)
{
    struct zn_span rest = authority;
    const struct zn_span host = zn_span_cut(&rest, ':');
    bool is_number = zn_span_starts_with(host, ZN_SPAN("127."));

    for (size_t i = 0; i < host.len; i++)
        is_number = is_number && strchr("0123456789.", host.ptr[i]) != NULL;
    return is_number || zn_span_equal(host, ZN_SPAN("localhost")) ||
           zn_span_starts_with(authority, ZN_SPAN("[::1]"));
}

/* What stands behind "https://" up to the path: the host and perhaps a port. */
static void check_authority(struct zn_span authority, const struct zn_url *url)
{
    REQUIRE(authority.len > 0);
    REQUIRE(!holds_any(authority, "@\\%<>\"'`{}^ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    if (url->is_loopback)
        REQUIRE(is_loopback(authority));
}

static void check_url(const struct zn_url *url)
{
    struct zn_url again = {0};
    struct zn_error error = {0};
    const struct zn_span text = zn_span_of(url->text);
    struct zn_span rest = zn_span_skip(text, url->is_http ? 7 : 8);

    REQUIRE(memchr(url->text, '\0', sizeof(url->text)) != NULL);
    REQUIRE(zn_text_is_graphic(text) && strpbrk(url->text, "?#\\") == NULL);
    REQUIRE(zn_span_starts_with(text, url->is_http ? ZN_SPAN("http://") : ZN_SPAN("https://")));
    REQUIRE(text.ptr[text.len - 1] != '/');
    check_authority(zn_span_cut(&rest, '/'), url);
    REQUIRE(zn_url_parse(text, true, &again, &error) == ZN_OK && is_same(&again, url));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zn_span text = fuzz_span(data, size);
    struct zn_url url, loose;
    struct zn_error error = {0};

    memset(&url, UNTOUCHED, sizeof(url));
    memset(&loose, UNTOUCHED, sizeof(loose));
    const enum zn_status status = zn_url_parse(text, false, &url, &error);
    if (status != ZN_OK) {
        REQUIRE(status == ZN_CONFIG && fuzz_is_filled(&url, UNTOUCHED, sizeof(url)));
        fuzz_check_error(&error, status);
    }
    const bool allowed = zn_url_parse(text, true, &loose, &error) == ZN_OK;
    REQUIRE(allowed || fuzz_is_filled(&loose, UNTOUCHED, sizeof(loose)));
    if (allowed) {
        REQUIRE(zn_text_is_graphic(text) && !holds_any(text, "?#\\"));
        check_url(&loose);
    }
    if (status == ZN_OK)
        REQUIRE(allowed && is_same(&url, &loose) && (!url.is_http || url.is_loopback));
    else
        REQUIRE(!allowed || (loose.is_http && !loose.is_loopback));
    return 0;
}
