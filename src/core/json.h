/*
 * json - strict reading of JSON, and writing of JSON strings. The only user of cJSON.
 *
 * A document is taken whole or not at all: RFC 8259 text in UTF-8, nothing after it, at most 16
 * levels deep, no raw control bytes, no \u0000, no duplicate member names, no infinite numbers.
 * Names are compared byte for byte. cJSON alone is laxer on each of these points.
 *
 * Layer 1. SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_CORE_JSON_H
#define ZN_CORE_JSON_H

#include "text.h"

#define ZN_JSON_DEPTH_MAX   16
#define ZN_JSON_MEMBERS_MAX 512 /* in one object; bounds the search for duplicates */

/* A parsed document or a value inside one; values are borrowed from their document. */
struct zn_json;

/*
 * Parses all of `text`. Returns the document, or NULL when the text is not acceptable or memory is
 * short. The caller ends it with zn_json_free.
 */
ZN_MUST_CHECK struct zn_json *zn_json_parse(struct zn_span text);

/* Wipes every string of the document (one may be a token), frees it and sets `*document` NULL. */
void zn_json_free(struct zn_json **document);

/* True when `value` is a JSON object, or array. False for NULL. */
bool zn_json_is_object(const struct zn_json *value);
bool zn_json_is_array(const struct zn_json *value);

/* The member of that name; NULL when absent, or when `object` is NULL or no object. */
const struct zn_json *zn_json_member(const struct zn_json *object, const char *name);

/* The item at `index` from 0; NULL when there is none, or when `array` is NULL or no array. */
const struct zn_json *zn_json_item(const struct zn_json *array, int index);

/* The bytes of a string value. False, and `*ret` untouched, for NULL and other types. */
ZN_MUST_CHECK bool zn_json_string(const struct zn_json *value, struct zn_span *ret);

/* The value of true or false. False, and `*ret` untouched, for NULL and other types. */
ZN_MUST_CHECK bool zn_json_bool(const struct zn_json *value, bool *ret);

/* The whole part of a number up to 2^53, cut towards zero. False, and `*ret` untouched, for NULL
 * and other values. */
ZN_MUST_CHECK bool zn_json_integer(const struct zn_json *value, long long *ret);

/*
 * Appends `text` as a JSON string with its quotes. "#" is written as \u0023, since CI runners find
 * commands ("##[", "##vso[") anywhere in a line. False when the buffer refuses it.
 */
ZN_MUST_CHECK bool zn_json_write_string(struct zn_buf *out, struct zn_span text);

#endif
