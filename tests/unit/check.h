/*
 * check - what every unit test includes: cmocka, and tables whose failures name their row.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_CHECK_H
#define ZN_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/text.h"

/* The number of elements of an array. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Fails and names the row of the table, a string, when `condition` is false. */
#define CHECK_ROW(row, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("%.120s: not true: %s", (row), #condition);                                   \
    } while (0)

/* Fails and names the row when two NUL-terminated strings differ. */
#define CHECK_ROW_TEXT(row, actual, expected)                                                      \
    do {                                                                                           \
        if (strcmp((actual), (expected)) != 0)                                                     \
            fail_msg("%.120s: \"%s\" is not \"%s\"", (row), (actual), (expected));                 \
    } while (0)

/* Fails when the span does not hold exactly the bytes of the string. */
#define CHECK_SPAN(span, expected)                                                                 \
    do {                                                                                           \
        const struct zn_span checked = (span);                                                     \
        assert_int_equal(checked.len, strlen(expected));                                           \
        if (checked.len > 0)                                                                       \
            assert_memory_equal(checked.ptr, expected, checked.len);                               \
    } while (0)

#endif
