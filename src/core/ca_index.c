/* SPDX-License-Identifier: Apache-2.0 */
#include "ca_index.h"

#include <stdlib.h>
#include <string.h>

/* --- base64 --------------------------------------------------------------------------------- */

/* One more than the value of a digit (RFC 4648 section 4), or than BLANK or PADDING; else 0. */
static const unsigned char values[256] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  66, 66, 0,  0,  66, 0,  0,  /* 0x00 */
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  /* 0x10 */
    66, 0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  63, 0,  0,  0,  64, /* 0x20 */
    53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0,  0,  0,  67, 0,  0,  /* 0x30 */
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, /* 0x40 */
    16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 0,  0,  0,  0,  0,  /* 0x50 */
    0,  27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, /* 0x60 */
    42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 0,  0,  0,  0,  0,  /* 0x70 */
};

enum { DIGIT_MAX = 63, BLANK = 65, PADDING = 66 };

/* Above DIGIT_MAX for what is no digit. */
static unsigned value_of(char c)
{
    return values[(unsigned char)c] - 1U;
}

static void skip_blanks(struct zn_span *text)
{
    while (text->len > 0 && value_of(text->ptr[0]) == BLANK)
        *text = zn_span_skip(*text, 1);
}

static void put_group(unsigned char *out, unsigned bits)
{
    out[0] = (unsigned char)(bits >> 16);
    out[1] = (unsigned char)(bits >> 8);
    out[2] = (unsigned char)bits;
}

/*
 * Takes four characters off the text, between which there may be blanks, and of which the last ones
 * may be padding. Returns the number of bytes in them; 0, and the text as it was, when there are
 * none.
 */
static size_t decode_group(struct zn_span *text, unsigned char *out)
{
    struct zn_span rest = *text;
    unsigned bits = 0;
    size_t padding = 0;

    for (size_t i = 0; i < 4; i++) {
        skip_blanks(&rest);
        const unsigned value = rest.len > 0 ? value_of(rest.ptr[0]) : BLANK;
        if (value == PADDING && i >= 2)
            padding++;
        else if (value > DIGIT_MAX || padding > 0)
            return 0;
        bits = bits << 6 | (value & DIGIT_MAX);
        rest = zn_span_skip(rest, 1);
    }
    put_group(out, bits);
    *text = rest;
    return 3 - padding;
}

/* Takes off as many groups of four digits in a row as make up to `wanted` bytes, and two more. */
static size_t decode_digits(struct zn_span *text, unsigned char *out, size_t wanted)
{
    size_t at = 0;
    size_t len = 0;

    for (; len < wanted && text->len - at >= 4; at += 4, len += 3) {
        const char *group = text->ptr + at;
        const unsigned a = value_of(group[0]), b = value_of(group[1]);
        const unsigned c = value_of(group[2]), d = value_of(group[3]);
        if ((a | b | c | d) > DIGIT_MAX)
            break;
        put_group(out + len, a << 18 | b << 12 | c << 6 | d);
    }
    *text = zn_span_skip(*text, at);
    return len;
}

/*
 * Takes `wanted` bytes off the text, or up to two more. Returns their number: less at the end of
 * the text, or in front of what is not base64.
 */
static size_t decode(struct zn_span *text, unsigned char *out, size_t wanted)
{
    size_t len = decode_digits(text, out, wanted);

    while (len < wanted) {
        const size_t count = decode_group(text, out + len);
        len += count;
        if (count < 3)
            break;
        len += decode_digits(text, out + len, len < wanted ? wanted - len : 0);
    }
    return len;
}

/* Decodes all of the text. False when it is not base64, or the buffer fails. */
static bool decode_all(struct zn_span text, struct zn_buf *der)
{
    unsigned char chunk[1023 + 2]; /* a multiple of 3: less of it is the end */
    size_t len = 0;

    do {
        len = decode(&text, chunk, 1023);
        if (!zn_buf_append(der, (struct zn_span){(const char *)chunk, len}))
            return false;
    } while (len == 1023);
    skip_blanks(&text);
    return text.len == 0;
}

/* --- DER ------------------------------------------------------------------------------------ */

enum {
    INTEGER = 0x02,
    UTF8_STRING = 0x0c,
    PRINTABLE_STRING = 0x13,
    SEQUENCE = 0x30,
    VERSION = 0xa0
};

/* A certificate as far as it has been decoded. */
struct reader {
    struct zn_span text; /* base64 that follows */
    const unsigned char *der;
    size_t len;
    unsigned char *room; /* for ZN_CA_SUBJECT_END_MAX + 2 bytes, where `der` is; NULL: no text */
};

/* One element, by offsets into the DER: its header, its value, and what is behind it. */
struct element {
    size_t at;
    size_t value;
    size_t end;
};

/* True when the first `len` bytes can be read. */
static bool has(struct reader *reader, size_t len)
{
    if (len > reader->len && reader->room != NULL && len <= ZN_CA_SUBJECT_END_MAX)
        reader->len += decode(&reader->text, reader->room + reader->len, len - reader->len);
    return len <= reader->len;
}

/* Reads the header of the element at `at`. False when it is another one, or not DER. */
static bool read_header(struct reader *reader, unsigned char tag, size_t at, struct element *ret)
{
    if (!has(reader, at + 2) || reader->der[at] != tag)
        return false;
    size_t len = reader->der[at + 1];
    const size_t more = len > 0x80 ? len - 0x80 : 0; /* 0x80 itself: of indefinite length */
    if (len == 0x80 || more > 2 || !has(reader, at + 2 + more))
        return false;
    if (more > 0)
        len = reader->der[at + 2];
    if (more > 1)
        len = len << 8 | reader->der[at + 3];
    if ((more == 1 && len < 0x80) || (more == 2 && len < 0x100))
        return false;
    *ret = (struct element){at, at + 2 + more, at + 2 + more + len};
    return true;
}

/* Finds the subject (RFC 5280 section 4.1): it can be read, and lies within the certificate. */
static bool read_subject(struct reader *reader, struct element *ret_certificate,
                         struct zn_span *ret_subject)
{
    /* serial number, signature algorithm, issuer, validity, subject */
    static const unsigned char tags[] = {INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE};
    struct element whole, signed_part, part;

    if (!read_header(reader, SEQUENCE, 0, &whole) ||
        !read_header(reader, SEQUENCE, whole.value, &signed_part))
        return false;
    size_t at = signed_part.value;
    if (read_header(reader, VERSION, at, &part))
        at = part.end;
    for (size_t i = 0; i < sizeof(tags); i++) {
        if (!read_header(reader, tags[i], at, &part))
            return false;
        at = part.end;
    }
    if (part.end > signed_part.end || signed_part.end > whole.end || !has(reader, part.end))
        return false;
    *ret_certificate = whole;
    *ret_subject = (struct zn_span){(const char *)reader->der + part.at, part.end - part.at};
    return true;
}

/* --- names ---------------------------------------------------------------------------------- */

/* A Name is folded as bytes: what else becomes the same thereby, the TLS library tells apart. */
static unsigned char fold(char c)
{
    if (c == PRINTABLE_STRING)
        return UTF8_STRING;
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_same_name(struct zn_span a, struct zn_span b)
{
    size_t i = 0;

    if (a.len != b.len)
        return false;
    while (i < a.len && fold(a.ptr[i]) == fold(b.ptr[i]))
        i++;
    return i == a.len;
}

/* FNV-1a. Nothing but speed rests on it. */
static uint32_t hash_name(struct zn_span name)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ fold(name.ptr[i])) * 16777619U;
    return hash;
}

/* --- the index ------------------------------------------------------------------------------ */

static bool add_entry(struct zn_ca_index *index, struct zn_ca_entry entry)
{
    if (index->count == index->allocated) {
        const size_t allocated = index->allocated == 0 ? 256 : index->allocated * 2;
        struct zn_ca_entry *entries = realloc(index->entries, allocated * sizeof(*entries));
        if (entries == NULL)
            return false;
        index->entries = entries;
        index->allocated = allocated;
    }
    index->entries[index->count++] = entry;
    return true;
}

/* `room` has ZN_CA_SUBJECT_END_MAX + 2 bytes; here it would be set to zero for each certificate. */
static bool add_block(struct zn_ca_index *index, struct zn_span text, unsigned char *room)
{
    struct reader reader = {.text = text, .der = room, .room = room};
    struct element certificate;
    struct zn_span subject;

    if (!read_subject(&reader, &certificate, &subject))
        return true;
    return add_entry(index, (struct zn_ca_entry){text, hash_name(subject), false});
}

/* Passes over everything but hyphens, of which base64 has none. False when there are none. */
static bool skip_to_hyphen(struct zn_span *rest)
{
    const char *hyphen = rest->len > 0 ? memchr(rest->ptr, '-', rest->len) : NULL;

    if (hyphen == NULL)
        return false;
    *rest = zn_span_skip(*rest, (size_t)(hyphen - rest->ptr));
    return true;
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Takes a BEGIN line off `*rest`; false when it does not begin with one. */
static bool cut_begin(struct zn_span *rest)
{
    const struct zn_span begin = ZN_SPAN("-----BEGIN CERTIFICATE-----");
    struct zn_span line = *rest;

    if (!zn_span_starts_with(line, begin))
        return false;
    line = zn_span_skip(line, begin.len);
    while (line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        line = zn_span_skip(line, 1);
    if (line.len == 0 || !is_line_end(line.ptr[0]))
        return false;
    *rest = line;
    return true;
}

bool zn_ca_index_add_pem(struct zn_ca_index *index, struct zn_span pem)
{
    const struct zn_span end = ZN_SPAN("-----END CERTIFICATE-----");
    const char *beginning = pem.ptr; /* of the file, or behind an END */
    unsigned char room[ZN_CA_SUBJECT_END_MAX + 2];
    struct zn_span rest = pem;

    while (skip_to_hyphen(&rest)) {
        if ((rest.ptr != beginning && !is_line_end(rest.ptr[-1])) || !cut_begin(&rest)) {
            rest = zn_span_skip(rest, 1);
            continue;
        }
        struct zn_span text = rest;
        if (!skip_to_hyphen(&rest))
            break;
        text.len -= rest.len;
        if (!zn_span_starts_with(rest, end))
            continue;
        if (!add_block(index, text, room))
            return false;
        rest = zn_span_skip(rest, end.len);
        beginning = rest.ptr;
    }
    return true;
}

bool zn_ca_index_add_der(struct zn_ca_index *index, struct zn_span der)
{
    struct element certificate;
    struct zn_span subject;

    for (; der.len > 0; der = zn_span_skip(der, certificate.end)) {
        struct reader reader = {.der = (const unsigned char *)der.ptr, .len = der.len};
        if (!read_subject(&reader, &certificate, &subject) || certificate.end > der.len)
            break;
        const struct zn_span bytes = {der.ptr, certificate.end};
        if (!add_entry(index, (struct zn_ca_entry){bytes, hash_name(subject), true}))
            return false;
    }
    return true;
}

void zn_ca_index_clear(struct zn_ca_index *index)
{
    free(index->entries);
    *index = (struct zn_ca_index){0};
}

/* True when the buffer holds one certificate and nothing else, whose subject is `name`. */
static bool is_of(const struct zn_buf *der, struct zn_span name)
{
    struct reader reader = {.der = (const unsigned char *)der->ptr, .len = der->len};
    struct element certificate;
    struct zn_span subject;

    return read_subject(&reader, &certificate, &subject) && certificate.end == der->len &&
           is_same_name(subject, name);
}

enum zn_ca_answer zn_ca_index_find(const struct zn_ca_index *index, struct zn_span name, size_t *at,
                                   struct zn_buf *der)
{
    const uint32_t hash = hash_name(name);

    while (*at < index->count) {
        const struct zn_ca_entry *entry = &index->entries[(*at)++];
        if (entry->subject_hash != hash)
            continue;
        zn_buf_clear(der);
        const bool decoded =
            entry->is_der ? zn_buf_append(der, entry->bytes) : decode_all(entry->bytes, der);
        if (der->state == ZN_BUF_NO_MEMORY)
            return ZN_CA_NO_MEMORY;
        if (decoded && is_of(der, name))
            return ZN_CA_FOUND;
    }
    return ZN_CA_NONE;
}
