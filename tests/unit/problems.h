/*
 * problems - a zh_reporter that keeps what it is told, for tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZN_TESTS_PROBLEMS_H
#define ZN_TESTS_PROBLEMS_H

#include "hostcfg/report.h"

#define PROBLEMS_MAX 64

/* The lines that were reported; `count` goes on where there is no more room. */
struct problems {
    char lines[PROBLEMS_MAX][1024];
    size_t count;
};

/* Forgets all lines and returns a reporter that adds to them. */
struct zh_reporter problems_reporter(struct problems *problems);

/* Fails and names `row` unless exactly these lines came, joined by newlines; "" for none. */
void problems_check(const struct problems *problems, const char *row, const char *expected);

#endif
