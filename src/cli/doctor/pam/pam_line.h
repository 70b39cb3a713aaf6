/*
 * pam_line - the lines of a PAM file, and the words of a line, as libpam reads them. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_DOCTOR_PAM_LINE_H
#define ZC_DOCTOR_PAM_LINE_H

#include "core/text.h"

/* The longest line in bytes, with those that continue it; libpam before 1.6 cuts longer ones. */
#define ZC_PAM_LINE_MAX  ((size_t)1022)
#define ZC_PAM_WORDS_MAX ((size_t)64)

/* One line, cut into words. */
struct zc_pam_line {
    size_t number; /* in the file, from 1, of the first line of those that belong together */
    size_t count;  /* of the words */
    unsigned short words[ZC_PAM_WORDS_MAX]; /* where in `text` each begins */
    char text[ZC_PAM_LINE_MAX + 1];         /* the words, each ended by a NUL */
};

/* A text that is being read: what is left of it, and the number of the line that was read last. */
struct zc_pam_text {
    struct zn_span rest;
    size_t number;
};

enum zc_pam_read {
    ZC_PAM_READ_END = 0,
    ZC_PAM_READ_LINE,
    ZC_PAM_READ_OPEN, /* the last line is continued by none: libpam gives up on the file */
    ZC_PAM_READ_LONG  /* over ZC_PAM_LINE_MAX or ZC_PAM_WORDS_MAX */
};

/* Reads on to the next line that is neither empty nor a comment; "\" at its end continues it. */
ZN_MUST_CHECK enum zc_pam_read zc_pam_line_next(struct zc_pam_text *text, struct zc_pam_line *ret);

/* Word `index` of the line, from 0; NULL when it has fewer. */
const char *zc_pam_line_word(const struct zc_pam_line *line, size_t index);

#endif
