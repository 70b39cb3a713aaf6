/*
 * JSON: any text is refused or read as RFC 8259 and json.h say; what is written can be read again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/json.h"
#include "fuzz.h"

#define EXACT_MAX (1LL << 53)

/* Members that the product asks for; the corpus uses them. */
static const char *const names[] = {"detail",       "msg",        "error", "error_description",
                                    "access_token", "token_type", "body",  "id",
                                    "name",         "key",        "exp",   ""};

static void require_written_and_read(struct zn_span text)
{
    struct zn_span again = {0};
    struct zn_buf out;

    zn_buf_init(&out, 8 * text.len + 2);
    REQUIRE(zn_json_write_string(&out, text));
    const struct zn_span written = zn_buf_span(&out);
    for (size_t i = 0; i < written.len; i++)
        REQUIRE((unsigned char)written.ptr[i] >= 0x20 && written.ptr[i] != '#');
    struct zn_json *document = zn_json_parse(written);
    REQUIRE(zn_json_string(document, &again) && zn_span_equal(again, text));
    zn_json_free(&document);
    zn_buf_clear(&out);
}

static void check_leaf(const struct zn_json *value)
{
    struct zn_span text = {0};
    long long number = 0;
    bool flag = false;
    const bool is_string = zn_json_string(value, &text);
    const bool is_integer = zn_json_integer(value, &number);

    REQUIRE(is_string + is_integer + zn_json_bool(value, &flag) + zn_json_is_object(value) +
                zn_json_is_array(value) <=
            1);
    REQUIRE(number >= -EXACT_MAX && number <= EXACT_MAX);
    if (is_string) {
        REQUIRE(zn_text_is_utf8(text) && memchr(text.ptr, '\0', text.len) == NULL);
        require_written_and_read(text);
    }
}

/* Walks through items, and members with known names, and checks what it finds. */
static void walk(const struct zn_json *value, int depth)
{
    REQUIRE(depth <= ZN_JSON_DEPTH_MAX + 1);
    check_leaf(value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct zn_json *member = zn_json_member(value, names[i]);
        REQUIRE(member == NULL || zn_json_is_object(value));
        if (member != NULL)
            walk(member, depth + 1);
    }
    for (int i = 0;; i++) {
        const struct zn_json *item = zn_json_item(value, i);
        REQUIRE(item == NULL || zn_json_is_array(value));
        if (item == NULL)
            break;
        walk(item, depth + 1);
    }
}

/* Whether `text` with something around it is a document. */
static bool is_document(const char *before, struct zn_span text, const char *after)
{
    struct zn_buf out;

    zn_buf_init(&out, text.len + 16);
    REQUIRE(zn_buf_append_text(&out, before) && zn_buf_append(&out, text) &&
            zn_buf_append_text(&out, after));
    struct zn_json *document = zn_json_parse(zn_buf_span(&out));
    const bool good = document != NULL;
    zn_json_free(&document);
    zn_buf_clear(&out);
    return good;
}

/* A NUL written as an escape would end a string early. */
static bool has_escaped_nul(struct zn_span text)
{
    for (; text.len > 0; text = zn_span_skip(text, text.ptr[0] == '\\' ? 2 : 1))
        if (zn_span_starts_with(text, ZN_SPAN("\\u0000")))
            return true;
    return false;
}

static void check_document(struct zn_span text, const struct zn_json *document)
{
    REQUIRE(zn_text_is_utf8(text));
    for (size_t i = 0; i < text.len; i++)
        REQUIRE((unsigned char)text.ptr[i] >= 0x20 || strchr("\t\n\r", text.ptr[i]) != NULL);
    REQUIRE(memchr(text.ptr, '\0', text.len) == NULL && !has_escaped_nul(text));
    walk(document, 1);
    REQUIRE(is_document(" \r\n\t", text, " \r\n\t"));
    REQUIRE(!is_document("", text, ",") && !is_document("", text, "]") &&
            !is_document("", text, " 0") && !is_document("\xef\xbb\xbf", text, ""));
    REQUIRE(!is_document("{\"a\":", text, ",\"a\":0}")); /* a duplicate */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zn_span text = fuzz_span(data, size);
    struct zn_json *document = zn_json_parse(text);

    if (document != NULL)
        check_document(text, document);
    zn_json_free(&document);
    REQUIRE(document == NULL);
    if (zn_text_is_utf8(text) && memchr(data, '\0', size) == NULL)
        require_written_and_read(text);
    return 0;
}
