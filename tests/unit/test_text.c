/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/text.h"
#include "memory.h"

/* --- spans ---------------------------------------------------------------------------------- */

static void span_of_null_is_empty(void **state)
{
    (void)state;
    assert_int_equal(zn_span_of(NULL).len, 0);
    assert_int_equal(zn_span_of("").len, 0);
    assert_int_equal(zn_span_of("abc").len, 3);
}

static void spans_are_equal_by_length_and_bytes(void **state)
{
    (void)state;
    assert_true(zn_span_equal(ZN_SPAN("abc"), zn_span_of("abc")));
    assert_true(zn_span_equal((struct zn_span){0}, ZN_SPAN("")));
    assert_true(zn_span_equal(ZN_SPAN("a\0b"), ZN_SPAN("a\0b")));
    assert_false(zn_span_equal(ZN_SPAN("a\0b"), ZN_SPAN("a\0c")));
    assert_false(zn_span_equal(ZN_SPAN("abc"), ZN_SPAN("abd")));
    assert_false(zn_span_equal(ZN_SPAN("abc"), ZN_SPAN("ab")));
    assert_false(zn_span_equal(ZN_SPAN("abc"), ZN_SPAN("ABC")));
}

static void span_starts_with_its_prefixes_only(void **state)
{
    (void)state;
    assert_true(zn_span_starts_with(ZN_SPAN("abc"), ZN_SPAN("")));
    assert_true(zn_span_starts_with(ZN_SPAN("abc"), ZN_SPAN("ab")));
    assert_true(zn_span_starts_with(ZN_SPAN("abc"), ZN_SPAN("abc")));
    assert_false(zn_span_starts_with(ZN_SPAN("abc"), ZN_SPAN("abcd")));
    assert_false(zn_span_starts_with(ZN_SPAN("abc"), ZN_SPAN("b")));
    assert_false(zn_span_starts_with((struct zn_span){0}, ZN_SPAN("a")));
}

static void skipping_ends_at_the_end(void **state)
{
    (void)state;
    CHECK_SPAN(zn_span_skip(ZN_SPAN("abc"), 0), "abc");
    CHECK_SPAN(zn_span_skip(ZN_SPAN("abc"), 2), "c");
    CHECK_SPAN(zn_span_skip(ZN_SPAN("abc"), 3), "");
    CHECK_SPAN(zn_span_skip(ZN_SPAN("abc"), 99), "");
}

static void cutting_takes_what_stands_before_the_first_mark(void **state)
{
    struct zn_span rest = ZN_SPAN("a.bc..");

    (void)state;
    CHECK_SPAN(zn_span_cut(&rest, '.'), "a");
    CHECK_SPAN(zn_span_cut(&rest, '.'), "bc");
    CHECK_SPAN(zn_span_cut(&rest, '.'), "");
    assert_non_null(rest.ptr);
    CHECK_SPAN(zn_span_cut(&rest, '.'), "");
    assert_null(rest.ptr);
}

static void cutting_without_a_mark_takes_all(void **state)
{
    struct zn_span rest = ZN_SPAN("abc");

    (void)state;
    CHECK_SPAN(zn_span_cut(&rest, '.'), "abc");
    assert_null(rest.ptr);
    assert_int_equal(rest.len, 0);
}

static void blanks_are_trimmed(void **state)
{
    static const struct {
        const char *text;
        const char *trimmed;
    } rows[] = {{"a", "a"}, {" a ", "a"},   {"\t a b \t", "a b"},     {"", ""},
                {" ", ""},  {" \t\t ", ""}, {"\xc2\xa0", "\xc2\xa0"}, {"\r", "\r"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_SPAN(zn_span_trim(zn_span_of(rows[i].text)), rows[i].trimmed);
}

/* --- buffers -------------------------------------------------------------------------------- */

static void buffer_holds_its_cap_and_no_byte_more(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 5);
    assert_true(zn_buf_append_text(&buf, "12345"));
    assert_true(zn_buf_append_text(&buf, ""));
    CHECK_SPAN(zn_buf_span(&buf), "12345");
    assert_false(zn_buf_append_text(&buf, "6"));
    assert_int_equal(buf.state, ZN_BUF_OVER_CAP);
    assert_int_equal(zn_buf_span(&buf).len, 0);
    assert_null(buf.ptr);
    zn_buf_clear(&buf);
}

static void buffer_with_cap_zero_holds_nothing(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 0);
    assert_true(zn_buf_append_text(&buf, ""));
    assert_string_equal(buf.ptr, "");
    assert_false(zn_buf_append_text(&buf, "a"));
    zn_buf_clear(&buf);
}

static void buffer_grows_and_stays_terminated(void **state)
{
    struct zn_buf buf;
    char expected[1001] = "";

    (void)state;
    zn_buf_init(&buf, 1000);
    for (size_t i = 0; i < 1000; i++) {
        expected[i] = (char)('a' + i % 26);
        assert_true(zn_buf_append(&buf, (struct zn_span){&expected[i], 1}));
        assert_int_equal(buf.len, i + 1);
        assert_true(buf.allocated > buf.len);
        assert_string_equal(buf.ptr, expected);
    }
    zn_buf_clear(&buf);
}

static void buffer_refuses_everything_after_a_failure(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 3);
    assert_false(zn_buf_append_text(&buf, "four"));
    assert_false(zn_buf_append_text(&buf, "a"));
    assert_false(zn_buf_append_text(&buf, ""));
    assert_false(zn_buf_append_number(&buf, 1));
    assert_false(zn_buf_append_percent(&buf, ZN_SPAN("a")));
    assert_int_equal(buf.state, ZN_BUF_OVER_CAP);
    assert_int_equal(buf.len, 0);
    zn_buf_clear(&buf);
}

static void cleared_buffer_is_good_again_with_the_same_cap(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 3);
    assert_false(zn_buf_append_text(&buf, "four"));
    zn_buf_clear(&buf);
    assert_int_equal(buf.state, ZN_BUF_GOOD);
    assert_true(zn_buf_append_text(&buf, "abc"));
    assert_false(zn_buf_append_text(&buf, "d"));
    zn_buf_clear(&buf);
    zn_buf_clear(&buf);
    assert_null(buf.ptr);
}

static void lack_of_memory_is_told_from_the_cap(void **state)
{
    struct zn_buf buf;

    (void)state;
    memory_reset();
    zn_buf_init(&buf, 1000);
    memory_fail_at(1);
    assert_false(zn_buf_append_text(&buf, "a"));
    assert_int_equal(buf.state, ZN_BUF_NO_MEMORY);
    assert_false(zn_buf_append_text(&buf, "a"));
    zn_buf_clear(&buf);
    assert_true(zn_buf_append_text(&buf, "a"));
    zn_buf_clear(&buf);
    assert_int_equal(memory_live_blocks(), 0);
}

static void failing_growth_wipes_and_empties_the_buffer(void **state)
{
    static const char filler[200] = "x";
    struct zn_buf buf;

    (void)state;
    memory_reset();
    zn_buf_init(&buf, 1000);
    assert_true(zn_buf_append_text(&buf, "secret"));
    memory_fail_at(1);
    assert_false(zn_buf_append(&buf, (struct zn_span){filler, sizeof(filler)}));
    assert_int_equal(buf.state, ZN_BUF_NO_MEMORY);
    assert_null(buf.ptr);
    assert_int_equal(memory_freed_blocks(), 1);
    assert_int_equal(memory_unwiped_blocks(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void every_block_of_a_buffer_is_wiped_before_it_is_freed(void **state)
{
    struct zn_buf buf;

    (void)state;
    memory_reset();
    zn_buf_init(&buf, 5000);
    for (int i = 0; i < 5000; i++)
        assert_true(zn_buf_append_text(&buf, "s"));
    assert_false(zn_buf_append_text(&buf, "s"));
    assert_true(memory_freed_blocks() > 5);
    assert_int_equal(memory_unwiped_blocks(), 0);
    assert_int_equal(memory_live_blocks(), 0);
}

static void numbers_are_appended_in_decimal(void **state)
{
    static const struct {
        long long number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {-1, "-1"},
        {1234567890, "1234567890"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf buf;
        zn_buf_init(&buf, 32);
        CHECK_ROW(rows[i].text, zn_buf_append_number(&buf, rows[i].number));
        CHECK_ROW_TEXT(rows[i].text, buf.ptr, rows[i].text);
        zn_buf_clear(&buf);
    }
}

static void all_but_unreserved_bytes_are_percent_encoded(void **state)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        const bool plain = byte != 0 && strchr(unreserved, byte) != NULL;
        const char encoded[4] = {plain ? c : '%', plain ? '\0' : hex[byte / 16],
                                 plain ? '\0' : hex[byte % 16], '\0'};
        struct zn_buf buf;
        zn_buf_init(&buf, 3);
        assert_true(zn_buf_append_percent(&buf, (struct zn_span){&c, 1}));
        assert_string_equal(buf.ptr, encoded);
        zn_buf_clear(&buf);
    }
}

static void percent_encoding_respects_the_cap(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 5);
    assert_false(zn_buf_append_percent(&buf, ZN_SPAN("++")));
    assert_int_equal(buf.state, ZN_BUF_OVER_CAP);
    zn_buf_clear(&buf);
    assert_true(zn_buf_append_percent(&buf, (struct zn_span){0}));
    assert_string_equal(buf.ptr, "");
    zn_buf_clear(&buf);
}

/* --- checks --------------------------------------------------------------------------------- */

static void graphic_is_0x21_to_0x7e(void **state)
{
    (void)state;
    assert_true(zn_text_is_graphic((struct zn_span){0}));
    for (int byte = 0; byte < 256; byte++) {
        const char text[2] = {'a', (char)byte};
        assert_int_equal(zn_text_is_graphic((struct zn_span){text, 2}), byte > 0x20 && byte < 0x7f);
    }
}

static void utf8_is_what_rfc_3629_allows(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool is_utf8;
    } rows[] = {
        {"empty", "", true},
        {"ASCII", "abc", true},
        {"control bytes", "\x01\x1f\x7f", true},
        {"U+0080, smallest of two bytes", "\xc2\x80", true},
        {"U+07FF, largest of two bytes", "\xdf\xbf", true},
        {"U+0800, smallest of three bytes", "\xe0\xa0\x80", true},
        {"U+D7FF, last before the surrogates", "\xed\x9f\xbf", true},
        {"U+E000, first after the surrogates", "\xee\x80\x80", true},
        {"U+FFFF, largest of three bytes", "\xef\xbf\xbf", true},
        {"U+10000, smallest of four bytes", "\xf0\x90\x80\x80", true},
        {"U+10FFFF, the last", "\xf4\x8f\xbf\xbf", true},
        {"sequences one after the other", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91.", true},
        {"slash overlong in two bytes", "\xc0\xaf", false},
        {"U+007F overlong in two bytes", "\xc1\xbf", false},
        {"slash overlong in three bytes", "\xe0\x80\xaf", false},
        {"U+07FF overlong in three bytes", "\xe0\x9f\xbf", false},
        {"U+FFFF overlong in four bytes", "\xf0\x8f\xbf\xbf", false},
        {"NUL overlong", "\xc0\x80", false},
        {"U+D800, first surrogate", "\xed\xa0\x80", false},
        {"U+DFFF, last surrogate", "\xed\xbf\xbf", false},
        {"U+110000, beyond the last", "\xf4\x90\x80\x80", false},
        {"lead byte of U+140000", "\xf5\x80\x80\x80", false},
        {"five bytes", "\xf8\x88\x80\x80\x80", false},
        {"0xff", "\xff", false},
        {"continuation byte alone", "\x80", false},
        {"two bytes cut off", "a\xc3", false},
        {"three bytes cut off after two", "\xe2\x82", false},
        {"four bytes cut off after three", "\xf0\x9f\x94", false},
        {"continuation missing", "\xc3(", false},
        {"second continuation missing", "\xe2\x82(", false},
        {"Latin-1", "M\xfcnchen", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].name, zn_text_is_utf8(zn_span_of(rows[i].text)) == rows[i].is_utf8);
    assert_true(zn_text_is_utf8(ZN_SPAN("a\0b")));
}

static void a_sequence_cut_off_by_the_span_is_not_utf8(void **state)
{
    (void)state;
    assert_true(zn_text_is_utf8((struct zn_span){"\xe2\x82\xac", 3}));
    assert_false(zn_text_is_utf8((struct zn_span){"\xe2\x82\xac", 2}));
    assert_false(zn_text_is_utf8((struct zn_span){"\xe2\x82\xac", 1}));
}

static void printable_is_utf8_without_control_characters(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool is_printable;
    } rows[] = {
        {"empty", "", true},
        {"a name", "ci bot (\xc3\xa4\xf0\x9f\x94\x91)", true},
        {"blank and tilde, the ends of ASCII", " ~", true},
        {"U+00A0, first after C1", "\xc2\xa0", true},
        {"unit separator, last of C0", "\x1f", false},
        {"newline", "a\nb", false},
        {"tab", "a\tb", false},
        {"escape", "\x1b[31m", false},
        {"DEL", "a\x7f", false},
        {"U+0080, first of C1", "\xc2\x80", false},
        {"U+009B, CSI", "a\xc2\x9b", false},
        {"U+009F, last of C1", "\xc2\x9f", false},
        {"not UTF-8", "\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].name,
                  zn_text_is_printable(zn_span_of(rows[i].text)) == rows[i].is_printable);
    assert_false(zn_text_is_printable(ZN_SPAN("a\0b")));
}

static void uuid_is_the_8_4_4_4_12_form(void **state)
{
    static const struct {
        const char *text;
        bool is_uuid;
    } rows[] = {
        {"01234567-89ab-cdef-0123-456789abcdef", true},
        {"01234567-89AB-CDEF-0123-456789ABCDEF", true},
        {"", false},
        {"0123456789abcdef0123456789abcdef", false},
        {"01234567-89ab-cdef-0123-456789abcde", false},
        {"01234567-89ab-cdef-0123-456789abcdef0", false},
        {"01234567-89ab-cdef-0123-456789abcdeg", false},
        {"01234567-89ab-cdef-01234456789abcdef", false},
        {"0123456--89ab-cdef-0123-456789abcdef", false},
        {"{1234567-89ab-cdef-0123-456789abcde}", false},
        {"01234567-89ab-cdef-0123-456789abcd f", false},
        {"01234567/89ab-cdef-0123-456789abcdef", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].text, zn_text_is_uuid(zn_span_of(rows[i].text)) == rows[i].is_uuid);
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(zn_text_equal_ignoring_case(ZN_SPAN("BeArEr"), ZN_SPAN("bearer")));
    assert_true(zn_text_equal_ignoring_case(ZN_SPAN("AZaz09"), ZN_SPAN("azAZ09")));
    assert_true(zn_text_equal_ignoring_case((struct zn_span){0}, ZN_SPAN("")));
    assert_false(zn_text_equal_ignoring_case(ZN_SPAN("bearer"), ZN_SPAN("bearers")));
    assert_false(zn_text_equal_ignoring_case(ZN_SPAN("@["), ZN_SPAN("`{")));
    assert_false(zn_text_equal_ignoring_case(ZN_SPAN("\xc3\x84"), ZN_SPAN("\xc3\xa4")));
}

static void numbers_are_digits_and_below_10_to_the_15(void **state)
{
    static const struct {
        const char *text;
        long long number; /* -1: refused */
    } rows[] = {
        {"0", 0},
        {"00", 0},
        {"42", 42},
        {"007", 7},
        {"999999999999999", 999999999999999},
        {"1000000000000000", -1},
        {"0000000000000001", -1},
        {"99999999999999999999999", -1},
        {"", -1},
        {"-1", -1},
        {"+1", -1},
        {" 1", -1},
        {"1 ", -1},
        {"1.0", -1},
        {"0x10", -1},
        {"1e3", -1},
        {"12a", -1},
        {"\xd9\xa1", -1}, /* ARABIC-INDIC DIGIT ONE */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        long long number = 4711;
        const bool taken = zn_text_to_number(zn_span_of(rows[i].text), &number);
        CHECK_ROW(rows[i].text, taken == (rows[i].number >= 0));
        CHECK_ROW(rows[i].text, number == (taken ? rows[i].number : 4711));
    }
}

/* --- safe text ------------------------------------------------------------------------------ */

static void safe_text_is_one_line_without_commands(void **state)
{
    static const struct {
        const char *source;
        const char *safe;
    } rows[] = {
        {"", ""},
        {"plain: text, #1 of 2 %s", "plain: text, #1 of 2 %s"},
        {"::error::x", ":.error:.x"},
        {"::set-output name=a::b", ":.set-output name=a:.b"},
        {":::", ":.:"},
        {"::::::", ":.:.:."},
        {"##[x]", "#.[x]"},
        {"##vso[task.setvariable]x", "#.vso[task.setvariable]x"},
        {"###[x]", "#.#[x]"},
        {":#:#", ":#:#"},
        {"\x1b[31mred\x1b[0m", "?[31mred?[0m"},
        {"a\nb\r\nc", "a?b??c"},
        {"tab\t", "tab?"},
        {"DEL\x7f", "DEL?"},
        {"\xc3\xa4\xe2\x80\xa8", "?????"},
        {"\x9b", "?"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char dst[64] = "";
        zn_text_append_safe(dst, sizeof(dst), zn_span_of(rows[i].source));
        CHECK_ROW_TEXT(rows[i].source, dst, rows[i].safe);
    }
}

static void safe_text_shows_nul_as_question_mark(void **state)
{
    char dst[8] = "";

    (void)state;
    zn_text_append_safe(dst, sizeof(dst), ZN_SPAN("a\0b"));
    assert_string_equal(dst, "a?b");
}

static void safe_text_sees_a_command_across_two_appends(void **state)
{
    char dst[32] = "cause:";

    (void)state;
    zn_text_append_safe(dst, sizeof(dst), ZN_SPAN(":error:"));
    zn_text_append_safe(dst, sizeof(dst), ZN_SPAN(":#"));
    zn_text_append_safe(dst, sizeof(dst), ZN_SPAN("#"));
    assert_string_equal(dst, "cause:.error:.#.");
}

static void safe_text_is_cut_at_the_size_given(void **state)
{
    char dst[8] = "abc";

    (void)state;
    memset(dst + 4, 'Z', 4);
    zn_text_append_safe(dst, 6, ZN_SPAN("defghi"));
    assert_string_equal(dst, "abcde");
    assert_memory_equal(dst + 6, "ZZ", 2);
    zn_text_append_safe(dst, 6, ZN_SPAN("more"));
    assert_string_equal(dst, "abcde");
}

static void room_is_made_at_once_and_within_the_cap(void **state)
{
    struct zn_buf buf;

    (void)state;
    zn_buf_init(&buf, 1000);
    assert_true(zn_buf_append(&buf, ZN_SPAN("abc")));
    assert_true(zn_buf_reserve(&buf, 1000));
    const char *place = buf.ptr;
    for (int i = 0; i < 997; i++)
        assert_true(zn_buf_append(&buf, ZN_SPAN("x")));
    assert_ptr_equal(buf.ptr, place);
    assert_int_equal(buf.len, 1000);
    assert_memory_equal(buf.ptr, "abcx", 4);
    assert_false(zn_buf_reserve(&buf, 1001));
    assert_int_equal(buf.state, ZN_BUF_OVER_CAP);
    assert_int_equal(buf.len, 0);
    assert_false(zn_buf_reserve(&buf, 1));
    zn_buf_clear(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_made_at_once_and_within_the_cap),
        cmocka_unit_test(span_of_null_is_empty),
        cmocka_unit_test(spans_are_equal_by_length_and_bytes),
        cmocka_unit_test(span_starts_with_its_prefixes_only),
        cmocka_unit_test(skipping_ends_at_the_end),
        cmocka_unit_test(cutting_takes_what_stands_before_the_first_mark),
        cmocka_unit_test(cutting_without_a_mark_takes_all),
        cmocka_unit_test(blanks_are_trimmed),
        cmocka_unit_test(buffer_holds_its_cap_and_no_byte_more),
        cmocka_unit_test(buffer_with_cap_zero_holds_nothing),
        cmocka_unit_test(buffer_grows_and_stays_terminated),
        cmocka_unit_test(buffer_refuses_everything_after_a_failure),
        cmocka_unit_test(cleared_buffer_is_good_again_with_the_same_cap),
        cmocka_unit_test(lack_of_memory_is_told_from_the_cap),
        cmocka_unit_test(failing_growth_wipes_and_empties_the_buffer),
        cmocka_unit_test(every_block_of_a_buffer_is_wiped_before_it_is_freed),
        cmocka_unit_test(numbers_are_appended_in_decimal),
        cmocka_unit_test(all_but_unreserved_bytes_are_percent_encoded),
        cmocka_unit_test(percent_encoding_respects_the_cap),
        cmocka_unit_test(graphic_is_0x21_to_0x7e),
        cmocka_unit_test(utf8_is_what_rfc_3629_allows),
        cmocka_unit_test(a_sequence_cut_off_by_the_span_is_not_utf8),
        cmocka_unit_test(printable_is_utf8_without_control_characters),
        cmocka_unit_test(uuid_is_the_8_4_4_4_12_form),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(numbers_are_digits_and_below_10_to_the_15),
        cmocka_unit_test(safe_text_is_one_line_without_commands),
        cmocka_unit_test(safe_text_shows_nul_as_question_mark),
        cmocka_unit_test(safe_text_sees_a_command_across_two_appends),
        cmocka_unit_test(safe_text_is_cut_at_the_size_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
