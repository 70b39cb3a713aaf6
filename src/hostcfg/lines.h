/*
 * lines - reading "key = value" lines and reporting every line that is none.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZH_LINES_H
#define ZH_LINES_H

#include "report.h"

/* The longest line in bytes, without its end. */
#define ZH_LINE_MAX ((size_t)1024)

/* So many problems of one file are reported one by one. */
#define ZH_PROBLEMS_MAX ((size_t)50)

/* A text that is being read. */
struct zh_lines {
    const char *path; /* what reports call the text */
    const struct zh_reporter *reporter;
    struct zn_span rest;
    size_t number; /* of the line that was read last, from 1 */
    size_t problems;
    bool has_returns; /* a line ended with CR LF */
};

/* Starts reading `text`, which is what the file `path` holds. Both are borrowed. */
void zh_lines_start(struct zh_lines *lines, struct zn_span text, const char *path,
                    const struct zh_reporter *reporter);

/*
 * Reads on to the next line of the form "key = value": both printable UTF-8, not empty and without
 * blanks at their ends. Empty lines and lines that begin with '#' are passed over; every other
 * line is reported and passed over. False at the end of the text.
 */
ZN_MUST_CHECK bool zh_lines_next(struct zh_lines *lines, struct zn_span *ret_key,
                                 struct zn_span *ret_value);

/* Reports a problem of the line that was read last. As zh_report. */
bool zh_lines_report(struct zh_lines *lines, const char *problem, struct zn_span about,
                     const char *fix);

#endif
