/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct zn_span zn_span_of(const char *text)
{
    return (struct zn_span){text, text == NULL ? 0 : strlen(text)};
}

bool zn_span_equal(struct zn_span a, struct zn_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool zn_span_starts_with(struct zn_span text, struct zn_span prefix)
{
    return text.len >= prefix.len && zn_span_equal((struct zn_span){text.ptr, prefix.len}, prefix);
}

struct zn_span zn_span_skip(struct zn_span text, size_t count)
{
    if (count >= text.len)
        return (struct zn_span){NULL, 0};
    return (struct zn_span){text.ptr + count, text.len - count};
}

struct zn_span zn_span_cut(struct zn_span *rest, char mark)
{
    struct zn_span head = *rest;
    const char *at = head.len == 0 ? NULL : memchr(head.ptr, mark, head.len);

    if (at == NULL) {
        *rest = (struct zn_span){NULL, 0};
        return head;
    }
    head.len = (size_t)(at - head.ptr);
    *rest = (struct zn_span){at + 1, rest->len - head.len - 1};
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct zn_span zn_span_trim(struct zn_span text)
{
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    for (; text.len > 0 && is_blank(text.ptr[0]); text.ptr++)
        text.len--;
    return text;
}

void zn_buf_init(struct zn_buf *buf, size_t cap)
{
    *buf = (struct zn_buf){.cap = cap};
}

static void release(struct zn_buf *buf)
{
    if (buf->ptr != NULL)
        explicit_bzero(buf->ptr, buf->allocated);
    free(buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
    buf->allocated = 0;
}

void zn_buf_clear(struct zn_buf *buf)
{
    release(buf);
    buf->state = ZN_BUF_GOOD;
}

static bool fail(struct zn_buf *buf, enum zn_buf_state why)
{
    release(buf);
    buf->state = why;
    return false;
}

/* realloc() would leave the old bytes behind unwiped. */
static bool grow(struct zn_buf *buf, size_t needed)
{
    size_t size = buf->allocated == 0 ? 64 : buf->allocated;
    while (size < needed)
        size *= 2;

    char *bigger = malloc(size);
    if (bigger == NULL)
        return fail(buf, ZN_BUF_NO_MEMORY);
    if (buf->ptr != NULL) {
        memcpy(bigger, buf->ptr, buf->len);
        explicit_bzero(buf->ptr, buf->allocated);
        free(buf->ptr);
    }
    buf->ptr = bigger;
    buf->allocated = size;
    return true;
}

bool zn_buf_reserve(struct zn_buf *buf, size_t len)
{
    if (buf->state != ZN_BUF_GOOD)
        return false;
    if (len > buf->cap)
        return fail(buf, ZN_BUF_OVER_CAP);
    return len + 1 <= buf->allocated || grow(buf, len + 1);
}

bool zn_buf_append(struct zn_buf *buf, struct zn_span bytes)
{
    if (buf->state != ZN_BUF_GOOD)
        return false;
    if (bytes.len > buf->cap - buf->len)
        return fail(buf, ZN_BUF_OVER_CAP);
    if (buf->len + bytes.len + 1 > buf->allocated && !grow(buf, buf->len + bytes.len + 1))
        return false;
    if (bytes.len > 0)
        memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    buf->ptr[buf->len] = '\0';
    return true;
}

bool zn_buf_append_text(struct zn_buf *buf, const char *text)
{
    return zn_buf_append(buf, zn_span_of(text));
}

bool zn_buf_append_number(struct zn_buf *buf, long long number)
{
    char digits[24];
    size_t at = sizeof(digits);
    unsigned long long rest =
        number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (number < 0)
        digits[--at] = '-';
    return zn_buf_append(buf, (struct zn_span){digits + at, sizeof(digits) - at});
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool zn_buf_append_percent(struct zn_buf *buf, struct zn_span bytes)
{
    static const char hex[] = "0123456789ABCDEF";
    bool ok = zn_buf_append(buf, ZN_SPAN(""));

    for (size_t i = 0; ok && i < bytes.len; i++) {
        const unsigned char c = (unsigned char)bytes.ptr[i];
        const char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
        const bool plain = is_alphanumeric((char)c) || (c != 0 && strchr("-._~", c) != NULL);
        ok = zn_buf_append(buf, plain ? (struct zn_span){bytes.ptr + i, 1}
                                      : (struct zn_span){escaped, sizeof(escaped)});
    }
    return ok;
}

struct zn_span zn_buf_span(const struct zn_buf *buf)
{
    return (struct zn_span){buf->ptr, buf->len};
}

bool zn_text_is_graphic(struct zn_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    return true;
}

/* Length in bytes of the UTF-8 sequence at the start of `text`, its code point; 0 when ill-formed.
 */
static size_t decode_utf8(struct zn_span text, uint32_t *ret_code)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char lead = (unsigned char)text.ptr[0];
    const size_t len = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = len == 1 ? lead : lead & (0xffU >> (len + 1));

    if (len == 0 || lead > 0xf4 || text.len < len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        const unsigned char next = (unsigned char)text.ptr[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3f);
    }
    if (code < smallest[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    *ret_code = code;
    return len;
}

static bool check_utf8(struct zn_span text, bool allow_control)
{
    while (text.len > 0) {
        uint32_t code = 0;
        const size_t len = decode_utf8(text, &code);
        const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
        if (len == 0 || (control && !allow_control))
            return false;
        text = zn_span_skip(text, len);
    }
    return true;
}

bool zn_text_is_printable(struct zn_span text)
{
    return check_utf8(text, false);
}

bool zn_text_is_utf8(struct zn_span text)
{
    return check_utf8(text, true);
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool zn_text_is_uuid(struct zn_span text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char c = lower(text.ptr[i]);
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}

bool zn_text_equal_ignoring_case(struct zn_span a, struct zn_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

bool zn_text_to_number(struct zn_span text, long long *ret_number)
{
    long long number = 0;

    if (text.len == 0 || text.len > 15)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (text.ptr[i] - '0');
    }
    *ret_number = number;
    return true;
}

void zn_text_append_safe(char *dst, size_t size, struct zn_span src)
{
    size_t len = strlen(dst);

    for (size_t i = 0; i < src.len && len + 1 < size; i++) {
        char c = src.ptr[i];
        if (c < 0x20 || c > 0x7e)
            c = '?';
        else if ((c == ':' || c == '#') && len > 0 && dst[len - 1] == c)
            c = '.';
        dst[len++] = c;
    }
    dst[len] = '\0';
}
