/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "hostcfg/lines.h"
#include "problems.h"

static struct problems problems;

/* Reads all of `text`; writes "number:key=value|" for each line into `pairs` (`size` bytes). */
static void read_all(struct zn_span text, char *pairs, size_t size)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    struct zh_lines lines;
    struct zn_span key;
    struct zn_span value;

    zh_lines_start(&lines, text, "F", &reporter);
    while (zh_lines_next(&lines, &key, &value)) {
        const char number[2] = {(char)('0' + lines.number % 10), ':'};
        zn_text_append_safe(pairs, size, (struct zn_span){number, sizeof(number)});
        zn_text_append_safe(pairs, size, key);
        zn_text_append_safe(pairs, size, ZN_SPAN("="));
        zn_text_append_safe(pairs, size, value);
        zn_text_append_safe(pairs, size, ZN_SPAN("|"));
    }
    assert_int_equal(lines.problems, problems.count);
}

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

#define NO_EQUALS "F:1: the line has no '='; write key = value"
#define NO_KEY    "F:1: nothing stands before the '='; write key = value"
#define NO_VALUE  "F:1: nothing stands after the '='; write a value, or remove the line"
#define STRANGE   "F:1: the line has control characters or is not UTF-8; retype the line"
#define COMMENT   "F:1: a comment stands after the value; give the comment its own line"
#define NUL       "F:1: the line has a NUL byte; check that this is a text file"
#define RETURN    "F:1: the line ends with CR LF; save the file with Unix line ends (LF)"
#define BOM       "F:1: begins with a byte-order mark; save the file as UTF-8 without one"

static const struct {
    struct zn_span text;
    const char *pairs;
    const char *problem; /* behind "config: " */
} LINES[] = {
    {BYTES(""), "", ""},
    {BYTES("\n\n"), "", ""},
    {BYTES("a=b"), "1:a=b|", ""},
    {BYTES("a = b\n"), "1:a=b|", ""},
    {BYTES(" \ta\t =\tb \t\n"), "1:a=b|", ""},
    {BYTES("a = b = c\n"), "1:a=b = c|", ""},
    {BYTES("a b = c d\n"), "1:a b=c d|", ""},
    {BYTES("# comment\n  # a = b\n\n \na = b\n"), "5:a=b|", ""},
    {BYTES("#\xff\x01 anything\na = b\n"), "2:a=b|", ""},
    {BYTES("a = #b\n"), "1:a=#b|", ""},
    {BYTES("a = b#c\n"), "1:a=b#c|", ""},
    {BYTES("a = b\nc = d\n"), "1:a=b|2:c=d|", ""},
    {BYTES("a = \xc3\xa9\n"), "1:a=??|", ""},
    {BYTES("a\n"), "", NO_EQUALS},
    {BYTES("a: b\n"), "", NO_EQUALS},
    {BYTES("[section]\nc = d\n"), "2:c=d|", NO_EQUALS},
    {BYTES("= b\n"), "", NO_KEY},
    {BYTES("=\n"), "", NO_KEY},
    {BYTES("a =\n"), "", NO_VALUE},
    {BYTES("a = \t \n"), "", NO_VALUE},
    {BYTES("a ="), "", NO_VALUE},
    {BYTES("a = b\x01\n"), "", STRANGE},
    {BYTES("a = b\tc\n"), "", STRANGE},
    {BYTES("a = b\x1b[0m\n"), "", STRANGE},
    {BYTES("a\x7f = b\n"), "", STRANGE},
    {BYTES("a = b\rc\n"), "", STRANGE},
    {BYTES("a = \xe9\n"), "", STRANGE},
    {BYTES("a = \xc2\x85\n"), "", STRANGE},
    {BYTES("a = b # c\n"), "", COMMENT},
    {BYTES("a = b #\n"), "", COMMENT},
    {BYTES("a = b\0\n"), "", NUL},
    {BYTES("\0\nc = d\n"), "2:c=d|", NUL},
    {BYTES("# \0\n"), "", NUL},
    {BYTES("a = b\r\n"), "1:a=b|", RETURN},
    {BYTES("a = b\r\nc = d\r\n\r\n"), "1:a=b|2:c=d|", RETURN},
    {BYTES("a = b\r"), "1:a=b|", RETURN},
    {BYTES("\r\n"), "", RETURN},
    {BYTES("\xef\xbb\xbf"
           "a = b\n"),
     "1:a=b|", BOM},
    {BYTES("\xef\xbb\xbf"), "", BOM},
};

static void every_line_is_read_or_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(LINES); i++) {
        char pairs[64] = "";
        char problem[128] = "";
        zn_text_append_safe(problem, sizeof(problem),
                            zn_span_of(LINES[i].problem[0] == '\0' ? "" : "config: "));
        zn_text_append_safe(problem, sizeof(problem), zn_span_of(LINES[i].problem));
        read_all(LINES[i].text, pairs, sizeof(pairs));
        CHECK_ROW_TEXT(LINES[i].text.ptr, pairs, LINES[i].pairs);
        problems_check(&problems, LINES[i].text.ptr, problem);
    }
}

static void the_longest_line_has_1024_bytes(void **state)
{
    char text[ZH_LINE_MAX + 8];
    char pairs[ZH_LINE_MAX + 64] = "";

    (void)state;
    memset(text, 'x', sizeof(text));
    text[1] = '=';
    text[ZH_LINE_MAX] = '\n';
    read_all((struct zn_span){text, ZH_LINE_MAX + 1}, pairs, sizeof(pairs));
    problems_check(&problems, "1024", "");
    assert_int_equal(strlen(pairs), ZH_LINE_MAX + 3);

    text[ZH_LINE_MAX] = 'x';
    text[ZH_LINE_MAX + 1] = '\n';
    pairs[0] = '\0';
    read_all((struct zn_span){text, ZH_LINE_MAX + 2}, pairs, sizeof(pairs));
    problems_check(&problems, "1025",
                   "config: F:1: the line is longer than 1024 bytes; shorten or split it");
    assert_string_equal(pairs, "");
}

static void problems_beyond_the_fiftieth_are_summed_up(void **state)
{
    const struct zh_reporter reporter = problems_reporter(&problems);
    struct zh_lines lines;
    struct zn_span key;
    struct zn_span value;

    (void)state;
    zh_lines_start(&lines, ZN_SPAN("1\n2\n3\n4\n"), "F", &reporter);
    lines.problems = ZH_PROBLEMS_MAX - 1;
    assert_false(zh_lines_next(&lines, &key, &value));
    assert_int_equal(lines.problems, ZH_PROBLEMS_MAX + 3);
    problems_check(&problems, "51",
                   "config: " NO_EQUALS "\n"
                   "config: F:2: more problems from here on; repair the others first");
}

static void a_report_shows_no_credential_and_nothing_long(void **state)
{
    static const struct {
        const char *about;
        const char *line;
    } rows[] = {
        {"", "config: F:7: problem; fix"},
        {"word", "config: F:7: problemword; fix"},
        {"00000000-0000-4000-8000-0000000000aa",
         "config: F:7: problem00000000-0000-4000-8000-0000000000aa; fix"},
        {"00000000-0000-4000-8000-0000000000aab", "config: F:7: problem(a long word); fix"},
        {"ZENKEY_short", "config: F:7: problem(a credential); fix"},
        {"a\nb\x1b", "config: F:7: problema?b?; fix"},
        {"::error", "config: F:7: problem:.error; fix"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct zh_reporter reporter = problems_reporter(&problems);
        const struct zh_place place = {.file = "F", .line = 7};
        assert_false(zh_report(&reporter, place, "problem", zn_span_of(rows[i].about), "fix"));
        problems_check(&problems, rows[i].about, rows[i].line);
    }
}

static void a_report_says_where_the_problem_is(void **state)
{
    static const struct {
        struct zh_place place;
        const char *line;
    } rows[] = {
        {{.file = "/etc/x"}, "config: /etc/x: p; f"},
        {{.file = "/etc/x", .line = 65536}, "config: /etc/x:65536: p; f"},
        {{.file = "/etc/\nx", .line = 1}, "config: /etc/?x:1: p; f"},
        {{.file = "/etc/ZENKEY_abc"}, "config: /etc/(a credential): p; f"},
        {{.argument = BYTES("server")}, "config: argument server: p; f"},
        {{.argument = BYTES("ZENKEY_abc")}, "config: argument (a credential): p; f"},
        {{.argument = BYTES("")}, "config: argument : p; f"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct zh_reporter reporter = problems_reporter(&problems);
        zh_report(&reporter, rows[i].place, "p", ZN_SPAN(""), "f");
        problems_check(&problems, rows[i].line, rows[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_is_read_or_reported),
        cmocka_unit_test(the_longest_line_has_1024_bytes),
        cmocka_unit_test(problems_beyond_the_fiftieth_are_summed_up),
        cmocka_unit_test(a_report_shows_no_credential_and_nothing_long),
        cmocka_unit_test(a_report_says_where_the_problem_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
