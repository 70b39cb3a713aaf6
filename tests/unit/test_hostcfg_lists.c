/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "hostcfg/lists.h"

static void lists_are_split_at_commas_and_blanks(void **state)
{
    static const struct {
        const char *list;
        const char *names; /* each one ends with '|' */
    } rows[] = {
        {"sshd", "sshd|"},
        {"sshd,login", "sshd|login|"},
        {"sshd login", "sshd|login|"},
        {"sshd, login", "sshd|login|"},
        {" sshd ,\tlogin ", "sshd|login|"},
        {"sshd  login\tsu", "sshd|login|su|"},
        {"a b,c d", "a|b|c|d|"},
        {"", "|"},
        {" ", "|"},
        {",", "||"},
        {"sshd,", "sshd||"},
        {"sshd , ", "sshd||"},
        {",sshd", "|sshd|"},
        {"sshd,,login", "sshd||login|"},
        {"sshd, ,login", "sshd||login|"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_span rest = zn_span_of(rows[i].list);
        struct zn_span name;
        char names[64] = "";
        while (zh_list_next(&rest, &name)) {
            zn_text_append_safe(names, sizeof(names), name);
            zn_text_append_safe(names, sizeof(names), ZN_SPAN("|"));
        }
        CHECK_ROW_TEXT(rows[i].list, names, rows[i].names);
    }
}

static void no_text_is_no_list(void **state)
{
    struct zn_span rest = {NULL, 0};
    struct zn_span name;

    (void)state;
    assert_false(zh_list_next(&rest, &name));
}

static void only_whole_names_are_in_a_list(void **state)
{
    static const struct {
        const char *list;
        const char *name;
        bool is_in;
    } rows[] = {
        {"sshd", "sshd", true},        {"su, sshd", "sshd", true}, {"sshd su", "sshd", true},
        {"su,sshd,login", "su", true}, {"sshd", "SSHD", false},    {"sshd", "ssh", false},
        {"sshd", "sshd2", false},      {"sshd", "", false},        {"", "", false},
        {"sshd,", "", false},          {"", "sshd", false},        {"su, sshd", "su, sshd", false},
        {"a*", "ab", false},           {"a,b", "a,b", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_ROW(rows[i].list,
                  zh_list_has(rows[i].list, zn_span_of(rows[i].name)) == rows[i].is_in);
    assert_false(zh_list_has("sshd", (struct zn_span){"sshd\0x", 6}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_split_at_commas_and_blanks),
        cmocka_unit_test(no_text_is_no_list),
        cmocka_unit_test(only_whole_names_are_in_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
