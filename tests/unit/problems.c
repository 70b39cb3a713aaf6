/* SPDX-License-Identifier: Apache-2.0 */
#include "problems.h"

#include <stdio.h>

#include "check.h"

static void keep(void *ctx, const char *line)
{
    struct problems *problems = ctx;

    for (const char *c = line; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            fail_msg("not safe to log: %s", line);
    if (problems->count < PROBLEMS_MAX)
        snprintf(problems->lines[problems->count], sizeof(problems->lines[0]), "%s", line);
    problems->count++;
}

struct zh_reporter problems_reporter(struct problems *problems)
{
    problems->count = 0;
    return (struct zh_reporter){problems, keep};
}

void problems_check(const struct problems *problems, const char *row, const char *expected)
{
    struct zn_span rest = {*expected == '\0' ? NULL : expected, strlen(expected)};
    size_t number = 0;

    for (; rest.ptr != NULL && number < problems->count && number < PROBLEMS_MAX; number++) {
        const struct zn_span line = zn_span_cut(&rest, '\n');
        if (!zn_span_equal(line, zn_span_of(problems->lines[number])))
            fail_msg("%.120s: reported: %s\nexpected: %.*s", row, problems->lines[number],
                     (int)line.len, line.ptr);
    }
    if (number < problems->count)
        fail_msg("%.120s: reported unexpectedly: %s", row, problems->lines[number]);
    if (rest.ptr != NULL)
        fail_msg("%.120s: not reported: %.*s", row, (int)rest.len, rest.ptr);
}
