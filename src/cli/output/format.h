/*
 * format - how the variables are written, for whom: one table row and one encoder file a format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ZC_FORMAT_H
#define ZC_FORMAT_H

#include "core/status.h"
#include "mask.h"
#include "variables.h"

/* A way to write variables down. */
struct zc_writer {
    /* True when the value can stand there and reads the same again. */
    bool (*can_hold)(struct zn_span value);
    /* Appends all variables to `out`. False when the buffer refuses it. */
    bool (*encode)(const struct zc_variables *variables, struct zn_buf *out);
    bool is_artifact; /* people who may not see secrets can read it */
    size_t cap;       /* bytes that the reader takes; 0: no limit */
};

/* A format, and the CI platform that it belongs to, if any. */
struct zc_format {
    const char *name;
    const char *detect_variable; /* the platform is here when this variable ... NULL: none */
    const char *detect_value;    /* ... has this value */
    const char *file_variable;   /* names the file to append to; NULL: standard output */
    bool appends;                /* --output appends to its file instead of replacing it */
    /* Appends the command that masks `text` in the log; NULL: the platform has none. */
    zc_mask_line *mask;
    struct zc_writer writer;
    struct zc_writer output_writer; /* for --output FILE, where that differs; else all zero */
};

/*
 * The format named `name`, or, when that is NULL, the one of the CI platform that the environment
 * shows. ZN_CONFIG: no such name; ZN_UNSUPPORTED: no platform found.
 */
ZN_MUST_CHECK enum zn_status zc_format_find(const char *name, const struct zc_format **ret,
                                            struct zn_error *error);

/* True for a value of [A-Za-z0-9_./+=:@%,-] only: every reader takes that literally, unquoted. */
bool zc_value_is_portable(struct zn_span value);

/* True for a value without control characters: what a quoting format holds. */
bool zc_value_is_one_line(struct zn_span value);

/* Appends "NAME=value" lines. */
ZN_MUST_CHECK bool zc_encode_plain(const struct zc_variables *variables, struct zn_buf *out);

/* Appends "export NAME='value'" lines for a POSIX shell. */
ZN_MUST_CHECK bool zc_encode_shell(const struct zc_variables *variables, struct zn_buf *out);

/* The rows, each from its own file. */
extern const struct zc_format zc_format_github;
extern const struct zc_format zc_format_gitlab;
extern const struct zc_format zc_format_shell;
extern const struct zc_format zc_format_dotenv;
extern const struct zc_format zc_format_json;

#endif
