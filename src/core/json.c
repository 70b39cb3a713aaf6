/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

/* struct zn_json is cJSON's node under a name of our own, so that cJSON stays in this file. */
static const cJSON *node(const struct zn_json *value)
{
    return (const cJSON *)(const void *)value;
}

static const struct zn_json *value_of(const cJSON *item)
{
    return (const struct zn_json *)(const void *)item;
}

static bool is_at(struct zn_span text, size_t at, const char *set)
{
    return at < text.len && text.ptr[at] != '\0' && strchr(set, text.ptr[at]) != NULL;
}

/* cJSON makes a NUL of \u0000, and of \u without four hexadecimal digits. */
static bool check_escape(struct zn_span text)
{
    if (!zn_span_starts_with(text, ZN_SPAN("\\u")))
        return true;
    if (zn_span_starts_with(text, ZN_SPAN("\\u0000")))
        return false;
    for (size_t i = 2; i < 6; i++)
        if (!is_at(text, i, "0123456789abcdefABCDEF"))
            return false;
    return true;
}

/* Steps over the string that begins at text[at], a quote. Returns the index behind it, or 0. */
static size_t scan_string(struct zn_span text, size_t at)
{
    for (at++; at < text.len; at++) {
        if (text.ptr[at] == '"')
            return at + 1;
        if ((unsigned char)text.ptr[at] < 0x20)
            return 0;
        if (text.ptr[at] == '\\') {
            if (!check_escape(zn_span_skip(text, at)))
                return 0;
            at++;
        }
    }
    return 0;
}

static size_t scan_digits(struct zn_span text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9')
        at++;
    return at;
}

/* Steps over the number that begins at text[at]. Returns the index behind it, or 0. */
static size_t scan_number(struct zn_span text, size_t at)
{
    const size_t first = is_at(text, at, "-") ? at + 1 : at;
    size_t end = scan_digits(text, first);

    if (end == first || (text.ptr[first] == '0' && end != first + 1))
        return 0;
    if (is_at(text, end, ".")) {
        const size_t fraction = end + 1;
        end = scan_digits(text, fraction);
        if (end == fraction)
            return 0;
    }
    if (is_at(text, end, "eE")) {
        const size_t exponent = end + (is_at(text, end + 1, "+-") ? 2 : 1);
        end = scan_digits(text, exponent);
        if (end == exponent)
            return 0;
    }
    return end;
}

/* What cJSON would let pass: control bytes, a byte-order mark, \u0000, depth, numbers like 01
 * and 1. */
static bool scan_text(struct zn_span text)
{
    int depth = 0;

    for (size_t at = 0; at < text.len;) {
        const char c = text.ptr[at];
        if (is_at(text, at, "\"-0123456789")) {
            at = c == '"' ? scan_string(text, at) : scan_number(text, at);
            if (at == 0)
                return false;
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        const bool printable = c >= 0x20 && c <= 0x7e;
        if (depth > ZN_JSON_DEPTH_MAX || !(printable || is_at(text, at, "\t\n\r")))
            return false;
        at++;
    }
    return true;
}

static bool is_blank(struct zn_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == 0 || strchr(" \t\n\r", text.ptr[i]) == NULL)
            return false;
    return true;
}

static bool has_duplicates(const cJSON *object)
{
    int members = 0;

    for (const cJSON *a = object->child; a != NULL; a = a->next) {
        if (++members > ZN_JSON_MEMBERS_MAX)
            return true;
        for (const cJSON *b = object->child; b != a; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return true;
    }
    return false;
}

/* Depth is bounded by scan_text, so recursion is too. */
static bool check_tree(const cJSON *item)
{
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
        return false;
    if (cJSON_IsObject(item) && has_duplicates(item))
        return false;
    for (const cJSON *child = item->child; child != NULL; child = child->next)
        if (!check_tree(child))
            return false;
    return true;
}

struct zn_json *zn_json_parse(struct zn_span text)
{
    const char *end = NULL;

    if (text.len == 0 || !scan_text(text) || !zn_text_is_utf8(text))
        return NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    struct zn_json *document = (struct zn_json *)(void *)root;
    if (root == NULL)
        return NULL;
    if (!check_tree(root) || !is_blank(zn_span_skip(text, (size_t)(end - text.ptr))))
        zn_json_free(&document);
    return document;
}

static void wipe_strings(cJSON *item)
{
    for (; item != NULL; item = item->next) {
        if (item->valuestring != NULL)
            explicit_bzero(item->valuestring, strlen(item->valuestring));
        wipe_strings(item->child);
    }
}

void zn_json_free(struct zn_json **document)
{
    cJSON *root = (cJSON *)(void *)*document;

    wipe_strings(root);
    cJSON_Delete(root);
    *document = NULL;
}

bool zn_json_is_object(const struct zn_json *value)
{
    return cJSON_IsObject(node(value));
}

bool zn_json_is_array(const struct zn_json *value)
{
    return cJSON_IsArray(node(value));
}

const struct zn_json *zn_json_member(const struct zn_json *object, const char *name)
{
    if (!zn_json_is_object(object))
        return NULL;
    return value_of(cJSON_GetObjectItemCaseSensitive(node(object), name));
}

const struct zn_json *zn_json_item(const struct zn_json *array, int index)
{
    if (!zn_json_is_array(array))
        return NULL;
    return value_of(cJSON_GetArrayItem(node(array), index));
}

bool zn_json_string(const struct zn_json *value, struct zn_span *ret)
{
    if (!cJSON_IsString(node(value)))
        return false;
    *ret = zn_span_of(node(value)->valuestring);
    return true;
}

bool zn_json_bool(const struct zn_json *value, bool *ret)
{
    if (!cJSON_IsBool(node(value)))
        return false;
    *ret = cJSON_IsTrue(node(value));
    return true;
}

bool zn_json_integer(const struct zn_json *value, long long *ret)
{
    static const double exact_max = 9007199254740992.0; /* 2^53 */

    if (!cJSON_IsNumber(node(value)))
        return false;
    const double number = node(value)->valuedouble;
    if (number < -exact_max || number > exact_max)
        return false;
    *ret = (long long)number;
    return true;
}

bool zn_json_write_string(struct zn_buf *out, struct zn_span text)
{
    static const char hex[] = "0123456789abcdef";
    bool ok = zn_buf_append_text(out, "\"");

    for (size_t i = 0; ok && i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        const char quoted[2] = {'\\', (char)c};
        const char escaped[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        if (c == '"' || c == '\\')
            ok = zn_buf_append(out, (struct zn_span){quoted, sizeof(quoted)});
        else if (c < 0x20 || c == 0x7f || c == '#')
            ok = zn_buf_append(out, (struct zn_span){escaped, sizeof(escaped)});
        else
            ok = zn_buf_append(out, (struct zn_span){text.ptr + i, 1});
    }
    return ok && zn_buf_append_text(out, "\"");
}
