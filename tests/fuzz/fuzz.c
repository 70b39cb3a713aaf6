/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
    abort();
}

struct zn_span fuzz_span(const uint8_t *data, size_t size)
{
    return (struct zn_span){(const char *)data, size};
}

struct zn_span fuzz_copy(struct zn_span part)
{
    char *copy = malloc(part.len); /* of 0 bytes: a block, too, of which none may be read */

    REQUIRE(copy != NULL);
    if (part.len > 0)
        memcpy(copy, part.ptr, part.len);
    return (struct zn_span){copy, part.len};
}

char *fuzz_string(struct zn_span part)
{
    char *copy = calloc(1, part.len + 1);

    REQUIRE(copy != NULL);
    if (part.len > 0)
        memcpy(copy, part.ptr, part.len);
    return copy;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct zn_span trim(struct zn_span text)
{
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = zn_span_skip(text, 1);
    return text;
}

bool fuzz_next_rule(struct zn_span *rest, struct zn_span *ret_key, struct zn_span *ret_value)
{
    while (rest->len > 0) {
        struct zn_span line = trim(zn_span_cut(rest, '\n'));
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        *ret_key = trim(zn_span_cut(&line, '='));
        *ret_value = trim(line);
        return true;
    }
    return false;
}

bool fuzz_is_safe(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at < 0x20 || *at > 0x7e)
            return false;
    return strstr(text, "::") == NULL && strstr(text, "##") == NULL;
}

bool fuzz_shows_credential(const char *text)
{
    return strstr(text, "ZENKEY_") != NULL || strstr(text, "eyJ") != NULL;
}

void fuzz_check_error(const struct zn_error *error, enum zn_status status)
{
    REQUIRE(status != ZN_OK && (unsigned)status < ZN_STATUS_COUNT);
    REQUIRE(error->status == status);
    REQUIRE(memchr(error->detail, '\0', sizeof(error->detail)) != NULL);
    REQUIRE(memchr(error->next, '\0', sizeof(error->next)) != NULL);
    REQUIRE(error->detail[0] != '\0');
    REQUIRE(fuzz_is_safe(error->detail) && fuzz_is_safe(error->next));
}

bool fuzz_is_filled(const void *memory, int byte, size_t size)
{
    const unsigned char *bytes = memory;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != byte)
            return false;
    return true;
}

void fuzz_read_reply(struct zn_span rest, struct zn_reply *reply)
{
    struct zn_span first = zn_span_cut(&rest, '\n');
    long long status = 0;

    zn_reply_init(reply);
    zn_span_cut(&first, ' ');
    first.len = first.len < 3 ? first.len : 3;
    if (zn_text_to_number(first, &status))
        reply->status = (int)status;
    while (rest.len > 0) {
        const struct zn_span line = zn_span_cut(&rest, '\n');
        if (line.len == 0 || line.ptr[0] == '\r')
            break;
        zn_reply_take_header(reply, line);
    }
    REQUIRE(memchr(reply->location, '\0', sizeof(reply->location)) != NULL);
    REQUIRE(fuzz_is_safe(reply->location) && reply->retry_after_s >= -1);
    if (rest.len <= ZN_REPLY_BODY_MAX)
        REQUIRE(zn_buf_append(&reply->body, rest));
}
