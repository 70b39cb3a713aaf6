/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "hostcfg/lines.h"
#include "hostcfg/map.h"
#include "memory.h"
#include "problems.h"

#define ID       "00000000-0000-4000-8000-00000000abcd"
#define ID_UPPER "00000000-0000-4000-8000-00000000ABCD"
#define OTHER_ID "00000000-0000-4000-8000-00000000abce"
#define NAME     "ci-bot"
#define USER     "alice"

static struct problems problems;

/* May the account with ID and NAME be USER? */
static enum zh_map_answer find(struct zn_span text)
{
    const struct zh_reporter reporter = problems_reporter(&problems);

    return zh_map_find_in(text, "M", ZN_SPAN(ID), ZN_SPAN(NAME), ZN_SPAN(USER), &reporter);
}

static enum zh_map_answer find_text(const char *text)
{
    return find(zn_span_of(text));
}

/* --- who may be whom ------------------------------------------------------------------------ */

static void lines_that_list_the_user_let_in(void **state)
{
    static const char *const rows[] = {
        ID " = alice\n",
        ID_UPPER " = alice\n",
        NAME " = alice\n",
        NAME "=alice",
        " " NAME "\t=\talice \n",
        NAME " = bob, alice\n",
        NAME " = alice,bob\n",
        NAME " = bob , alice , carol\n",
        NAME " = alice, alice\n",
        "# who\n\nother = bob\n" NAME " = alice\n",
        ID " = bob\n" NAME " = alice\n",
        ID " = alice\n" NAME " = bob\n",
        OTHER_ID " = bob\n" ID " = alice\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i], find_text(rows[i]) == ZH_MAP_YES);
        problems_check(&problems, rows[i], "");
    }
}

static const char *const NEAR_MISSES[] = {
    "",
    "\n",
    "# " NAME " = alice\n",
    /* other users */
    NAME " = bob\n",
    NAME " = Alice\n",
    NAME " = ALICE\n",
    NAME " = alic\n",
    NAME " = alice2\n",
    NAME " = alice.\n",
    NAME " = alice@example.com\n",
    NAME " = EXAMPLE\\alice\n",
    NAME " = xalice\n",
    NAME " = a*\n",
    NAME " = *\n",
    NAME " = ALL\n",
    NAME " = @staff\n",
    NAME " = %staff\n",
    NAME " = !bob\n",
    NAME " = root\n",
    NAME " = alice;bob\n",
    NAME " = \"alice\"\n",
    NAME " = ci-bot\n",
    /* other accounts */
    "ci-bo = alice\n",
    "ci-bot2 = alice\n",
    "ci-bot. = alice\n",
    "CI-BOT = alice\n",
    "Ci-bot = alice\n",
    "ci_bot = alice\n",
    "ci bot = alice\n",
    "cibot = alice\n",
    "\"ci-bot\" = alice\n",
    "ci-bot* = alice\n",
    "* = alice\n",
    "ALL = alice\n",
    "ci-bot\xe2\x80\x8b = alice\n", /* zero width space */
    "ci\xe2\x80\x90"
    "bot = alice\n",           /* hyphen, not hyphen-minus */
    "\xd1\x81i-bot = alice\n", /* Cyrillic es */
    "ci-bot, other = alice\n",
    "alice = ci-bot\n",
    "alice = alice\n",
    /* other ids */
    OTHER_ID " = alice\n",
    "00000000-0000-4000-8000-00000000abc = alice\n",
    "00000000-0000-4000-8000-00000000abcdd = alice\n",
    "00000000-0000-4000-8000-00000000abcg = alice\n",
    "0000000000004000800000000000abcd = alice\n",
    "{" ID "} = alice\n",
    "urn:uuid:" ID " = alice\n",
    "00000000 = alice\n",
    /* two accounts, each with half of it */
    ID " = bob\nother = alice\n",
    NAME " = bob\n" OTHER_ID " = alice\n",
};

static void near_misses_do_not_let_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(NEAR_MISSES); i++) {
        CHECK_ROW(NEAR_MISSES[i], find_text(NEAR_MISSES[i]) == ZH_MAP_NO);
        problems_check(&problems, NEAR_MISSES[i], "");
    }
}

/* Whoever may name accounts on the server could otherwise take the id of another. */
static void a_name_in_the_form_of_an_id_is_never_compared_with_ids(void **state)
{
    static const char text[] = OTHER_ID " = alice\n";
    const struct zh_reporter reporter = problems_reporter(&problems);

    (void)state;
    assert_int_equal(zh_map_find_in(zn_span_of(text), "M", ZN_SPAN(ID), ZN_SPAN(OTHER_ID),
                                    ZN_SPAN(USER), &reporter),
                     ZH_MAP_NO);
    assert_int_equal(zh_map_find_in(zn_span_of(NAME " = alice\n"), "M", ZN_SPAN(NAME),
                                    ZN_SPAN("other"), ZN_SPAN(USER), &reporter),
                     ZH_MAP_NO);
}

static void nobody_is_nobody(void **state)
{
    static const struct {
        struct zn_span id;
        struct zn_span name;
        struct zn_span user;
    } rows[] = {
        {{NULL, 0}, {NULL, 0}, {USER, 5}},     {{"", 0}, {"", 0}, {USER, 5}},
        {{ID, 36}, {NAME, 6}, {NULL, 0}},      {{ID, 36}, {NAME, 6}, {"", 0}},
        {{ID, 36}, {NAME, 6}, {"alice\0", 6}}, {{ID, 35}, {"ci-bot\0", 7}, {USER, 5}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct zh_reporter reporter = problems_reporter(&problems);
        assert_int_equal(zh_map_find_in(zn_span_of(ID " = alice\n" NAME " = alice\n"), "M",
                                        rows[i].id, rows[i].name, rows[i].user, &reporter),
                         ZH_MAP_NO);
    }
}

/* --- what makes a map unusable -------------------------------------------------------------- */

#define NO_USER ": not the name of a local user: "
#define USERS   "; write user[, user...] without ':' and '/', at most 32 bytes each"
#define TWICE   "; list all its users in one line"
#define LET_IN  NAME " = alice\n"

static void one_wrong_line_anywhere_makes_a_map_unusable(void **state)
{
    static const struct {
        const char *text;
        const char *problems;
    } rows[] = {
        {LET_IN "other\n", "config: M:2: the line has no '='; write key = value"},
        {"other\n" LET_IN, "config: M:1: the line has no '='; write key = value"},
        {LET_IN "= bob\n", "config: M:2: nothing stands before the '='; write key = value"},
        {LET_IN "other =\n",
         "config: M:2: nothing stands after the '='; write a value, or remove the line"},
        {LET_IN "other = bob # his\n",
         "config: M:2: a comment stands after the value; give the comment its own line"},
        {"\xef\xbb\xbf" LET_IN,
         "config: M:1: begins with a byte-order mark; save the file as UTF-8 without one"},
        {NAME " = alice\r\n",
         "config: M:1: the line ends with CR LF; save the file with Unix line ends (LF)"},
        {LET_IN "other = bob,\n", "config: M:2" NO_USER USERS},
        {LET_IN "other = ,bob\n", "config: M:2" NO_USER USERS},
        {LET_IN "other = bob,,carol\n", "config: M:2" NO_USER USERS},
        {LET_IN "other = bob carol\n", "config: M:2" NO_USER "bob carol" USERS},
        {LET_IN "other = -bob\n", "config: M:2" NO_USER "-bob" USERS},
        {LET_IN "other = bob:x\n", "config: M:2" NO_USER "bob:x" USERS},
        {LET_IN "other = ../bob\n", "config: M:2" NO_USER "../bob" USERS},
        {LET_IN "other = b\xc3\xb6"
                "b\n",
         "config: M:2" NO_USER "b??b" USERS},
        {LET_IN "other = abcdefghijklmnopqrstuvwxyz0123456\n",
         "config: M:2" NO_USER "abcdefghijklmnopqrstuvwxyz0123456" USERS},
        {LET_IN "other = a:, b/, carol\n",
         "config: M:2" NO_USER "a:" USERS "\nconfig: M:2" NO_USER "b/" USERS},
        {LET_IN LET_IN, "config: M:2: a second line for the account ci-bot" TWICE},
        {LET_IN "other = bob\n" NAME "=carol\n",
         "config: M:3: a second line for the account ci-bot" TWICE},
        {LET_IN "other = bob\nother = carol\n",
         "config: M:3: a second line for the account other" TWICE},
        {LET_IN ID " = bob\n" ID_UPPER " = bob\n",
         "config: M:3: a second line for the account " ID_UPPER TWICE},
        {"a\n" LET_IN "b = -\n" LET_IN,
         "config: M:1: the line has no '='; write key = value\nconfig: M:3" NO_USER "-" USERS
         "\nconfig: M:4: a second line for the account ci-bot" TWICE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].text, find_text(rows[i].text) == ZH_MAP_UNUSABLE);
        problems_check(&problems, rows[i].text, rows[i].problems);
    }
}

static void names_that_differ_in_case_are_two_accounts(void **state)
{
    (void)state;
    assert_int_equal(find_text("CI-BOT = bob\n" LET_IN "Ci-Bot = bob\n"), ZH_MAP_YES);
    problems_check(&problems, "case", "");
}

static void a_user_name_has_up_to_32_bytes(void **state)
{
    static const char text[] = NAME " = abcdefghijklmnopqrstuvwxyz012345\n";
    const struct zh_reporter reporter = problems_reporter(&problems);

    (void)state;
    assert_int_equal(zh_map_find_in(zn_span_of(text), "M", ZN_SPAN(ID), ZN_SPAN(NAME),
                                    ZN_SPAN("abcdefghijklmnopqrstuvwxyz012345"), &reporter),
                     ZH_MAP_YES);
}

static void an_unsafe_map_is_unusable(void **state)
{
    const struct zh_reporter reporter = problems_reporter(&problems);

    (void)state;
    assert_int_equal(zh_map_find("map", ZN_SPAN(ID), ZN_SPAN(NAME), ZN_SPAN(USER), &reporter),
                     ZH_MAP_UNUSABLE);
    problems_check(&problems, "map", "config: map: is not an absolute path; begin it with /");
}

/* --- large maps ----------------------------------------------------------------------------- */

#define MANY 10000

/* MANY lines of ids and names, then `last`. */
static struct zn_buf make_large_map(const char *last)
{
    struct zn_buf text;

    zn_buf_init(&text, ZH_MAP_MAX);
    for (int i = 0; i < MANY; i++) {
        char line[64];
        if (i % 2 == 0)
            snprintf(line, sizeof(line), "00000000-0000-4000-9000-%012x = bob\n", (unsigned)i);
        else
            snprintf(line, sizeof(line), "account-%d = bob\n", i);
        assert_true(zn_buf_append_text(&text, line));
    }
    assert_true(zn_buf_append_text(&text, last));
    return text;
}

static void every_account_of_a_large_map_is_looked_at(void **state)
{
    static const struct {
        const char *last;
        enum zh_map_answer answer;
        const char *problems;
    } rows[] = {
        {"", ZH_MAP_NO, ""},
        {LET_IN, ZH_MAP_YES, ""},
        {LET_IN "account-1 = bob\n", ZH_MAP_UNUSABLE,
         "config: M:10002: a second line for the account account-1" TWICE},
        {"00000000-0000-4000-9000-00000000270E = alice\n", ZH_MAP_UNUSABLE,
         "config: M:10001: a second line for the account "
         "00000000-0000-4000-9000-00000000270E" TWICE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_buf text = make_large_map(rows[i].last);
        CHECK_ROW(rows[i].last, find(zn_buf_span(&text)) == rows[i].answer);
        problems_check(&problems, rows[i].last, rows[i].problems);
        zn_buf_clear(&text);
    }
}

/* --- memory --------------------------------------------------------------------------------- */

static void find_without_memory(void *ctx)
{
    (void)ctx;
    const enum zh_map_answer answer = find_text(LET_IN);
    assert_int_equal(answer, memory_has_failed() ? ZH_MAP_UNUSABLE : ZH_MAP_YES);
    problems_check(&problems, "memory",
                   memory_has_failed() ? "config: M: cannot be read: out of memory; try again"
                                       : "");
}

static void without_memory_a_map_is_unusable(void **state)
{
    (void)state;
    assert_int_equal(memory_fail_each(find_without_memory, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_list_the_user_let_in),
        cmocka_unit_test(near_misses_do_not_let_in),
        cmocka_unit_test(a_name_in_the_form_of_an_id_is_never_compared_with_ids),
        cmocka_unit_test(nobody_is_nobody),
        cmocka_unit_test(one_wrong_line_anywhere_makes_a_map_unusable),
        cmocka_unit_test(names_that_differ_in_case_are_two_accounts),
        cmocka_unit_test(a_user_name_has_up_to_32_bytes),
        cmocka_unit_test(an_unsafe_map_is_unusable),
        cmocka_unit_test(every_account_of_a_large_map_is_looked_at),
        cmocka_unit_test(without_memory_a_map_is_unusable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
