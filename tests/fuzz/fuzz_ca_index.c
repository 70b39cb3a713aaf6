/*
 * The index of certificates: any bytes are taken as a PEM file, and as a list in DER. It finds by
 * its subject each certificate that a second, slow and simple reading finds, and nothing else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "core/ca_index.h"
#include "fuzz.h"

#define CERTIFICATES_MAX 1024 /* more do not fit into an input */

struct certificate {
    struct zn_buf der;
    struct zn_span subject; /* in `der` */
};

struct bundle {
    struct certificate *certificates;
    size_t count;
};

/* --- the second reading: DER ---------------------------------------------------------------- */

/* Takes one element with this tag off `*rest`. False when there is none, or it is not DER. */
static bool take(struct zn_span *rest, int tag, struct zn_span *ret_whole,
                 struct zn_span *ret_value)
{
    const unsigned char *bytes = (const unsigned char *)rest->ptr;
    size_t header = 2;
    size_t len = rest->len < 2 ? 0 : bytes[1];

    if (rest->len < 2 || bytes[0] != tag || len == 0x80 || len > 0x82)
        return false;
    if (len > 0x80)
        header += len - 0x80;
    if (rest->len < header)
        return false;
    if (header == 3)
        len = bytes[2];
    if (header == 4)
        len = bytes[2] * 256U + bytes[3];
    if ((header == 3 && len < 0x80) || (header == 4 && len < 0x100) || rest->len - header < len)
        return false;
    *ret_whole = (struct zn_span){rest->ptr, header + len};
    *ret_value = (struct zn_span){rest->ptr + header, len};
    *rest = (struct zn_span){rest->ptr + header + len, rest->len - header - len};
    return true;
}

/* Takes one certificate off `*rest`. */
static bool take_certificate(struct zn_span *rest, struct zn_span *ret_whole,
                             struct zn_span *ret_subject)
{
    struct zn_span inner, part, value;

    if (!take(rest, 0x30, ret_whole, &value) || !take(&value, 0x30, &part, &inner))
        return false;
    (void)take(&inner, 0xa0, &part, &value);
    return take(&inner, 0x02, &part, &value) && take(&inner, 0x30, &part, &value) &&
           take(&inner, 0x30, &part, &value) && take(&inner, 0x30, &part, &value) &&
           take(&inner, 0x30, ret_subject, &value);
}

static bool has_early_subject(struct zn_span whole, struct zn_span subject)
{
    return (size_t)(subject.ptr + subject.len - whole.ptr) <= ZN_CA_SUBJECT_END_MAX;
}

/* Adds a copy, since the bytes may be of the stack. */
static void add(struct bundle *bundle, struct zn_span whole, struct zn_span subject)
{
    struct certificate *made = &bundle->certificates[bundle->count++];

    REQUIRE(bundle->count <= CERTIFICATES_MAX);
    zn_buf_init(&made->der, whole.len);
    REQUIRE(zn_buf_append(&made->der, whole));
    made->subject = (struct zn_span){made->der.ptr + (subject.ptr - whole.ptr), subject.len};
}

static void read_der_slowly(struct zn_span rest, struct bundle *bundle)
{
    struct zn_span whole, subject;

    while (take_certificate(&rest, &whole, &subject))
        add(bundle, whole, subject);
}

/* --- the second reading: PEM ---------------------------------------------------------------- */

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Decodes bit by bit. False when the text is not base64 with all of its padding. */
static bool decode_slowly(struct zn_span text, struct zn_buf *der)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t count = 0;
    size_t padding = 0;
    unsigned bits = 0;

    for (; text.len > 0; text = zn_span_skip(text, 1)) {
        const char c = text.ptr[0];
        if (is_one_of(c, " \t\r\n"))
            continue;
        if (c == '=' && (count % 4 == 3 || (count % 4 == 2 && padding < 2)) && padding < 2)
            padding++;
        else if (!is_one_of(c, digits) || padding > 0)
            return false;
        bits = bits << 6 | (c == '=' ? 0 : (unsigned)(strchr(digits, c) - digits));
        if (++count % 4 != 0)
            continue;
        const char bytes[] = {(char)(bits >> 16), (char)(bits >> 8), (char)bits};
        REQUIRE(zn_buf_append(der, (struct zn_span){bytes, 3 - padding}));
    }
    return count % 4 == 0;
}

static void add_block(struct bundle *bundle, struct zn_span text)
{
    struct zn_span whole, subject;
    struct zn_buf der;

    zn_buf_init(&der, text.len + 1);
    REQUIRE(zn_buf_append(&der, (struct zn_span){0}));
    if (decode_slowly(text, &der)) {
        struct zn_span rest = zn_buf_span(&der);
        if (take_certificate(&rest, &whole, &subject) && rest.len == 0 &&
            has_early_subject(whole, subject))
            add(bundle, whole, subject);
    }
    zn_buf_clear(&der);
}

static bool begins_with(struct zn_span pem, size_t at, const char *text)
{
    return zn_span_starts_with(zn_span_skip(pem, at), zn_span_of(text));
}

/* The index behind the BEGIN line at `at`; 0 when there is none. */
static size_t read_begin(struct zn_span pem, size_t at, size_t behind_end)
{
    const char begin[] = "-----BEGIN CERTIFICATE-----";

    if (!begins_with(pem, at, begin))
        return 0;
    if (at != 0 && at != behind_end && !is_one_of(pem.ptr[at - 1], "\r\n"))
        return 0;
    for (at += strlen(begin); at < pem.len && is_one_of(pem.ptr[at], " \t");)
        at++;
    return at < pem.len && is_one_of(pem.ptr[at], "\r\n") ? at : 0;
}

static void read_pem_slowly(struct zn_span pem, struct bundle *bundle)
{
    const char end[] = "-----END CERTIFICATE-----";
    size_t behind_end = 0;

    for (size_t at = 0; at < pem.len; at++) {
        const size_t first = read_begin(pem, at, behind_end);
        size_t last = first;
        if (first == 0)
            continue;
        while (last < pem.len && pem.ptr[last] != '-')
            last++;
        if (begins_with(pem, last, end)) {
            add_block(bundle, (struct zn_span){pem.ptr + first, last - first});
            behind_end = last += strlen(end);
        }
        at = last - 1;
    }
}

/* --- the comparison ------------------------------------------------------------------------- */

static char fold(char c)
{
    return (char)(c == 0x13 ? 0x0c : c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool is_same(struct zn_span a, struct zn_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i]))
            return false;
    return true;
}

/* Finds all certificates of that Name, one after the other. */
static void compare_one(const struct zn_ca_index *index, const struct bundle *bundle,
                        struct zn_span name)
{
    struct zn_buf der;
    size_t at = 0;

    zn_buf_init(&der, ZN_CA_CERTIFICATE_MAX);
    for (size_t i = 0; i < bundle->count; i++) {
        if (!is_same(bundle->certificates[i].subject, name))
            continue;
        REQUIRE(zn_ca_index_find(index, name, &at, &der) == ZN_CA_FOUND && at <= index->count);
        REQUIRE(zn_span_equal(zn_buf_span(&der), zn_buf_span(&bundle->certificates[i].der)));
    }
    REQUIRE(zn_ca_index_find(index, name, &at, &der) == ZN_CA_NONE && at == index->count);
    zn_buf_clear(&der);
}

static void compare(struct zn_ca_index *index, struct bundle *bundle)
{
    REQUIRE(index->count >= bundle->count);
    for (size_t i = 0; i < bundle->count; i++)
        compare_one(index, bundle, bundle->certificates[i].subject);
    compare_one(index, bundle, ZN_SPAN("\x30\x00"));
    zn_ca_index_clear(index);
    while (bundle->count > 0)
        zn_buf_clear(&bundle->certificates[--bundle->count].der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct zn_span bytes = fuzz_copy(fuzz_span(data, size));
    struct bundle bundle = {calloc(CERTIFICATES_MAX, sizeof(struct certificate)), 0};
    struct zn_ca_index index = {0};

    REQUIRE(bundle.certificates != NULL);
    REQUIRE(zn_ca_index_add_pem(&index, bytes));
    read_pem_slowly(bytes, &bundle);
    compare(&index, &bundle);

    REQUIRE(zn_ca_index_add_der(&index, bytes));
    read_der_slowly(bytes, &bundle);
    compare(&index, &bundle);
    free(bundle.certificates);
    free((void *)(uintptr_t)bytes.ptr);
    return 0;
}
