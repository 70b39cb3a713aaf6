/*
 * report - telling the admin what is wrong with a configuration, and where.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_REPORT_H
#define ZH_REPORT_H

#include "core/text.h"

/*
 * Gets every problem as one finished line that is safe to log or show:
 * "config: FILE:LINE: PROBLEM; FIX" or "config: argument KEY: PROBLEM; FIX". It never repeats a
 * value, since people put a credential where something else belongs.
 */
struct zh_reporter {
    void *ctx;
    void (*problem)(void *ctx, const char *line);
};

/* Where a problem is. */
struct zh_place {
    const char *file;
    size_t line;             /* of the file, from 1; 0: the file as a whole */
    struct zn_span argument; /* of the PAM line, where `file` is NULL */
};

/*
 * Reports a problem in our own words. `about` is foreign text that stands behind them: at most 32
 * bytes of it are shown, and no credential; it may be empty. Returns false, so that a function can
 * fail in one line.
 */
bool zh_report(const struct zh_reporter *reporter, struct zh_place place, const char *problem,
               struct zn_span about, const char *fix);

#endif
