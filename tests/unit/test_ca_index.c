/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "core/ca_index.h"
#include "memory.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

/* --- certificates of our own ---------------------------------------------------------------- */

enum { INTEGER = 0x02, BITS = 0x03, OID = 0x06, UTF8 = 0x0c, PRINTABLE = 0x13, SEQUENCE = 0x30 };
enum { SET = 0x31, VERSION = 0xa0, EXTENSIONS = 0xa3 };

static void put(struct zn_buf *out, struct zn_span bytes)
{
    assert_true(zn_buf_append(out, bytes));
}

static void put_byte(struct zn_buf *out, size_t byte)
{
    const char c = (char)byte;

    put(out, (struct zn_span){&c, 1});
}

static void put_header(struct zn_buf *out, int tag, size_t len)
{
    put_byte(out, (size_t)tag);
    if (len >= 0x80)
        put_byte(out, len >= 0x100 ? 0x82 : 0x81);
    if (len >= 0x100)
        put_byte(out, len >> 8);
    put_byte(out, len & 0xff);
}

/* Makes the bytes of the buffer the value of an element. */
static void wrap(struct zn_buf *buf, int tag)
{
    struct zn_buf whole;

    zn_buf_init(&whole, 1 << 20);
    put_header(&whole, tag, buf->len);
    put(&whole, zn_buf_span(buf));
    zn_buf_clear(buf);
    *buf = whole;
}

static void start(struct zn_buf *buf)
{
    zn_buf_init(buf, 1 << 20);
    assert_true(zn_buf_reserve(buf, 0)); /* so that its bytes are never NULL */
}

/* The Name of one commonName. */
static void make_name(struct zn_buf *name, int type, struct zn_span text)
{
    start(name);
    put_header(name, OID, 3);
    put(name, ZN_SPAN("\x55\x04\x03"));
    put_header(name, type, text.len);
    put(name, text);
    wrap(name, SEQUENCE);
    wrap(name, SET);
    wrap(name, SEQUENCE);
}

/* A certificate with this Name as subject and nothing but fillings around it. */
struct recipe {
    struct zn_span name;
    size_t issuer; /* bytes of filling */
    size_t rest;
    bool version_1;
};

static void put_filling(struct zn_buf *out, int tag, size_t len)
{
    put_header(out, tag, len);
    while (len-- > 0)
        put_byte(out, 0x5a);
}

static void make_certificate(struct zn_buf *der, const struct recipe *recipe)
{
    start(der);
    if (!recipe->version_1) {
        put_header(der, VERSION, 3);
        put(der, ZN_SPAN("\x02\x01\x02"));
    }
    put_filling(der, INTEGER, 16);
    put_filling(der, SEQUENCE, 10);
    put_filling(der, SEQUENCE, recipe->issuer);
    put_filling(der, SEQUENCE, 30);
    put(der, recipe->name);
    put_filling(der, EXTENSIONS, recipe->rest);
    wrap(der, SEQUENCE);
    put_filling(der, SEQUENCE, 10);
    put_filling(der, BITS, 40);
    wrap(der, SEQUENCE);
}

static void make_named(struct zn_buf *der, struct zn_buf *name, const char *text)
{
    make_name(name, UTF8, zn_span_of(text));
    make_certificate(der, &(struct recipe){.name = zn_buf_span(name), .issuer = 60, .rest = 300});
}

/* Base64 with `width` characters in a line, each followed by `line_end`. */
static void put_base64(struct zn_buf *out, struct zn_span der, size_t width, const char *line_end)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t groups = (der.len + 2) / 3;

    for (size_t i = 0; i < groups * 4; i++) {
        unsigned bits = 0;
        for (size_t j = 0; j < 3; j++) {
            const size_t at = i / 4 * 3 + j;
            bits = bits << 8 | (at < der.len ? (unsigned char)der.ptr[at] : 0);
        }
        const bool is_padding = i / 4 * 3 + i % 4 > der.len;
        put_byte(out, (size_t)(is_padding ? '=' : digits[bits >> (18 - i % 4 * 6) & 63]));
        if (i % width == width - 1 || i == groups * 4 - 1)
            assert_true(zn_buf_append_text(out, line_end));
    }
}

static void put_pem(struct zn_buf *out, struct zn_span der)
{
    assert_true(zn_buf_append_text(out, BEGIN "\n"));
    put_base64(out, der, 64, "\n");
    assert_true(zn_buf_append_text(out, END "\n"));
}

/* --- looking for them ----------------------------------------------------------------------- */

/* How many certificates the index has under the Name; all of them have to be `der`, if given. */
static size_t count_found(const struct zn_ca_index *index, struct zn_span name,
                          const struct zn_buf *der)
{
    size_t at = 0;
    size_t count = 0;
    struct zn_buf got;

    zn_buf_init(&got, ZN_CA_CERTIFICATE_MAX);
    while (zn_ca_index_find(index, name, &at, &got) == ZN_CA_FOUND) {
        count++;
        assert_true(at <= index->count);
        if (der != NULL)
            assert_true(zn_span_equal(zn_buf_span(&got), zn_buf_span(der)));
    }
    assert_int_equal(at, index->count);
    zn_buf_clear(&got);
    return count;
}

/* How many certificates of that Name are in the text, which lies in a block of its exact size. */
static size_t count_in_pem(struct zn_span pem, struct zn_span name, const struct zn_buf *der)
{
    struct zn_ca_index index = {0};
    char *exact = malloc(pem.len);

    assert_non_null(exact);
    memcpy(exact, pem.ptr, pem.len);
    assert_true(zn_ca_index_add_pem(&index, (struct zn_span){exact, pem.len}));
    const size_t count = count_found(&index, name, der);
    zn_ca_index_clear(&index);
    free(exact);
    return count;
}

/* How many certificates of that Name the bytes are found to be, as PEM and as DER. */
static size_t count_in_der(struct zn_span der, struct zn_span name)
{
    struct zn_ca_index index = {0};
    struct zn_buf pem;
    char *exact = malloc(der.len + 1); /* there is no block of 0 bytes with this allocator */

    assert_non_null(exact);
    memcpy(exact + 1, der.ptr, der.len);
    assert_true(zn_ca_index_add_der(&index, (struct zn_span){exact + 1, der.len}));
    const size_t count = count_found(&index, name, NULL);
    zn_ca_index_clear(&index);
    free(exact);
    start(&pem);
    put_pem(&pem, der);
    const size_t count_as_pem = count_in_pem(zn_buf_span(&pem), name, NULL);
    zn_buf_clear(&pem);
    return count + count_as_pem;
}

/* --- what OpenSSL made ---------------------------------------------------------------------- */

static void read_fixture(const char *name, const char *suffix, struct zn_buf *ret)
{
    char bytes[4096];
    size_t len = 0;

    snprintf(bytes, sizeof(bytes), "%s/%s%s", ZN_AUTHORITIES_DIR, name, suffix);
    FILE *file = fopen(bytes, "rb");
    assert_non_null(file);
    start(ret);
    while ((len = fread(bytes, 1, sizeof(bytes), file)) > 0)
        put(ret, (struct zn_span){bytes, len});
    fclose(file);
}

static void certificates_of_openssl_are_found_by_their_subjects(void **state)
{
    static const char *const names[] = {"ec", "pss", "long", "version-1"};
    struct zn_ca_index index = {0};
    struct zn_buf bundle;

    (void)state;
    read_fixture("bundle", ".pem", &bundle);
    assert_true(zn_ca_index_add_pem(&index, zn_buf_span(&bundle)));
    assert_int_equal(index.count, COUNT(names));
    for (size_t i = 0; i < COUNT(names); i++) {
        struct zn_buf der, name;
        read_fixture(names[i], ".der", &der);
        read_fixture(names[i], ".name", &name);
        CHECK_ROW(names[i], count_found(&index, zn_buf_span(&name), &der) == 1);
        CHECK_ROW(names[i], count_in_der(zn_buf_span(&der), zn_buf_span(&name)) == 2);
        zn_buf_clear(&der);
        zn_buf_clear(&name);
    }
    zn_ca_index_clear(&index);
    zn_buf_clear(&bundle);
}

/* --- forms of PEM --------------------------------------------------------------------------- */

/* '@' stands for the base64 of a certificate, in lines of 64; '%' for it in one line. */
static const struct {
    const char *form;
    size_t count;
} FORMS[] = {
    {BEGIN "\n@" END "\n", 1},
    {BEGIN "\n@" END, 1},
    {BEGIN "\n@" END "\n\n" BEGIN "\n@" END "\n", 2},
    {BEGIN "\n@" END BEGIN "\n@" END "\n", 2},
    {"\n\n" BEGIN " \t\r\n@" END " \n", 1},
    {BEGIN "\r%\r" END "\r" BEGIN "\r%\r" END "\r", 2},
    {BEGIN "\n%" END "\n", 1},
    {BEGIN "\n \n\t%\n \n" END "\n", 1},
    {"Subject: CN=a -- b\n-----\n" BEGIN "\n@" END "\nand so on\n", 1},
    {"# " BEGIN "\n" BEGIN "\n@" END "\n", 1},
    {"-----BEGIN TRUSTED CERTIFICATE-----\n@-----END TRUSTED CERTIFICATE-----\n", 0},
    {"-----BEGIN X509 CERTIFICATE-----\n@-----END X509 CERTIFICATE-----\n", 0},
    {"-----BEGIN RSA PRIVATE KEY-----\n@-----END RSA PRIVATE KEY-----\n" BEGIN "\n@" END "\n", 1},
    /* not a BEGIN line */
    {" " BEGIN "\n@" END "\n", 0},
    {"#" BEGIN "\n@" END "\n", 0},
    {"\xef\xbb\xbf" BEGIN "\n@" END "\n", 0},
    {"-" BEGIN "\n@" END "\n", 0},
    {BEGIN "%" END "\n", 0},
    {BEGIN "-\n%" END "\n", 0},
    {"-----BEGIN CERTIFICATE----\n@" END "\n", 0},
    {"-----begin certificate-----\n@" END "\n", 0},
    {"@" END "\n", 0},
    /* no END: what follows is found all the same */
    {BEGIN "\n@", 0},
    {BEGIN, 0},
    {BEGIN "\n", 0},
    {BEGIN "\n@-----END CERTIFICATE----", 0},
    {BEGIN "\n@-----END CERTIFICATE----\n" BEGIN "\n@" END "\n", 1},
    {BEGIN "\n@" BEGIN "\n@" END "\n", 1},
    {BEGIN "\n%" BEGIN "\n@" END "\n", 0},
    {BEGIN "\n" BEGIN "\n@" END "\n", 1},
    {BEGIN "\n@-----END RSA PRIVATE KEY-----\n" BEGIN "\n@" END "\n", 1},
    /* not base64, and not all of it */
    {BEGIN "\n" END "\n", 0},
    {BEGIN "\n\n\n" END "\n", 0},
    {BEGIN "\nProc-Type: 4,ENCRYPTED\n\n@" END "\n", 0},
    {BEGIN "\nComment: none\n\n@" END "\n", 0},
    {BEGIN "\n*@" END "\n", 0},
    {BEGIN "\n@*\n" END "\n", 0},
    {BEGIN "\n\xc3@" END "\n", 0},
    {BEGIN "\n=@" END "\n", 0},
    {BEGIN "\nA@" END "\n", 0},
    {BEGIN "\n@A" END "\n", 0},
    {BEGIN "\n@AAAA\n" END "\n", 0},
    {BEGIN "\n@=" END "\n", 0},
    {BEGIN "\n@====\n" END "\n", 0},
    {BEGIN "\n@A===\n" END "\n", 0},
    {BEGIN "\n@@" END "\n", 0},
    {BEGIN "\n*@" END "\n" BEGIN "\n@" END "\n", 1},
};

static void put_form(struct zn_buf *out, const char *form, struct zn_span der)
{
    for (const char *at = form; *at != '\0'; at++) {
        if (*at == '@')
            put_base64(out, der, 64, "\n");
        else if (*at == '%')
            put_base64(out, der, der.len * 2, "");
        else
            put_byte(out, (unsigned char)*at);
    }
}

/* With certificates that end in two, one and no characters of padding. */
static void each_form_of_pem_has_as_many_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(FORMS) * 3; i++) {
        const char *form = FORMS[i / 3].form;
        struct zn_buf name, der, pem;
        make_name(&name, UTF8, ZN_SPAN("A"));
        make_certificate(&der, &(struct recipe){zn_buf_span(&name), 60, 200 + i % 3, false});
        start(&pem);
        put_form(&pem, form, zn_buf_span(&der));
        const size_t count = count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), &der);
        if (count != FORMS[i / 3].count)
            fail_msg("%s: %zu certificates of %zu bytes", form, count, der.len);
        zn_buf_clear(&pem);
        zn_buf_clear(&name);
        zn_buf_clear(&der);
    }
}

static void lines_may_be_of_any_length(void **state)
{
    static const char *const line_ends[] = {"\n", "\r\n", "\r", " ", "\t \n"};
    struct zn_buf name, der;

    (void)state;
    make_named(&der, &name, "A");
    for (size_t width = 1; width < 100; width++)
        for (size_t i = 0; i < COUNT(line_ends); i++) {
            struct zn_buf pem;
            start(&pem);
            put(&pem, ZN_SPAN(BEGIN "\n"));
            put_base64(&pem, zn_buf_span(&der), width, line_ends[i]);
            put(&pem, ZN_SPAN(END "\n"));
            assert_int_equal(count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), &der), 1);
            zn_buf_clear(&pem);
        }
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

static void padding_stands_at_the_end_only(void **state)
{
    struct zn_buf name, der, pem;

    (void)state;
    make_name(&name, UTF8, ZN_SPAN("A"));
    make_certificate(&der, &(struct recipe){zn_buf_span(&name), 60, 200, false});
    for (size_t first = 300; first < 303; first++) { /* two texts, of which the first is padded */
        const struct zn_span rest = zn_span_skip(zn_buf_span(&der), first);
        start(&pem);
        put(&pem, ZN_SPAN(BEGIN "\n"));
        put_base64(&pem, (struct zn_span){der.ptr, first}, 64, "\n");
        put_base64(&pem, rest, 64, "\n");
        put(&pem, ZN_SPAN(END "\n"));
        assert_int_equal(count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), &der), first == 300);
        zn_buf_clear(&pem);
    }
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

static void no_digit_follows_padding(void **state)
{
    struct zn_buf name, der, pem;
    size_t tried = 0;

    (void)state;
    for (size_t rest = 200; rest < 203; rest++) {
        make_name(&name, UTF8, ZN_SPAN("A"));
        make_certificate(&der, &(struct recipe){zn_buf_span(&name), 60, rest, false});
        start(&pem);
        put_pem(&pem, zn_buf_span(&der));
        char *padding = strstr(pem.ptr, "=\n");
        if (padding != NULL && padding[-1] != '=') { /* "xyz=" becomes "xy=z" */
            padding[0] = padding[-1];
            padding[-1] = '=';
            assert_int_equal(count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), NULL), 0);
            tried++;
        }
        zn_buf_clear(&pem);
        zn_buf_clear(&name);
        zn_buf_clear(&der);
    }
    assert_int_equal(tried, 1);
}

/* A NUL byte between blocks is text; in a block it is not base64. */
static void nul_bytes_do_not_end_the_file(void **state)
{
    struct zn_buf name, der, pem;

    (void)state;
    make_named(&der, &name, "A");
    start(&pem);
    put(&pem, ZN_SPAN("\0\0\n"));
    put_pem(&pem, zn_buf_span(&der));
    put(&pem, ZN_SPAN("\0\n" BEGIN "\n\0"));
    put_base64(&pem, zn_buf_span(&der), 64, "\n");
    put(&pem, ZN_SPAN(END "\n\0" BEGIN "\n"));
    put_base64(&pem, zn_buf_span(&der), 64, "\n");
    put(&pem, ZN_SPAN(END "\n\n"));
    put_pem(&pem, zn_buf_span(&der));
    assert_int_equal(count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), &der), 2);
    zn_buf_clear(&pem);
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

static void a_file_that_is_cut_off_has_what_is_whole(void **state)
{
    struct zn_buf name, der, pem;

    (void)state;
    make_named(&der, &name, "A");
    start(&pem);
    put_pem(&pem, zn_buf_span(&der));
    const size_t whole = pem.len - 1; /* needs no final newline */
    put_pem(&pem, zn_buf_span(&der));
    for (size_t len = 0; len <= pem.len; len++) {
        const size_t count = count_in_pem((struct zn_span){pem.ptr, len}, zn_buf_span(&name), &der);
        assert_int_equal(count, (len >= whole) + (len >= pem.len - 1));
    }
    zn_buf_clear(&pem);
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

/* --- forms of DER --------------------------------------------------------------------------- */

static void a_certificate_that_is_cut_off_or_too_long_is_none(void **state)
{
    struct zn_buf name, der;

    (void)state;
    make_named(&der, &name, "A");
    for (size_t len = 0; len < der.len; len++)
        assert_int_equal(count_in_der((struct zn_span){der.ptr, len}, zn_buf_span(&name)), 0);
    assert_int_equal(count_in_der(zn_buf_span(&der), zn_buf_span(&name)), 2);
    put_byte(&der, 0); /* behind a certificate in a list may be anything, but not in a block */
    assert_int_equal(count_in_der(zn_buf_span(&der), zn_buf_span(&name)), 1);
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

/* The subject is the empty Name, "30 00", but in the rows that say otherwise. */
static const struct {
    const char *what;
    struct zn_span der;
    size_t count;
} STRUCTURES[] = {
#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define BEFORE "\x02\x01\x01\x30\x00\x30\x00\x30\x00"
    {"version 1", BYTES("\x30\x0d\x30\x0b" BEFORE "\x30\x00"), 2},
    {"version 3", BYTES("\x30\x12\x30\x10\xa0\x03\x02\x01\x02" BEFORE "\x30\x00"), 2},
    {"any bytes behind the subject", BYTES("\x30\x0f\x30\x0b" BEFORE "\x30\x00\xff\xff"), 2},
    {"nothing", BYTES(""), 0},
    {"one byte", BYTES("\x30"), 0},
    {"an empty sequence", BYTES("\x30\x00"), 0},
    {"not a sequence", BYTES("\x31\x0d\x30\x0b" BEFORE "\x30\x00"), 0},
    {"no sequence inside", BYTES("\x30\x0d\x31\x0b" BEFORE "\x30\x00"), 0},
    {"no serial number", BYTES("\x30\x0a\x30\x08\x30\x00\x30\x00\x30\x00\x30\x00"), 0},
    {"two versions", BYTES("\x30\x11\x30\x0f\xa0\x00\xa0\x00" BEFORE "\x30\x00"), 0},
    {"issuer of another type",
     BYTES("\x30\x0d\x30\x0b\x02\x01\x01\x30\x00\x31\x00\x30\x00\x30\x00"), 0},
    {"subject of another type", BYTES("\x30\x0d\x30\x0b" BEFORE "\x31\x00"), 0},
    {"no subject", BYTES("\x30\x0b\x30\x09" BEFORE), 0},
    {"subject behind the inner part", BYTES("\x30\x0d\x30\x09" BEFORE "\x30\x00"), 0},
    {"subject half behind the inner part", BYTES("\x30\x0d\x30\x0a" BEFORE "\x30\x00"), 0},
    {"inner part beyond the whole", BYTES("\x30\x0d\x30\x0c" BEFORE "\x30\x00\x00"), 0},
    {"subject behind the whole", BYTES("\x30\x0b\x30\x0b" BEFORE "\x30\x00"), 0},
    {"subject longer than the rest", BYTES("\x30\x0d\x30\x0b" BEFORE "\x30\x01"), 0},
    {"whole of indefinite length", BYTES("\x30\x80\x30\x0b" BEFORE "\x30\x00\x00\x00"), 0},
    {"inner part of indefinite length", BYTES("\x30\x0f\x30\x80" BEFORE "\x30\x00\x00\x00"), 0},
    {"subject of indefinite length", BYTES("\x30\x0f\x30\x0d" BEFORE "\x30\x80\x00\x00"), 0},
    {"length in two bytes for one", BYTES("\x30\x81\x0d\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length in three bytes for one", BYTES("\x30\x82\x00\x0d\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length in four bytes", BYTES("\x30\x83\x00\x00\x0d\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length in four bytes, of which two would do",
     BYTES("\x30\x83\x00\x0d\x00\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length in eight bytes",
     BYTES("\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length in 127 bytes", BYTES("\x30\xff\x30\x0b" BEFORE "\x30\x00"), 0},
    {"length cut off", BYTES("\x30\x82\x01"), 0},
    {"issuer longer than everything",
     BYTES("\x30\x0f\x30\x0d\x02\x01\x01\x30\x00\x30\x82\xff\xff\x30\x00\x30\x00"), 0},
#undef BEFORE
#undef BYTES
};

static void only_der_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(STRUCTURES); i++)
        CHECK_ROW(STRUCTURES[i].what,
                  count_in_der(STRUCTURES[i].der, ZN_SPAN("\x30\x00")) == STRUCTURES[i].count);
}

/* 0x80, which says that the length is not known, must not be read as 128. */
static void an_indefinite_length_is_not_128(void **state)
{
    struct zn_buf der, indefinite;

    (void)state;
    start(&der);
    put(&der, ZN_SPAN("\x02\x01\x01\x30\x00\x30\x00\x30\x00\x30\x00"));
    put_filling(&der, EXTENSIONS, 113);
    wrap(&der, SEQUENCE);
    wrap(&der, SEQUENCE);
    assert_memory_equal(der.ptr, "\x30\x81\x80", 3);
    assert_int_equal(count_in_der(zn_buf_span(&der), ZN_SPAN("\x30\x00")), 2);
    start(&indefinite);
    put(&indefinite, ZN_SPAN("\x30\x80"));
    put(&indefinite, zn_span_skip(zn_buf_span(&der), 3));
    assert_int_equal(count_in_der(zn_buf_span(&indefinite), ZN_SPAN("\x30\x00")), 0);
    zn_buf_clear(&indefinite);
    zn_buf_clear(&der);
}

static void a_list_ends_where_no_certificate_is(void **state)
{
    struct zn_ca_index index = {0};
    struct zn_buf name, der, list;

    (void)state;
    make_named(&der, &name, "A");
    start(&list);
    for (size_t i = 0; i < 3; i++)
        put(&list, zn_buf_span(&der));
    put_byte(&list, 0);
    put(&list, zn_buf_span(&der));
    assert_true(zn_ca_index_add_der(&index, zn_buf_span(&list)));
    assert_int_equal(count_found(&index, zn_buf_span(&name), &der), 3);
    zn_ca_index_clear(&index);
    zn_buf_clear(&list);
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

/* --- limits --------------------------------------------------------------------------------- */

/* In front of the subject: 4+4 of the two outer headers, 5, 18, 12, the issuer with 4, 32. */
#define SUBJECT_END(issuer, name) (4 + 4 + 5 + 18 + 12 + (4 + (issuer)) + 32 + (name))

static void a_subject_may_end_within_the_first_4096_bytes(void **state)
{
    struct zn_buf name;

    (void)state;
    make_name(&name, UTF8, ZN_SPAN("A"));
    const size_t room = ZN_CA_SUBJECT_END_MAX - SUBJECT_END(0, name.len);
    for (size_t issuer = room - 3; issuer <= room + 3; issuer++) {
        struct zn_buf der, pem;
        make_certificate(&der, &(struct recipe){zn_buf_span(&name), issuer, 300, false});
        start(&pem);
        put_pem(&pem, zn_buf_span(&der));
        assert_int_equal(count_in_pem(zn_buf_span(&pem), zn_buf_span(&name), &der), issuer <= room);
        zn_buf_clear(&der);
        zn_buf_clear(&pem);
    }
    zn_buf_clear(&name);
}

static void a_certificate_may_be_of_65535_bytes(void **state)
{
    struct zn_buf name, der, sample;

    (void)state;
    make_name(&name, UTF8, ZN_SPAN("A"));
    make_certificate(&sample, &(struct recipe){zn_buf_span(&name), 60, 60000, false});
    for (size_t over = 0; over < 2; over++) {
        const size_t rest = 60000 + ZN_CA_CERTIFICATE_MAX - sample.len + over;
        make_certificate(&der, &(struct recipe){zn_buf_span(&name), 60, rest, false});
        assert_int_equal(der.len, ZN_CA_CERTIFICATE_MAX + over);
        assert_int_equal(count_in_der(zn_buf_span(&der), zn_buf_span(&name)), over > 0 ? 0 : 2);
        zn_buf_clear(&der);
    }
    zn_buf_clear(&sample);
    zn_buf_clear(&name);
}

/* --- names ---------------------------------------------------------------------------------- */

static void names_are_the_same_but_for_case_and_type_of_string(void **state)
{
    static const struct {
        const char *text;
        int type;
        bool same;
    } rows[] = {
        {"Azure CA 1", UTF8, true},
        {"Azure CA 1", PRINTABLE, true},
        {"AZURE ca 1", UTF8, true},
        {"azure ca 1", PRINTABLE, true},
        {"Azure CA 2", UTF8, false},
        {"Azure CA", UTF8, false},
        {"Azure CA 1 ", UTF8, false},
        {"Azure  CA 1", UTF8, false},
        {"", UTF8, false},
        {"Azure CA 1", 0x16, false},
        {"Azure CA 1", 0x1e, false},
        {"Azure@CA 1", UTF8, false},
        {"Azure CA 1\xc3", UTF8, false},
        {"Azure`CA 1", UTF8, false},
        {"Azure CA\x11"
         "1",
         UTF8, false},
    };
    struct zn_ca_index index = {0};
    struct zn_buf name, der;

    (void)state;
    make_named(&der, &name, "Azure CA 1");
    assert_true(zn_ca_index_add_der(&index, zn_buf_span(&der)));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf other;
        make_name(&other, rows[i].type, zn_span_of(rows[i].text));
        CHECK_ROW(rows[i].text, count_found(&index, zn_buf_span(&other), &der) == rows[i].same);
        zn_buf_clear(&other);
    }
    assert_int_equal(count_found(&index, (struct zn_span){0}, NULL), 0);
    zn_ca_index_clear(&index);
    zn_buf_clear(&name);
    zn_buf_clear(&der);
}

static void names_with_the_same_hash_are_told_apart(void **state)
{
    static const char *const texts[] = {"qqmhqhkj", "kfjbysdn"};
    struct zn_ca_index index = {0};
    struct zn_buf names[2], certificates[2];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        make_named(&certificates[i], &names[i], texts[i]);
        assert_true(zn_ca_index_add_der(&index, zn_buf_span(&certificates[i])));
    }
    assert_int_equal(index.entries[0].subject_hash, index.entries[1].subject_hash);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(count_found(&index, zn_buf_span(&names[i]), &certificates[i]), 1);
    zn_ca_index_clear(&index);
    for (size_t i = 0; i < 2; i++) {
        zn_buf_clear(&names[i]);
        zn_buf_clear(&certificates[i]);
    }
}

/* The old and the new key of an authority, say. */
static void all_certificates_of_a_name_are_found_in_their_order(void **state)
{
    struct zn_ca_index index = {0};
    struct zn_buf name, other, old, new, between, pem, got;
    size_t at = 0;

    (void)state;
    make_named(&between, &other, "B");
    make_name(&name, UTF8, ZN_SPAN("A"));
    make_certificate(&old, &(struct recipe){zn_buf_span(&name), 60, 300, true});
    make_certificate(&new, &(struct recipe){zn_buf_span(&name), 60, 500, false});
    start(&pem);
    put_pem(&pem, zn_buf_span(&old));
    put_pem(&pem, zn_buf_span(&between));
    assert_true(zn_ca_index_add_pem(&index, zn_buf_span(&pem)));
    assert_true(zn_ca_index_add_der(&index, zn_buf_span(&new))); /* from another place */
    assert_int_equal(index.count, 3);

    zn_buf_init(&got, ZN_CA_CERTIFICATE_MAX);
    assert_int_equal(zn_ca_index_find(&index, zn_buf_span(&name), &at, &got), ZN_CA_FOUND);
    assert_true(zn_span_equal(zn_buf_span(&got), zn_buf_span(&old)));
    assert_int_equal(at, 1);
    assert_int_equal(zn_ca_index_find(&index, zn_buf_span(&name), &at, &got), ZN_CA_FOUND);
    assert_true(zn_span_equal(zn_buf_span(&got), zn_buf_span(&new)));
    assert_int_equal(at, 3);
    assert_int_equal(zn_ca_index_find(&index, zn_buf_span(&name), &at, &got), ZN_CA_NONE);
    assert_int_equal(count_found(&index, zn_buf_span(&other), &between), 1);

    zn_buf_clear(&got);
    zn_ca_index_clear(&index);
    zn_buf_clear(&pem);
    zn_buf_clear(&name);
    zn_buf_clear(&other);
    zn_buf_clear(&old);
    zn_buf_clear(&new);
    zn_buf_clear(&between);
}

static void an_empty_index_has_nothing(void **state)
{
    struct zn_ca_index index = {0};

    (void)state;
    assert_true(zn_ca_index_add_pem(&index, (struct zn_span){0}));
    assert_true(zn_ca_index_add_der(&index, (struct zn_span){0}));
    assert_int_equal(count_found(&index, ZN_SPAN("\x30\x00"), NULL), 0);
    zn_ca_index_clear(&index);
    zn_ca_index_clear(&index);
}

/* --- memory --------------------------------------------------------------------------------- */

/* 600 certificates, of which one is looked for: the index grows twice. */
struct bundle {
    struct zn_buf pem;
    struct zn_buf name;
};

static void search_without_memory(void *ctx)
{
    const struct bundle *bundle = ctx;
    struct zn_ca_index index = {0};
    struct zn_buf der;
    size_t at = 0;

    zn_buf_init(&der, ZN_CA_CERTIFICATE_MAX);
    if (zn_ca_index_add_pem(&index, zn_buf_span(&bundle->pem))) {
        assert_int_equal(index.count, 600);
        const enum zn_ca_answer answer =
            zn_ca_index_find(&index, zn_buf_span(&bundle->name), &at, &der);
        assert_int_equal(answer, memory_has_failed() ? ZN_CA_NO_MEMORY : ZN_CA_FOUND);
    } else {
        assert_true(memory_has_failed());
    }
    zn_buf_clear(&der);
    zn_ca_index_clear(&index);
}

static void without_memory_no_search_says_that_there_is_nothing(void **state)
{
    struct bundle bundle;
    struct zn_buf der;

    (void)state;
    start(&bundle.pem);
    for (size_t i = 0; i < 600; i++) {
        char text[16];
        snprintf(text, sizeof(text), "CA %zu", i);
        make_named(&der, &bundle.name, text);
        put_pem(&bundle.pem, zn_buf_span(&der));
        zn_buf_clear(&der);
        if (i < 599)
            zn_buf_clear(&bundle.name);
    }
    assert_true(memory_fail_each(search_without_memory, &bundle) >= 4);
    zn_buf_clear(&bundle.pem);
    zn_buf_clear(&bundle.name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_of_openssl_are_found_by_their_subjects),
        cmocka_unit_test(each_form_of_pem_has_as_many_certificates),
        cmocka_unit_test(lines_may_be_of_any_length),
        cmocka_unit_test(padding_stands_at_the_end_only),
        cmocka_unit_test(no_digit_follows_padding),
        cmocka_unit_test(nul_bytes_do_not_end_the_file),
        cmocka_unit_test(a_file_that_is_cut_off_has_what_is_whole),
        cmocka_unit_test(a_certificate_that_is_cut_off_or_too_long_is_none),
        cmocka_unit_test(only_der_is_read),
        cmocka_unit_test(an_indefinite_length_is_not_128),
        cmocka_unit_test(a_list_ends_where_no_certificate_is),
        cmocka_unit_test(a_subject_may_end_within_the_first_4096_bytes),
        cmocka_unit_test(a_certificate_may_be_of_65535_bytes),
        cmocka_unit_test(names_are_the_same_but_for_case_and_type_of_string),
        cmocka_unit_test(names_with_the_same_hash_are_told_apart),
        cmocka_unit_test(all_certificates_of_a_name_are_found_in_their_order),
        cmocka_unit_test(an_empty_index_has_nothing),
        cmocka_unit_test(without_memory_no_search_says_that_there_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
