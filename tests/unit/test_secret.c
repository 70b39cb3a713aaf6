/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "core/secret.h"
#include "memory.h"

static const char PASSWORD[] = "correct horse battery staple";

static int start(void **state)
{
    (void)state;
    memory_reset();
    memory_watch(PASSWORD);
    return 0;
}

/* Whatever a case did: every block was wiped over its whole allocation, and none stays behind. */
static int finish(void **state)
{
    (void)state;
    assert_int_equal(memory_live_blocks(), 0);
    assert_int_equal(memory_unwiped_blocks(), 0);
    assert_int_equal(memory_leaked_texts(), 0);
    return 0;
}

static void all_zero_is_an_empty_secret(void **state)
{
    struct zn_secret secret = {0};

    (void)state;
    assert_true(zn_secret_is_empty(&secret));
    assert_int_equal(zn_secret_reveal(&secret).len, 0);
    zn_secret_clear(&secret);
    assert_true(zn_secret_is_empty(&secret));
}

static void a_secret_is_a_copy(void **state)
{
    char source[] = "abc";
    struct zn_secret secret = {0};

    (void)state;
    assert_true(zn_secret_set(&secret, zn_span_of(source)));
    source[0] = 'X';
    assert_false(zn_secret_is_empty(&secret));
    CHECK_SPAN(zn_secret_reveal(&secret), "abc");
    zn_secret_clear(&secret);
}

static void clearing_wipes_the_whole_allocation(void **state)
{
    struct zn_secret secret = {0};

    (void)state;
    assert_true(zn_secret_set(&secret, zn_span_of(PASSWORD)));
    assert_true(secret.bytes.allocated > secret.bytes.len + 1);
    zn_secret_clear(&secret);
    assert_int_equal(memory_freed_blocks(), 1);
    assert_null(secret.bytes.ptr);
    zn_secret_clear(&secret);
    assert_int_equal(memory_freed_blocks(), 1);
}

static void replacing_wipes_what_was_there(void **state)
{
    struct zn_secret secret = {0};

    (void)state;
    assert_true(zn_secret_set(&secret, zn_span_of(PASSWORD)));
    assert_true(zn_secret_set(&secret, ZN_SPAN("other")));
    assert_int_equal(memory_freed_blocks(), 1);
    CHECK_SPAN(zn_secret_reveal(&secret), "other");
    zn_secret_clear(&secret);
}

static void the_longest_secret_is_4096_bytes(void **state)
{
    static char bytes[ZN_SECRET_MAX + 1];
    struct zn_secret secret = {0};

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(ZN_SECRET_MAX, 4096);
    assert_true(zn_secret_set(&secret, (struct zn_span){bytes, ZN_SECRET_MAX}));
    assert_int_equal(zn_secret_reveal(&secret).len, ZN_SECRET_MAX);
    assert_false(zn_secret_set(&secret, (struct zn_span){bytes, ZN_SECRET_MAX + 1}));
    assert_true(zn_secret_is_empty(&secret));
    assert_true(zn_secret_set(&secret, ZN_SPAN("usable again")));
    zn_secret_clear(&secret);
}

static void without_memory_the_secret_is_empty(void **state)
{
    struct zn_secret secret = {0};

    (void)state;
    assert_true(zn_secret_set(&secret, zn_span_of(PASSWORD)));
    memory_fail_at(1);
    assert_false(zn_secret_set(&secret, ZN_SPAN("other")));
    assert_true(zn_secret_is_empty(&secret));
}

static void taking_moves_the_bytes_and_wipes_what_was_there(void **state)
{
    struct zn_secret target = {0};
    struct zn_secret source = {0};

    (void)state;
    assert_true(zn_secret_set(&target, zn_span_of(PASSWORD)));
    assert_true(zn_secret_set(&source, ZN_SPAN("new")));
    const char *bytes = zn_secret_reveal(&source).ptr;
    zn_secret_take(&target, &source);
    assert_int_equal(memory_freed_blocks(), 1);
    assert_ptr_equal(zn_secret_reveal(&target).ptr, bytes);
    CHECK_SPAN(zn_secret_reveal(&target), "new");
    assert_true(zn_secret_is_empty(&source));
    assert_true(zn_secret_set(&source, ZN_SPAN("usable")));
    zn_secret_clear(&source);
    zn_secret_clear(&target);
}

/* --- a secret in other texts ---------------------------------------------------------------- */

#define LONG_SECRET "0123456789abcdefghijklmnopqrstuv"

static void sixteen_bytes_in_a_row_show_a_secret(void **state)
{
    static const struct {
        const char *secret;
        const char *text;
        const char *redacted;
    } rows[] = {
        {LONG_SECRET, "", ""},
        {LONG_SECRET, "nothing of it", "nothing of it"},
        {LONG_SECRET, LONG_SECRET, "********************************"},
        {LONG_SECRET, "a " LONG_SECRET " b", "a ******************************** b"},
        {LONG_SECRET, "0123456789abcdef", "****************"},
        {LONG_SECRET, "0123456789abcde", "0123456789abcde"},
        {LONG_SECRET, "x89abcdefghijklmnx", "x****************x"},
        {LONG_SECRET, "ghijklmnopqrstuv", "****************"},
        {LONG_SECRET, "ghijklmnopqrstu", "ghijklmnopqrstu"},
        {LONG_SECRET, "0123456789ABCDEF", "0123456789ABCDEF"},
        {LONG_SECRET, LONG_SECRET LONG_SECRET,
         "****************************************************************"},
        {"shortsecret", "a shortsecret b", "a *********** b"},
        {"shortsecret", "shortsecre", "shortsecre"},
        {"12345678", "x12345678", "x********"},
        {"1234567", "1234567", "1234567"},
        {"", "text", "text"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct zn_secret secret = {0};
        char text[128] = "";
        memcpy(text, rows[i].text, strlen(rows[i].text));
        CHECK_ROW(rows[i].text, zn_secret_set(&secret, zn_span_of(rows[i].secret)));
        CHECK_ROW(rows[i].text, zn_secret_is_shown(&secret, zn_span_of(text)) ==
                                    (strcmp(rows[i].text, rows[i].redacted) != 0));
        zn_secret_redact(&secret, text);
        CHECK_ROW_TEXT(rows[i].text, text, rows[i].redacted);
        zn_secret_clear(&secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_zero_is_an_empty_secret, start, finish),
        cmocka_unit_test_setup_teardown(a_secret_is_a_copy, start, finish),
        cmocka_unit_test_setup_teardown(clearing_wipes_the_whole_allocation, start, finish),
        cmocka_unit_test_setup_teardown(replacing_wipes_what_was_there, start, finish),
        cmocka_unit_test_setup_teardown(the_longest_secret_is_4096_bytes, start, finish),
        cmocka_unit_test_setup_teardown(without_memory_the_secret_is_empty, start, finish),
        cmocka_unit_test_setup_teardown(taking_moves_the_bytes_and_wipes_what_was_there, start,
                                        finish),
        cmocka_unit_test_setup_teardown(sixteen_bytes_in_a_row_show_a_secret, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
