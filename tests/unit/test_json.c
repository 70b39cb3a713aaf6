/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/json.h"
#include "memory.h"

static bool accepts(struct zn_span text)
{
    struct zn_json *document = zn_json_parse(text);
    const bool accepted = document != NULL;

    zn_json_free(&document);
    return accepted;
}

/* --- strictness ----------------------------------------------------------------------------- */

/* Each row: a text that is refused, and a neighbour of it that is accepted. */
static const struct {
    const char *why;
    const char *refused;
    const char *accepted;
} STRICTNESS[] = {
    {"empty", "", "null"},
    {"blanks only", " \n\t", " \n\ttrue\r "},
    {"bytes behind the document", "{\"a\":1}x", "{\"a\":1} \t\r\n"},
    {"two documents", "{\"a\":1}{\"b\":2}", "{\"a\":1,\"b\":2}"},
    {"two documents in lines", "{\"a\":1}\n{\"b\":2}", "[{\"a\":1},\n{\"b\":2}]"},
    {"closed once too often", "{\"a\":1}}", "{\"a\":{}}"},
    {"cut off", "{\"a\":1", "{\"a\":1}"},
    {"string cut off", "\"abc", "\"abc\""},
    {"string cut off in an escape", "\"abc\\", "\"abc\\\\\""},
    {"trailing comma in an array", "[1,]", "[1]"},
    {"trailing comma in an object", "{\"a\":1,}", "{\"a\":1}"},
    {"missing value", "{\"a\":}", "{\"a\":\"\"}"},
    {"missing colon", "{\"a\" 1}", "{\"a\" : 1}"},
    {"name without quotes", "{a:1}", "{\"a\":1}"},
    {"single quotes", "{'a':1}", "{\"a'\":1}"},
    {"comment", "/* */ [1]", "[\"/* */\"]"},
    {"byte-order mark", "\xef\xbb\xbf[1]", "[\"\xef\xbb\xbf\"]"},
    {"form feed between tokens", "[\f1]", "[ 1]"},
    {"vertical tab behind the document", "[1]\v", "[1]\t"},
    {"no-break space between tokens",
     "[\xc2\xa0"
     "1]",
     "[\"\xc2\xa0\",1]"},
    {"literal in capitals", "[TRUE]", "[true,false,null]"},
    {"literal cut off", "[tru]", "[true]"},
    {"literal with more letters", "[nullx]", "[null]"},
    {"NaN", "[NaN]", "[0]"},
    {"Infinity", "[Infinity]", "[1e308]"},
    {"number too large to be finite", "[1e999]", "[1e99]"},
    {"negative number too large", "[-1e999]", "[-1e99]"},
    {"plus sign", "[+1]", "[1e+1]"},
    {"hexadecimal number", "[0x10]", "[10]"},
    {"leading zero", "[01]", "[0,10,0.1]"},
    {"leading zeros", "[00]", "[0]"},
    {"leading zero, negative", "[-01]", "[-0,-10,-0.1]"},
    {"no digit before the point", "[-.5]", "[-0.5]"},
    {"no digit behind the point", "[1.]", "[1.0]"},
    {"no digit between point and exponent", "[1.e5]", "[1.0e5]"},
    {"no digit in the exponent", "[1e]", "[1e1]"},
    {"minus sign only", "[-]", "[-1]"},
    {"unknown escape", "\"\\x41\"", "\"\\u0041\""},
    {"escape without four digits", "\"a\\u12\"", "\"a\\u0012\""},
    {"escape without hexadecimal digits", "\"a\\uzzzzb\"", "\"a\\uABcdb\""},
    {"escape with half its digits hexadecimal", "\"a\\u00zz\"", "\"a\\u00ff\""},
    {"escape with a sign", "\"a\\u+041\"", "\"a\\u0041\""},
    {"NUL escaped", "\"a\\u0000b\"", "\"a\\\\u0000b\""},
    {"NUL escaped behind an escaped backslash", "\"\\\\\\u0000\"", "\"\\\\\\u0001\""},
    {"NUL escaped in a name", "{\"a\\u0000\":1}", "{\"a\\u0001\":1}"},
    {"high surrogate alone", "\"\\ud83d\"", "\"\\ud83d\\udd11\""},
    {"low surrogate alone", "\"\\udd11\"", "\"\\ue000\""},
    {"surrogates the wrong way round", "\"\\udd11\\ud83d\"", "\"\\ud83d\\udd11\""},
    {"high surrogate before a character", "\"\\ud83dx\"", "\"\\ud7ffx\""},
    {"newline in a string", "\"a\nb\"", "\"a\\nb\""},
    {"tab in a string", "\"a\tb\"", "\"a\\tb\""},
    {"newline in a name", "{\"a\n\":1}", "{\"a\\n\":1}"},
    {"Latin-1 in a string", "\"\xe4\"", "\"\xc3\xa4\""},
    {"overlong UTF-8 in a string", "\"\xc0\xaf\"", "\"/\""},
    {"surrogate in UTF-8 in a string", "\"\xed\xa0\x80\"", "\"\xed\x9f\xbf\""},
    {"cut off UTF-8 in a name", "{\"\xe2\x82\":1}", "{\"\xe2\x82\xac\":1}"},
    {"same name twice", "{\"a\":1,\"a\":1}", "{\"a\":1,\"A\":1}"},
    {"same name with one between", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":1,\"b\":2,\"c\":3}"},
    {"same name, one escaped", "{\"a\":1,\"\\u0061\":2}", "{\"a\":1,\"\\u0062\":2}"},
    {"same empty name twice", "{\"\":1,\"\":2}", "{\"\":1,\" \":2}"},
    {"same name twice on level 2", "{\"o\":{\"a\":1,\"a\":2}}",
     "{\"a\":{\"a\":1,\"b\":{\"a\":2}}}"},
    {"same name twice in an array", "[0,{\"a\":1,\"a\":2}]", "[{\"a\":1},{\"a\":2}]"},
    {"same name twice deep", "[[[{\"x\":[{\"a\":1,\"a\":2}]}]]]", "[[[{\"x\":[{\"a\":1}]}]]]"},
};

static void what_json_is_not_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(STRICTNESS); i++)
        CHECK_ROW(STRICTNESS[i].why, !accepts(zn_span_of(STRICTNESS[i].refused)));
}

static void its_neighbour_is_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(STRICTNESS); i++)
        CHECK_ROW(STRICTNESS[i].why, accepts(zn_span_of(STRICTNESS[i].accepted)));
}

static void no_control_byte_stands_raw_in_a_string(void **state)
{
    (void)state;
    for (int byte = 0; byte < 0x20; byte++) {
        const char text[4] = {'"', 'a', (char)byte, '"'};
        assert_false(accepts((struct zn_span){text, sizeof(text)}));
    }
    assert_true(accepts(ZN_SPAN("\"a \"")));
    assert_true(accepts(ZN_SPAN("\"a\x7f\"")));
}

static void no_nul_stands_between_or_behind_the_tokens(void **state)
{
    (void)state;
    assert_false(accepts(ZN_SPAN("[1]\0")));
    assert_false(accepts(ZN_SPAN("[1]\0x")));
    assert_false(accepts(ZN_SPAN("[\0]")));
    assert_false(accepts(ZN_SPAN("\0[1]")));
    assert_true(accepts(ZN_SPAN("[1]")));
}

static void bytes_behind_the_span_are_not_read(void **state)
{
    (void)state;
    assert_true(accepts((struct zn_span){"[1]garbage", 3}));
    assert_false(accepts((struct zn_span){"[1]", 2}));
    assert_false(accepts((struct zn_span){"\"abc\"", 4}));
}

static struct zn_span nested(char *text, size_t depth, const char *open, const char *close)
{
    size_t len = 0;

    for (size_t i = 0; i < depth; i++, len += strlen(open))
        memcpy(text + len, open, strlen(open));
    text[len++] = '0';
    for (size_t i = 0; i < depth; i++)
        text[len++] = close[0];
    return (struct zn_span){text, len};
}

static void sixteen_levels_are_accepted_and_seventeen_refused(void **state)
{
    char text[256];

    (void)state;
    assert_true(accepts(nested(text, ZN_JSON_DEPTH_MAX, "[", "]")));
    assert_false(accepts(nested(text, ZN_JSON_DEPTH_MAX + 1, "[", "]")));
    assert_true(accepts(nested(text, ZN_JSON_DEPTH_MAX, "{\"a\":", "}")));
    assert_false(accepts(nested(text, ZN_JSON_DEPTH_MAX + 1, "{\"a\":", "}")));
    assert_true(accepts(ZN_SPAN("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"")));
}

static void five_hundred_and_twelve_members_are_accepted_and_one_more_refused(void **state)
{
    (void)state;
    for (int members = ZN_JSON_MEMBERS_MAX; members <= ZN_JSON_MEMBERS_MAX + 1; members++) {
        struct zn_buf text;
        bool built = true;

        zn_buf_init(&text, 16384);
        built = built && zn_buf_append_text(&text, "{");
        for (int i = 0; i < members; i++)
            built = built && zn_buf_append_text(&text, i == 0 ? "\"" : ",\"") &&
                    zn_buf_append_number(&text, i) && zn_buf_append_text(&text, "\":0");
        assert_true(built && zn_buf_append_text(&text, "}"));
        assert_int_equal(accepts(zn_buf_span(&text)), members == ZN_JSON_MEMBERS_MAX);
        zn_buf_clear(&text);
    }
}

/* --- getters -------------------------------------------------------------------------------- */

/* A document with one member of each type. */
static struct zn_json *sample(void)
{
    struct zn_json *document =
        zn_json_parse(ZN_SPAN("{\"text\":\"a\\u00e4\\n\\\"\",\"empty\":\"\",\"yes\":true,"
                              "\"no\":false,\"null\":null,\"object\":{\"x\":1},"
                              "\"array\":[10,\"b\"],\"number\":42}"));
    assert_non_null(document);
    return document;
}

static const char *const NAMES[] = {"text",   "empty", "yes",    "no",    "null",
                                    "object", "array", "number", "absent"};

static void members_are_found_by_their_exact_name(void **state)
{
    struct zn_json *document = sample();

    (void)state;
    assert_true(zn_json_is_object(document));
    assert_false(zn_json_is_array(document));
    assert_non_null(zn_json_member(document, "text"));
    assert_null(zn_json_member(document, "Text"));
    assert_null(zn_json_member(document, "tex"));
    assert_null(zn_json_member(document, ""));
    assert_null(zn_json_member(NULL, "text"));
    assert_null(zn_json_member(zn_json_member(document, "array"), "text"));
    assert_null(zn_json_member(zn_json_member(document, "text"), "text"));
    zn_json_free(&document);
    assert_null(document);
    zn_json_free(&document);
}

static void items_are_found_by_index(void **state)
{
    struct zn_json *document = sample();
    const struct zn_json *array = zn_json_member(document, "array");
    struct zn_span text = {0};
    long long number = 0;

    (void)state;
    assert_true(zn_json_is_array(array));
    assert_false(zn_json_is_object(array));
    assert_true(zn_json_integer(zn_json_item(array, 0), &number));
    assert_int_equal(number, 10);
    assert_true(zn_json_string(zn_json_item(array, 1), &text));
    CHECK_SPAN(text, "b");
    assert_null(zn_json_item(array, 2));
    assert_null(zn_json_item(array, -1));
    assert_null(zn_json_item(document, 0));
    assert_null(zn_json_item(NULL, 0));
    assert_false(zn_json_is_array(NULL));
    assert_false(zn_json_is_object(NULL));
    zn_json_free(&document);
}

static void strings_come_decoded(void **state)
{
    struct zn_json *document = sample();
    struct zn_span text = {0};

    (void)state;
    assert_true(zn_json_string(zn_json_member(document, "text"), &text));
    CHECK_SPAN(text, "a\xc3\xa4\n\"");
    assert_true(zn_json_string(zn_json_member(document, "empty"), &text));
    assert_int_equal(text.len, 0);
    zn_json_free(&document);
}

static void another_type_leaves_the_result_untouched(void **state)
{
    struct zn_json *document = sample();

    (void)state;
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        const struct zn_json *value = zn_json_member(document, NAMES[i]);
        const bool is_text = i <= 1;
        const bool is_bool = i == 2 || i == 3;
        const bool is_number = strcmp(NAMES[i], "number") == 0;
        struct zn_span text = ZN_SPAN("before");
        bool flag = i % 2 == 0;
        const bool before = flag;
        long long number = 4711;

        CHECK_ROW(NAMES[i], zn_json_string(value, &text) == is_text);
        CHECK_ROW(NAMES[i], is_text || zn_span_equal(text, ZN_SPAN("before")));
        CHECK_ROW(NAMES[i], zn_json_bool(value, &flag) == is_bool);
        CHECK_ROW(NAMES[i], flag == (is_bool ? strcmp(NAMES[i], "yes") == 0 : before));
        CHECK_ROW(NAMES[i], zn_json_integer(value, &number) == is_number);
        CHECK_ROW(NAMES[i], number == (is_number ? 42 : 4711));
    }
    zn_json_free(&document);
}

static void an_integer_is_the_whole_part_of_an_exact_number(void **state)
{
    static const struct {
        const char *text;
        bool taken;
        long long number;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-7", true, -7},
        {"1e3", true, 1000},
        {"1767225600", true, 1767225600},
        {"1767225600.0", true, 1767225600},
        {"9007199254740992", true, 9007199254740992},
        {"-9007199254740992", true, -9007199254740992},
        {"9007199254740994", false, 0},
        {"-9007199254740994", false, 0},
        {"1e300", false, 0},
        {"0.5", true, 0},
        {"1767225600.5", true, 1767225600},
        {"\"1\"", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_json *document = zn_json_parse(zn_span_of(rows[i].text));
        long long number = 4711;
        CHECK_ROW(rows[i].text, document != NULL);
        CHECK_ROW(rows[i].text, zn_json_integer(document, &number) == rows[i].taken);
        CHECK_ROW(rows[i].text, number == (rows[i].taken ? rows[i].number : 4711));
        zn_json_free(&document);
    }
}

/* --- memory --------------------------------------------------------------------------------- */

static const char TOKEN[] = "the-token-that-must-not-stay";

/* Where the token stands when the document ends: accepted, and refused after it was taken in. */
static void strings_are_wiped_wherever_they_stand(void **state)
{
    static const char *const rows[] = {
        "\"the-token-that-must-not-stay\"",
        "{\"access_token\":\"the-token-that-must-not-stay\",\"x\":1}",
        "[0,{\"a\":[{\"b\":\"the-token-that-must-not-stay\"},\"last\"]}]",
        "{\"a\":\"the-token-that-must-not-stay\",\"a\":1}",
        "[\"the-token-that-must-not-stay\"]x",
        "[\"the-token-that-must-not-stay\",1e999]",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        memory_reset();
        memory_watch(TOKEN);
        accepts(zn_span_of(rows[i]));
        CHECK_ROW(rows[i], memory_freed_blocks() > 0);
        CHECK_ROW(rows[i], memory_live_blocks() == 0);
        CHECK_ROW(rows[i], memory_leaked_texts() == 0);
    }
}

static void parse_without_memory(void *ctx)
{
    struct zn_json *document = zn_json_parse(ZN_SPAN("{\"a\":[1,\"b\",{\"c\":true}],\"d\":\"e\"}"));
    struct zn_span text = {0};

    (void)ctx;
    assert_int_equal(document == NULL, memory_has_failed());
    if (document != NULL)
        assert_true(zn_json_string(zn_json_member(document, "d"), &text));
    zn_json_free(&document);
}

static void without_memory_there_is_no_document(void **state)
{
    (void)state;
    assert_true(memory_fail_each(parse_without_memory, NULL) > 5);
}

/* --- writing -------------------------------------------------------------------------------- */

static void strings_are_written_with_their_escapes(void **state)
{
    static const struct {
        struct zn_span text;
        const char *json;
    } rows[] = {
        {{NULL, 0}, "\"\""},
        {{"abc", 3}, "\"abc\""},
        {{"\"\\/", 3}, "\"\\\"\\\\/\""},
        {{"\n\r\t", 3}, "\"\\u000a\\u000d\\u0009\""},
        {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
        {{"\xc3\xa4", 2}, "\"\xc3\xa4\""},
        {{"\x1b[0m::error::", 13}, "\"\\u001b[0m::error::\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf out;
        zn_buf_init(&out, 64);
        CHECK_ROW(rows[i].json, zn_json_write_string(&out, rows[i].text));
        CHECK_ROW_TEXT(rows[i].json, out.ptr, rows[i].json);
        zn_buf_clear(&out);
    }
}

static void what_is_written_reads_the_same(void **state)
{
    char every[0x7f];
    struct zn_span text = {0};
    struct zn_buf out;

    (void)state;
    for (size_t i = 0; i < sizeof(every); i++)
        every[i] = (char)(i + 1);
    zn_buf_init(&out, 4096);
    assert_true(zn_json_write_string(&out, (struct zn_span){every, sizeof(every)}));
    struct zn_json *document = zn_json_parse(zn_buf_span(&out));
    assert_true(zn_json_string(document, &text));
    assert_true(zn_span_equal(text, (struct zn_span){every, sizeof(every)}));
    zn_json_free(&document);
    zn_buf_clear(&out);
}

static void writing_respects_the_cap(void **state)
{
    (void)state;
    for (size_t cap = 0; cap <= 8; cap++) {
        struct zn_buf out;
        zn_buf_init(&out, cap);
        assert_int_equal(zn_json_write_string(&out, ZN_SPAN("\n")), cap == 8);
        zn_buf_clear(&out);
    }
}

static int hook(void **state)
{
    (void)state;
    memory_hook_cjson();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_json_is_not_is_refused),
        cmocka_unit_test(its_neighbour_is_accepted),
        cmocka_unit_test(no_control_byte_stands_raw_in_a_string),
        cmocka_unit_test(no_nul_stands_between_or_behind_the_tokens),
        cmocka_unit_test(bytes_behind_the_span_are_not_read),
        cmocka_unit_test(sixteen_levels_are_accepted_and_seventeen_refused),
        cmocka_unit_test(five_hundred_and_twelve_members_are_accepted_and_one_more_refused),
        cmocka_unit_test(members_are_found_by_their_exact_name),
        cmocka_unit_test(items_are_found_by_index),
        cmocka_unit_test(strings_come_decoded),
        cmocka_unit_test(another_type_leaves_the_result_untouched),
        cmocka_unit_test(an_integer_is_the_whole_part_of_an_exact_number),
        cmocka_unit_test(strings_are_wiped_wherever_they_stand),
        cmocka_unit_test(without_memory_there_is_no_document),
        cmocka_unit_test(strings_are_written_with_their_escapes),
        cmocka_unit_test(what_is_written_reads_the_same),
        cmocka_unit_test(writing_respects_the_cap),
    };
    return cmocka_run_group_tests(tests, hook, NULL);
}
